/* SPDX-License-Identifier: Apache-2.0 */
/* Spans in signal handlers: made where the handler interrupted the program, refused and counted where it interrupted weir. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "sdk/core/thread.h"
#include "tests/sdk/peer.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/call.h>

#define STORM_THREADS 3
#define STORM_MOST_NS (20 * NS_PER_S)
#define ENOUGH        200 /* of each kind of handler's span */

static struct peer *peer;

/* Its threads take no signal: a span in one of them might still be open when the test has joined all of its own. */
static struct peer *deaf_peer_start(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct peer *started = peer_start(0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static int set_up(void **state)
{
    (void)state;
    peer = deaf_peer_start();
    peer_only_count(peer);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_shutdown(2000);
    peer_stop(peer);
    return 0;
}

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats;
}

/* ---- what handlers do ---- */

static _Atomic uint64_t handler_made, handler_refused;
static _Thread_local struct weir_span handler_span; /* of the thread's last one */

/* Saves errno, as every handler must. */
static void make_span(int signal)
{
    (void)signal;
    struct weir_span span = weir_span_begin(WEIR_SITE("in a handler"));
    weir_span_int(span, "number", 1);
    weir_int("current", 2); /* on whatever is current, or refused with the rest */
    weir_span_end(span);
    handler_span = span;
    atomic_fetch_add(span.generation ? &handler_made : &handler_refused, 1);
}

static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(signal, &action, NULL), 0);
}

/* Called from inside weir: the signal's handler runs before raise returns. */
static const char *raising_cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    (void)from, (void)row, (void)column;
    raise(SIGUSR1);
    *bytes = 1;
    return "1";
}

static struct weir_span call_begin(void)
{
    struct weir_span call = weir_call_begin(
        &(struct weir_call){WEIR_SITE("q"), WEIR_CALL_DB, "postgresql", NULL, "SELECT 1", 8, 0});
    weir_call_send(call);
    weir_call_answered(call);
    return call;
}

/* ---- one handler ---- */

static void outside_of_weir_a_handler_makes_spans(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    handle(SIGUSR1, make_span);
    {
        WEIR_SPAN("interrupted");
        struct weir_span current = weir_span_current();
        raise(SIGUSR1);
        assert_int_not_equal(handler_span.generation, 0);
        assert_int_equal(weir_span_current().slot, current.slot);
        assert_int_equal(weir_span_current().generation, current.generation);
    }
    raise(SIGUSR1); /* as a request of its own */
    assert_true(peer_wait_spans(peer, 3));
    struct weir_stats after = stats_now();
    assert_int_equal(after.created - before.created, 3);
    assert_int_equal(after.dropped_in_handler, before.dropped_in_handler);
    assert_int_equal(after.attributes_dropped, before.attributes_dropped);
}

static void inside_weir_a_handlers_span_is_refused(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    handle(SIGUSR1, make_span);
    {
        WEIR_SERVER_SPAN(request, "GET", "/", NULL);
        struct weir_span call = call_begin(), current = weir_span_current();
        weir_call_table(call, 2, 2, raising_cell, NULL); /* four times */
        assert_int_equal(handler_span.generation, 0);
        assert_int_equal(weir_span_current().generation, current.generation);
        weir_call_end(call);
        raise(SIGUSR1);
        assert_int_not_equal(handler_span.generation, 0);
    }
    assert_true(peer_wait_spans(peer, 3));
    struct weir_stats after = stats_now();
    assert_int_equal(after.created - before.created, 3 + 4);
    assert_int_equal(after.dropped_in_handler - before.dropped_in_handler, 4);
    assert_int_equal(after.attributes_dropped - before.attributes_dropped, 4); /* of the current span */
}

static struct weir_span of_the_thread;

static void do_everything_else(int signal)
{
    (void)signal;
    char text[WEIR_TRACEPARENT_BYTES];
    struct weir_call what = {NULL, WEIR_CALL_CACHE, "redis", NULL, "GET a", 5, 0};
    weir_span_string(of_the_thread, "key", "value");
    weir_span_error(of_the_thread, "timeout");
    weir_span_ok(of_the_thread);
    weir_traceparent(of_the_thread, text);
    weir_server_target(of_the_thread, "/a/b");
    weir_server_response(of_the_thread, 500);
    weir_call_end(weir_call_begin(&what));
    weir_span_end(weir_server_begin(NULL, "GET", "/", NULL));
    weir_call_unread(of_the_thread, text);
    weir_answer_read(text);
    weir_answer_forget(text);
    weir_span_end(of_the_thread); /* not now: its thread is about to use it */
}

static void inside_weir_nothing_else_is_done_either(void **state)
{
    (void)state;
    handle(SIGUSR1, do_everything_else);
    {
        WEIR_SERVER_SPAN(request, "GET", "/", NULL);
        struct weir_span call = of_the_thread = call_begin();
        weir_call_table(call, 1, 1, raising_cell, NULL);
        weir_call_unread(call, "handle");
        weir_call_end(call);
        of_the_thread = request;
        struct weir_span other = call_begin();
        weir_call_table(other, 1, 1, raising_cell, NULL);
        weir_call_end(other);
        assert_int_equal(weir_span_current().generation, request.generation);
    }
    assert_true(peer_wait_spans(peer, 3));
}

/* ---- a storm ---- */

static _Atomic bool storm_is_over;
static _Atomic uint64_t made;

static void work(void)
{
    static _Thread_local volatile uint64_t sink;
    for (int i = 0; i < 50; i++) sink += (uint64_t)i * sink + 1;
}

static void make_a_request(void)
{
    WEIR_SERVER_SPAN(request, "GET", "/storm/{id}", NULL);
    work();
    {
        WEIR_SPAN("inner");
        weir_string("key", "a value of some length");
        work();
    }
    struct weir_span call = call_begin();
    weir_call_row(call, 0, NULL, NULL);
    weir_call_end(call);
    atomic_fetch_add(&made, 3);
}

static void *make_requests(void *argument)
{
    (void)argument;
    while (!atomic_load(&storm_is_over)) make_a_request();
    return NULL;
}

/* Threads that have just begun, whose state is being made when the signal comes. */
static void *make_one_request(void *argument)
{
    (void)argument;
    make_a_request();
    return NULL;
}

static void *begin_threads(void *argument)
{
    while (!atomic_load(&storm_is_over)) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, make_one_request, argument), 0);
        for (int i = 0; i < 3; i++) pthread_kill(thread, SIGUSR1);
        pthread_join(thread, NULL);
    }
    return NULL;
}

static void storm_over(pthread_t threads[STORM_THREADS])
{
    int64_t deadline_ns = clock_monotonic_ns() + STORM_MOST_NS;
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    assert_int_equal(setitimer(ITIMER_PROF, &often, NULL), 0);
    while (clock_monotonic_ns() < deadline_ns &&
           (atomic_load(&handler_made) < ENOUGH || atomic_load(&handler_refused) < ENOUGH)) {
        for (int i = 0; i < STORM_THREADS; i++) pthread_kill(threads[i], SIGUSR1);
        work();
    }
    setitimer(ITIMER_PROF, &never, NULL);
    atomic_store(&storm_is_over, true);
}

/* Real signals at real threads: every span is made or refused, none twice, none not at all. */
static void a_storm_of_signals_loses_no_count(void **state)
{
    (void)state;
    pthread_t threads[STORM_THREADS], beginner;
    struct weir_stats before = stats_now();
    handle(SIGUSR1, make_span);
    handle(SIGPROF, make_span);
    handler_made = handler_refused = 0;
    for (int i = 0; i < STORM_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_requests, NULL), 0);
    assert_int_equal(pthread_create(&beginner, NULL, begin_threads, NULL), 0);
    storm_over(threads);
    for (int i = 0; i < STORM_THREADS; i++) pthread_join(threads[i], NULL);
    pthread_join(beginner, NULL);
    assert_true(handler_made >= ENOUGH && handler_refused >= ENOUGH);

    weir_shutdown(10000);
    struct weir_stats after = stats_now();
    assert_int_equal(after.in_flight, 0);
    assert_int_equal(after.created, after.acknowledged + after.dropped);
    assert_int_equal(after.dropped_in_handler - before.dropped_in_handler, handler_refused);
    assert_int_equal(after.created - before.created, made + handler_made + handler_refused);
    assert_int_equal(after.dropped_damaged, 0);
    assert_int_equal(after.acknowledged - before.acknowledged, peer_stored_spans(peer));
}

/* ---- a fork in a handler inside weir ---- */

static pid_t handlers_child;

static void fork_here(int signal)
{
    (void)signal;
    handlers_child = fork();
    if (handlers_child == 0) make_span(signal); /* with a state of its own: the interrupted one is in use */
}

/* The child: what was interrupted goes on, in a state that is nobody's any more; what comes after it is sent. */
static int child_goes_on(struct weir_span call, struct weir_span request)
{
    if (handler_span.generation == 0) return 1;
    weir_call_end(call);
    weir_span_end(request);
    uint64_t created = stats_now().created;
    {
        WEIR_SPAN("in the child");
    }
    if (stats_now().created != created + 1) return 2;
    enum weir_status status = weir_shutdown(5000); /* DROPPED: those that were open at the fork */
    return status == WEIR_OK || status == WEIR_DROPPED ? 0 : 3;
}

static void a_handler_inside_weir_may_fork(void **state)
{
    (void)state;
    int status;
#ifdef WEIR_SANITIZED
    skip(); /* sanitizers do not follow a fork of several threads */
#endif
    handle(SIGUSR1, fork_here);
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/", NULL), call = call_begin();
    weir_call_table(call, 1, 1, raising_cell, NULL);
    if (handlers_child == 0) _exit(child_goes_on(call, request));
    weir_call_end(call);
    weir_span_end(request);
    assert_int_equal(waitpid(handlers_child, &status, 0), handlers_child);
    assert_int_equal(status, 0);
    assert_true(peer_wait_spans(peer, 2 + 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(outside_of_weir_a_handler_makes_spans),   TEST(inside_weir_a_handlers_span_is_refused),
        TEST(inside_weir_nothing_else_is_done_either), TEST(a_storm_of_signals_loses_no_count),
        TEST(a_handler_inside_weir_may_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
