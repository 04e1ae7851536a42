/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of spans. It counts ticks: of the processor's time-stamp counter where the kernel itself keeps its time by
 * that (its current clocksource is tsc, and the counter is invariant), else nanoseconds of CLOCK_MONOTONIC. Which of
 * them is settled once in a process, before the first span. span_timeline.h makes wall time of ticks, in the exporter.
 *
 * Any thread; no system call (the vDSO answers clock_gettime).
 */
#ifndef WEIR_SDK_CORE_SPAN_CLOCK_H
#define WEIR_SDK_CORE_SPAN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* One moment on three clocks. */
struct clock_reading {
    uint64_t ticks;
    int64_t monotonic_ns, unix_ns;
};

extern bool span_clock_is_counter;
extern struct clock_reading span_clock_origin; /* when it was settled */

/* Once in a process. system: the counter is not to be used (WEIR_CLOCK=system). */
void span_clock_setup(bool system);

/* The best of some tries: what lies between looking at the first clock and the last is less than a system call. */
struct clock_reading span_clock_read(void);

/* Whether the counter is what ticks come from; then it may be read without asking again. */
static inline bool span_clock_has_counter(void)
{
#if defined(__x86_64__)
    return __builtin_expect(span_clock_is_counter, 1);
#else
    return false;
#endif
}

static inline uint64_t span_clock_counter(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

static inline uint64_t span_clock_ticks(void)
{
    if (span_clock_has_counter()) return span_clock_counter();
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
