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
