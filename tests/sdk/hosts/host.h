/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host programs of this folder share: small services that end, fork, take signals or lose their descriptors in one
 * way, named by their first argument; tests/sdk/life_test.py starts them against a real peer and says what must
 * arrive. They exit with 0, or with a line on stderr that says what went wrong.
 */
#ifndef WEIR_TESTS_SDK_HOSTS_HOST_H
#define WEIR_TESTS_SDK_HOSTS_HOST_H

#include <weir/weir.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define HOST_PATIENCE_S 60

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) host_failed(__FILE__, __LINE__, #condition);                                       \
    } while (0)

static inline void host_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    _exit(99);
}

/* Spans that begin and end at once; name is a literal. */
#define SPANS(name, count)                                                                                   \
    for (long left_ = (count); left_ > 0; left_--) weir_span_end(weir_span_begin(WEIR_SITE(name)))

static inline struct weir_stats host_stats(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats;
}

static inline int64_t host_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Until the peer has acknowledged so many spans of this process. */
static inline void host_wait_acknowledged(uint64_t count)
{
    int64_t deadline = host_now_ns() + HOST_PATIENCE_S * 1000000000LL;
    while (host_stats().acknowledged < count) {
        CHECK(host_now_ns() < deadline);
        usleep(1000);
    }
}

static struct weir_stats host_before; /* what host_settle has left; host_report is of what came after */

/* Until the exporter has had a look at the rings and sleeps: with a long export interval, what follows stays in the ring
 * until something sends it. When it has looked too early it is begun anew. */
static inline void host_settle(void)
{
    for (;;) {
        int64_t patience = host_now_ns() + 20000000;
        uint64_t before = host_stats().acknowledged;
        SPANS("first", 1);
        while (host_stats().acknowledged == before && host_now_ns() < patience) usleep(200);
        if (host_stats().acknowledged > before) break;
        CHECK(weir_shutdown(60000) == WEIR_OK && weir_init(NULL) == WEIR_OK);
    }
    host_before = host_stats();
}

/* A line of JSON for the one who started us; adds up, whatever happened. */
static inline void host_report(enum weir_status status)
{
    struct weir_stats stats = host_stats();
    CHECK(stats.created == stats.acknowledged + stats.dropped + stats.in_flight);
    printf("{\"status\":%d,\"created\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"dropped\":%" PRIu64
           ",\"in_flight\":%" PRIu64 ",\"dropped_forked\":%" PRIu64 ",\"dropped_shutdown\":%" PRIu64
           ",\"dropped_refused\":%" PRIu64 ",\"dropped_no_memory\":%" PRIu64 "}\n",
           (int)status, stats.created - host_before.created, stats.acknowledged - host_before.acknowledged,
           stats.dropped, stats.in_flight, stats.dropped_forked, stats.dropped_shutdown,
           stats.dropped_refused, stats.dropped_no_memory);
    fflush(stdout);
}

/* From now on these two system calls fail, as in a container whose filter does not know or does not want them. */
static inline void host_forbid(uint32_t one, uint32_t other, uint32_t error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof program / sizeof *program, program};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

struct host_mode {
    const char *name;
    int (*run)(void);
};

/* main of each host: runs the mode named by the first argument after weir_init(NULL). */
static inline int host_main(int argc, char **argv, const struct host_mode *modes, size_t count)
{
    for (size_t i = 0; argc > 1 && i < count; i++)
        if (strcmp(argv[1], modes[i].name) == 0) {
            CHECK(weir_init(NULL) == WEIR_OK);
            return modes[i].run();
        }
    fprintf(stderr, "%s: no such mode\n", argv[0]);
    return 2;
}

#endif
