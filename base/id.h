/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random ids. A generator (xoshiro256++) belongs to one thread and is seeded from the kernel; ids are unique,
 * not secret. id_random_bytes asks the kernel each time and may be called anywhere.
 */
#ifndef WEIR_BASE_ID_H
#define WEIR_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

struct id_generator {
    uint64_t state[4];
};

void id_random_bytes(void *to, size_t bytes);
void id_generator_seed(struct id_generator *generator);

/* Ids that must differ only within something that is random itself, as spans within a trace: a counter, scrambled one to
 * one (SplitMix64), so that a sequence never repeats; of two that begin at random places it is as unlikely as of a
 * generator that they meet. A third of a generator's cost. */
struct id_sequence {
    uint64_t at;
};

static inline uint64_t id_scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Never 0, as id_next: only 0 itself is scrambled to 0. */
static inline uint64_t id_sequence_next(struct id_sequence *sequence)
{
    sequence->at += 0x9e3779b97f4a7c15u;
    return id_scramble(sequence->at ? sequence->at : 1);
}

static inline uint64_t id_rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

/* Never 0: a zero id is invalid in W3C Trace Context and in OpenTelemetry. */
static inline uint64_t id_next(struct id_generator *generator)
{
    uint64_t *s = generator->state;
    uint64_t result = id_rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = id_rotate(s[3], 45);
    return result ? result : 1;
}

#endif
