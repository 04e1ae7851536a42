/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/text/units.h"

#define S "\x1f" /* WORDS_SPACE */

static void durations_have_three_digits_and_a_fitting_unit(void **state)
{
    (void)state;
    const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "0" S "ns"},
                 {999, "999" S "ns"},
                 {1000, "1.00" S "µs"},
                 {12345, "12.3" S "µs"},
                 {999499, "999" S "µs"},
                 {999500, "1.00" S "ms"},
                 {9994000, "9.99" S "ms"},
                 {9995000, "10.0" S "ms"},
                 {40000000, "40.0" S "ms"},
                 {534000000, "534" S "ms"},
                 {999500000, "1.00" S "s"},
                 {2134000000, "2.13" S "s"},
                 {99949000000, "99.9" S "s"},
                 {119000000000, "119" S "s"},
                 {200000000000, "3" S "min" S "20" S "s"},
                 {7260000000000, "2" S "h" S "1" S "min"},
                 {INT64_MAX, "106751" S "days" S "23" S "h"},
                 {-40000000, "-40.0" S "ms"},
                 {INT64_MIN, "-106751" S "days" S "23" S "h"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(units_duration(cases[i].ns).text, cases[i].text);
}

static void estimates_claim_two_digits(void **state)
{
    (void)state;
    assert_string_equal(units_estimate(948000000).text, "950" S "ms");
    assert_string_equal(units_estimate(24600000).text, "25" S "ms");
    assert_string_equal(units_estimate(996000000).text, "1" S "s");
    assert_string_equal(units_estimate(1240000000).text, "1.2" S "s");
    assert_string_equal(units_estimate(47).text, "47" S "ns");
    assert_string_equal(units_estimate(7600).text, "7.6" S "µs");
    assert_string_equal(units_estimate(0).text, "0" S "ns");
}

static void counts_have_their_thousands_apart(void **state)
{
    (void)state;
    assert_string_equal(units_count(0).text, "0");
    assert_string_equal(units_count(999).text, "999");
    assert_string_equal(units_count(3604).text, "3,604");
    assert_string_equal(units_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
}

static void means_and_shares_are_short(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *mean, *share;
    } cases[] = {
        {0, "0", "0" S "%"},           {0.0004, "<0.1", "<0.1" S "%"},
        {0.0421, "<0.1", "4.2" S "%"}, {0.0996, "0.1", "10" S "%"},
        {1, "1", "100" S "%"},         {2.44, "2.4", "244" S "%"},
        {99.96, "100", "9996" S "%"},  {3604.4, "3,604", "360440" S "%"},
        {-1, "0", "0" S "%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(units_mean(cases[i].value).text, cases[i].mean);
        assert_string_equal(units_share(cases[i].value).text, cases[i].share);
    }
    assert_string_equal(units_mean(1e300).text, "1,000,000,000,000,000,000");
    assert_string_equal(units_share(1e300).text, "1000000000000000" S "%");
}

static void bytes_are_binary(void **state)
{
    (void)state;
    assert_string_equal(units_bytes(1023).text, "1023" S "bytes");
    assert_string_equal(units_bytes(12900000).text, "12.3" S "MiB");
    assert_string_equal(units_bytes(UINT64_MAX).text, "16.0" S "EiB");
}

static void ages_are_whole_and_survive_wrong_clocks(void **state)
{
    (void)state;
    const int64_t s = 1000000000;
    assert_string_equal(units_ago(100 * s, 100 * s).text, "just" S "now");
    assert_string_equal(units_ago(100 * s, 10 * s).text, "90" S "s" S "ago");
    assert_string_equal(units_ago(1000 * s, 0).text, "16" S "min" S "ago");
    assert_string_equal(units_ago(100000 * s, 0).text, "27" S "h" S "ago");
    assert_string_equal(units_ago(10000000 * s, 0).text, "115" S "days" S "ago");
    assert_string_equal(units_ago(0, 300 * s).text, "5" S "min" S "ahead");
    assert_string_equal(units_ago(INT64_MIN, INT64_MAX).text, "106751" S "days" S "ahead");
    assert_string_equal(units_ago(INT64_MAX, INT64_MIN).text, "106751" S "days" S "ago");
}

static void times_are_utc_with_milliseconds(void **state)
{
    (void)state;
    assert_string_equal(units_time(1795000000123000000).text, "2026-11-18" S "11:06:40.123" S "UTC");
    assert_string_equal(units_time(-1000000).text, "1969-12-31" S "23:59:59.999" S "UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_three_digits_and_a_fitting_unit),
        cmocka_unit_test(estimates_claim_two_digits),
        cmocka_unit_test(counts_have_their_thousands_apart),
        cmocka_unit_test(means_and_shares_are_short),
        cmocka_unit_test(bytes_are_binary),
        cmocka_unit_test(ages_are_whole_and_survive_wrong_clocks),
        cmocka_unit_test(times_are_utc_with_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
