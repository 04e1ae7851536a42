/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's readiness protocol (sd_notify(3)), which is a datagram of NAME=value lines to the socket that $NOTIFY_SOCKET names: a path,
 * or an abstract name behind @. Where there is none, nothing happens; a message that cannot be sent is let go. Main thread.
 */
#ifndef WEIR_COLLECTOR_NOTIFY_H
#define WEIR_COLLECTOR_NOTIFY_H

#include <stdint.h>

void notify_send(const char *message);
/* How often systemd wants to hear WATCHDOG=1 ($WATCHDOG_USEC, $WATCHDOG_PID), halved; 0: it does not. */
int64_t notify_watchdog_ns(void);

#endif
