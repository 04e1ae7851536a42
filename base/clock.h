/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks: wall time for what is stored and shown, monotonic time for durations and deadlines. Any
 * thread. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

int64_t clock_unix_ns(void);      /* CLOCK_REALTIME, nanoseconds since 1970-01-01 UTC */
int64_t clock_monotonic_ns(void); /* CLOCK_MONOTONIC */

#endif
