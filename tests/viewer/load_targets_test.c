/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/cli/load_targets.h"

#include <string.h>

static struct load_targets targets;
static char error[LOAD_ERROR_BYTES];

static bool reads(const char *url) { return load_targets_read(&targets, &url, 1, error); }

static void is_target(uint64_t id, const char *expected)
{
    char url[LOAD_URL_BYTES];
    load_targets_write(&targets, id, url);
    assert_string_equal(url, expected);
}

static void a_plain_url_is_one_id(void **state)
{
    (void)state;
    assert_true(reads("http://localhost:80/a?b=c"));
    assert_int_equal(targets.count, 1);
    is_target(0, "http://localhost:80/a?b=c");
    assert_true(reads("https://h"));
    is_target(0, "https://h");
}

static void a_range_is_its_numbers_both_ends_included(void **state)
{
    (void)state;
    assert_true(reads("http://h/api/dashboard/{1-20}"));
    assert_int_equal(targets.count, 20);
    is_target(0, "http://h/api/dashboard/1");
    is_target(19, "http://h/api/dashboard/20");
}

static void of_several_ranges_the_last_runs_fastest(void **state)
{
    (void)state;
    assert_true(reads("http://h/{7-8}/x?page={1-3}&z"));
    assert_int_equal(targets.count, 6);
    is_target(0, "http://h/7/x?page=1&z");
    is_target(2, "http://h/7/x?page=3&z");
    is_target(3, "http://h/8/x?page=1&z");
    is_target(5, "http://h/8/x?page=3&z");
}

static void ids_go_through_one_url_and_then_the_next(void **state)
{
    (void)state;
    const char *const urls[] = {"http://h/{1-2}", "http://g/", "http://f/{5-6}"};
    assert_true(load_targets_read(&targets, urls, 3, error));
    assert_int_equal(targets.count, 5);
    is_target(1, "http://h/2");
    is_target(2, "http://g/");
    is_target(4, "http://f/6");
}

/* A range of hosts, or an address without a scheme, could aim at what the user did not mean. */
static void refuses_what_is_not_written_out(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",           "h/a",           "ftp://h/",      "http://",         "http:///a",   "http://:80/",
        "http://?a",  "http://{1-2}/", "http://h{1-2}", "http://h:8{0-9}", "file:///etc", "http://h/a b",
        "http://h/ä", "http://h/\n",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        error[0] = 0;
        assert_false(reads(refused[i]));
        assert_true(error[0] != 0);
    }
    assert_false(load_targets_read(&targets, refused, 0, error));
    assert_false(load_targets_read(&targets, refused, LOAD_URLS_MAX + 1, error));
}

static void refuses_ranges_that_are_none(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "http://h/{",
        "http://h/}",
        "http://h/{}",
        "http://h/{1}",
        "http://h/{1-}",
        "http://h/{-2}",
        "http://h/{2-1}",
        "http://h/{a-b}",
        "http://h/{1-2",
        "http://h/{1--2}",
        "http://h/{1-2}}",
        "http://h/{1-1000000000}",
        "http://h/{{1-2}",
        "http://h/{1- 2}",
        "http://h/{+1-2}",
        "http://h/{0-99999}{0-99999}",
        "http://h/{1-2}{1-2}{1-2}{1-2}{1-2}",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) assert_false(reads(refused[i]));
    assert_true(reads("http://h/{0-999999999}"));
    is_target(999999999, "http://h/999999999");
}

static void a_long_url_is_refused_before_it_is_cut(void **state)
{
    (void)state;
    char url[LOAD_URL_BYTES + 16];
    memset(url, 'a', sizeof url);
    memcpy(url, "http://h/{5-6}", 14);
    url[sizeof url - 1] = 0;
    assert_false(reads(url));
    url[1900] = 0;
    assert_true(reads(url));
    char written[LOAD_URL_BYTES];
    load_targets_write(&targets, 1, written);
    assert_int_equal(strlen(written), 1900 - strlen("{5-6}") + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_url_is_one_id),
        cmocka_unit_test(a_range_is_its_numbers_both_ends_included),
        cmocka_unit_test(of_several_ranges_the_last_runs_fastest),
        cmocka_unit_test(ids_go_through_one_url_and_then_the_next),
        cmocka_unit_test(refuses_what_is_not_written_out),
        cmocka_unit_test(refuses_ranges_that_are_none),
        cmocka_unit_test(a_long_url_is_refused_before_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
