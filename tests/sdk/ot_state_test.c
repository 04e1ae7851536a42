/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/ot_state.h"

static void thresholds_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t threshold;
    } cases[] = {
        {"th:0", 0},
        {"th:8", 0x80000000000000}, /* zeros are added at the end */
        {"th:c", 0xc0000000000000},
        {"th:fd70a4", 0xfd70a400000000}, /* the specification's example for one in a hundred */
        {"th:FD70A4", 0xfd70a400000000},
        {"th:00000000000001", 1},
        {"th:ffffffffffffff", 0xffffffffffffff},
        {"rv:00000000000000;th:8", 0x80000000000000},
        {"p:8;th:8;k:x", 0x80000000000000},
        {"", THRESHOLD_UNKNOWN},
        {"th:", THRESHOLD_UNKNOWN},
        {"th", THRESHOLD_UNKNOWN},
        {"th:000000000000001", THRESHOLD_UNKNOWN}, /* 15 digits */
        {"th:8g", THRESHOLD_UNKNOWN},
        {"th:-1", THRESHOLD_UNKNOWN},
        {"th: 8", THRESHOLD_UNKNOWN},
        {"xth:8", THRESHOLD_UNKNOWN},
        {"th:8;th:8", THRESHOLD_UNKNOWN},
        {"th:8;th:", THRESHOLD_UNKNOWN},
        {"th:;th:8", THRESHOLD_UNKNOWN},
        {"th=8", THRESHOLD_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (ot_state_read(str_of(cases[i].value)).threshold != cases[i].threshold)
            fail_msg("%s: 0x%llx", cases[i].value,
                     (unsigned long long)ot_state_read(str_of(cases[i].value)).threshold);
}

static void random_values_are_read(void **state)
{
    (void)state;
    static const char *const missing[] = {"",
                                          "rv:",
                                          "rv:7479cfb506891",   /* 13 digits */
                                          "rv:7479cfb506891dd", /* 15 */
                                          "rv:7479cfb506891x",
                                          "rv:7479cfb506891d;rv:7479cfb506891d",
                                          "r:7479cfb506891d"};
    struct ot_state ot = ot_state_read(str_of("rv:7479cfb506891d"));
    assert_true(ot.has_randomness);
    assert_true(ot.randomness == 0x7479cfb506891d);
    ot = ot_state_read(str_of("th:8;rv:00000000000000"));
    assert_true(ot.has_randomness && ot.randomness == 0);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (ot_state_read(str_of(missing[i])).has_randomness) fail_msg("%s", missing[i]);
}

static void a_threshold_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t threshold;
        const char *expected;
    } cases[] = {
        {"", 0, "th:0"},
        {"", 0x80000000000000, "th:8"},
        {"", 0xfd70a400000000, "th:fd70a4"},
        {"", 1, "th:00000000000001"},
        {"", 0x10000000000000, "th:1"},
        {"", 0x01000000000000, "th:01"},
        {"", 0xffffffffffffff, "th:ffffffffffffff"},
        {"", THRESHOLD_UNKNOWN, ""},
        {"", RANDOMNESS_ALL, ""},
        {"th:c", 0x80000000000000, "th:8"},
        {"th:c", THRESHOLD_UNKNOWN, ""},
        {"th:c;th:8", THRESHOLD_UNKNOWN, ""},
        {"th:c;rv:7479cfb506891d", THRESHOLD_UNKNOWN, "rv:7479cfb506891d"},
        {"th:c;rv:7479cfb506891d", 0x80000000000000, "th:8;rv:7479cfb506891d"},
        {"th:c;x:1;th:c", 0x80000000000000, "th:8;x:1"},
        {"rv:7479cfb506891d", 0x80000000000000, "rv:7479cfb506891d;th:8"},
        {"a:1;th:nonsense;b:2", 0xc0000000000000, "a:1;th:c;b:2"},
        {";a:1;;", 0, "a:1;th:0"},
    };
    char to[OT_VALUE_MOST + 1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        to[ot_state_write(to, str_of(cases[i].value), cases[i].threshold)] = 0;
        assert_string_equal(to, cases[i].expected);
    }
}

static void the_longest_value(void **state)
{
    (void)state;
    char value[OT_VALUE_MOST + 1] = "a:", to[OT_VALUE_MOST + 1];
    memset(value + 2, 'x', OT_VALUE_MOST - 2);
    value[OT_VALUE_MOST] = 0;
    assert_int_equal(ot_state_write(to, str_of(value), 0), OT_VALUE_MOST); /* no room: no threshold */
    assert_memory_equal(to, value, OT_VALUE_MOST);
    value[OT_VALUE_MOST - 5] = 0;
    assert_int_equal(ot_state_write(to, str_of(value), 0), OT_VALUE_MOST);
    assert_memory_equal(to + OT_VALUE_MOST - 5, ";th:0", 5);
    char grows[OT_VALUE_MOST + 1] = "th:8;a:"; /* a longer threshold has no room: none, and the rest stays */
    memset(grows + 7, 'x', OT_VALUE_MOST - 7);
    grows[OT_VALUE_MOST] = 0;
    assert_int_equal(ot_state_write(to, str_of(grows), 1), OT_VALUE_MOST - 5);
    assert_memory_equal(to, grows + 5, OT_VALUE_MOST - 5);
    value[OT_VALUE_MOST - 5] = 'x';
    value[OT_VALUE_MOST - 4] = 0;
    assert_int_equal(ot_state_write(to, str_of(value), 0), OT_VALUE_MOST - 4);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint64_t threshold = 1;
    for (int i = 0; i < 1000; i++) {
        char to[OT_VALUE_MOST];
        threshold = threshold * 6364136223846793005u + 1442695040888963407u;
        uint64_t expected = threshold >> 8 >> (i % 56) << (i % 7 * 4) & (RANDOMNESS_ALL - 1);
        size_t len = ot_state_write(to, str_of("rv:7479cfb506891d;x:1"), expected);
        struct ot_state ot = ot_state_read(str_view(to, len));
        assert_true(ot.threshold == expected);
        assert_true(ot.has_randomness && ot.randomness == 0x7479cfb506891d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_read),     cmocka_unit_test(random_values_are_read),
        cmocka_unit_test(a_threshold_is_written),  cmocka_unit_test(the_longest_value),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
