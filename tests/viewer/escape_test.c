/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/text/cells.h"
#include "viewer/text/escape.h"

static void check(const char *name, size_t len, bool ascii, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    buffer_add_text(&out, "");
    escape_name(&out, str_view(name, len), ascii);
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

#define CHECK(name, ascii, expected) check("" name, sizeof(name) - 1, ascii, expected)

static void controls_are_spelled_out(void **state)
{
    (void)state;
    CHECK("a\x1b[2J\r\n\tb\0c\x7f", false, "a\\x1b[2J\\x0d\\x0a\\x09b\\x00c\\x7f");
    CHECK("\xc2\x9b"
          "31m",
          false, "\\u{9b}31m"); /* C1: a control sequence introducer in one character */
    CHECK("\x01"
          "C",
          false, "\\x01C"); /* a style mark of our own */
}

static void what_turns_or_hides_text_is_spelled_out(void **state)
{
    (void)state;
    CHECK("\xe2\x80\xae", false, "\\u{202e}");
    CHECK("\xe2\x81\xa6x\xe2\x81\xa9", false, "\\u{2066}x\\u{2069}");
    CHECK("\xe2\x80\x8b", false, "\\u{200b}");
    CHECK("\xef\xbb\xbf", false, "\\u{feff}");
    CHECK("\xf3\xa0\x81\x81", false, "\\u{e0041}"); /* a tag character */
    CHECK("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", false, "e\xcc\x81\xcc\x81\\u{301}\\u{301}");
}

static void what_is_no_utf8_is_spelled_byte_by_byte(void **state)
{
    (void)state;
    CHECK("\xff", false, "\\xff");
    CHECK("\xc0\xaf", false, "\\xc0\\xaf");          /* overlong */
    CHECK("\xed\xa0\x80", false, "\\xed\\xa0\\x80"); /* surrogate */
    CHECK("\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80");
    CHECK("\xe2\x82", false, "\\xe2\\x82"); /* cut off */
}

static void readable_names_stay(void **state)
{
    (void)state;
    CHECK("caf\xc3\xa9 \xe6\xb3\xa8\xe6\x96\x87 \\d+", false, "caf\xc3\xa9 \xe6\xb3\xa8\xe6\x96\x87 \\d+");
    CHECK("caf\xc3\xa9", true, "caf\\u{e9}");
    CHECK("SELECT \xe2\x80\xa6", true, "SELECT ...");
}

static void cells_are_what_a_terminal_needs(void **state)
{
    (void)state;
    assert_int_equal(cells_of(str_of("abc")), 3);
    assert_int_equal(cells_of(str_of("\xc3\xa9")), 1);
    assert_int_equal(cells_of(str_of("e\xcc\x81")), 1);
    assert_int_equal(cells_of(str_of("\xe6\xb3\xa8\xe6\x96\x87")), 4);
    assert_int_equal(cells_of(str_of("\xf0\x9f\x94\xa5")), 2);
    assert_int_equal(cells_of(str_of("\x01"
                                     "Cx\x01"
                                     "A")),
                     1); /* styles take none */
    assert_int_equal(cells_of(str_of("\x01")), 0);
    assert_int_equal(cells_of(str_of("\xff")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_are_spelled_out),
        cmocka_unit_test(what_turns_or_hides_text_is_spelled_out),
        cmocka_unit_test(what_is_no_utf8_is_spelled_byte_by_byte),
        cmocka_unit_test(readable_names_stay),
        cmocka_unit_test(cells_are_what_a_terminal_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
