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

/* 10 for itself, 20 for three, 30 for itself. */
static void weights_count_as_many_like_it(void **state)
{
    (void)state;
    struct weighted values[] = {{30, 1}, {20, 3}, {10, 1}};
    assert_int_equal(percentile_weighted(values, 3, 0), 10);
    assert_int_equal(percentile_weighted(values, 3, 20), 10);
    assert_int_equal(percentile_weighted(values, 3, 21), 20);
    assert_int_equal(percentile_weighted(values, 3, 50), 20);
    assert_int_equal(percentile_weighted(values, 3, 80), 20);
    assert_int_equal(percentile_weighted(values, 3, 81), 30);
    assert_int_equal(percentile_weighted(values, 3, 100), 30);
    assert_int_equal(percentile_weighted(values, 0, 50), 0);
    struct weighted heavy[] = {{1, 1e6}, {2, 1e-6}, {3, 1e6}};
    assert_int_equal(percentile_weighted(heavy, 3, 50), 1); /* all but half a billionth of the half */
    assert_int_equal(percentile_weighted(heavy, 3, 51), 3);
}

/* Whatever the weight, if it is the same for all: nothing but the rank decides. */
static void equal_weights_weigh_nothing(void **state)
{
    (void)state;
    static const double weights[] = {1, 4, 4.0 / 3, 1.1, 1e9 / 7};
    static const unsigned percents[] = {1, 5, 33, 50, 95, 99, 100};
    for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
        for (size_t count = 1; count <= 400; count += count < 25 ? 1 : 25) {
            int64_t plain[400];
            struct weighted values[400];
            for (size_t i = 0; i < count; i++) {
                plain[i] = (int64_t)(i * 7919 % 401);
                values[i] = (struct weighted){plain[i], weights[w]};
            }
            for (size_t p = 0; p < sizeof percents / sizeof *percents; p++)
                assert_int_equal(percentile_weighted(values, count, percents[p]),
                                 percentile(plain, count, percents[p]));
        }
    }
}

/* A value that stands for four is four of it. */
static void a_weight_is_so_many_copies(void **state)
{
    (void)state;
    struct weighted values[40];
    int64_t copies[40 * 5];
    size_t count = 0;
    for (size_t i = 0; i < 40; i++) {
        values[i] = (struct weighted){(int64_t)(i * 37 % 41), (double)(1 + i % 5)};
        for (size_t k = 0; k <= i % 5; k++) copies[count++] = values[i].value;
    }
    for (unsigned percent = 0; percent <= 100; percent++)
        assert_int_equal(percentile_weighted(values, 40, percent), percentile(copies, count, percent));
}

static void sums_of_weights_are_counts(void **state)
{
    (void)state;
    assert_int_equal(count_of_weight(0, 0), 0);
    assert_int_equal(count_of_weight(3.9999999, 1), 4);
    assert_int_equal(count_of_weight(4.0 / 3, 1), 1);
    assert_int_equal(count_of_weight(0.4, 1), 1); /* one was seen */
    assert_true(count_of_weight(1e30, 1) == UINT64_MAX);
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
        cmocka_unit_test(weights_count_as_many_like_it),
        cmocka_unit_test(equal_weights_weigh_nothing),
        cmocka_unit_test(a_weight_is_so_many_copies),
        cmocka_unit_test(sums_of_weights_are_counts),
        cmocka_unit_test(settings_have_their_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
