/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#include "base/clock.h"

static bool is_operation(const struct span *span, const void *context)
{
    return str_is(span->operation->text, context);
}

static int64_t saved_us(struct build *build, const char *operation)
{
    struct analysis analysis = build_analysis(build);
    int64_t rest_ns = replay_without(&analysis.requests[0], is_operation, operation);
    return (analysis.requests[0].duration_ns - rest_ns) / NS_PER_US;
}

static void gaps_stay(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 3; i++) {
        call_db(build, request_of(build), "SELECT 1", 100, 1);
        build->now_us += 70;
    }
    close_request(build);
    assert_int_equal(saved_us(build, "SELECT 1"), 300);
    assert_int_equal(saved_us(build, "SELECT 2"), 0);
}

static void what_runs_beside_stays(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    build->now_us -= 60;
    call_db(build, request_of(build), "SELECT 2", 100, 1);
    close_request(build);
    assert_int_equal(saved_us(build, "SELECT 1"), 40);
    assert_int_equal(saved_us(build, "SELECT 2"), 40);
}

static void calls_that_overlap_each_other_go_together(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    build->now_us -= 60;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    close_request(build);
    assert_int_equal(saved_us(build, "SELECT 1"), 140);
}

static void other_requests_below_are_left_alone(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "b", "GET /b", 1000, 1);
    build->now_us -= 900;
    struct span *inner = open_server(build, call, "GET /b");
    call_db(build, inner, "SELECT 1", 500, 1);
    span_close(build, inner);
    build->now_us += 400;
    close_request(build);
    assert_int_equal(saved_us(build, "SELECT 1"), 0);
    assert_int_equal(saved_us(build, "GET /b"), 1000);
}

static void calls_of_nested_spans_come_in_any_order(void **state)
{
    struct build *build = *state;
    struct span *part = open_span(build, request_of(build), "part");
    build->now_us += 200;
    call_db(build, part, "SELECT 1", 100, 1);
    build->now_us -= 300;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    build->now_us += 200;
    span_close(build, part);
    close_request(build);
    assert_int_equal(saved_us(build, "SELECT 1"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(gaps_stay),
        REQUEST_TEST(what_runs_beside_stays),
        REQUEST_TEST(calls_that_overlap_each_other_go_together),
        REQUEST_TEST(other_requests_below_are_left_alone),
        REQUEST_TEST(calls_of_nested_spans_come_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
