/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that is read as it lies, and gzip that is inflated as it comes. */
#include "tests/support/cmocka.h"

#include "collector/otlp/gzip.h"
#include "collector/otlp/json_pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static struct arena arena;
static struct json_pull json;

static void begin(const char *text)
{
    arena_fini(&arena);
    arena_init(&arena, (size_t)1 << 20);
    pull_init(&json, text, strlen(text), &arena);
}

static void members_and_elements(void **state)
{
    (void)state;
    struct str key, text;
    int64_t number;
    bool truth;
    begin(" { \"a\" : [ 1 , -2, \"3\" ] , \"b\":{\"c\":[[],{}]}, \"d\":\"e\", \"f\":true } ");
    assert_true(pull_object(&json));
    assert_true(pull_member(&json, &key) && str_is(key, "a"));
    assert_true(pull_array(&json));
    for (int64_t i = 0; i < 3; i++) {
        assert_true(pull_element(&json));
        assert_true(pull_i64(&json, &number));
        assert_int_equal(number, i == 1 ? -2 : i + 1);
    }
    assert_false(pull_element(&json));
    assert_true(pull_member(&json, &key) && str_is(key, "b"));
    assert_true(pull_skip(&json));
    assert_true(pull_member(&json, &key) && str_is(key, "d"));
    assert_true(pull_text(&json, &text) && str_is(text, "e"));
    assert_true(pull_member(&json, &key));
    assert_true(pull_bool(&json, &truth) && truth);
    assert_false(pull_member(&json, &key));
    assert_true(pull_end(&json));
}

static void texts(void **state)
{
    static const char *const cases[][2] = {{"\"\"", ""},
                                           {"\"a\\n\\t\\\"\\\\\\/\"", "a\n\t\"\\/"},
                                           {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac"},
                                           {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
                                           {"\"\\ud83dx\"", "?x"},
                                           {"\"\\udc00\\ud83d\"", "??"},
                                           {"\"\\ud83d\\u0041\"", "?A"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str text;
        begin(cases[i][0]);
        assert_true(pull_text(&json, &text));
        assert_true(str_is(text, cases[i][1]));
        assert_true(pull_end(&json));
    }
}

static void numbers(void **state)
{
    uint64_t u;
    int64_t i;
    (void)state;
    begin("18446744073709551615");
    assert_true(pull_u64(&json, &u) && u == UINT64_MAX);
    begin("\"18446744073709551616\"");
    assert_false(pull_u64(&json, &u));
    begin("\"-9223372036854775808\"");
    assert_true(pull_i64(&json, &i) && i == INT64_MIN);
    begin("9223372036854775808");
    assert_false(pull_i64(&json, &i));
    begin("1.5");
    assert_false(pull_u64(&json, &u));
    assert_null(json.why); /* a number, though not a whole one */
}

static void what_is_no_json(void **state)
{
    static const char *const cases[] = {"",         "{",
                                        "[1",       "{\"a\"}",
                                        "{\"a\":}", "{a:1}",
                                        "[1,]",     "[,1]",
                                        "[1 2]",    "01",
                                        "-",        "1.",
                                        "1e",       "+1",
                                        ".5",       "tru",
                                        "\"",       "\"\\",
                                        "\"\\q",    "\"\\u12",
                                        "[\"\n\"]", "{\"a\":1 \"b\":2}",
                                        "nul",      "[}",
                                        "{]"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i]);
        if (pull_skip(&json)) pull_end(&json);
        assert_non_null(json.why);
    }
}

static void depth(void **state)
{
    char text[2 * PULL_DEPTH_MAX + 8];
    (void)state;
    for (size_t levels = PULL_DEPTH_MAX; levels <= PULL_DEPTH_MAX + 1; levels++) {
        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        text[2 * levels] = 0;
        begin(text);
        assert_int_equal(pull_skip(&json) && pull_end(&json), levels == PULL_DEPTH_MAX);
    }
}

/* ---- gzip ---- */

struct inflated {
    size_t bytes, limit;
    bool other; /* something else than 'x' */
};

static bool take(void *context, const unsigned char *data, size_t bytes)
{
    struct inflated *inflated = context;
    for (size_t i = 0; i < bytes; i++) inflated->other = inflated->other || data[i] != 'x';
    inflated->bytes += bytes;
    return inflated->bytes <= inflated->limit;
}

static size_t squeeze(unsigned char *to, size_t room, size_t bytes)
{
    unsigned char *data = malloc(bytes);
    z_stream stream = {0};
    assert_non_null(data);
    memset(data, 'x', bytes);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = data;
    stream.avail_in = (unsigned)bytes;
    stream.next_out = to;
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    free(data);
    return room - stream.avail_out;
}

static void gzip_in_pieces(void **state)
{
    static unsigned char packed[65536];
    (void)state;
    size_t one = squeeze(packed, sizeof packed, 1000000);
    size_t all = one + squeeze(packed + one, sizeof packed - one, 70000);
    for (size_t piece = 1; piece < all; piece = piece * 3 + 1) {
        struct inflated inflated = {.limit = SIZE_MAX};
        struct gzip *gzip = gzip_new(take, &inflated);
        for (size_t at = 0; at < all; at += piece) {
            assert_int_equal(gzip_add(gzip, packed + at, at + piece < all ? piece : all - at), GZIP_GOES_ON);
            assert_int_equal(gzip_is_whole(gzip), at + piece >= all || at + piece == one);
        }
        assert_int_equal(inflated.bytes, 1070000);
        assert_false(inflated.other);
        gzip_free(gzip);
    }
}

static void gzip_beyond_the_limit(void **state)
{
    static unsigned char packed[65536];
    (void)state;
    size_t bytes = squeeze(packed, sizeof packed, 10000000);
    struct inflated inflated = {.limit = 100000};
    struct gzip *gzip = gzip_new(take, &inflated);
    assert_int_equal(gzip_add(gzip, packed, bytes), GZIP_STOPPED);
    assert_in_range(inflated.bytes, 100000, 200000);
    gzip_free(gzip);
    gzip = gzip_new(take, &inflated);
    assert_int_equal(gzip_add(gzip, "no gzip", 7), GZIP_MALFORMED);
    assert_false(gzip_is_whole(gzip));
    gzip_free(gzip);
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements),  cmocka_unit_test(texts), cmocka_unit_test(numbers),
        cmocka_unit_test(what_is_no_json),       cmocka_unit_test(depth), cmocka_unit_test(gzip_in_pieces),
        cmocka_unit_test(gzip_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
