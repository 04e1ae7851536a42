/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/span_path/rounds.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define FLOOR_RING_BYTES (1u << 20) /* as libweir's own */
#define STORE_BYTES      128

double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- floors ---- */

/* A ring for each thread, walked through as a ring of spans is. */
static unsigned char *next_place(void)
{
    static _Thread_local unsigned char *ring;
    static _Thread_local uint32_t at;
    if (!ring) {
        ring = aligned_alloc(64, FLOOR_RING_BYTES);
        if (!ring) abort();
    }
    at = (at + STORE_BYTES) % FLOOR_RING_BYTES;
    return ring + at;
}

static inline void store(const void *begin, const void *end, size_t bytes)
{
    unsigned char *to = next_place();
    memset(to, 0x55, STORE_BYTES);
    memcpy(to, begin, bytes);
    memcpy(to + bytes, end, bytes);
    __asm__ volatile("" : : "r"(to) : "memory");
}

void floor_round(void)
{
    for (int i = 0; i < ROUND_SPANS; i++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        clock_gettime(CLOCK_MONOTONIC, &end);
        store(&begin, &end, sizeof begin);
    }
}

void counter_floor_round(void)
{
#if defined(__x86_64__)
    for (int i = 0; i < ROUND_SPANS; i++) {
        uint64_t begin = __rdtsc(), end = __rdtsc();
        store(&begin, &end, sizeof begin);
    }
#else
    floor_round();
#endif
}

/* ---- rounds ---- */

static double round_ns(round_fn round)
{
    double begin = now_ns();
    round();
    return (now_ns() - begin) / ROUND_SPANS;
}

void rounds_run(struct rounds *rounds, round_fn subject, round_fn between)
{
    floor_round();
    subject();
    for (int i = 0; i < ROUNDS; i++) {
        if (between) between();
        rounds->floor_ns[i] = round_ns(floor_round);
        rounds->ns[i] = round_ns(subject);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct spread spread_of(const double values[ROUNDS])
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], ascending);
    return (struct spread){sorted[ROUNDS / 2], sorted[ROUNDS * 95 / 100]};
}

struct spread rounds_ns(const struct rounds *rounds) { return spread_of(rounds->ns); }
struct spread rounds_floor_ns(const struct rounds *rounds) { return spread_of(rounds->floor_ns); }

struct spread rounds_ratio(const struct rounds *rounds)
{
    double ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) ratios[i] = rounds->ns[i] / rounds->floor_ns[i];
    return spread_of(ratios);
}
