/* SPDX-License-Identifier: Apache-2.0 */
/* An output of the program's own, that says of each batch what it is told: what the exporter makes of it, counters exact. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "proto/batch.h"

#include <weir/output.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#define OUTCOMES_MAX 8

static struct {
    struct weir_delivery outcomes[OUTCOMES_MAX]; /* of the first calls; then STORED */
    _Atomic uint32_t calls;
    _Atomic uint64_t spans; /* of the newest batch */
    uint64_t sequences[OUTCOMES_MAX + 1];
    int64_t called_ns[OUTCOMES_MAX + 1];
    _Atomic int opened, closed;
    _Atomic bool blocks; /* in deliver, until unblock */
    _Atomic bool unblock;
    const struct weir_output_host *host;
} told;

static void *test_open(const struct weir_output_host *host)
{
    told.host = host;
    told.opened++;
    return &told;
}

static void read_batch(const void *data, size_t bytes, uint32_t call)
{
    struct batch batch;
    struct arena arena;
    const char *why;
    arena_init(&arena, 16 * bytes + ((size_t)1 << 20));
    assert_true(batch_unpack(&batch, &arena, data, bytes, &why));
    told.spans = batch.span_count;
    if (call <= OUTCOMES_MAX) told.sequences[call] = batch.sequence;
    arena_fini(&arena);
}

static void wait_a_moment(void) { poll(NULL, 0, 1); }

static void test_deliver(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    uint32_t call = told.calls;
    assert_ptr_equal(output, &told);
    assert_int_equal(delivery->lost, 0);
    read_batch(batch, bytes, call);
    if (call <= OUTCOMES_MAX) told.called_ns[call] = clock_monotonic_ns();
    told.host->sending(told.host);
    if (call < OUTCOMES_MAX) *delivery = told.outcomes[call];
    told.calls++;
    if (!told.blocks) return;
    told.host->may_block(told.host);
    while (!told.unblock) wait_a_moment();
    if (!told.host->may_block_no_more(told.host)) delivery->outcome = WEIR_BATCH_ABANDONED;
}

static void test_close(void *output)
{
    assert_ptr_equal(output, &told);
    told.closed++;
}

static bool test_accepts(const char *endpoint) { return strcmp(endpoint, "test:fine") == 0; }

static const struct weir_output output = {.version = WEIR_OUTPUT_VERSION,
                                          .schemes = "other test",
                                          .accepts = test_accepts,
                                          .open = test_open,
                                          .deliver = test_deliver,
                                          .close = test_close};

static struct weir_stats before;

/* `outcomes` end with STORED, which is 0. */
static void begin(const struct weir_delivery *outcomes, size_t count)
{
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i < count; i++) told.outcomes[i] = outcomes[i];
    assert_true(weir_output_register(&output));
    weir_stats(&before);
    assert_int_equal(weir_init(&(struct weir_config){.endpoint = "test:fine", .export_interval_ms = 5}),
                     WEIR_OK);
}

static void spans(int count)
{
    for (int i = 0; i < count; i++) {
        WEIR_SPAN("one of many");
    }
}

static void wait_calls(uint32_t count)
{
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    while (told.calls < count && clock_monotonic_ns() < deadline) wait_a_moment();
    assert_true(told.calls >= count);
}

/* Since begin. */
static struct weir_stats since(void)
{
    struct weir_stats now;
    weir_stats(&now);
    assert_int_equal(now.created, now.acknowledged + now.dropped + now.in_flight);
    now.created -= before.created;
    now.acknowledged -= before.acknowledged;
    now.dropped -= before.dropped;
    now.dropped_refused -= before.dropped_refused;
    now.dropped_shutdown -= before.dropped_shutdown;
    now.batches_sent -= before.batches_sent;
    now.batches_resent -= before.batches_resent;
    return now;
}

static void what_is_stored_is_acknowledged(void **state)
{
    (void)state;
    begin(NULL, 0);
    spans(100);
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    struct weir_stats stats = since();
    assert_int_equal(stats.acknowledged, 100);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(told.opened, 1);
    assert_int_equal(told.closed, 1);
}

static void the_same_batch_again(void **state)
{
    (void)state;
    const struct weir_delivery outcomes[] = {{.outcome = WEIR_BATCH_FAILED},
                                             {.outcome = WEIR_BATCH_RETRY, .retry_after_ms = 200},
                                             {.outcome = WEIR_BATCH_FAILED}};
    begin(outcomes, 3);
    spans(1);
    wait_calls(4);
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    for (int i = 1; i < 4; i++) assert_int_equal(told.sequences[i], told.sequences[0]);
    assert_true(told.called_ns[2] - told.called_ns[1] >= 200 * NS_PER_MS);
    struct weir_stats stats = since();
    assert_int_equal(stats.acknowledged, 1);
    assert_int_equal(stats.batches_sent, 1);
    assert_int_equal(stats.batches_resent, 3);
}

/* With ten spans in the one batch, of which three, and then more than there are, are lost. */
static void what_is_lost_of_a_batch_is_dropped(void **state)
{
    (void)state;
    const uint64_t lost[] = {3, UINT64_MAX};
    for (int i = 0; i < 2; i++) {
        begin(&(struct weir_delivery){.outcome = WEIR_BATCH_STORED, .lost = lost[i]}, 1);
        spans(1);
        wait_calls(1);
        uint64_t first = told.spans;
        assert_int_equal(weir_shutdown(5000), WEIR_DROPPED);
        struct weir_stats stats = since();
        assert_int_equal(first, 1);
        assert_int_equal(stats.dropped_refused, 1);
        assert_int_equal(stats.acknowledged, 0);
    }
}

static void what_is_refused_is_dropped(void **state)
{
    (void)state;
    begin(&(struct weir_delivery){.outcome = WEIR_BATCH_REFUSED, .reason = "no"}, 1);
    spans(1);
    wait_calls(1);
    spans(1);
    wait_calls(2);
    assert_int_equal(weir_shutdown(5000), WEIR_DROPPED);
    struct weir_stats stats = since();
    assert_int_equal(stats.dropped_refused, 1);
    assert_int_equal(stats.acknowledged, 1);
    assert_int_not_equal(told.sequences[0], told.sequences[1]);
}

/* The shutdown does not sit out a time that would come too late anyhow. */
static void a_retry_after_the_deadline_is_given_up(void **state)
{
    (void)state;
    begin(&(struct weir_delivery){.outcome = WEIR_BATCH_RETRY, .retry_after_ms = 3600000}, 1);
    spans(1);
    wait_calls(1);
    assert_int_equal(weir_shutdown(600000), WEIR_TIMEOUT);
    assert_int_equal(told.calls, 1);
    assert_int_equal(since().dropped_shutdown, 1);
}

/* Its own caution a shutdown does not keep to: the last try comes at once. */
static void a_failure_is_tried_again_at_the_shutdown(void **state)
{
    (void)state;
    struct weir_delivery outcomes[6];
    for (int i = 0; i < 6; i++) outcomes[i] = (struct weir_delivery){.outcome = WEIR_BATCH_FAILED};
    begin(outcomes, 6);
    spans(1);
    wait_calls(6);                                      /* the seventh would be due in 0.8 to 2.4 seconds */
    assert_int_equal(weir_shutdown(500), WEIR_DROPPED); /* an earlier test has dropped some */
    assert_int_equal(since().acknowledged, 1);
}

/* Left behind at the deadline, it touches nothing any more, and frees what is its own when it comes back. */
static void an_output_that_blocks_is_left_behind(void **state)
{
    (void)state;
    begin(NULL, 0);
    told.blocks = true;
    spans(1);
    wait_calls(1);
    assert_int_equal(weir_shutdown(50), WEIR_TIMEOUT);
    assert_int_equal(since().dropped_shutdown, 1);
    assert_int_equal(told.closed, 0);
    told.unblock = true;
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    while (!told.closed && clock_monotonic_ns() < deadline) wait_a_moment();
    assert_int_equal(told.closed, 1);
    assert_int_equal(since().acknowledged, 0);
}

static void endpoints_that_nobody_takes(void **state)
{
    (void)state;
    const char *const endpoints[] = {"test:bad", "tests:fine", "nothing:", "stderr:x", "file:"};
    char warning[256], expected[128];
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        assert_int_equal(weir_init(&(struct weir_config){.endpoint = endpoints[i]}), WEIR_BAD_ENDPOINT);
        snprintf(expected, sizeof expected, "weir_config.endpoint=%s names nothing", endpoints[i]);
        weir_settings_warnings(warning, sizeof warning);
        assert_non_null(strstr(warning, expected));
    }
    assert_int_equal(weir_init(&(struct weir_config){.endpoint = "nothing:u:secret@h"}), WEIR_BAD_ENDPOINT);
    weir_settings_warnings(warning, sizeof warning);
    assert_null(strstr(warning, "secret"));
}

static void outputs_that_are_not_taken(void **state)
{
    (void)state;
    static struct weir_output others[9];
    struct weir_output newer = output;
    newer.version++;
    assert_false(weir_output_register(&newer));
    assert_false(weir_output_register(NULL));
    int taken = 0;
    for (int i = 0; i < 9; i++) {
        others[i] = output;
        others[i].schemes = "unused";
        taken += weir_output_register(&others[i]);
    }
    assert_int_equal(taken, 7);                 /* beside the one that is there */
    assert_true(weir_output_register(&output)); /* which may come again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_acknowledged),
        cmocka_unit_test(the_same_batch_again),
        cmocka_unit_test(what_is_lost_of_a_batch_is_dropped),
        cmocka_unit_test(what_is_refused_is_dropped),
        cmocka_unit_test(a_retry_after_the_deadline_is_given_up),
        cmocka_unit_test(a_failure_is_tried_again_at_the_shutdown),
        cmocka_unit_test(an_output_that_blocks_is_left_behind),
        cmocka_unit_test(endpoints_that_nobody_takes),
        cmocka_unit_test(outputs_that_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
