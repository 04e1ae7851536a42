/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/postgres/log_tail.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_NS      (10 * NS_PER_MS)
#define RETRY_NS     (100 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)
/* For what is left of the server before to end: a startup process that fsyncs the whole directory looks up only after. */
#define LOCKED_DEADLINE_NS (110 * NS_PER_S)
#define START_DEADLINE_NS  (120 * NS_PER_S) /* for recovery after a crash */
#define FAST_DEADLINE_NS   (5 * NS_PER_S)   /* SIGINT: rolls back and writes a checkpoint */
#define HARD_DEADLINE_NS   (2 * NS_PER_S)   /* SIGQUIT: recovery at the next start */

/*  On the command line, so that no file can undo them. fsync stays on: an acknowledged span is on disk. */
#define SERVER_SETTINGS(X)                                                                                   \
    X("port=5432")                                                                                           \
    X("listen_addresses=")                                                                                   \
    X("unix_socket_permissions=0700")                                                                        \
    X("fsync=on")                                                                                            \
    X("synchronous_commit=on")                                                                               \
    X("full_page_writes=on")                                                                                 \
    X("shared_buffers=64MB")                                                                                 \
    X("max_connections=40")                                                                                  \
    X("wal_level=minimal")                                                                                   \
    X("max_wal_senders=0")                                                                                   \
    X("max_wal_size=512MB")                                                                                  \
    X("huge_pages=off")                                                                                      \
    X("jit=off")                                                                                             \
    X("logging_collector=off")                                                                               \
    X("log_destination=stderr")                                                                              \
    X("lc_messages=C")                                                                                       \
    X("log_timezone=UTC")                                                                                    \
    X("timezone=UTC")                                                                                        \
    X("cluster_name=weir")

enum keeper_state { KEEPER_STARTING, KEEPER_READY, KEEPER_FAILED, KEEPER_ENDED };
enum {
    SETTING_COUNT = 0
#define X(setting) +1
    SERVER_SETTINGS(X)
#undef X
};

struct keeper {
    const struct place *place; /* borrowed */
    char postgres[PATH_MAX + 16];
    char socket_setting[SOCKET_DIRECTORY_BYTES + 32];
    const char *arguments[2 * (SETTING_COUNT + 1) + 4];
    off_t log_from; /* where the present server's part of the log begins; the thread's */
    pthread_t thread;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    enum keeper_state state;
    bool stopping;
    pid_t pid; /* of the server; 0: none. Reaped under the lock, so a signal never reaches another's */
    char error[512];
};

static void fill_arguments(struct keeper *keeper, const char *binaries)
{
    static const char *const settings[] = {
#define X(setting) setting,
        SERVER_SETTINGS(X)
#undef X
    };
    snprintf(keeper->postgres, sizeof keeper->postgres, "%s/postgres", binaries);
    snprintf(keeper->socket_setting, sizeof keeper->socket_setting, "unix_socket_directories=%s",
             keeper->place->socket);
    const char **next = keeper->arguments;
    *next++ = keeper->postgres;
    *next++ = "-D";
    *next++ = keeper->place->cluster;
    *next++ = "-c";
    *next++ = keeper->socket_setting;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        *next++ = "-c";
        *next++ = settings[i];
    }
    *next = NULL;
}

/* postmaster.pid: the first line is the server's pid, the eighth becomes "ready". */
static bool read_pid_file(const struct place *place, pid_t *pid, bool *ready)
{
    char path[PATH_MAX + 32], line[256] = "";
    snprintf(path, sizeof path, "%s/postmaster.pid", place->cluster);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    *pid = 0;
    *ready = false;
    for (int number = 1; number <= 8 && fgets(line, sizeof line, file); number++) {
        if (number == 1) *pid = (pid_t)atol(line);
        if (number == 8) *ready = strncmp(line, "ready", 5) == 0;
    }
    fclose(file);
    return true;
}

/* A server's working directory is its cluster. */
static bool runs_on(const struct place *place, pid_t pid)
{
    char link[64], directory[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%ld/cwd", (long)pid);
    ssize_t bytes = readlink(link, directory, sizeof directory - 1);
    if (bytes < 0) return false;
    directory[bytes] = 0;
    return strcmp(directory, place->cluster) == 0;
}

/* Postgres itself takes any living process with that pid and user for a server, which in a container, where
 * pids are few, would keep it from starting for good. We hold the directory's lock, so no other server can be
 * coming up. */
static void remove_stale_pid_file(const struct place *place)
{
    pid_t pid;
    bool ready;
    if (!read_pid_file(place, &pid, &ready) || (pid > 0 && runs_on(place, pid))) return;
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postmaster.pid", place->cluster);
    unlink(path);
}

/* ---- the lock is held in all of these ---- */

static void wait_changed(struct keeper *keeper, int64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
    pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
}

static void set_state(struct keeper *keeper, enum keeper_state state)
{
    keeper->state = state;
    pthread_cond_broadcast(&keeper->changed);
}

static bool start_server(struct keeper *keeper)
{
    remove_stale_pid_file(keeper->place);
    keeper->log_from = log_end(keeper->place->log_fd);
    struct process process = {.arguments = keeper->arguments,
                              .user = &keeper->place->user,
                              .input_fd = -1,
                              .output_fd = keeper->place->log_fd,
                              .death_signal = SIGINT};
    pid_t pid = process_start(&process);
    keeper->pid = pid > 0 ? pid : 0;
    return pid > 0;
}

/* True when the server has ended; *status is its wait status. */
static bool reap(struct keeper *keeper, int *status)
{
    if (waitpid(keeper->pid, status, WNOHANG) == 0) return false;
    keeper->pid = 0;
    return true;
}

/* True when the server answers; false when it has ended. */
static bool wait_ready(struct keeper *keeper, int *status)
{
    int64_t deadline_ns = clock_monotonic_ns() + START_DEADLINE_NS;
    while (!reap(keeper, status)) {
        pid_t pid;
        bool ready;
        if (read_pid_file(keeper->place, &pid, &ready) && pid == keeper->pid && ready) return true;
        if (clock_monotonic_ns() > deadline_ns) kill(keeper->pid, SIGQUIT);
        wait_changed(keeper, clock_monotonic_ns() + POLL_NS);
    }
    return false;
}

static bool was_locked(const struct keeper *keeper)
{
    int log_fd = keeper->place->log_fd;
    return log_says(log_fd, keeper->log_from, "lock file \"postmaster.pid\" already exists") ||
           log_says(log_fd, keeper->log_from, "pre-existing shared memory block");
}

/* Until the server answers. False: it will not, or we are to stop. */
static bool bring_up(struct keeper *keeper)
{
    int64_t deadline_ns = clock_monotonic_ns() + LOCKED_DEADLINE_NS;
    while (!keeper->stopping) {
        int status;
        if (start_server(keeper) && wait_ready(keeper, &status)) return true;
        if (!was_locked(keeper) || clock_monotonic_ns() > deadline_ns) return false;
        wait_changed(keeper, clock_monotonic_ns() + RETRY_NS);
    }
    return false;
}

static void wait_for_end(struct keeper *keeper, int *status)
{
    pid_t pid = keeper->pid;
    pthread_mutex_unlock(&keeper->lock);
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
    pthread_mutex_lock(&keeper->lock);
    reap(keeper, status);
}

static void tell_of_end(int status)
{
    if (WIFSIGNALED(status))
        log_warn("the private Postgres was ended by signal %d; starting it again", WTERMSIG(status));
    else
        log_warn("the private Postgres ended with status %d; starting it again", WEXITSTATUS(status));
}

/* Ends only when we are to stop. */
static void keep_up(struct keeper *keeper)
{
    int64_t pause_ns = RETRY_NS;
    while (!keeper->stopping) {
        int status = 0;
        if (keeper->pid) {
            wait_for_end(keeper, &status);
            if (keeper->stopping) return;
            tell_of_end(status);
        }
        if (bring_up(keeper)) {
            log_info("the private Postgres answers again");
            pause_ns = RETRY_NS;
            continue;
        }
        if (keeper->stopping) return;
        char said[256];
        log_complaint(keeper->place->log_fd, keeper->log_from, said, sizeof said);
        log_error("the private Postgres does not start: %s", said);
        wait_changed(keeper, clock_monotonic_ns() + pause_ns);
        pause_ns = pause_ns * 2 < RETRY_MAX_NS ? pause_ns * 2 : RETRY_MAX_NS;
    }
}

static void fail(struct keeper *keeper)
{
    char said[256];
    log_complaint(keeper->place->log_fd, keeper->log_from, said, sizeof said);
    snprintf(keeper->error, sizeof keeper->error, "the private Postgres does not start: %s (log: %.200s)",
             said, keeper->place->log);
    set_state(keeper, KEEPER_FAILED);
}

static void *keep(void *context)
{
    struct keeper *keeper = context;
    pthread_mutex_lock(&keeper->lock);
    if (bring_up(keeper)) {
        set_state(keeper, KEEPER_READY);
        keep_up(keeper);
        if (keeper->pid) {
            int status;
            wait_for_end(keeper, &status);
        }
        set_state(keeper, KEEPER_ENDED);
    } else {
        fail(keeper);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static void free_keeper(struct keeper *keeper)
{
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

static struct keeper *new_keeper(const struct place *place, const char *binaries)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper) return NULL;
    keeper->place = place;
    fill_arguments(keeper, binaries);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return keeper;
}

struct keeper *keeper_start(const struct place *place, const char *binaries, char *error, size_t error_bytes)
{
    struct keeper *keeper = new_keeper(place, binaries);
    if (!keeper || pthread_create(&keeper->thread, NULL, keep, keeper) != 0) {
        if (keeper) free_keeper(keeper);
        snprintf(error, error_bytes, "out of memory or threads");
        return NULL;
    }
    pthread_mutex_lock(&keeper->lock);
    while (keeper->state == KEEPER_STARTING) pthread_cond_wait(&keeper->changed, &keeper->lock);
    bool failed = keeper->state == KEEPER_FAILED;
    pthread_mutex_unlock(&keeper->lock);
    if (!failed) return keeper;
    snprintf(error, error_bytes, "%s", keeper->error);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
    return NULL;
}

static void signal_server(struct keeper *keeper, int number, int64_t patience_ns)
{
    int64_t deadline_ns = clock_monotonic_ns() + patience_ns;
    if (keeper->state != KEEPER_ENDED && keeper->pid) kill(keeper->pid, number);
    while (keeper->state != KEEPER_ENDED && clock_monotonic_ns() < deadline_ns)
        wait_changed(keeper, deadline_ns);
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper) return;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_broadcast(&keeper->changed);
    signal_server(keeper, SIGINT, FAST_DEADLINE_NS);
    signal_server(keeper, SIGQUIT, HARD_DEADLINE_NS);
    signal_server(keeper, SIGKILL, HARD_DEADLINE_NS);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
}
