/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#include "base/clock.h"

#define REVIEWS "SELECT rating FROM reviews WHERE product_id = ?"
#define ITEMS   "SELECT quantity FROM order_items WHERE product_id = ?"

static struct span *products(struct build *build, int64_t rows)
{
    struct span *call =
        call_db(build, request_of(build), "SELECT id FROM products WHERE merchant_id = ?", 500, 77);
    call->rows = rows;
    return call;
}

static void four_calls_are_no_loop(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), REVIEWS, 1000, 4, NULL, 0, 1);
    close_request(build);
    expect_none(build);
}

static void five_calls_are(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), REVIEWS, 1000, 5, NULL, 0, 1);
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_int_equal(loop->count, 5);
    assert_false(loop->has_source);
    assert_int_equal(loop->cost_ns, 5000 * NS_PER_US);
    assert_int_equal(loop->repaired_ns, 1000 * NS_PER_US);
    assert_int_equal(loop->saving_ns, 4000 * NS_PER_US);
    assert_int_equal(evidence_seen(loop, EVIDENCE_walks_rows), -1);
}

static void the_source_is_named(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 40);
    loop_db(build, request_of(build), REVIEWS, 1000, 40, source, 0, 1);
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_true(loop->has_source);
    assert_true(str_is(loop->source.text, "SELECT id FROM products WHERE merchant_id = ?"));
    assert_int_equal(evidence_seen(loop, EVIDENCE_walks_rows), 32);
}

static void as_many_calls_as_rows_or_no_source(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 41);
    loop_db(build, request_of(build), REVIEWS, 1000, 40, source, 0, 1);
    close_request(build);
    assert_false(expect_one(build, FINDING_n_plus_one_query)->has_source);
}

static void one_call_out_of_line_breaks_the_source(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 8);
    loop_db(build, request_of(build), REVIEWS, 1000, 3, source, 0, 1);
    loop_db(build, request_of(build), REVIEWS, 1000, 5, source, 0, 4); /* begins again at row 0 */
    close_request(build);
    assert_false(expect_one(build, FINDING_n_plus_one_query)->has_source);
}

/* Ids of customers and products begin with the same numbers: the count of rows tells the sources apart. */
static void colliding_ids_are_told_apart_by_count(void **state)
{
    struct build *build = *state;
    struct span *right = products(build, 20);
    struct span *wrong = call_db(build, request_of(build), "SELECT id FROM customers", 500, 78);
    wrong->rows = 300;
    for (uint32_t k = 0; k < 20; k++) {
        struct span *call = call_db(build, request_of(build), REVIEWS, 1000, k + 1);
        link_to(build, call, wrong, LINK_SEQUENCE, 0, k);
        link_to(build, call, right, LINK_SEQUENCE, 1, k);
    }
    close_request(build);
    assert_true(
        str_starts(expect_one(build, FINDING_n_plus_one_query)->source.text, "SELECT id FROM products"));
}

static void of_two_that_fit_the_latest_is_the_source(void **state)
{
    struct build *build = *state;
    struct span *early = products(build, 6);
    struct span *late = call_db(build, request_of(build), "SELECT id FROM featured", 500, 78);
    late->rows = 6;
    for (uint32_t k = 0; k < 6; k++) {
        struct span *call = call_db(build, request_of(build), REVIEWS, 1000, k + 1);
        link_to(build, call, late, LINK_SEQUENCE, 0, k);
        link_to(build, call, early, LINK_SEQUENCE, 0, k);
    }
    close_request(build);
    assert_true(str_is(expect_one(build, FINDING_n_plus_one_query)->source.text, "SELECT id FROM featured"));
}

static void http_rows_may_be_unknown(void **state)
{
    struct build *build = *state;
    struct span *source = call_http(build, request_of(build), "catalogue:80", "GET /products", 3000, 9);
    loop_http(build, request_of(build), "stock:80", "GET /stock/{id}", 2000, 12, source, 3, 100);
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_http);
    assert_true(str_is(loop->source.text, "GET /products"));
    assert_string_equal(loop->advice.data, "ask stock:80 for all of them at once, through a bulk endpoint");
}

static void interleaved_loops_are_two(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 10);
    for (uint32_t k = 0; k < 10; k++) {
        link_to(build, call_db(build, request_of(build), REVIEWS, 1000, k + 1), source, LINK_SEQUENCE, 0, k);
        call_connect(build, request_of(build), 100);
        link_to(build, call_db(build, request_of(build), ITEMS, 2000, k + 1), source, LINK_SEQUENCE, 0, k);
    }
    close_request(build);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 2);
    const struct finding *reviews = find_finding(findings, count, FINDING_n_plus_one_query, REVIEWS);
    const struct finding *items = find_finding(findings, count, FINDING_n_plus_one_query, ITEMS);
    assert_int_equal(reviews->count, 10);
    assert_int_equal(items->count, 10);
    assert_true(reviews->has_source && items->has_source);
    assert_true(findings[0].saving_ns > findings[1].saving_ns);
}

static void a_wrapper_for_each_round(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 6);
    for (uint32_t k = 0; k < 6; k++) {
        struct span *round = open_span(build, request_of(build), "enrich product");
        link_to(build, call_db(build, round, REVIEWS, 1000, k + 1), source, LINK_SEQUENCE, 0, k);
        span_close(build, round);
    }
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_int_equal(loop->count, 6);
    assert_true(loop->has_source);
}

static void wrappers_in_wrappers(void **state)
{
    struct build *build = *state;
    for (uint32_t k = 0; k < 5; k++) {
        struct span *outer = open_span(build, request_of(build), "enrich");
        struct span *inner = open_span(build, outer, "reviews of one");
        call_db(build, inner, REVIEWS, 1000, 2 * k + 1);
        call_db(build, inner, REVIEWS, 1000, 2 * k + 2);
        span_close(build, inner);
        span_close(build, outer);
    }
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_n_plus_one_query)->count, 10);
}

/* Two parts of a page with three calls each are no loop of six. */
static void two_parts_are_no_rounds(void **state)
{
    struct build *build = *state;
    for (uint32_t k = 0; k < 2; k++) {
        struct span *part = open_span(build, request_of(build), "part");
        loop_db(build, part, REVIEWS, 1000, 3, NULL, 0, 10 * k + 1);
        span_close(build, part);
    }
    close_request(build);
    expect_none(build);
}

static void calls_under_different_spans_are_no_loop(void **state)
{
    struct build *build = *state;
    static const char *const parts[] = {"a", "b", "c", "d", "e", "f"};
    for (uint32_t k = 0; k < 6; k++) {
        struct span *part = open_span(build, request_of(build), parts[k]);
        call_db(build, part, REVIEWS, 1000, k + 1);
        span_close(build, part);
    }
    close_request(build);
    expect_none(build);
}

/* The same loop in two places, over the same kind of source, is one thing to repair. */
static void one_loop_in_two_places_is_one_finding(void **state)
{
    struct build *build = *state;
    static const char *const parts[] = {"top sellers", "new arrivals"};
    for (uint32_t p = 0; p < 2; p++) {
        struct span *part = open_span(build, request_of(build), parts[p]);
        struct span *source = call_db(build, part, "SELECT id FROM products WHERE list = ?", 500, 70 + p);
        source->rows = 7;
        loop_db(build, part, REVIEWS, 1000, 7, source, 0, 10 * p + 1);
        span_close(build, part);
    }
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_int_equal(loop->count, 14);
    assert_int_equal(evidence_seen(loop, EVIDENCE_walks_rows), 14);
    assert_int_equal(loop->saving_ns, 12000 * NS_PER_US);
}

static void unknown_inputs_are_likely_to_differ(void **state)
{
    struct build *build = *state;
    for (int k = 0; k < 6; k++) call_db(build, request_of(build), REVIEWS, 1000, 0);
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_int_equal(loop->confidence, CONFIDENCE_LIKELY);
    assert_int_equal(evidence_seen(loop, EVIDENCE_inputs_differ), -1);
}

static void a_statement_without_values_has_no_inputs_that_differ(void **state)
{
    struct build *build = *state;
    for (int k = 0; k < 6; k++) call_db(build, request_of(build), "SELECT now()", 1000, 0);
    close_request(build);
    expect_none(build);
}

static void some_inputs_twice_is_still_a_loop(void **state)
{
    struct build *build = *state;
    for (uint32_t k = 0; k < 20; k++) call_db(build, request_of(build), REVIEWS, 1000, k % 10 + 1);
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_int_equal(loop->count, 20);
    assert_int_equal(evidence_seen(loop, EVIDENCE_inputs_differ), 10);
}

static void transactions_and_connects_are_not_counted(void **state)
{
    struct build *build = *state;
    for (int k = 0; k < 9; k++) {
        call_connect(build, request_of(build), 1000);
        call_db(build, request_of(build), "BEGIN", 100, 0);
        call_db(build, request_of(build), "COMMIT", 100, 0);
    }
    close_request(build);
    expect_none(build);
}

/* A node's parent, its parent, … */
static void walk_up(struct build *build, uint32_t count, uint32_t links)
{
    const struct span *before = NULL;
    for (uint32_t k = 0; k < count; k++) {
        struct span *call =
            call_db(build, request_of(build), "SELECT parent FROM tree WHERE id = ?", 1000, k + 1);
        if (before && k <= links) link_to(build, call, before, LINK_VALUE, 0, 0);
        before = call;
    }
    close_request(build);
}

static void calls_that_need_the_one_before_are_no_loop(void **state)
{
    walk_up(*state, 12, 12);
    expect_none(*state);
}

static void a_few_values_passed_on_are_still_a_loop(void **state)
{
    walk_up(*state, 12, 4);
    expect_one(*state, FINDING_n_plus_one_query);
}

static void a_loop_over_rows_may_pass_values_on(void **state)
{
    struct build *build = *state;
    struct span *source = products(build, 12);
    const struct span *before = source;
    for (uint32_t k = 0; k < 12; k++) {
        struct span *call = call_db(build, request_of(build), REVIEWS, 1000, k + 1);
        link_to(build, call, source, LINK_SEQUENCE, 0, k);
        if (k) link_to(build, call, before, LINK_VALUE, 0, 0);
        before = call;
    }
    close_request(build);
    assert_true(expect_one(build, FINDING_n_plus_one_query)->has_source);
}

static void a_loop_of_inserts(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), "INSERT INTO events (name) VALUES (?)", 1000, 9, NULL, 0, 1);
    close_request(build);
    assert_string_equal(expect_one(build, FINDING_n_plus_one_query)->advice.data,
                        "write all rows with one INSERT of many VALUES");
}

static void a_loop_that_ran_at_once_saves_less(void **state)
{
    struct build *build = *state;
    for (uint32_t k = 0; k < 10; k++) {
        int64_t began_us = build->now_us;
        call_http(build, request_of(build), "stock:80", "GET /stock/{id}", 10000, k + 1);
        if (k < 9) build->now_us = began_us + 100;
    }
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_http);
    assert_int_equal(loop->count, 10);
    assert_int_equal(loop->saving_ns, 900 * NS_PER_US); /* 10.9 ms in all, one call takes 10 */
}

/* Time in which something else ran is not won. */
static void only_time_of_its_own_is_won(void **state)
{
    struct build *build = *state;
    int64_t began_us = build->now_us;
    call_http(build, request_of(build), "slow:80", "GET /slow", 50000, 1);
    build->now_us = began_us;
    loop_http(build, request_of(build), "stock:80", "GET /stock/{id}", 5000, 8, NULL, 0, 1);
    build->now_us = began_us + 60000;
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_n_plus_one_http)->saving_ns, 0);
}

/* 1 ms a call and 10 µs a row: as one call 1 ms and 10 µs for each of all rows. */
static void the_repaired_cost_comes_from_the_rows(void **state)
{
    struct build *build = *state;
    int64_t rows = 0;
    for (uint32_t k = 0; k < 20; k++) {
        struct span *call = call_db(build, request_of(build), REVIEWS, 1000 + 10 * k, k + 1);
        call->rows = k;
        rows += k;
    }
    close_request(build);
    int64_t repaired_ns = expect_one(build, FINDING_n_plus_one_query)->repaired_ns;
    assert_in_range(repaired_ns, (1000 + 10 * rows) * NS_PER_US - 1000,
                    (1000 + 10 * rows) * NS_PER_US + 1000);
}

static void a_repair_never_costs_more(void **state)
{
    struct build *build = *state;
    for (uint32_t k = 0; k < 10; k++) {
        struct span *call = call_db(build, request_of(build), REVIEWS, k < 9 ? 10 : 5000, k + 1);
        call->rows = k < 9 ? 1000 : 2000;
    }
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_true(loop->repaired_ns <= loop->cost_ns);
    assert_true(loop->saving_ns >= 0);
}

static void advice_names_the_one_column(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), "SELECT id FROM t WHERE a = ? AND b = ?", 1000, 6, NULL, 0, 1);
    loop_db(build, request_of(build), "UPDATE t SET seen = now() WHERE t.id = ?", 2000, 6, NULL, 0, 1);
    close_request(build);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 2);
    assert_string_equal(findings[1].advice.data, "join, or pass all values at once: = ANY($1)");
    assert_string_equal(findings[0].advice.data, "one statement with WHERE t.id = ANY($1)");
}

/* Calls that another service makes in its own request are its own. */
static void each_service_has_its_own_loops(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "stock:80", "GET /all", 20000, 1);
    build->now_us -= 19000;
    build_service(build, "stock");
    struct span *inner = open_server(build, call, "GET /all");
    loop_db(build, inner, REVIEWS, 1000, 6, NULL, 0, 1);
    span_close(build, inner);
    build->now_us += 14000;
    close_request(build);
    const struct finding *loop = expect_one(build, FINDING_n_plus_one_query);
    assert_true(str_is(loop->service, "stock"));
    assert_true(str_is(loop->endpoint, "GET /all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(four_calls_are_no_loop),
        REQUEST_TEST(five_calls_are),
        REQUEST_TEST(the_source_is_named),
        REQUEST_TEST(as_many_calls_as_rows_or_no_source),
        REQUEST_TEST(one_call_out_of_line_breaks_the_source),
        REQUEST_TEST(colliding_ids_are_told_apart_by_count),
        REQUEST_TEST(of_two_that_fit_the_latest_is_the_source),
        REQUEST_TEST(http_rows_may_be_unknown),
        REQUEST_TEST(interleaved_loops_are_two),
        REQUEST_TEST(a_wrapper_for_each_round),
        REQUEST_TEST(wrappers_in_wrappers),
        REQUEST_TEST(two_parts_are_no_rounds),
        REQUEST_TEST(calls_under_different_spans_are_no_loop),
        REQUEST_TEST(one_loop_in_two_places_is_one_finding),
        REQUEST_TEST(unknown_inputs_are_likely_to_differ),
        REQUEST_TEST(a_statement_without_values_has_no_inputs_that_differ),
        REQUEST_TEST(some_inputs_twice_is_still_a_loop),
        REQUEST_TEST(transactions_and_connects_are_not_counted),
        REQUEST_TEST(calls_that_need_the_one_before_are_no_loop),
        REQUEST_TEST(a_few_values_passed_on_are_still_a_loop),
        REQUEST_TEST(a_loop_over_rows_may_pass_values_on),
        REQUEST_TEST(a_loop_of_inserts),
        REQUEST_TEST(a_loop_that_ran_at_once_saves_less),
        REQUEST_TEST(only_time_of_its_own_is_won),
        REQUEST_TEST(the_repaired_cost_comes_from_the_rows),
        REQUEST_TEST(a_repair_never_costs_more),
        REQUEST_TEST(advice_names_the_one_column),
        REQUEST_TEST(each_service_has_its_own_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
