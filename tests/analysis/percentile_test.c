/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/analysis.h"
#include "tests/support/cmocka.h"

static void nearest_rank(void **state)
{
    (void)state;
    int64_t values[] = {50, 15, 40, 35, 20};
    assert_int_equal(percentile(values, 5, 5), 15);
    assert_int_equal(percentile(values, 5, 30), 20);
    assert_int_equal(percentile(values, 5, 40), 20);
    assert_int_equal(percentile(values, 5, 50), 35);
    assert_int_equal(percentile(values, 5, 100), 50);
    assert_int_equal(percentile(values, 5, 0), 15);
}

static void of_a_hundred(void **state)
{
    (void)state;
    int64_t values[100];
    for (int i = 0; i < 100; i++) values[i] = 100 - i;
    assert_int_equal(percentile(values, 100, 50), 50);
    assert_int_equal(percentile(values, 100, 95), 95);
    assert_int_equal(percentile(values, 100, 99), 99);
    assert_int_equal(percentile(values, 20, 95), 19);
}

static void of_none_and_one(void **state)
{
    (void)state;
    int64_t one = 7;
    assert_int_equal(percentile(NULL, 0, 50), 0);
    assert_int_equal(percentile(&one, 1, 1), 7);
    assert_int_equal(percentile(&one, 1, 99), 7);
}

static void settings_have_their_defaults(void **state)
{
    (void)state;
    struct analysis_settings settings = analysis_settings_default();
    assert_int_equal(settings.loop_calls_min, 5);
    assert_int_equal(settings.sequential_saving_min_ms, 10);
    assert_int_equal(settings.sequential_saving_min_percent, 10);
    assert_int_equal(settings.independent_requests_min, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_rank),
        cmocka_unit_test(of_a_hundred),
        cmocka_unit_test(of_none_and_one),
        cmocka_unit_test(settings_have_their_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
