/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#include "base/clock.h"

#define USER "SELECT name FROM users WHERE id = ?"

static struct span *ask(struct build *build, uint64_t input, uint64_t answer)
{
    struct span *call = call_db(build, request_of(build), USER, 2000, input);
    call->answer_hash = answer;
    return call;
}

static void twice_the_same(void **state)
{
    struct build *build = *state;
    ask(build, 5, 99);
    call_db(build, request_of(build), "SELECT 7 FROM other WHERE x = ?", 500, 3);
    ask(build, 5, 99);
    close_request(build);
    const struct finding *repeat = expect_one(build, FINDING_repeated_call);
    assert_int_equal(repeat->count, 2);
    assert_int_equal(repeat->confidence, CONFIDENCE_PROVEN);
    assert_int_equal(repeat->cost_ns, 4000 * NS_PER_US);
    assert_int_equal(repeat->repaired_ns, 2000 * NS_PER_US);
    assert_int_equal(repeat->saving_ns, 2000 * NS_PER_US);
    assert_int_equal(evidence_seen(repeat, EVIDENCE_same_input), 1);
    assert_int_equal(evidence_seen(repeat, EVIDENCE_same_answer), 1);
}

static void another_input_is_no_repeat(void **state)
{
    struct build *build = *state;
    ask(build, 5, 99);
    ask(build, 6, 99);
    close_request(build);
    expect_none(build);
}

static void a_write_between_ends_it(void **state)
{
    struct build *build = *state;
    ask(build, 5, 0);
    call_db(build, request_of(build), "UPDATE settings SET x = ?", 500, 3);
    ask(build, 5, 0);
    close_request(build);
    expect_none(build);
}

static void after_a_write_it_begins_again(void **state)
{
    struct build *build = *state;
    ask(build, 5, 1);
    ask(build, 5, 1);
    call_db(build, request_of(build), "DELETE FROM settings WHERE x = ?", 500, 3);
    ask(build, 5, 2);
    ask(build, 5, 2);
    close_request(build);
    const struct finding *repeat = expect_one(build, FINDING_repeated_call);
    assert_int_equal(repeat->count, 4);
    assert_int_equal(evidence_seen(repeat, EVIDENCE_same_input), 2);
    assert_int_equal(repeat->saving_ns, 4000 * NS_PER_US);
}

static void another_answer_is_polling(void **state)
{
    struct build *build = *state;
    for (uint64_t i = 1; i <= 4; i++) ask(build, 5, i);
    close_request(build);
    expect_none(build);
}

static void after_a_failure_it_is_another_try(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 3; i++) ask(build, 5, 99)->status = SPAN_STATUS_ERROR;
    ask(build, 5, 99);
    close_request(build);
    expect_none(build);
}

static void what_follows_a_good_try_is_a_repeat(void **state)
{
    struct build *build = *state;
    ask(build, 5, 99)->status = SPAN_STATUS_ERROR;
    ask(build, 5, 7);
    ask(build, 5, 7);
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_repeated_call)->count, 2);
}

static void without_answers_it_is_likely(void **state)
{
    struct build *build = *state;
    ask(build, 5, 0);
    ask(build, 5, 0);
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_repeated_call)->confidence, CONFIDENCE_LIKELY);
}

static void a_loop_with_one_input_is_a_repeat(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 30; i++) ask(build, 5, 9);
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_repeated_call)->count, 30);
}

static void a_loop_with_many_inputs_is_not(void **state)
{
    struct build *build = *state;
    for (uint64_t i = 0; i < 30; i++) ask(build, i % 15 + 1, 9);
    close_request(build);
    expect_one(build, FINDING_n_plus_one_query);
}

static void repeated_writes_are_meant(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 3; i++) call_db(build, request_of(build), "INSERT INTO log (x) VALUES (?)", 1000, 5);
    close_request(build);
    expect_none(build);
}

static void the_same_in_two_requests_is_none(void **state)
{
    struct build *build = *state;
    ask(build, 5, 9);
    close_request(build);
    struct span *other = open_server(build, NULL, "GET /x");
    call_db(build, other, USER, 2000, 5)->answer_hash = 9;
    span_close(build, other);
    expect_none(build);
}

static void http_and_cache_repeat_too(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 2; i++) call_http(build, request_of(build), "rates:80", "GET /rate/{id}", 3000, 5);
    for (int i = 0; i < 3; i++) call_cache(build, request_of(build), "GET user:{}", 200, 5);
    close_request(build);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 2);
    assert_int_equal(find_finding(findings, count, FINDING_repeated_call, "GET /rate/{id}")->count, 2);
    assert_int_equal(find_finding(findings, count, FINDING_repeated_call, "GET user:{}")->count, 3);
}

static void constant_statements_need_an_equal_answer(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 2; i++)
        call_db(build, request_of(build), "SELECT a FROM settings", 1000, 0)->answer_hash = 4;
    for (int i = 0; i < 2; i++) call_db(build, request_of(build), "SELECT b FROM settings", 1000, 0);
    close_request(build);
    assert_true(
        str_is(expect_one(build, FINDING_repeated_call)->operations[0].text, "SELECT a FROM settings"));
}

static void unknown_inputs_are_no_repeats(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 3; i++) ask(build, 0, 9);
    for (int i = 0; i < 3; i++)
        call_http(build, request_of(build), "search:80", "POST /query", 1000, 0)->answer_hash = 9;
    close_request(build);
    expect_none(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(twice_the_same),
        REQUEST_TEST(another_input_is_no_repeat),
        REQUEST_TEST(a_write_between_ends_it),
        REQUEST_TEST(after_a_write_it_begins_again),
        REQUEST_TEST(another_answer_is_polling),
        REQUEST_TEST(after_a_failure_it_is_another_try),
        REQUEST_TEST(what_follows_a_good_try_is_a_repeat),
        REQUEST_TEST(without_answers_it_is_likely),
        REQUEST_TEST(a_loop_with_one_input_is_a_repeat),
        REQUEST_TEST(a_loop_with_many_inputs_is_not),
        REQUEST_TEST(repeated_writes_are_meant),
        REQUEST_TEST(the_same_in_two_requests_is_none),
        REQUEST_TEST(http_and_cache_repeat_too),
        REQUEST_TEST(constant_statements_need_an_equal_answer),
        REQUEST_TEST(unknown_inputs_are_no_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
