/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/utf8.h"

#include <string.h>

static const struct {
    const char *text;
    size_t first_char_bytes; /* 0: malformed */
} chars[] = {
    {"a", 1},
    {"\x7f", 1},
    {"\xc2\x80", 2},
    {"\xdf\xbf", 2},
    {"\xe0\xa0\x80", 3},
    {"\xed\x9f\xbf", 3},
    {"\xee\x80\x80", 3},
    {"\xf0\x90\x80\x80", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    {"\x80", 0},             /* a continuation alone */
    {"\xc1\xbf", 0},         /* overlong */
    {"\xe0\x9f\xbf", 0},     /* overlong */
    {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
    {"\xed\xa0\x80", 0},     /* a surrogate */
    {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
    {"\xf5\x80\x80\x80", 0},
    {"\xc3", 0}, /* cut */
    {"\xe2\x82", 0},
    {"\xf0\x90\x80", 0},
    {"\xe2\x82x", 0},
};

static void characters_are_told_from_other_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chars / sizeof *chars; i++) {
        struct str text = str_of(chars[i].text);
        assert_int_equal(utf8_char_bytes(text), chars[i].first_char_bytes);
        assert_int_equal(utf8_valid(text), chars[i].first_char_bytes == text.len);
    }
    assert_int_equal(utf8_char_bytes(str_view("\0", 1)), 0);
    assert_int_equal(utf8_char_bytes(str_view("", 0)), 0);
    assert_true(utf8_valid(str_view(NULL, 0)));
}

/* At every place of a text longer than the eight bytes that are looked at together. */
static void one_bad_byte_is_found_anywhere(void **state)
{
    (void)state;
    static const char bad[] = {0, (char)0x80, (char)0xff};
    for (size_t b = 0; b < sizeof bad; b++) {
        for (size_t i = 0; i < 20; i++) {
            char text[20];
            memset(text, 'a', sizeof text);
            text[i] = bad[b];
            assert_false(utf8_valid(str_view(text, sizeof text)));
            utf8_repair(text, sizeof text);
            assert_int_equal(text[i], '?');
            assert_true(utf8_valid(str_view(text, sizeof text)));
        }
    }
}

static void repair_leaves_what_is_good(void **state)
{
    (void)state;
    char text[] = "gr\xc3\xb6\xc3\xdf"
                  "e \xe2\x82\xac\xe2\x82";
    utf8_repair(text, sizeof text - 1);
    assert_string_equal(text, "gr\xc3\xb6??e \xe2\x82\xac??");
}

static void a_cut_falls_between_characters(void **state)
{
    (void)state;
    struct str text = str_of("a\xe2\x82\xac\xf0\x9f\x98\x80z"); /* 1 + 3 + 4 + 1 */
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};
    for (size_t max = 0; max < sizeof expected / sizeof *expected; max++)
        assert_int_equal(utf8_cut(text, max), expected[max]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_told_from_other_bytes),
        cmocka_unit_test(one_bad_byte_is_found_anywhere),
        cmocka_unit_test(repair_leaves_what_is_good),
        cmocka_unit_test(a_cut_falls_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
