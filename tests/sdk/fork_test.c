/* SPDX-License-Identifier: Apache-2.0 */
/* A fork in the middle of a request: the child begins anew, the parent goes on. */
#include "tests/support/cmocka.h"

#include "tests/sdk/peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/weir.h>

static struct peer *peer;

static int set_up(void **state)
{
    (void)state;
    peer = peer_start(0);
    struct weir_config config = {
        .endpoint = peer_url(peer), .export_interval_ms = 5, .shutdown_timeout_ms = 5000};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_shutdown(5000);
    peer_stop(peer);
    return 0;
}

/* In the child: what holds there. Returns the exit status. */
static int in_child(struct weir_span inherited)
{
    struct weir_stats stats;
    weir_stats(&stats);
    if (stats.dropped_forked != 1 || stats.created != 1 || stats.in_flight || stats.acknowledged) return 1;
    if (weir_span_current().slot) return 2;
    weir_span_end(inherited); /* the parent's */
    {
        WEIR_SPAN("child");
    }
    if (weir_shutdown(5000) != WEIR_DROPPED) return 3;
    weir_stats(&stats);
    if (stats.created != 2 || stats.acknowledged != 1 || stats.in_flight) return 4;
    return 0;
}

static void the_child_begins_anew(void **state)
{
    (void)state;
    int status;
    struct weir_span parent = weir_span_begin(WEIR_SITE("parent"));
    {
        WEIR_SPAN("before");
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(in_child(parent));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    {
        WEIR_SPAN("after");
    }
    weir_span_end(parent);
    assert_true(peer_wait_spans(peer, 4));

    const struct batch *of_child, *of_parent;
    uint32_t span_of_child, span_of_parent;
    assert_true(peer_find(peer, "child", 0, &of_child, &span_of_child));
    assert_true(peer_find(peer, "parent", 0, &of_parent, &span_of_parent));
    assert_int_not_equal(of_child->producer, of_parent->producer);
    assert_int_equal(of_child->sequence, 1);
    assert_int_equal(at64(of_child->parent_span_id, span_of_child), 0);
    assert_memory_not_equal(of_child->trace_ids, of_parent->trace_ids, 16);
    assert_int_equal(peer_stored_spans(peer), 4); /* nothing twice */
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < 20; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            {
                WEIR_SPAN("one of the children");
            }
            _exit(weir_shutdown(5000) == WEIR_TIMEOUT);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return "a child failed";
    }
    return unused;
}

/* Two threads fork while two others make spans. */
static void forks_under_load(void **state)
{
    (void)state;
    pthread_t threads[2];
    uint64_t spans = 0;
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, fork_often, NULL), 0);
    for (; spans < 20000; spans++) {
        WEIR_SPAN("meanwhile");
    }
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        if (failed) fail_msg("%s", (char *)failed);
    }
    assert_int_not_equal(weir_shutdown(5000), WEIR_TIMEOUT);
    struct weir_stats stats;
    weir_stats(&stats);
    assert_int_equal(peer_stored_spans(peer), spans - stats.dropped_ring_full + 40);
    assert_int_equal(stats.created, stats.acknowledged + stats.dropped);
}

/* A child that never uses weir just ends. */
static void a_child_without_spans(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The program ends without weir_shutdown: atexit sends what is left. */
static void exit_flushes(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 7; i++) {
            WEIR_SPAN("last words");
        }
        exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(peer_stored_spans(peer), 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_child_begins_anew),
        TEST(forks_under_load),
        TEST(a_child_without_spans),
        TEST(exit_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
