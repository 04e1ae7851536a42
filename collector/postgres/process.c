/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_STARTED 127

static bool become(const struct process_user *user)
{
    if (!user->drop) return true;
    return setgroups(1, &user->gid) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0;
}

/* What we block or ignore is inherited through exec; a server must not start deaf. */
static void reset_signals(void)
{
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool redirect(int fd, int to, int flags)
{
    int from = fd >= 0 ? fd : open("/dev/null", flags | O_CLOEXEC);
    return from >= 0 && dup2(from, to) >= 0;
}

/* The death signal is forgotten when the user changes, so it comes after; the parent may be gone by then. */
static bool follow_parent(const struct process *process, pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, process->death_signal) == 0 && getppid() == parent;
}

pid_t process_start(const struct process *process)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) return pid;
    setsid();
    umask(077);
    bool ready = redirect(process->input_fd, STDIN_FILENO, O_RDONLY) &&
                 redirect(process->output_fd, STDOUT_FILENO, O_WRONLY) &&
                 redirect(process->output_fd, STDERR_FILENO, O_WRONLY) && become(process->user) &&
                 follow_parent(process, parent) && chdir(process->directory ? process->directory : "/") == 0;
    if (ready) {
        reset_signals();
        execv(process->arguments[0], (char *const *)process->arguments);
    }
    _exit(EXIT_NOT_STARTED);
}

static int wait_status(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status;
}

bool process_wait(pid_t pid)
{
    int status = wait_status(pid);
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In the child: walks down the path, and says by its exit status which step failed (0: none). */
static int first_closed_step(const char *path)
{
    char part[PATH_MAX];
    int step = 0;
    for (const char *at = path; *at && step < 250;) {
        const char *end = strchr(at + 1, '/');
        size_t bytes = end ? (size_t)(end - path) : strlen(path);
        if (bytes >= sizeof part) return 250;
        memcpy(part, path, bytes);
        part[bytes] = 0;
        step++;
        if (access(part, X_OK) != 0) return step;
        at = path + bytes;
    }
    return 0;
}

static size_t bytes_of_step(const char *path, int step)
{
    const char *at = path;
    for (int i = 0; i < step && at; i++) at = strchr(at + 1, '/');
    return at ? (size_t)(at - path) : strlen(path);
}

bool process_can_enter(const struct process_user *user, const char *path, size_t *denied_bytes)
{
    pid_t pid = fork();
    if (pid == 0) _exit(become(user) ? first_closed_step(path) : 251);
    int status = pid < 0 ? -1 : wait_status(pid);
    if (status == 0) return true;
    *denied_bytes =
        status != -1 && WIFEXITED(status) ? bytes_of_step(path, WEXITSTATUS(status)) : strlen(path);
    return false;
}
