/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in which a process, or a thread of it, ends. */
#include "tests/sdk/hosts/host.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define LATE_FOR_SURE_MS 3600000

#define LAST 5 /* spans that only the ending can send */

static int last_words(void)
{
    host_settle();
    SPANS("last", LAST);
    return 0;
}

static int by_shutdown(void)
{
    last_words();
    host_report(weir_shutdown(60000));
    return 0;
}

static int by_exit(void)
{
    last_words();
    exit(0);
}

static int by_underscore_exit(void)
{
    last_words();
    _exit(0);
}

static int by_quick_exit(void)
{
    last_words();
    quick_exit(0);
}

static void shut_down(void) { weir_shutdown(60000); }

static int by_quick_exit_with_shutdown(void)
{
    at_quick_exit(shut_down);
    return by_quick_exit();
}

static int by_abort(void)
{
    last_words();
    abort();
}

static int by_kill(void)
{
    last_words();
    return raise(SIGKILL);
}

/* For the driver to send a signal to. */
static int waits(void)
{
    last_words();
    puts("ready");
    fflush(stdout);
    while (pause()) continue;
    return 1;
}

/* ---- exit in a signal handler ---- */

static uint32_t late_ms; /* see late_shutdown */

static void exit_now(int number)
{
    (void)number;
    exit(0);
}

static int by_exit_in_handler(void)
{
    signal(SIGTERM, exit_now);
    return waits();
}

static void *make_spans(void *unused)
{
    for (;;) SPANS("busy", 100);
    return unused;
}

/* The handler interrupts whatever weir does in the thread that it hits. */
static int by_exit_in_handler_anywhere(void)
{
    pthread_t other;
    late_ms = 100; /* it may have interrupted a weir_shutdown that has not come to anything */
    signal(SIGTERM, exit_now);
    CHECK(pthread_create(&other, NULL, make_spans, NULL) == 0);
    puts("ready");
    fflush(stdout);
    for (enum weir_status status = WEIR_OK; status == WEIR_OK || status == WEIR_ALREADY;
         status = weir_init(NULL)) {
        SPANS("interrupted", 10);
        host_stats();
        free(malloc(100));
        weir_shutdown(100);
    }
    return 1;
}

/* ---- threads ---- */

static void *ends_with_open_spans(void *unused)
{
    SPANS("of a thread", 1);
    weir_span_begin(WEIR_SITE("left open"));
    SPANS("under the open one", 1);
    return unused;
}

static int threads_end(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, ends_with_open_spans, NULL) == 0);
        if (i % 2) SPANS("meanwhile", 1);
        pthread_join(thread, NULL);
    }
    CHECK(weir_span_current().slot == 0);
    host_report(weir_shutdown(60000));
    return 0;
}

static void *exits(void *unused)
{
    last_words();
    exit(0);
    return unused;
}

static int by_exit_of_a_thread(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, exits, NULL) == 0);
    while (pause()) continue;
    return 1;
}

static bool main_has_ended(void)
{
    char line[256], *state = NULL;
    FILE *file = fopen("/proc/self/stat", "r"); /* of the process' first thread: pid (name) state … */
    CHECK(file);
    if (fgets(line, sizeof line, file)) state = strrchr(line, ')');
    fclose(file);
    return state && state[2] == 'Z';
}

static void *exits_after_main(void *unused)
{
    while (!main_has_ended()) usleep(1000);
    return exits(unused);
}

/* main's thread ends before. */
static int by_exit_after_main(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, exits_after_main, NULL) == 0);
    pthread_exit(NULL);
}

/* ---- no memory ---- */

static pthread_barrier_t together;

static void *begins_without_memory(void *unused)
{
    pthread_barrier_wait(&together);
    SPANS("lost", 5);
    return unused;
}

/* A thread's first span finds no memory for its ring: counted. The others go on. */
static int without_memory(void)
{
    pthread_t thread;
    struct rlimit before, none;
    SPANS("early", 1); /* this thread has its ring */
    pthread_barrier_init(&together, NULL, 2);
    CHECK(pthread_create(&thread, NULL, begins_without_memory, NULL) == 0);
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    none = (struct rlimit){0, before.rlim_max};
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    pthread_barrier_wait(&together);
    pthread_join(thread, NULL);
    SPANS("early", 1);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- several at once ---- */

#define SHUTTERS 8

static atomic_int ok_count, other_count;

static void *shuts_down(void *unused)
{
    SPANS("of a thread", 10);
    pthread_barrier_wait(&together);
    enum weir_status status = weir_shutdown(60000);
    atomic_fetch_add(status == WEIR_OK || status == WEIR_NOT_RUNNING ? &ok_count : &other_count, 1);
    CHECK(host_stats().in_flight == 0); /* whoever returns, the flush is over */
    return unused;
}

static int several_shut_down(void)
{
    pthread_t threads[SHUTTERS];
    pthread_barrier_init(&together, NULL, SHUTTERS);
    for (int i = 0; i < SHUTTERS; i++) CHECK(pthread_create(&threads[i], NULL, shuts_down, NULL) == 0);
    for (int i = 0; i < SHUTTERS; i++) pthread_join(threads[i], NULL);
    CHECK(ok_count == SHUTTERS && other_count == 0);
    host_report(weir_shutdown(0));
    return 0;
}

static void *shuts_down_alone(void *unused)
{
    weir_shutdown(60000);
    return unused;
}

/* exit finds another thread's weir_shutdown under way, and waits for it. */
static int exits_during_shutdown(void)
{
    pthread_t thread;
    host_settle();
    SPANS("many", 4000); /* so that it takes a moment */
    CHECK(pthread_create(&thread, NULL, shuts_down_alone, NULL) == 0 && pthread_detach(thread) == 0);
    for (struct weir_span span; (span = weir_span_begin(WEIR_SITE("not yet"))).slot;) weir_span_end(span);
    exit(0);
}

static void *begins_and_ends(void *unused)
{
    for (int i = 0; i < 50; i++) {
        enum weir_status status = weir_init(NULL);
        CHECK(status == WEIR_OK || status == WEIR_ALREADY);
        SPANS("of a race", 3);
        status = weir_shutdown(60000);
        CHECK(status == WEIR_OK || status == WEIR_NOT_RUNNING ||
              status == WEIR_TIMEOUT); /* a span ended late */
    }
    return unused;
}

static int several_begin_and_end(void)
{
    pthread_t threads[SHUTTERS];
    for (int i = 0; i < SHUTTERS; i++) CHECK(pthread_create(&threads[i], NULL, begins_and_ends, NULL) == 0);
    for (int i = 0; i < SHUTTERS; i++) pthread_join(threads[i], NULL);
    weir_init(NULL); /* for spans that ended behind the last exporter's back */
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- without a collector ---- */

static void unheard(void) { SPANS("unheard", 10); }

static int without_peer(void)
{
    unheard();
    host_report(weir_shutdown(100));
    return 0;
}

static int exits_without_peer(void)
{
    unheard();
    return 0;
}

/* All the time that it takes. */
static int shutdown_unsettled(void)
{
    unheard();
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- until SIGTERM ---- */

static volatile sig_atomic_t over;

static void note_end(int number)
{
    (void)number;
    over = 1;
}

static int steady(void)
{
    signal(SIGTERM, note_end);
    while (!over) {
        SPANS("steady", 3);
        usleep(500);
    }
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- after exit's own flush ---- */

/* As a C++ object does that was made before weir_init: it runs after the handlers of exit. */
__attribute__((destructor)) static void late_shutdown(void)
{
    enum weir_status status = late_ms ? weir_shutdown(late_ms) : WEIR_OK;
    if (late_ms == LATE_FOR_SURE_MS) host_report(status);
}

static int shutdown_after_exit(void)
{
    late_ms = LATE_FOR_SURE_MS;
    return last_words();
}

static const struct host_mode modes[] = {
    {"shutdown", by_shutdown},
    {"return", last_words},
    {"exit", by_exit},
    {"_exit", by_underscore_exit},
    {"quick_exit", by_quick_exit},
    {"at_quick_exit", by_quick_exit_with_shutdown},
    {"abort", by_abort},
    {"kill", by_kill},
    {"waits", waits},
    {"handler", by_exit_in_handler},
    {"handler_anywhere", by_exit_in_handler_anywhere},
    {"threads", threads_end},
    {"thread_exit", by_exit_of_a_thread},
    {"main_last", by_exit_after_main},
    {"several_shutdown", several_shut_down},
    {"exit_during_shutdown", exits_during_shutdown},
    {"several_begin", several_begin_and_end},
    {"without_memory", without_memory},
    {"without_peer", without_peer},
    {"exit_without_peer", exits_without_peer},
    {"shutdown_unsettled", shutdown_unsettled},
    {"steady", steady},
    {"shutdown_after_exit", shutdown_after_exit},
};

int main(int argc, char **argv) { return host_main(argc, argv, modes, sizeof modes / sizeof *modes); }
