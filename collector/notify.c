/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/notify.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *message)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t bytes = path ? strlen(path) : 0;
    if (bytes < 2 || bytes > sizeof to.sun_path || (*path != '/' && *path != '@')) return;
    memcpy(to.sun_path, path, bytes);
    if (*path == '@') to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
    ssize_t sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&to, length);
    (void)sent; /* nobody to tell */
    close(fd);
}

int64_t notify_watchdog_ns(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!us || (pid && strtoll(pid, NULL, 10) != getpid())) return 0;
    long long period_us = strtoll(us, NULL, 10);
    return period_us > 0 && period_us < INT64_MAX / NS_PER_US ? period_us * NS_PER_US / 2 : 0;
}
