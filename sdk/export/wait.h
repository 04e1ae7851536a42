/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the exporter thread waits: in poll, until a deadline or *give_up_ns (CLOCK_MONOTONIC), whichever is sooner. Any thread
 * may bring *give_up_ns nearer, and then writes to the eventfd wake_fd. Owns nothing.
 */
#ifndef WEIR_SDK_EXPORT_WAIT_H
#define WEIR_SDK_EXPORT_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* True: fd is ready. False: the time is over. */
bool wait_ready(int wake_fd, const _Atomic int64_t *give_up_ns, int fd, short events, int64_t deadline_ns);

/* Ends with the first wake, too. */
void wait_wake(int wake_fd, const _Atomic int64_t *give_up_ns, int64_t deadline_ns);

#endif
