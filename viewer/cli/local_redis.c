/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/local_redis.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME              "redis-server"
#define READY_DEADLINE_MS 10000
#define STOP_DEADLINE_MS  10000
#define ANSWER_TIMEOUT_S  5
#define POLL_MS           10

/* ---- the program ---- */

static bool look_in(const char *folders, char program[PATH_MAX])
{
    while (*folders) {
        size_t len = strcspn(folders, ":");
        int wrote = snprintf(program, PATH_MAX, "%.*s/" NAME, (int)len, folders);
        if (len && wrote > 0 && wrote < PATH_MAX && access(program, X_OK) == 0) return true;
        folders += len + (folders[len] == ':');
    }
    return false;
}

bool local_redis_find(char program[PATH_MAX], char error[PROCESS_ERROR_BYTES])
{
    const char *path = getenv("PATH");
    if (look_in(path ? path : "/usr/bin:/usr/local/bin", program)) return true;
    snprintf(
        error, PROCESS_ERROR_BYTES,
        "there is no redis-server, which the stages with a cache need: install the package redis-server");
    return false;
}

/* ---- talking to it ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

/* One inline command; whether the answer, one line, begins so. */
static bool ask(const struct local_redis *redis, const char *command, const char *expected)
{
    char answer[64] = "";
    size_t len = strlen(command), got = 0;
    int fd = connect_to(redis->socket);
    if (fd < 0) return false;
    bool is_sent = send(fd, command, len, MSG_NOSIGNAL) == (ssize_t)len;
    while (is_sent && !memchr(answer, '\n', got) && got < sizeof answer - 1) {
        ssize_t more = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        if (more <= 0) break;
        got += (size_t)more;
    }
    close(fd);
    return strncmp(answer, expected, strlen(expected)) == 0;
}

bool local_redis_flush(const struct local_redis *redis) { return ask(redis, "FLUSHALL\r\n", "+OK\r\n"); }

/* ---- its life ---- */

/* It holds the other end of the pipe until it ends. */
static bool has_ended(const struct local_redis *redis)
{
    struct pollfd output = {.fd = redis->process.out_fd, .events = 0};
    return poll(&output, 1, POLL_MS) > 0 && (output.revents & (POLLHUP | POLLERR));
}

static bool wait_ready(const struct local_redis *redis, char error[PROCESS_ERROR_BYTES])
{
    int64_t until_ns = clock_monotonic_ns() + READY_DEADLINE_MS * NS_PER_MS;
    while (!ask(redis, "PING\r\n", "+PONG\r\n")) {
        const char *why = NULL;
        if (interrupted()) why = "interrupted";
        if (clock_monotonic_ns() > until_ns) why = "it took too long";
        if (has_ended(redis)) why = "it ended at once";
        if (!why) continue;
        snprintf(error, PROCESS_ERROR_BYTES, "%s", why);
        return false;
    }
    return true;
}

static bool start(struct local_redis *redis, const char *folder, const char *log_path, int error_fd,
                  char error[PROCESS_ERROR_BYTES])
{
    char program[PATH_MAX];
    if (!local_redis_find(program, error)) return false;
    const char *const argv[] = {
        program,  "--port",           "0",   "--unixsocket", redis->socket, "--dir",
        folder,   "--save",           "",    "--appendonly", "no",          "--logfile",
        log_path, "--unixsocketperm", "700", "--daemonize",  "no",          NULL};
    struct process_command command = {.argv = argv, .error_fd = error_fd};
    return process_start(&redis->process, &command, error) && wait_ready(redis, error);
}

bool local_redis_start(struct local_redis *redis, const char *folder, const char *log_path,
                       char error[PROCESS_ERROR_BYTES])
{
    *redis = (struct local_redis){.process.out_fd = -1};
    int len = snprintf(redis->socket, sizeof redis->socket, "%s/socket", folder);
    if (len < 0 || (size_t)len >= sizeof redis->socket) {
        snprintf(error, PROCESS_ERROR_BYTES, "the folder's name is too long for a socket in it: %.200s",
                 folder);
        return false;
    }
    int error_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (error_fd < 0 || (mkdir(folder, 0700) != 0 && errno != EEXIST)) {
        snprintf(error, PROCESS_ERROR_BYTES, "%.200s: %s", error_fd < 0 ? log_path : folder, strerror(errno));
        if (error_fd >= 0) close(error_fd);
        return false;
    }
    bool started = start(redis, folder, log_path, error_fd, error);
    if (!started) local_redis_stop(redis);
    close(error_fd);
    return started;
}

bool local_redis_stop(struct local_redis *redis) { return process_stop(&redis->process, STOP_DEADLINE_MS); }
