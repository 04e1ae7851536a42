/* SPDX-License-Identifier: Apache-2.0 */
/* Query parameters: what is taken, and that everything else gets one line that names the parameter. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "collector/serve/query.h"

#define NOW_NS (1800000000LL * NS_PER_S + 123)

static char error[QUERY_ERROR_BYTES];

static bool read_one(struct query *parameters, const char *name, const char *value)
{
    query_init(parameters);
    return query_read(parameters, ~0u, str_of(name), str_of(value), NOW_NS, error);
}

static void assert_refused(const char *name, struct str value)
{
    struct query parameters;
    query_init(&parameters);
    error[0] = 0;
    assert_false(query_read(&parameters, ~0u, str_of(name), value, NOW_NS, error));
    assert_non_null(strstr(error, name));
    assert_null(strchr(error, '\n'));
}

static void takes_what_the_table_says(void **state)
{
    (void)state;
    struct query p;
    assert_true(read_one(&p, "format", "json") && p.json);
    assert_true(read_one(&p, "format", "text") && !p.json);
    assert_true(read_one(&p, "width", "60") && p.width == 60);
    assert_true(read_one(&p, "width", "1000") && p.width == 1000);
    assert_true(read_one(&p, "colour", "1") && p.colour);
    assert_true(read_one(&p, "ascii", "0") && !p.ascii);
    assert_true(read_one(&p, "endpoint", "GET /caf\xc3\xa9") && str_is(p.endpoint, "GET /caf\xc3\xa9"));
    assert_true(read_one(&p, "slowest", "shop:GET /x") && str_is(p.endpoint, "shop:GET /x"));
    assert_true(read_one(&p, "trace", "0123456789abcdefABCDEF0123456789"));
    assert_int_equal(p.trace_id[0], 0x01);
    assert_int_equal(p.trace_id[15], 0x89);
}

static void reads_times(void **state)
{
    (void)state;
    struct query p;
    assert_true(read_one(&p, "since", "90s") && p.since_ns == NOW_NS - 90 * NS_PER_S);
    assert_true(read_one(&p, "until", "0s") && p.until_ns == NOW_NS);
    assert_true(read_one(&p, "since", "2h") && p.since_ns == NOW_NS - 7200 * NS_PER_S);
    assert_true(read_one(&p, "until", "1970-01-02T00:00:01Z") && p.until_ns == 86401 * NS_PER_S);
    assert_true(read_one(&p, "until", "1970-01-02") && p.until_ns == 86400 * NS_PER_S);
    assert_true(read_one(&p, "since", "99999999d") && p.since_ns > 0); /* before 1970: from the beginning */
}

static void refuses_bad_values(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"format", "xml"},
        {"format", ""},
        {"width", "59"},
        {"width", "1001"},
        {"width", "-80"},
        {"width", "80x"},
        {"width", "99999999999999999999"},
        {"colour", "yes"},
        {"ascii", ""},
        {"endpoint", ""},
        {"service", ""},
        {"trace", "0123"},
        {"trace", "g123456789abcdef0123456789abcdef"},
        {"since", "m"},
        {"since", "yesterday"},
        {"since", "5"},
        {"since", "2026-01-31T12:00:00+01:00"},
        {"since", "9999999999999d"},
        {"until", "2026-13-01"},
        {"until", "-5m"},
        {"trace", "00000000000000000000000000000000"},
        {"trace", "0123456789abcdef0123456789abcdef0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_refused(bad[i][0], str_of(bad[i][1]));
}

static void refuses_what_postgres_cannot_hold(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR("a\0b"),
        STR("\xff"),
        STR("\xc3"),
        STR("\xc0\x80"),
        STR("\xe0\x9f\xbf"),
        STR("\xed\xa0\x80"),
        STR("\x80"),
        STR("\xf4\x90\x80\x80"),
        STR("\xf0\x8f\xbf\xbf"),
        STR("\xe2\x82"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_refused("service", bad[i]);
    static char long_name[PARAMETER_VALUE_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    assert_refused("service", str_view(long_name, sizeof long_name));
}

static void takes_well_formed_utf8_to_its_limits(void **state)
{
    (void)state;
    struct query p;
    static const char *const good[] = {
        "\x7f",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(read_one(&p, "service", good[i]));
}

static void refuses_unknown_and_repeated(void **state)
{
    (void)state;
    struct query p;
    assert_refused("formt", str_of("json"));
    assert_refused("", str_of(""));
    query_init(&p);
    assert_false(query_read(&p, PARAMETERS_RENDER, str_of("endpoint"), str_of("GET /"), NOW_NS, error));
    assert_non_null(strstr(error, "format, width, colour, ascii"));
    assert_true(query_read(&p, PARAMETERS_RENDER, str_of("width"), str_of("80"), NOW_NS, error));
    assert_false(query_read(&p, PARAMETERS_RENDER, str_of("width"), str_of("80"), NOW_NS, error));
    assert_non_null(strstr(error, "more than once"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_table_says),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(refuses_what_postgres_cannot_hold),
        cmocka_unit_test(takes_well_formed_utf8_to_its_limits),
        cmocka_unit_test(refuses_unknown_and_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
