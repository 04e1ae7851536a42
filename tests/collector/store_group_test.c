/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of batches into a real Postgres: one transaction where that can be, and each batch its own result. */
#include "tests/collector/store_support.h"

#include "base/clock.h"

#include <stdlib.h>

#define GROUP_MAX 16

static struct arena arena;
static struct store *store;
static struct id_generator generator;
static struct store_batch group[GROUP_MAX];

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    store = test_store_fresh();
    generator = test_generator();
    memset(group, 0, sizeof group);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_free(store);
    arena_fini(&arena);
    return 0;
}

static struct batch *a_batch(uint32_t traces, uint32_t spans)
{
    struct batch_shape shape = {
        .traces = traces, .spans = spans, .operations = 5, .attributes = true, .links = true, .errors = true};
    return test_batch(&arena, &generator, &shape);
}

static void put(size_t at, const struct batch *batch)
{
    group[at] = (struct store_batch){.batch = batch, .received_unix_ns = TEST_NOW_NS + (int64_t)at};
}

static void assert_results(size_t count, const enum store_result *expected)
{
    for (size_t i = 0; i < count; i++)
        if (group[i].result != expected[i]) fail_msg("batch %zu: %d, %s", i, group[i].result, group[i].why);
}

static int64_t transactions(void) { return test_number("SELECT count(DISTINCT xmin::text) FROM weir.batch"); }

static void several_producers_share_a_transaction(void **state)
{
    (void)state;
    const enum store_result all[3] = {STORE_OK, STORE_OK, STORE_OK};
    for (size_t i = 0; i < 3; i++) put(i, a_batch(4, 20 + (uint32_t)i));
    assert_int_equal(store_write_group(store, group, 3), STORE_OK);
    assert_results(3, all);
    assert_int_equal(transactions(), 1);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 63);
    assert_int_equal(test_number("SELECT count(*) FROM weir.producer"), 3);
    assert_int_equal(test_number("SELECT sum(length(traces) / 16)::bigint FROM weir.arrival"), 12);
}

/* Spans of a trace in several batches of a producer are one fragment; what is read is the same as from several. */
static void traces_that_batches_share_are_one_fragment(void **state)
{
    (void)state;
    struct batch *first = a_batch(10, 60), *second = a_batch(10, 50), *other = a_batch(10, 40);
    second->producer = first->producer;
    first->sequence = 1, second->sequence = 2;
    memcpy(second->trace_ids, first->trace_ids, 5 * 16);
    memcpy(other->trace_ids, first->trace_ids, 10 * 16); /* another process: not joined */
    put(0, first), put(1, second), put(2, other);
    assert_int_equal(store_write_group(store, group, 3), STORE_OK);
    for (size_t i = 0; i < 3; i++) assert_int_equal(group[i].result, STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.batch"), 3);
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 15 + 10);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 150);
    assert_int_equal(test_number("SELECT sum(stored)::bigint FROM weir.producer"), 150);
    char *together =
        test_text("SELECT string_agg(format('%s %s %s %s', trace_id, operation, duration_ms, start), ','"
                  " ORDER BY trace_id, start, operation, duration_ms) FROM weir.span");
    struct store *fresh = test_store_fresh();
    assert_int_equal(store_write_batch(fresh, first, TEST_NOW_NS), STORE_OK);
    assert_int_equal(store_write_batch(fresh, second, TEST_NOW_NS), STORE_OK);
    assert_int_equal(store_write_batch(fresh, other, TEST_NOW_NS), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 30);
    char *apart =
        test_text("SELECT string_agg(format('%s %s %s %s', trace_id, operation, duration_ms, start), ','"
                  " ORDER BY trace_id, start, operation, duration_ms) FROM weir.span");
    assert_string_equal(together, apart);
    free(together);
    free(apart);
    store_free(fresh);
}

/* Several batches of one producer: one row, its counters the greatest, its spans the sum. */
static void batches_of_one_producer_are_one_row(void **state)
{
    (void)state;
    struct batch *first = a_batch(1, 5), *second = a_batch(1, 7), *without_spans = a_batch(1, 1);
    first->producer = second->producer = without_spans->producer = 42;
    first->sequence = 1, second->sequence = 2, without_spans->sequence = 3;
    first->created = 100, second->created = 50, without_spans->created = 7;
    without_spans->span_count = 0;
    put(0, second), put(1, first), put(2, without_spans);
    assert_int_equal(store_write_group(store, group, 3), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.batch"), 3);
    assert_int_equal(test_number("SELECT stored FROM weir.producer WHERE producer = 42"), 12);
    assert_int_equal(test_number("SELECT created FROM weir.producer WHERE producer = 42"), 100);
}

static void a_group_of_counters_alone_is_stored(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct batch *batch = a_batch(1, 1);
        batch->span_count = 0;
        put(i, batch);
    }
    assert_int_equal(store_write_group(store, group, 2), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.producer"), 2);
    assert_int_equal(test_number("SELECT count(*) FROM weir.arrival"), 0);
}

/* What was stored before is told, and the others are stored together all the same. */
static void a_duplicate_does_not_keep_the_others(void **state)
{
    (void)state;
    const enum store_result mixed[5] = {STORE_OK, STORE_DUPLICATE, STORE_OK, STORE_DUPLICATE, STORE_OK};
    struct batch *batches[5];
    for (size_t i = 0; i < 5; i++) batches[i] = a_batch(3, 10);
    assert_int_equal(store_write_batch(store, batches[1], TEST_NOW_NS), STORE_OK);
    assert_int_equal(store_write_batch(store, batches[3], TEST_NOW_NS), STORE_OK);
    for (size_t i = 0; i < 5; i++) put(i, batches[i]);
    assert_int_equal(store_write_group(store, group, 5), STORE_OK);
    assert_results(5, mixed);
    assert_int_equal(transactions(), 3);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 50);
    assert_int_equal(store_write_group(store, group, 5), STORE_OK);
    for (size_t i = 0; i < 5; i++) assert_int_equal(group[i].result, STORE_DUPLICATE);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 50);
}

/* Sent again before the first was stored: both are in one group. */
static void the_same_batch_twice_in_a_group_is_stored_once(void **state)
{
    (void)state;
    struct batch *batch = a_batch(2, 9), *other = a_batch(2, 9);
    put(0, batch), put(1, other), put(2, batch);
    assert_int_equal(store_write_group(store, group, 3), STORE_OK);
    assert_int_equal(group[1].result, STORE_OK);
    assert_int_equal((group[0].result == STORE_OK) + (group[2].result == STORE_OK), 1);
    assert_int_equal((group[0].result == STORE_DUPLICATE) + (group[2].result == STORE_DUPLICATE), 1);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 18);
}

/* One that cannot be stored is found, refused with its reason, and the others go in. */
static void a_batch_that_is_refused_does_not_keep_the_others(void **state)
{
    (void)state;
    test_run("ALTER TABLE weir.producer ADD CONSTRAINT broken CHECK (producer <> 13)");
    for (size_t i = 0; i < 7; i++) put(i, a_batch(2, 10));
    struct batch *bad = a_batch(2, 10);
    bad->producer = 13;
    put(7, bad);
    assert_int_equal(store_write_group(store, group, 8), STORE_OK);
    for (size_t i = 0; i < 7; i++) assert_int_equal(group[i].result, STORE_OK);
    assert_int_equal(group[7].result, STORE_REFUSED);
    assert_non_null(strstr(group[7].why, "broken"));
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 70);
}

/* A failure in the COPY, with rows already sent, leaves nothing of the group behind but what can stand alone. */
static void a_failure_in_the_rows_leaves_nothing(void **state)
{
    (void)state;
    test_run("ALTER TABLE weir.fragment ADD CONSTRAINT broken CHECK (cardinality(operation_id) < 5000)");
    put(0, a_batch(500, 20000));
    put(1, a_batch(1, 6000));
    put(2, a_batch(500, 20000));
    assert_int_equal(store_write_group(store, group, 3), STORE_OK);
    const enum store_result expected[3] = {STORE_OK, STORE_REFUSED, STORE_OK};
    assert_results(3, expected);
    assert_int_equal(test_number("SELECT count(*) FROM weir.batch"), 2);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 40000);
    assert_int_equal(test_number("SELECT sum(length(traces) / 16)::bigint FROM weir.arrival"), 1000);
}

static void a_server_that_is_away_is_told_for_each(void **state)
{
    (void)state;
    struct store *nowhere = store_new("host=/nonexistent-weir");
    for (size_t i = 0; i < 2; i++) put(i, a_batch(1, 1));
    assert_int_equal(store_write_group(nowhere, group, 2), STORE_AWAY);
    for (size_t i = 0; i < 2; i++) assert_int_equal(group[i].result, STORE_AWAY);
    store_free(nowhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(several_producers_share_a_transaction),
        TEST(traces_that_batches_share_are_one_fragment),
        TEST(batches_of_one_producer_are_one_row),
        TEST(a_group_of_counters_alone_is_stored),
        TEST(a_duplicate_does_not_keep_the_others),
        TEST(the_same_batch_twice_in_a_group_is_stored_once),
        TEST(a_batch_that_is_refused_does_not_keep_the_others),
        TEST(a_failure_in_the_rows_leaves_nothing),
        TEST(a_server_that_is_away_is_told_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
