/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#include "base/clock.h"

static void calls_are_counted_by_type(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    call_db(build, request_of(build), "SELECT 2", 200, 1);
    call_http(build, request_of(build), "a", "GET /a", 300, 1);
    call_cache(build, request_of(build), "GET k:{}", 50, 1);
    call_connect(build, request_of(build), 1000);
    close_request(build);
    struct analysis analysis = build_analysis(build);
    const struct request *request = &analysis.requests[0];
    assert_int_equal(request->db_calls, 2);
    assert_int_equal(request->http_calls, 1);
    assert_int_equal(request->cache_calls, 1);
    assert_int_equal(request->db_ns, 300 * NS_PER_US);
    assert_int_equal(request->call_ns, 650 * NS_PER_US);
    assert_true(str_is(request->endpoint, "GET /x"));
    assert_true(str_is(request->service, "shop"));
}

/* Fragments bring copies: one operation whatever its pointer. Most time comes first. */
static void operations_are_totalled(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1)->rows = 4;
    call_db(build, request_of(build), "SELECT 2", 150, 1);
    call_db(build, request_of(build), "SELECT 1", 100, 1)->rows = 5;
    close_request(build);
    struct analysis analysis = build_analysis(build);
    const struct request *request = &analysis.requests[0];
    assert_int_equal(request->operation_count, 2);
    assert_true(str_is(request->operations[0].operation->text, "SELECT 1"));
    assert_int_equal(request->operations[0].count, 2);
    assert_int_equal(request->operations[0].total_ns, 200 * NS_PER_US);
    assert_int_equal(request->operations[0].rows, 9);
    assert_int_equal(request->operations[1].rows, -1);
}

static void overlapping_time_counts_once(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    build->now_us -= 50;
    call_db(build, request_of(build), "SELECT 2", 100, 1);
    close_request(build);
    assert_int_equal(build_analysis(build).requests[0].db_ns, 150 * NS_PER_US);
}

/* Work that goes on when the request has been answered is none of its time. */
static void time_after_the_request_is_not_its_own(void **state)
{
    struct build *build = *state;
    struct span *call = call_db(build, request_of(build), "SELECT 1", 100, 1);
    close_request(build);
    call->duration_ns *= 10;
    assert_int_equal(build_analysis(build).requests[0].db_ns, 100 * NS_PER_US);
}

static void a_server_below_is_a_request_of_its_own(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "stock:80", "GET /all", 1000, 1);
    build->now_us -= 900;
    build_service(build, "stock");
    struct span *inner = open_server(build, call, "GET /all");
    call_db(build, inner, "SELECT 1", 500, 1);
    span_close(build, inner);
    build->now_us += 400;
    close_request(build);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 2);
    assert_int_equal(analysis.requests[0].http_calls, 1);
    assert_int_equal(analysis.requests[0].db_calls, 0);
    assert_int_equal(analysis.requests[1].db_calls, 1);
    assert_true(str_is(analysis.requests[1].service, "stock"));
}

/* The same service calls itself over HTTP: still two requests. */
static void a_server_below_in_the_same_service(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "shop:80", "GET /y", 1000, 1);
    build->now_us -= 900;
    struct span *inner = open_server(build, call, "GET /y");
    call_db(build, inner, "SELECT 1", 500, 1);
    span_close(build, inner);
    close_request(build);
    assert_int_equal(build_analysis(build).request_count, 2);
}

static void a_root_span_is_a_request(void **state)
{
    struct build *build = *state;
    build->count = 0;
    struct span *job = open_span(build, NULL, "nightly job");
    call_db(build, job, "SELECT 1", 500, 1);
    span_close(build, job);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 1);
    assert_true(str_is(analysis.requests[0].endpoint, "nightly job"));
}

static void a_call_outside_any_request_is_none(void **state)
{
    struct build *build = *state;
    build->count = 0;
    call_connect(build, NULL, 500);
    call_db(build, NULL, "SELECT version()", 500, 1);
    assert_int_equal(build_analysis(build).request_count, 0);
}

static void a_lost_root_leaves_no_request_of_scraps(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), "SELECT a FROM b WHERE c = ?", 1000, 20, NULL, 0, 1);
    build->spans++; /* the request itself never came */
    build->count--;
    assert_int_equal(build_analysis(build).request_count, 0);
}

static void a_part_of_a_lost_request_is_none(void **state)
{
    struct build *build = *state;
    struct span *part = open_span(build, request_of(build), "part");
    call_db(build, part, "SELECT 1", 500, 1);
    span_close(build, part);
    build->spans++; /* the request itself never came */
    build->count--;
    assert_int_equal(build_analysis(build).request_count, 0);
}

static void a_server_whose_caller_is_unknown_is_a_request(void **state)
{
    struct build *build = *state;
    request_of(build)->parent_id = 999;
    request_of(build)->remote_parent = true;
    call_db(build, request_of(build), "SELECT 1", 500, 1);
    close_request(build);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 1);
    assert_int_equal(analysis.requests[0].db_calls, 1);
}

/* Another process that sends no server span: its spans are not counted to the caller. */
static void a_process_without_server_span(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "old:80", "GET /old", 1000, 1);
    build->now_us -= 900;
    build_service(build, "old");
    struct span *work = open_span(build, call, "work");
    call_db(build, work, "SELECT 1", 500, 1);
    span_close(build, work);
    build->now_us += 400;
    close_request(build);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 2);
    assert_int_equal(analysis.requests[0].db_calls, 0);
    assert_true(str_is(analysis.requests[1].endpoint, "work"));
    assert_int_equal(analysis.requests[1].db_calls, 1);
}

static void errors_are_seen(void **state)
{
    struct build *build = *state;
    request_of(build)->status = SPAN_STATUS_ERROR;
    close_request(build);
    assert_true(build_analysis(build).requests[0].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(calls_are_counted_by_type),
        REQUEST_TEST(operations_are_totalled),
        REQUEST_TEST(overlapping_time_counts_once),
        REQUEST_TEST(time_after_the_request_is_not_its_own),
        REQUEST_TEST(a_server_below_is_a_request_of_its_own),
        REQUEST_TEST(a_server_below_in_the_same_service),
        REQUEST_TEST(a_root_span_is_a_request),
        REQUEST_TEST(a_call_outside_any_request_is_none),
        REQUEST_TEST(a_lost_root_leaves_no_request_of_scraps),
        REQUEST_TEST(a_part_of_a_lost_request_is_none),
        REQUEST_TEST(a_server_whose_caller_is_unknown_is_a_request),
        REQUEST_TEST(a_process_without_server_span),
        REQUEST_TEST(errors_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
