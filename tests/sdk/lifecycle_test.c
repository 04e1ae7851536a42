/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and ending, with and without a collector; counters that add up under load; threads that come and go. */
#include "tests/support/cmocka.h"

#include "sdk/core/process.h"
#include "tests/sdk/peer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/call.h>

#define NOBODY "tcp://127.0.0.1:1" /* tcpmux: nobody listens there */

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    assert_int_equal(stats.created, stats.acknowledged + stats.dropped + stats.in_flight);
    return stats;
}

static void spans(int count)
{
    for (int i = 0; i < count; i++) {
        WEIR_SPAN("one of many");
    }
}

static void everything_is_harmless_while_off(void **state)
{
    (void)state;
    char text[WEIR_TRACEPARENT_BYTES] = "x";
    uint64_t before = stats_now().created;
    WEIR_SERVER_SPAN(request, "GET", "/", NULL);
    WEIR_SPAN("off");
    weir_server_target(request, "/x");
    weir_server_response(request, 500);
    weir_traceparent(request, text);
    assert_string_equal(text, "");
    weir_int("a", 1);
    struct weir_span call = weir_call_begin(&(struct weir_call){NULL, WEIR_CALL_DB, "x", NULL, "y", 1, 0});
    weir_call_input(call, "1", 1);
    weir_call_send(call);
    weir_call_unread(call, text);
    weir_call_end(call);
    assert_int_equal(weir_span_current().slot, 0);
    assert_int_equal(stats_now().created, before);
    assert_int_equal(weir_shutdown(10), WEIR_NOT_RUNNING);
}

static void init_says_what_it_did(void **state)
{
    (void)state;
    struct weir_config config = {.endpoint = NOBODY};
    assert_int_equal(weir_init(&(struct weir_config){.endpoint = "localhost"}), WEIR_BAD_ENDPOINT);
    setenv("OTEL_SDK_DISABLED", "true", 1);
    assert_int_equal(weir_init(&config), WEIR_DISABLED);
    {
        WEIR_SPAN("none");
    }
    unsetenv("OTEL_SDK_DISABLED");
    assert_int_equal(weir_init(&config), WEIR_OK);
    assert_int_equal(weir_init(&config), WEIR_ALREADY);
    assert_int_not_equal(weir_shutdown(1000), WEIR_TIMEOUT); /* nothing to send: no collector needed */
    assert_int_equal(weir_shutdown(1000), WEIR_NOT_RUNNING);
    for (int status = 0; status < WEIR_STATUS_LAST_; status++)
        assert_true(strlen(weir_status_text(status)) > 3);
    everything_is_harmless_while_off(state);
}

static void no_collector(void **state)
{
    (void)state;
    struct weir_config config = {.endpoint = NOBODY, .export_interval_ms = 5};
    assert_int_equal(weir_init(&config), WEIR_OK);
    uint64_t before = stats_now().dropped_shutdown;
    struct weir_span open = weir_span_begin(WEIR_SITE("still open"));
    spans(10000); /* more than one batch: some stay in the ring */
    assert_int_equal(weir_shutdown(100), WEIR_TIMEOUT);
    assert_int_equal(stats_now().dropped_shutdown - before, 10000);
    assert_int_equal(stats_now().in_flight, 0);
    weir_span_end(open);
    assert_int_equal(weir_init(&config), WEIR_OK);
    weir_span_end(open); /* of another life */
    assert_int_equal(weir_span_current().slot, 0);
    assert_int_equal(stats_now().in_flight, 0);
    weir_shutdown(10);
}

static void an_unknown_host(void **state)
{
    (void)state;
    struct weir_config config = {.endpoint = "tcp://no-such-host.invalid:5140", .export_interval_ms = 5};
    assert_int_equal(weir_init(&config), WEIR_OK);
    uint64_t before = stats_now().dropped_shutdown;
    spans(10);
    assert_int_equal(weir_shutdown(50), WEIR_TIMEOUT);
    assert_int_equal(stats_now().dropped_shutdown - before, 10);
}

/* A real peer in a process of its own, stopped: it accepts by its backlog and says nothing. */
static void a_stopped_collector(void **state)
{
    (void)state;
    int ports[2], status;
    uint16_t port;
    assert_int_equal(pipe(ports), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct peer *peer = peer_start(0);
        port = peer_port(peer);
        if (write(ports[1], &port, sizeof port) != sizeof port) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ports[0], &port, sizeof port), sizeof port);
    kill(child, SIGSTOP);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);

    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", port);
    struct weir_config config = {.endpoint = url, .export_interval_ms = 5};
    assert_int_equal(weir_init(&config), WEIR_OK);
    uint64_t before = stats_now().dropped_shutdown;
    spans(1000);
    assert_int_equal(weir_shutdown(200), WEIR_TIMEOUT);
    assert_int_equal(stats_now().dropped_shutdown - before, 1000);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close(ports[0]);
    close(ports[1]);
}

static void again_after_shutdown(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5};
    for (int round = 0; round < 3; round++) {
        assert_int_equal(weir_init(&config), WEIR_OK);
        spans(10);
        weir_shutdown(5000);
    }
    assert_int_equal(peer_stored_spans(peer), 30);
    assert_int_equal(peer_batch(peer, 2)->batch.producer, peer_batch(peer, 0)->batch.producer);
    assert_true(peer_batch(peer, 2)->batch.sequence > peer_batch(peer, 0)->batch.sequence);
    peer_stop(peer);
}

#define LOAD_THREADS 4
#define LOAD_SPANS   200000

static void *load(void *unused)
{
    for (int i = 0; i < LOAD_SPANS; i++) {
        WEIR_SPAN("load");
        if (i % 8 == 0) weir_int("i", i);
    }
    return unused;
}

static void counters_add_up_under_load(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    peer_only_count(peer);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5, .ring_bytes = 1 << 15};
    struct weir_stats before = stats_now(), during;
    pthread_t threads[LOAD_THREADS];
    assert_int_equal(weir_init(&config), WEIR_OK);
    for (int i = 0; i < LOAD_THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, load, NULL), 0);
    for (int i = 0; i < 1000; i++) weir_stats(&during);
    for (int i = 0; i < LOAD_THREADS; i++) pthread_join(threads[i], NULL);
    struct weir_stats quiet = stats_now(); /* the exporter still works; the sum holds */
    assert_int_equal(quiet.created - before.created, LOAD_THREADS * LOAD_SPANS);
    weir_shutdown(10000);
    struct weir_stats after = stats_now();
    assert_int_equal(after.in_flight, 0);
    assert_int_equal(after.dropped_shutdown, before.dropped_shutdown);
    assert_int_equal(after.acknowledged - before.acknowledged, peer_stored_spans(peer));
    assert_true(after.acknowledged > before.acknowledged);
    peer_stop(peer);
}

static void *one_span(void *unused)
{
    {
        WEIR_SPAN("short life");
    }
    weir_span_begin(WEIR_SITE("left open"));
    return unused;
}

/* Threads that follow each other share one state, and lose nothing that they ended. */
static void threads_come_and_go(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5};
    assert_int_equal(weir_init(&config), WEIR_OK);
    uint32_t states = weir_process.thread_count;
    for (int i = 0; i < 500; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, one_span, NULL), 0);
        pthread_join(thread, NULL);
    }
    assert_true(peer_wait_spans(peer, 500));
    assert_true(weir_process.thread_count <= states + 1);
    weir_shutdown(5000);
    assert_int_equal(peer_stored_spans(peer), 500);
    peer_stop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_harmless_while_off),
        cmocka_unit_test(a_stopped_collector), /* its child uses nng: before this process does */
        cmocka_unit_test(init_says_what_it_did),
        cmocka_unit_test(no_collector),
        cmocka_unit_test(an_unknown_host),
        cmocka_unit_test(again_after_shutdown),
        cmocka_unit_test(threads_come_and_go),
        cmocka_unit_test(counters_add_up_under_load), /* last: its small rings stay */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
