/* SPDX-License-Identifier: Apache-2.0 */
/* What is forgotten, and what is not, on a real Postgres: days by age and by size, rows, names; spans that come too late;
 * names beyond the limits. */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "collector/counters.h"
#include "collector/store/forget.h"

#include <stdlib.h>

#define DAY_NS (86400 * NS_PER_S)

static struct arena arena;
static struct store *store;
static struct id_generator generator;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    store = test_store_fresh();
    generator = test_generator();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_free(store);
    arena_fini(&arena);
    return 0;
}

static const struct forget_settings all_kept = {.keep_batches_days = 36500};

static struct forgotten forget(const struct forget_settings *settings, int64_t now_ns)
{
    struct forgotten forgotten;
    if (store_forget(store, now_ns, settings, &forgotten) != STORE_OK) fail_msg("%s", store_error(store));
    return forgotten;
}

/* A request that began so many days before TEST_NOW_NS. */
static struct batch *request_of(int64_t days_ago)
{
    return test_request(&arena, &generator, "shop", "1", "GET /", TEST_NOW_NS - days_ago * DAY_NS, NS_PER_MS,
                        2);
}

static void write_request(int64_t days_ago)
{
    assert_int_equal(store_write_batch(store, request_of(days_ago), TEST_NOW_NS), STORE_OK);
}

/* ---- which days ---- */

static void days_go_by_age_and_by_size_but_never_the_present(void **state)
{
    (void)state;
    const struct kept_day days[] = {{100, 50}, {101, 50}, {103, 50}, {104, 1000}};
    struct forget_settings by_age = {.keep_spans_days = 2}, by_size = {.keep_spans_bytes_max = 1090},
                           none = {0};
    assert_int_equal(forget_before(days, 4, 104, &none), 0);
    assert_int_equal(forget_before(days, 4, 104, &by_age), 102);
    assert_int_equal(forget_before(days, 4, 102, &by_age), 0);
    assert_int_equal(forget_before(days, 4, 104, &by_size), 102);
    by_size.keep_spans_bytes_max = 1;
    assert_int_equal(forget_before(days, 4, 104, &by_size), 104);
    by_size.keep_spans_days = 1;
    assert_int_equal(forget_before(days, 3, 104, &by_size), 104);
    assert_int_equal(forget_before(days, 0, 104, &by_age), 0);
}

static void a_day_goes_and_the_others_stay(void **state)
{
    (void)state;
    struct forget_settings settings = all_kept;
    for (int64_t ago = 0; ago <= 4; ago++) write_request(ago);
    assert_int_equal(test_number("SELECT count(*) FROM weir.day"), 5);
    settings.keep_spans_days = 2;
    assert_int_equal(forget(&settings, TEST_NOW_NS).days, 2);
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 3);
    assert_int_equal(forget(&settings, TEST_NOW_NS).days, 0);
}

static void the_oldest_days_go_until_the_rest_is_small_enough(void **state)
{
    (void)state;
    struct forget_settings settings = all_kept;
    for (int64_t ago = 0; ago <= 3; ago++) write_request(ago);
    settings.keep_spans_bytes_max = (uint64_t)test_number("SELECT sum(bytes)::bigint - 1 FROM weir.day");
    struct forgotten forgotten = forget(&settings, TEST_NOW_NS);
    assert_int_equal(forgotten.days, 1);
    assert_false(forgotten.over_size);
    settings.keep_spans_bytes_max = 1;
    forgotten = forget(&settings, TEST_NOW_NS);
    assert_int_equal(forgotten.days, 2);
    assert_true(forgotten.over_size);
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 1);
}

/* A query on the spans is not broken, and not waited for. */
static void a_reader_in_the_way_is_let_be(void **state)
{
    (void)state;
    struct forget_settings settings = all_kept;
    settings.keep_spans_days = 1;
    write_request(0);
    write_request(3);
    PGconn *reader = PQconnectdb(test_dsn());
    PQclear(PQexec(reader, "BEGIN"));
    PQclear(PQexec(reader, "SELECT count(*) FROM weir.span"));
    assert_true(forget(&settings, TEST_NOW_NS).busy);
    write_request(0); /* nor does ingest wait for either */
    PQfinish(reader);
    struct forgotten forgotten = forget(&settings, TEST_NOW_NS);
    while (forgotten.busy)
        forgotten = forget(&settings, TEST_NOW_NS); /* the server has not seen its end yet */
    assert_int_equal(forgotten.days, 1);
}

/* ---- spans that come too late ---- */

static void drop_older_than_a_day(void)
{
    struct forget_settings settings = all_kept;
    write_request(3);
    settings.keep_spans_days = 1;
    assert_int_equal(forget(&settings, TEST_NOW_NS).days, 1);
}

static void a_batch_of_a_dropped_day_is_refused(void **state)
{
    (void)state;
    drop_older_than_a_day();
    struct store_batch group[2] = {{.batch = request_of(3), .received_unix_ns = TEST_NOW_NS},
                                   {.batch = request_of(1), .received_unix_ns = TEST_NOW_NS}};
    assert_int_equal(store_write_group(store, group, 2), STORE_OK);
    assert_int_equal(group[0].result, STORE_REFUSED);
    assert_string_equal(group[0].why, "all its spans are of days that are no longer kept");
    assert_int_equal(group[0].late_spans, 3);
    assert_int_equal(group[1].result, STORE_OK);
    assert_int_equal(group[1].late_spans, 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.batch"), 2); /* the first, and this */
    assert_int_equal(test_number("SELECT count(*) FROM weir.day"), 1);
}

/* Its spans lie in two traces, one of a day that is gone. */
static void the_other_spans_of_a_batch_are_stored(void **state)
{
    (void)state;
    struct batch_shape shape = {.traces = 2, .spans = 2, .operations = 1};
    struct batch *batch = test_batch(&arena, &generator, &shape);
    drop_older_than_a_day();
    int64_t before =
        test_number("SELECT stored_by_forgotten + (SELECT sum(stored) FROM weir.producer)::bigint"
                    " FROM weir.keeping");
    batch->base_time_unix_ns = (uint64_t)(TEST_NOW_NS - 3 * DAY_NS);
    batch->start_delta_ns = arena_array(&arena, 2, sizeof *batch->start_delta_ns);
    batch->start_delta_ns[1] = 3 * DAY_NS;
    struct store_batch one = {.batch = batch, .received_unix_ns = TEST_NOW_NS};
    store_write_group(store, &one, 1);
    assert_int_equal(one.result, STORE_OK);
    assert_int_equal(one.late_spans, 1);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 1);
    assert_int_equal(test_number("SELECT sum(stored)::bigint FROM weir.producer"), before + 1);
    assert_int_equal(test_number("SELECT length(traces) FROM weir.arrival ORDER BY arrival_id DESC LIMIT 1"),
                     16);
}

/* Batches of one trace are joined to be stored; each is still told of its own. */
static void batches_of_one_trace_are_told_apart(void **state)
{
    (void)state;
    struct batch *old = request_of(3), *newer = request_of(0);
    drop_older_than_a_day();
    newer->trace_ids = old->trace_ids;
    newer->producer = old->producer;
    newer->sequence = old->sequence + 1;
    struct store_batch group[2] = {{.batch = old, .received_unix_ns = TEST_NOW_NS},
                                   {.batch = newer, .received_unix_ns = TEST_NOW_NS}};
    assert_int_equal(store_write_group(store, group, 2), STORE_OK);
    assert_int_equal(group[0].result, STORE_REFUSED);
    assert_int_equal(group[1].result, STORE_OK);
    assert_int_equal(group[1].late_spans, 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 3);
}

/* Its answer was lost; what was stored in time is not refused later. */
static void a_batch_that_was_stored_in_time_is_a_duplicate(void **state)
{
    (void)state;
    struct forget_settings settings = all_kept;
    struct batch *batch = request_of(3);
    settings.keep_spans_days = 1;
    assert_int_equal(store_write_batch(store, batch, TEST_NOW_NS), STORE_OK);
    assert_int_equal(forget(&settings, TEST_NOW_NS).days, 1);
    assert_int_equal(store_write_batch(store, batch, TEST_NOW_NS), STORE_DUPLICATE);
}

/* ---- rows and names ---- */

static void batches_and_producers_go_once_nobody_sends_them(void **state)
{
    (void)state;
    struct forget_settings settings = {.keep_batches_days = 7};
    write_request(0);
    assert_int_equal(store_write_batch(store, request_of(0), TEST_NOW_NS + 9 * DAY_NS), STORE_OK);
    assert_int_equal(forget(&settings, TEST_NOW_NS + 7 * DAY_NS).batches, 0);
    struct forgotten forgotten = forget(&settings, TEST_NOW_NS + 8 * DAY_NS);
    assert_int_equal(forgotten.batches, 1);
    assert_int_equal(forgotten.producers, 1);
    assert_int_equal(test_number("SELECT stored_by_forgotten FROM weir.keeping"), 3);
}

static void names_go_with_the_last_that_used_them(void **state)
{
    (void)state;
    struct forget_settings settings = {.keep_batches_days = 1, .keep_spans_days = 1, .keep_reports_days = 30};
    write_request(3);
    test_run("UPDATE weir.operation SET used_on = current_date - 40; UPDATE weir.site SET used_on = "
             "current_date - 40;"
             "UPDATE weir.resource SET used_on = current_date - 40");
    int64_t now_ns = clock_unix_ns();
    int64_t operations = test_number("SELECT count(*) FROM weir.operation");
    assert_true(operations > 0);
    assert_int_equal(forget(&settings, now_ns).days, 1);
    assert_int_equal(test_number("SELECT count(*) FROM weir.operation"), 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.resource"), 0);
}

static void a_name_that_is_used_again_stays(void **state)
{
    (void)state;
    struct forget_settings settings = {.keep_batches_days = 1, .keep_spans_days = 1, .keep_reports_days = 30};
    write_request(3);
    test_run("UPDATE weir.operation SET used_on = current_date - 40");
    store_free(store);
    store = test_store_again(); /* one that remembers nothing */
    int64_t now_ns = clock_unix_ns();
    struct batch *batch = test_request(&arena, &generator, "shop", "1", "GET /", now_ns, NS_PER_MS, 2);
    assert_int_equal(store_write_batch(store, batch, now_ns), STORE_OK);
    assert_int_equal(forget(&settings, now_ns).days, 1);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 3);
}

/* ---- limits ---- */

static const struct store_limits standard_limits = {
#define X(name, standard, meaning) .name = standard,
    STORE_LIMITS(X)
#undef X
};

static int restore_limits(void **state)
{
    store_set_limits(&standard_limits);
    return tear_down(state);
}

static void operations_beyond_the_limit_are_one(void **state)
{
    (void)state;
    struct store_limits few = standard_limits;
    few.operations_max = 4;
    store_set_limits(&few);
    struct batch_shape shape = {.traces = 3, .spans = 60, .operations = 30};
    uint64_t before = counters.operations_folded;
    assert_int_equal(store_write_batch(store, test_batch(&arena, &generator, &shape), TEST_NOW_NS), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.operation WHERE text <> '(other operations)'"),
                     4);
    assert_true(test_number("SELECT count(*) FROM weir.span WHERE operation = '(other operations)'") > 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 60);
    assert_true(counters.operations_folded > before);
    /* Another service has room of its own. */
    struct batch *other =
        test_request(&arena, &generator, "other", "1", "GET /other", TEST_NOW_NS, NS_PER_MS, 2);
    assert_int_equal(store_write_batch(store, other, TEST_NOW_NS), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.operation WHERE text = 'GET /other'"), 1);
}

static void services_beyond_the_limit_are_one(void **state)
{
    (void)state;
    struct store_limits few = standard_limits;
    few.services_max = 2;
    few.operations_max = 3;
    store_set_limits(&few);
    for (int i = 0; i < 10; i++) {
        char service[16], endpoint[16];
        snprintf(service, sizeof service, "s%d", i);
        snprintf(endpoint, sizeof endpoint, "GET /%d", i);
        struct batch *batch =
            test_request(&arena, &generator, service, "1", endpoint, TEST_NOW_NS, NS_PER_MS, 1);
        assert_int_equal(store_write_batch(store, batch, TEST_NOW_NS), STORE_OK);
    }
    assert_int_equal(test_number("SELECT count(DISTINCT service_name) FROM weir.resource"), 3);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span WHERE service = '(other services)'"), 16);
    assert_int_equal(test_number("SELECT count(*) FROM weir.operation WHERE brought_by = '(other services)'"
                                 " AND text <> '(other operations)'"),
                     3);
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define LIMIT(name) cmocka_unit_test_setup_teardown(name, set_up, restore_limits)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_go_by_age_and_by_size_but_never_the_present),
        TEST(a_day_goes_and_the_others_stay),
        TEST(the_oldest_days_go_until_the_rest_is_small_enough),
        TEST(a_reader_in_the_way_is_let_be),
        TEST(a_batch_of_a_dropped_day_is_refused),
        TEST(the_other_spans_of_a_batch_are_stored),
        TEST(batches_of_one_trace_are_told_apart),
        TEST(a_batch_that_was_stored_in_time_is_a_duplicate),
        TEST(batches_and_producers_go_once_nobody_sends_them),
        TEST(names_go_with_the_last_that_used_them),
        TEST(a_name_that_is_used_again_stays),
        LIMIT(operations_beyond_the_limit_are_one),
        LIMIT(services_beyond_the_limit_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
