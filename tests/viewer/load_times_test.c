/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/cli/load_times.h"
#include "viewer/cli/units.h"

/* 10, 20, … in an order that is none */
static struct load_times tens(size_t count)
{
    struct load_times times = {0};
    for (size_t i = 0; i < count; i++)
        assert_true(load_times_add(&times, (int64_t)((i * 7 + 3) % count + 1) * 10));
    return times;
}

static void percentiles_are_times_that_were_measured(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        int64_t p50, p95, p99, max;
    } cases[] = {
        {1, 10, 10, 10, 10},         {2, 10, 20, 20, 20},      {3, 20, 30, 30, 30},
        {20, 100, 190, 200, 200},    {50, 250, 480, 500, 500}, {100, 500, 950, 990, 1000},
        {101, 510, 960, 1000, 1010},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct load_times times = tens(cases[i].count);
        assert_int_equal(load_times_percentile(&times, 50), cases[i].p50);
        assert_int_equal(load_times_percentile(&times, 95), cases[i].p95);
        assert_int_equal(load_times_percentile(&times, 99), cases[i].p99);
        assert_int_equal(load_times_percentile(&times, 100), cases[i].max);
        load_times_fini(&times);
    }
}

static void times_added_after_a_question_count(void **state)
{
    (void)state;
    struct load_times times = {0};
    assert_int_equal(load_times_percentile(&times, 50), 0);
    load_times_add(&times, 30);
    assert_int_equal(load_times_percentile(&times, 100), 30);
    load_times_add(&times, 20);
    assert_int_equal(load_times_percentile(&times, 50), 20);
    load_times_fini(&times);
}

static void times_and_counts_read_well(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    static const struct {
        double ms;
        const char *text;
    } times[] = {{0.04, "0.0 ms"},  {9.94, "9.9 ms"},  {9.96, "10 ms"},
                 {999.4, "999 ms"}, {999.6, "1.00 s"}, {2134, "2.13 s"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        units_time(text, times[i].ms);
        assert_string_equal(text, times[i].text);
    }
    static const struct {
        long long count;
        const char *text;
    } counts[] = {{0, "0"},        {999, "999"},        {1000, "1,000"},
                  {3604, "3,604"}, {999999, "999,999"}, {1002003, "1,002,003"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        units_count(text, counts[i].count);
        assert_string_equal(text, counts[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_times_that_were_measured),
        cmocka_unit_test(times_added_after_a_question_count),
        cmocka_unit_test(times_and_counts_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
