/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/process.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS 5

/* ---- starting ---- */

static bool is_hidden(const char *variable, const struct process_command *command)
{
    for (const char *const *prefix = command->hide; prefix && *prefix; prefix++) {
        if (strncmp(variable, *prefix, strlen(*prefix)) == 0) return true;
    }
    for (const char *const *set = command->environment; set && *set; set++) {
        if (strncmp(variable, *set, strcspn(*set, "=") + 1) == 0) return true;
    }
    return false;
}

/* An array on the heap, its texts borrowed. */
static const char **make_environment(const struct process_command *command)
{
    size_t room = 1, count = 0;
    for (char **at = environ; *at; at++) room++;
    for (const char *const *at = command->environment; at && *at; at++) room++;
    const char **list = calloc(room, sizeof *list);
    if (!list) return NULL;
    for (char **at = environ; *at; at++) {
        if (!is_hidden(*at, command)) list[count++] = *at;
    }
    for (const char *const *at = command->environment; at && *at; at++) list[count++] = *at;
    return list;
}

/* In the child; only what is safe after a fork. */
static void become(const struct process_command *command, const char **environment, pid_t parent, int out_fd)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127); /* it died before it could be watched */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
        dup2(command->error_fd, STDERR_FILENO) < 0) {
        _exit(127);
    }
    execve(command->argv[0], (char *const *)command->argv, (char *const *)environment);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", command->argv[0], strerror(errno));
    _exit(127);
}

bool process_start(struct process *process, const struct process_command *command,
                   char error[PROCESS_ERROR_BYTES])
{
    int pipe_fds[2];
    *process = (struct process){.out_fd = -1};
    const char **environment = make_environment(command);
    if (!environment || pipe2(pipe_fds, O_CLOEXEC) != 0) {
        snprintf(error, PROCESS_ERROR_BYTES, "cannot start %s: %s", command->argv[0], strerror(errno));
        free(environment);
        return false;
    }
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(command, environment, parent, pipe_fds[1]);
    int cause = errno;
    free(environment);
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        snprintf(error, PROCESS_ERROR_BYTES, "cannot start %s: %s", command->argv[0], strerror(cause));
        return false;
    }
    *process = (struct process){.pid = pid, .out_fd = pipe_fds[0]};
    return true;
}

/* ---- waiting ---- */

static void close_output(struct process *process)
{
    if (process->out_fd >= 0) close(process->out_fd);
    process->out_fd = -1;
}

static void forget(struct process *process)
{
    close_output(process);
    process->pid = 0;
}

static int64_t left_ms(int64_t until_ns) { return (until_ns - clock_monotonic_ns()) / NS_PER_MS; }

static bool give_up(int64_t until_ns, char error[PROCESS_ERROR_BYTES])
{
    if (interrupted()) {
        snprintf(error, PROCESS_ERROR_BYTES, "interrupted");
    } else if (left_ms(until_ns) <= 0) {
        snprintf(error, PROCESS_ERROR_BYTES, "it took too long");
    } else {
        return false;
    }
    return true;
}

/* Looks for a whole line that begins with "ready:" in what has been read. */
static bool find_ready(const char *text, char line[READY_LINE_BYTES])
{
    static const char mark[] = "ready:";
    for (const char *at = text; at; at = strchr(at, '\n')) {
        if (*at == '\n') at++;
        const char *end = strchr(at, '\n');
        if (!end || strncmp(at, mark, sizeof mark - 1) != 0) continue;
        at += sizeof mark - 1;
        at += strspn(at, " ");
        snprintf(line, READY_LINE_BYTES, "%.*s", (int)(end - at), at);
        return true;
    }
    return false;
}

bool process_wait_ready(struct process *process, int64_t deadline_ms, char line[READY_LINE_BYTES],
                        char error[PROCESS_ERROR_BYTES])
{
    int64_t until_ns = clock_monotonic_ns() + deadline_ms * NS_PER_MS;
    char text[2 * READY_LINE_BYTES];
    size_t len = 0;
    while (!give_up(until_ns, error)) {
        struct pollfd poll_fd = {.fd = process->out_fd, .events = POLLIN};
        int64_t wait_ms = left_ms(until_ns);
        if (poll(&poll_fd, 1, wait_ms < 1 ? 1 : (int)wait_ms) <= 0) continue;
        ssize_t got = read(process->out_fd, text + len, sizeof text - 1 - len);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            snprintf(error, PROCESS_ERROR_BYTES, "it ended before it was ready");
            return false;
        }
        len += (size_t)got;
        text[len] = 0;
        if (find_ready(text, line)) return true;
        if (len == sizeof text - 1) len = 0; /* chatter; the line is still to come */
    }
    return false;
}

/* True: it has ended, and *status is waitpid's. */
static bool has_ended(struct process *process, int *status)
{
    pid_t got = waitpid(process->pid, status, WNOHANG);
    return got == process->pid || (got < 0 && errno == ECHILD);
}

bool process_wait(struct process *process, int64_t deadline_ms, char error[PROCESS_ERROR_BYTES])
{
    int64_t until_ns = clock_monotonic_ns() + deadline_ms * NS_PER_MS;
    int status = 0;
    while (!has_ended(process, &status)) {
        if (give_up(until_ns, error)) return false;
        poll(NULL, 0, POLL_MS);
    }
    forget(process);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFEXITED(status)) {
        snprintf(error, PROCESS_ERROR_BYTES, "exit status %d", WEXITSTATUS(status));
    } else {
        snprintf(error, PROCESS_ERROR_BYTES, "ended by signal %d", WTERMSIG(status));
    }
    return false;
}

bool process_stop(struct process *process, int64_t deadline_ms)
{
    if (process->pid <= 0) return true;
    int64_t until_ns = clock_monotonic_ns() + deadline_ms * NS_PER_MS;
    int status = 0;
    close_output(process);
    kill(process->pid, SIGTERM);
    while (!has_ended(process, &status)) {
        if (left_ms(until_ns) <= 0) {
            kill(process->pid, SIGKILL);
            waitpid(process->pid, &status, 0);
            break;
        }
        poll(NULL, 0, POLL_MS);
    }
    forget(process);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- where things are ---- */

bool process_own_folder(char *to, size_t to_bytes)
{
    ssize_t len = readlink("/proc/self/exe", to, to_bytes - 1);
    if (len <= 0) return false;
    to[len] = 0;
    char *slash = strrchr(to, '/');
    if (!slash) return false;
    *slash = 0;
    return true;
}

/* Behind "key " at the beginning of a word; NULL: not there. */
static const char *find_value(const char *line, const char *key)
{
    size_t len = strlen(key);
    for (const char *at = strstr(line, key); at; at = strstr(at + 1, key)) {
        if ((at == line || at[-1] == ' ') && at[len] == ' ') return at + len + 1;
    }
    return NULL;
}

static bool copy_value(const char *value, size_t len, char *to, size_t to_bytes)
{
    if (len == 0 || len >= to_bytes) return false;
    memcpy(to, value, len);
    to[len] = 0;
    return true;
}

bool ready_word(const char *line, const char *key, char *to, size_t to_bytes)
{
    const char *value = find_value(line, key);
    return value && copy_value(value, strcspn(value, " "), to, to_bytes);
}

bool ready_rest(const char *line, const char *key, char *to, size_t to_bytes)
{
    const char *value = find_value(line, key);
    return value && copy_value(value, strlen(value), to, to_bytes);
}
