/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that happens once and that threads may wait for. A futex, and no lock: it can be waited for in an exit that a
 * signal handler calls, and nothing of it is left behind in the child of a fork. Any thread; its memory must outlive
 * whoever sets it. The release of event_set pairs with the acquire of event_wait.
 */
#ifndef WEIR_SDK_CORE_EVENT_H
#define WEIR_SDK_CORE_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
    _Atomic uint32_t happened;
};

void event_set(struct event *event);

/* Only while nobody waits for it. */
static inline void event_clear(struct event *event) { atomic_store(&event->happened, 0); }

/* Until deadline_ns (clock_monotonic_ns) at most; whether it has happened. */
bool event_wait(struct event *event, int64_t deadline_ns);

#endif
