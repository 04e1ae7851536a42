/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the exporter thread waits for a descriptor: in poll, until a deadline or *give_up_ns (CLOCK_MONOTONIC), whichever is
 * sooner. Any thread may bring *give_up_ns nearer; nothing wakes poll then, it looks often enough by itself. (What could
 * wake it is a descriptor that two threads share, and they have no table in common: descriptors.h.) Owns nothing.
 */
#ifndef WEIR_SDK_EXPORT_WAIT_H
#define WEIR_SDK_EXPORT_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* True: fd is ready. False: the time is over. */
bool wait_ready(const _Atomic int64_t *give_up_ns, int fd, short events, int64_t deadline_ns);

#endif
