/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of spans: nanoseconds that only go forward, of unknown origin; the exporter knows how far they are from
 * wall time. The one place that knows what the clock is made of. Any thread; no system call (the vDSO answers).
 */
#ifndef WEIR_SDK_CORE_SPAN_CLOCK_H
#define WEIR_SDK_CORE_SPAN_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t span_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
