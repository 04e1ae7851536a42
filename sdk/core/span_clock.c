/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/span_clock.h"

#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define TRIES       5

bool span_clock_is_counter;
struct clock_reading span_clock_origin;

#if defined(__x86_64__)
/* Counts at one rate in all states of power: CPUID 0x80000007, EDX bit 8. */
static bool counter_is_invariant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d >> 8 & 1);
}

static bool kernel_trusts_counter(void)
{
    char name[8] = "";
    int file = open(CLOCKSOURCE, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t got = read(file, name, sizeof name);
    close(file);
    return got == 4 && memcmp(name, "tsc\n", 4) == 0;
}

static bool counter_is_good(void) { return counter_is_invariant() && kernel_trusts_counter(); }
#else
static bool counter_is_good(void) { return false; }
#endif

void span_clock_setup(bool system)
{
    span_clock_is_counter = !system && counter_is_good();
    span_clock_origin = span_clock_read();
}

struct clock_reading span_clock_read(void)
{
    struct clock_reading best = {0};
    int64_t least_ns = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        int64_t before_ns = clock_monotonic_ns(), unix_ns = clock_unix_ns();
        uint64_t ticks = span_clock_ticks();
        int64_t after_ns = clock_monotonic_ns();
        if (after_ns - before_ns >= least_ns) continue;
        least_ns = after_ns - before_ns;
        best = (struct clock_reading){ticks, before_ns + least_ns / 2, unix_ns};
    }
    if (!span_clock_is_counter)
        best.ticks = (uint64_t)best.monotonic_ns; /* the same clock: nothing between them */
    return best;
}
