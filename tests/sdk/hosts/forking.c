/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in which a process makes another. Each parent reports its own stats; what the children sent, the peer tells. */
#include "tests/sdk/hosts/host.h"

#include <dirent.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

extern char **environ;

static void wait_for(pid_t child)
{
    int status;
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int end(void)
{
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- fork ---- */

static int before_any_span(void)
{
    pid_t child = fork();
    if (child == 0) {
        SPANS("child", 3);
        CHECK(weir_shutdown(60000) == WEIR_OK);
        CHECK(host_stats().created == 3 && host_stats().acknowledged == 3);
        _exit(0);
    }
    wait_for(child);
    SPANS("parent", 2);
    return end();
}

/* The program's own handlers for fork, which come while weir holds its locks: prepare after ours, the others before. */
static bool handlers_make_spans;

static void at_fork(void)
{
    if (handlers_make_spans) SPANS("handler", 1);
}

static int fork_handlers(void)
{
    pid_t child = fork();
    if (child == 0) {
        handlers_make_spans = true; /* the first of this process are made within its fork */
        pid_t grandchild = fork();
        if (grandchild == 0) SPANS("grandchild", 3);
        if (grandchild) wait_for(grandchild);
        if (grandchild) SPANS("child", 3);
        struct weir_stats stats = host_stats();
        CHECK(stats.dropped_in_handler == (grandchild ? 2 : 0));
        CHECK(weir_shutdown(60000) == (grandchild ? WEIR_DROPPED : WEIR_OK));
        _exit(0);
    }
    wait_for(child);
    return end();
}

static int with_open_spans(void)
{
    host_settle();
    struct weir_span outer = weir_span_begin(WEIR_SITE("outer"));
    SPANS("before", 4); /* ended, not yet sent: the parent's alone */
    struct weir_span inner = weir_span_begin(WEIR_SITE("inner"));
    pid_t child = fork();
    if (child == 0) {
        struct weir_stats stats = host_stats();
        CHECK(stats.created == 2 && stats.dropped_forked == 2 && stats.in_flight == 0 &&
              stats.acknowledged == 0);
        CHECK(weir_span_current().slot == 0);
        weir_span_end(inner);
        SPANS("child", 3);
        weir_span_end(outer);
        CHECK(weir_shutdown(60000) == WEIR_DROPPED);
        stats = host_stats();
        CHECK(stats.created == 5 && stats.acknowledged == 3 && stats.in_flight == 0);
        _exit(0);
    }
    wait_for(child);
    CHECK(weir_span_current().slot == inner.slot);
    weir_span_end(inner);
    weir_span_end(outer);
    CHECK(host_stats().created == host_before.created + 6 && host_stats().dropped == 0);
    return end();
}

/* A child's child, whose parent is gone before it sends. */
static int grandchildren(void)
{
    host_settle();
    SPANS("parent", 1);
    pid_t child = fork();
    if (child == 0) {
        SPANS("child", 1);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            SPANS("grandchild", 1);
            exit(0);
        }
        wait_for(grandchild);
        exit(0);
    }
    wait_for(child);
    return end();
}

static int without_spans(void)
{
    SPANS("parent", 2);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) exit(0);
        wait_for(child);
    }
    return end();
}

/* ---- fork from several threads, under load ---- */

#define FORKING_THREADS 3
#define LOADING_THREADS 2
#define FORKS           15

static atomic_bool enough;

static void *loads(void *unused)
{
    while (!enough) {
        WEIR_SPAN("load");
        SPANS("inner load", 2);
        weir_int("some.number", 1);
    }
    return unused;
}

static void *forks(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        WEIR_SPAN("forker");
        pid_t child = fork();
        if (child == 0) {
            SPANS("child", 2);
            CHECK(weir_shutdown(60000) == WEIR_DROPPED); /* "forker" was open */
            struct weir_stats stats = host_stats();
            CHECK(stats.created == 3 && stats.acknowledged == 2 && stats.dropped_forked == 1);
            _exit(0);
        }
        wait_for(child);
    }
    return unused;
}

static int under_load(void)
{
    pthread_t forking[FORKING_THREADS], loading[LOADING_THREADS];
    for (int i = 0; i < LOADING_THREADS; i++) CHECK(pthread_create(&loading[i], NULL, loads, NULL) == 0);
    for (int i = 0; i < FORKING_THREADS; i++) CHECK(pthread_create(&forking[i], NULL, forks, NULL) == 0);
    for (int i = 0; i < FORKING_THREADS; i++) pthread_join(forking[i], NULL);
    enough = true;
    for (int i = 0; i < LOADING_THREADS; i++) pthread_join(loading[i], NULL);
    return end();
}

/* ---- fork while another thread begins and ends tracing ---- */

static void *begins_and_ends(void *unused)
{
    while (!enough) {
        weir_shutdown(60000);
        weir_init(NULL);
        SPANS("parent", 1);
    }
    return unused;
}

/* The child's tracing is on or off, whichever it was; either way it can be used, and begun and ended again. */
static int during_shutdown(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, begins_and_ends, NULL) == 0);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) {
            SPANS("child, perhaps", 1);
            weir_shutdown(60000);
            CHECK(weir_init(NULL) == WEIR_OK);
            SPANS("child", 1);
            CHECK(weir_shutdown(60000) == WEIR_OK);
            _exit(0);
        }
        wait_for(child);
    }
    enough = true;
    pthread_join(thread, NULL);
    return end();
}

/* ---- children that nobody tells us of ---- */

static int by_bare_fork(void)
{
    host_settle();
    SPANS("parent", 2);
    pid_t child = _Fork();
    if (child == 0) {
        SPANS("child", 3);
        exit(0); /* an exit that waited for the parent's exporter would take ten minutes */
    }
    wait_for(child);
    child = _Fork();
    if (child == 0) {
        CHECK(host_stats().created == 0); /* its own counts */
        CHECK(weir_shutdown(600000) != WEIR_TIMEOUT);
        CHECK(weir_init(NULL) == WEIR_OK);
        SPANS("new child", 3);
        CHECK(weir_shutdown(60000) == WEIR_OK);
        _exit(0);
    }
    wait_for(child);
    return end();
}

static int by_vfork(void)
{
    SPANS("parent", 1);
    for (int i = 0; i < 20; i++) {
        SPANS("parent", 1);
        pid_t child = vfork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        wait_for(child);
    }
    return end();
}

static int by_spawn(void)
{
    for (int i = 0; i < 20; i++) {
        char *const arguments[] = {"forking", "descriptors", NULL};
        pid_t child;
        SPANS("parent", 1);
        host_wait_acknowledged(1); /* the exporter is connected */
        CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
        wait_for(child);
    }
    return end();
}

/* ---- another program in our place ---- */

/* The program that is put there: has it any descriptor but the first three? */
static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        CHECK(entry->d_name[0] == '.' || atoi(entry->d_name) <= 2 || atoi(entry->d_name) == dirfd(folder));
    closedir(folder);
    return 0;
}

static int exec_self(void)
{
    execl("/proc/self/exe", "forking", "descriptors", (char *)NULL);
    return 1;
}

static int by_exec(void)
{
    host_settle();
    SPANS("last", 3);
    return exec_self();
}

static int by_exec_after_shutdown(void)
{
    host_settle();
    SPANS("last", 3);
    CHECK(weir_shutdown(60000) == WEIR_OK);
    return exec_self();
}

/* ---- a daemon ---- */

/* As daemon(3), with every descriptor closed, after weir_init and the first spans. */
static int daemonize(void)
{
    host_settle();
    SPANS("in the foreground", 2);
    pid_t child = fork();
    if (child > 0) exit(0); /* delivers what it has */
    CHECK(child == 0 && setsid() > 0);
    child = fork();
    if (child > 0) _exit(0);
    CHECK(child == 0);
    CHECK(close_range(0, ~0u, 0) == 0);
    SPANS("in the background", 3);
    exit(weir_shutdown(60000) != WEIR_OK);
}

/* ---- nothing left to begin with ---- */

/* The child may not have another thread: tracing ends there, the child goes on. */
static int without_threads(void)
{
    SPANS("parent", 1);
    pid_t child = fork();
    if (child == 0) {
        host_forbid(SYS_clone, SYS_clone3, EAGAIN);
        SPANS("child", 3);
        CHECK(weir_shutdown(60000) == WEIR_NOT_RUNNING);
        CHECK(weir_init(NULL) == WEIR_NO_THREAD);
        _exit(0);
    }
    wait_for(child);
    return end();
}

static const struct host_mode modes[] = {
    {"before_any_span", before_any_span},
    {"fork_handlers", fork_handlers},
    {"open_spans", with_open_spans},
    {"grandchildren", grandchildren},
    {"without_spans", without_spans},
    {"under_load", under_load},
    {"during_shutdown", during_shutdown},
    {"bare", by_bare_fork},
    {"vfork", by_vfork},
    {"spawn", by_spawn},
    {"exec", by_exec},
    {"exec_after_shutdown", by_exec_after_shutdown},
    {"daemon", daemonize},
    {"without_threads", without_threads},
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "descriptors") == 0) return count_descriptors();
    CHECK(pthread_atfork(at_fork, at_fork, at_fork) == 0); /* before weir's */
    return host_main(argc, argv, modes, sizeof modes / sizeof *modes);
}
