/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

/* The texts of the spans on the path, one letter each, in order of start. */
static const char *path_of(struct build *build, char to[64])
{
    struct trace trace = build_trace(build);
    bool marks[64];
    size_t at = 0;
    mark_critical_path(&trace, trace.roots[0], marks);
    for (size_t i = 0; i < trace.span_count; i++) {
        if (marks[i]) to[at++] = trace.spans[i].operation->text.data[0];
    }
    to[at] = 0;
    return to;
}

static void one_after_another_are_all_on_it(void **state)
{
    struct build *build = *state;
    char path[64];
    call_db(build, request_of(build), "A", 100, 1);
    call_db(build, request_of(build), "B", 100, 1);
    close_request(build);
    assert_string_equal(path_of(build, path), "GAB");
}

static void of_two_at_once_the_last_to_end(void **state)
{
    struct build *build = *state;
    char path[64];
    call_db(build, request_of(build), "A", 300, 1);
    build->now_us -= 300;
    call_db(build, request_of(build), "B", 100, 1);
    build->now_us += 200;
    call_db(build, request_of(build), "C", 100, 1);
    close_request(build);
    assert_string_equal(path_of(build, path), "GAC");
}

static void a_long_one_before_a_short_one_inside_its_time(void **state)
{
    struct build *build = *state;
    char path[64];
    call_db(build, request_of(build), "A", 300, 1);
    build->now_us -= 250;
    call_db(build, request_of(build), "B", 100, 1);
    build->now_us += 150;
    close_request(build);
    assert_string_equal(path_of(build, path), "GA");
}

static void it_goes_into_children(void **state)
{
    struct build *build = *state;
    char path[64];
    struct span *part = open_span(build, request_of(build), "P");
    call_db(build, part, "A", 100, 1);
    call_db(build, part, "B", 100, 1);
    span_close(build, part);
    build->now_us -= 200;
    struct span *beside = open_span(build, request_of(build), "Q");
    call_db(build, beside, "C", 50, 1);
    span_close(build, beside);
    build->now_us += 150;
    close_request(build);
    assert_string_equal(path_of(build, path), "GPAB");
}

static void what_goes_on_after_the_request_is_not_on_it(void **state)
{
    struct build *build = *state;
    char path[64];
    call_db(build, request_of(build), "A", 100, 1);
    struct span *job = open_span(build, request_of(build), "J");
    build->now_us += 10;
    close_request(build);
    call_db(build, job, "B", 5000, 1);
    span_close(build, job);
    assert_string_equal(path_of(build, path), "GA");
}

static void what_begins_after_the_parent_is_not_on_it(void **state)
{
    struct build *build = *state;
    char path[64];
    call_db(build, request_of(build), "A", 100, 1);
    close_request(build);
    build->now_us += 50;
    call_db(build, request_of(build), "B", 100, 1);
    assert_string_equal(path_of(build, path), "GA");
}

static void a_child_that_outlives_its_parent(void **state)
{
    struct build *build = *state;
    char path[64];
    struct span *part = open_span(build, request_of(build), "P");
    build->now_us += 50;
    call_db(build, part, "A", 100, 1);
    build->now_us -= 50;
    span_close(build, part);
    call_db(build, request_of(build), "B", 100, 1);
    close_request(build);
    assert_string_equal(path_of(build, path), "GPAB");
}

static void only_the_subtree_asked_for(void **state)
{
    struct build *build = *state;
    struct span *part = open_span(build, request_of(build), "P");
    call_db(build, part, "A", 100, 1);
    span_close(build, part);
    call_db(build, request_of(build), "B", 100, 1);
    close_request(build);
    struct trace trace = build_trace(build);
    bool marks[4];
    mark_critical_path(&trace, trace.roots[0]->first_child, marks);
    assert_false(marks[0]);
    assert_true(marks[1] && marks[2]);
    assert_false(marks[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(one_after_another_are_all_on_it),
        REQUEST_TEST(of_two_at_once_the_last_to_end),
        REQUEST_TEST(a_long_one_before_a_short_one_inside_its_time),
        REQUEST_TEST(it_goes_into_children),
        REQUEST_TEST(what_goes_on_after_the_request_is_not_on_it),
        REQUEST_TEST(what_begins_after_the_parent_is_not_on_it),
        REQUEST_TEST(a_child_that_outlives_its_parent),
        REQUEST_TEST(only_the_subtree_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
