/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>

#define LOOK_MS 10 /* a shutdown's deadline is seen so late at most; a look takes a microsecond */

static int wait_ms(int64_t until_ns, int64_t now_ns)
{
    int64_t ms = (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > LOOK_MS ? LOOK_MS : (int)ms;
}

bool wait_ready(const _Atomic int64_t *give_up_ns, int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        int64_t now = clock_monotonic_ns(), give_up = atomic_load_explicit(give_up_ns, memory_order_acquire);
        int64_t until = deadline_ns < give_up ? deadline_ns : give_up;
        struct pollfd ready = {fd, events, 0};
        int count = poll(&ready, 1, now < until ? wait_ms(until, now) : 0);
        if (count > 0) return true;
        if ((count < 0 && errno != EINTR) || now >= until) return false;
    }
}
