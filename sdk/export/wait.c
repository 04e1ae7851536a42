/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

static int wait_ms(int64_t until_ns, int64_t now_ns)
{
    int64_t ms = (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

enum wait_end { READY, WOKEN, TOO_LATE };

/* fd is ignored when negative. */
static enum wait_end wait_once(int wake_fd, const _Atomic int64_t *give_up_ns, int fd, short events,
                               int64_t deadline_ns)
{
    int64_t now = clock_monotonic_ns(), give_up = atomic_load_explicit(give_up_ns, memory_order_acquire);
    int64_t until = deadline_ns < give_up ? deadline_ns : give_up;
    struct pollfd fds[2] = {{fd, events, 0}, {wake_fd, POLLIN, 0}};
    if (poll(fds, 2, now < until ? wait_ms(until, now) : 0) < 0) return errno == EINTR ? WOKEN : TOO_LATE;
    if (fds[0].revents) return READY;
    if (now >= until) return TOO_LATE;
    eventfd_t ignored;
    if (fds[1].revents) eventfd_read(wake_fd, &ignored);
    return WOKEN;
}

bool wait_ready(int wake_fd, const _Atomic int64_t *give_up_ns, int fd, short events, int64_t deadline_ns)
{
    enum wait_end end;
    do end = wait_once(wake_fd, give_up_ns, fd, events, deadline_ns);
    while (end == WOKEN);
    return end == READY;
}

void wait_wake(int wake_fd, const _Atomic int64_t *give_up_ns, int64_t deadline_ns)
{
    wait_once(wake_fd, give_up_ns, -1, 0, deadline_ns);
}
