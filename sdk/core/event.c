/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/event.h"

#include "base/clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void event_set(struct event *event)
{
    atomic_store_explicit(&event->happened, 1, memory_order_release);
    syscall(SYS_futex, &event->happened, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static bool has_happened(struct event *event)
{
    return atomic_load_explicit(&event->happened, memory_order_acquire) != 0;
}

bool event_wait(struct event *event, int64_t deadline_ns)
{
    const struct timespec deadline = {(time_t)(deadline_ns / NS_PER_S), (long)(deadline_ns % NS_PER_S)};
    while (!has_happened(event) && clock_monotonic_ns() < deadline_ns)
        syscall(SYS_futex, &event->happened, FUTEX_WAIT_BITSET_PRIVATE, 0, &deadline, NULL,
                FUTEX_BITSET_MATCH_ANY);
    return has_happened(event);
}
