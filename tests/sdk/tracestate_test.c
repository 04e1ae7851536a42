/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/tracestate.h"

#include <stdio.h>

static char made[WEIR_TRACESTATE_BYTES];

static const char *read_lines(const char *const *lines, size_t count)
{
    size_t bytes = tracestate_read(made, lines, count);
    assert_int_equal(bytes, strlen(made));
    return made;
}

static const char *read_line(const char *line) { return read_lines(&line, 1); }

/* `count` times c, then the rest. */
static const char *repeated(char c, int count, const char *rest)
{
    static char text[4][1200];
    static unsigned next;
    char *to = text[next++ % 4];
    memset(to, c, (size_t)count);
    strcpy(to + count, rest);
    return to;
}

#define ALL_IN_KEY "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
#define ALL_IN_VALUE                                                                                         \
    " !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

static void what_is_well_formed_stays(void **state)
{
    (void)state;
    static const char *const same[] = {
        "foo=1",
        "foo=1,bar=2",
        "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
        "0foo=1", /* a digit first: Level 2 */
        "foo@bar=1",
        "0foo@bar=1",
        "a= b", /* blanks in front belong to the value */
        "a=b c",
        ALL_IN_KEY "=" ALL_IN_VALUE,
        ALL_IN_KEY "@a-z0-9_-*/=" ALL_IN_VALUE,
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_string_equal(read_line(same[i]), same[i]);
    assert_string_equal(read_line("foo=1 \t , \t bar=2, \t baz=3"), "foo=1,bar=2,baz=3");
    assert_string_equal(read_line("\t foo=1 \t"), "foo=1");
    assert_string_equal(read_line(",, ,foo=1,\t,"), "foo=1");
    assert_string_equal(read_line(""), "");
    assert_string_equal(read_line(" , "), "");
}

static void one_bad_member_is_the_end_of_all(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "foo",         "foo=",         "=1",           "foo =1",      "FOO=1",
        "foo.bar=1",   "_foo=1",       "foo@=1,bar=2", "@foo=1",      "foo@@bar=1",
        "foo@b@c=1",   "foo@1bar=1",   "foo=bar=baz",  "foo=,bar=3",  "foo=a\tb",
        "foo=\x7f",    "foo=\xc3\xa4", "foo=1;bar=\n", "foo=1,foo=1", "foo=1,a=2,foo=3",
        "foo=1 bar=2", "foo= ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (*read_line(bad[i])) fail_msg("\"%s\" taken for \"%s\"", bad[i], made);
        const char *const lines[] = {"good=1", bad[i]};
        if (*read_lines(lines, 2)) fail_msg("\"%s\" taken for \"%s\"", bad[i], made);
    }
}

static void keys_and_values_have_their_length(void **state)
{
    (void)state;
    char system[64], value[512];
    assert_int_equal(strlen(read_line(repeated('z', 256, "=1"))), 258);
    assert_string_equal(read_line(repeated('z', 257, "=1")), "");
    assert_int_equal(strlen(read_line(repeated('t', 241, "@vvvvvvvvvvvvvv=1"))), 258);
    assert_string_equal(read_line(repeated('t', 242, "@v=1")), "");
    snprintf(system, sizeof system, "t@%s=1", "vvvvvvvvvvvvvvv");
    assert_string_equal(read_line(system), "");
    snprintf(value, sizeof value, "foo=%s", repeated('v', 256, ""));
    assert_string_equal(read_line(value), value);
    snprintf(value, sizeof value, "foo=%s", repeated('v', 257, ""));
    assert_string_equal(read_line(value), "");
}

static void lines_are_joined_in_order(void **state)
{
    (void)state;
    const char *const lines[] = {"foo=1,bar=2", "", "rojo=1,congo=2", "\t", "baz=3"};
    assert_string_equal(read_lines(lines, 5), "foo=1,bar=2,rojo=1,congo=2,baz=3");
    const char *const twice[] = {"foo=1", "foo=2"};
    assert_string_equal(read_lines(twice, 2), "");
}

static char *numbered(char *to, int count)
{
    char *at = to;
    for (int i = 1; i <= count; i++) at += sprintf(at, "%sbar%02d=%02d", i > 1 ? "," : "", i, i);
    return to;
}

static void at_most_32_members(void **state)
{
    (void)state;
    char text[1024];
    assert_string_equal(read_line(numbered(text, 32)), text);
    assert_string_equal(read_line(numbered(text, 33)), "");
    numbered(text, 32);
    strcat(text, ", ,,"); /* empty ones do not count */
    assert_int_equal(strlen(read_line(text)), strlen(text) - 4);
}

static void what_is_too_long_loses_whole_members(void **state)
{
    (void)state;
    char text[4096], expected[4096];
    /* 512 characters and more stay as they are */
    snprintf(text, sizeof text, "a=%s,b=%s", repeated('1', 250, ""), repeated('2', 256, ""));
    assert_true(strlen(text) >= 511);
    assert_string_equal(read_line(text), text);
    /* the long ones first, from the end */
    snprintf(text, sizeof text, "a=1,b=%s,c=3,d=%s,e=%s,f=%s,g=7", repeated('2', 256, ""),
             repeated('4', 256, ""), repeated('5', 256, ""), repeated('6', 256, ""));
    snprintf(expected, sizeof expected, "a=1,b=%s,c=3,d=%s,e=%s,g=7", repeated('2', 256, ""),
             repeated('4', 256, ""), repeated('5', 256, ""));
    assert_string_equal(read_line(text), expected);
    /* then the last ones: ten of 125 characters and nine commas are too many */
    char *at = text;
    for (int i = 0; i < 10; i++) at += sprintf(at, "%s%c=%s", i ? "," : "", 'a' + i, repeated('9', 123, ""));
    assert_int_equal(strlen(read_line(text)), 8 * 126 - 1);
    assert_memory_equal(made, text, strlen(made));
}

static void our_member_moves_to_the_front(void **state)
{
    (void)state;
    static const struct str ot = STR("ot");
    size_t bytes = tracestate_read(made, &(const char *){"foo=1,ot=th:8,bar=2"}, 1);
    struct str value = tracestate_get(str_view(made, bytes), ot);
    assert_true(str_is(value, "th:8"));
    assert_null(tracestate_get(str_view(made, bytes), str_of("o")).data);
    assert_null(tracestate_get(str_view("", 0), ot).data);

    bytes = tracestate_set(made, bytes, ot, str_of("th:8")); /* as it was: nothing moves */
    assert_string_equal(made, "foo=1,ot=th:8,bar=2");
    bytes = tracestate_set(made, bytes, ot, str_of("th:c"));
    assert_string_equal(made, "ot=th:c,foo=1,bar=2");
    bytes = tracestate_set(made, bytes, ot, str_of(""));
    assert_string_equal(made, "foo=1,bar=2");
    bytes = tracestate_set(made, bytes, ot, str_of("th:0"));
    assert_string_equal(made, "ot=th:0,foo=1,bar=2");
    assert_int_equal(tracestate_set(made, bytes, ot, str_of("a,b")), bytes);
    assert_int_equal(tracestate_set(made, bytes, str_of("OT"), str_of("1")), bytes);
    assert_string_equal(made, "ot=th:0,foo=1,bar=2");
    tracestate_set(made, 0, ot, str_of("th:1"));
    assert_string_equal(made, "ot=th:1");
}

static void others_make_room_for_ours(void **state)
{
    (void)state;
    char text[1024];
    size_t bytes = tracestate_read(made, &(const char *){numbered(text, 32)}, 1);
    bytes = tracestate_set(made, bytes, str_of("ot"), str_of("th:8"));
    assert_memory_equal(made, "ot=th:8,bar01=01,", 17);
    assert_string_equal(made + bytes - 8, "bar31=31");

    snprintf(text, sizeof text, "a=%s,b=%s,c=%s,d=%s", repeated('1', 253, ""), repeated('2', 253, ""),
             repeated('3', 253, ""), repeated('4', 253, ""));
    bytes = tracestate_read(made, &(const char *){text}, 1);
    assert_int_equal(bytes, 1023);
    bytes = tracestate_set(made, bytes, str_of("ot"), str_of("th:8"));
    assert_int_equal(bytes, 8 + 3 * 255 + 2);
    assert_memory_equal(made, "ot=th:8,a=111", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_formed_stays),
        cmocka_unit_test(one_bad_member_is_the_end_of_all),
        cmocka_unit_test(keys_and_values_have_their_length),
        cmocka_unit_test(lines_are_joined_in_order),
        cmocka_unit_test(at_most_32_members),
        cmocka_unit_test(what_is_too_long_loses_whole_members),
        cmocka_unit_test(our_member_moves_to_the_front),
        cmocka_unit_test(others_make_room_for_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
