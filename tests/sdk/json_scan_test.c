/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/buffer.h"
#include "base/id.h"
#include "sdk/core/json_scan.h"

#include <stdlib.h>

/* Each scalar as "depth/array/name=text". */
static bool write_down(void *context, const struct json_scalar *scalar)
{
    struct buffer *out = context;
    if (out->len) buffer_add_char(out, ' ', 1);
    buffer_printf(out, "%u/%u/%.*s=", scalar->depth, scalar->array, STR_ARG(scalar->name));
    buffer_add_str(out, scalar->text);
    if (scalar->is_null) buffer_add_text(out, "!");
    return true;
}

static const struct {
    const char *json, *scalars;
    bool whole;
} table[] = {
    {"{}", "", true},
    {"[]", "", true},
    {" [ ] ", "", true},
    {"17", "0/0/=17", true},
    {"\"x\"", "0/0/=x", true},
    {"[1,2,3]", "1/1/=1 1/1/=2 1/1/=3", true},
    {"{\"id\":1,\"name\":\"a b\"}", "1/0/id=1 1/0/name=a b", true},
    {"[{\"id\":1},{\"id\":2}]", "2/0/id=1 2/0/id=2", true},
    {"{\"ids\":[1,2],\"n\":null}", "2/1/ids=1 2/1/ids=2 1/0/n=null!", true},
    {"{\"a\":{\"id\":5},\"id\":6}", "2/0/id=5 1/0/id=6", true},
    {"{\"a\":[],\"b\":{},\"c\":true}", "1/0/c=true", true},
    {"[[1],[2,[3]]]", "2/2/=1 2/3/=2 3/4/=3", true},
    {"[\"\\u0041\\n\\\"\\u00e9\\ud83d\\ude00\"]", "1/1/=A\n\"\xc3\xa9\xf0\x9f\x98\x80", true},
    {"[-1.5e+3]", "1/1/=-1.5e+3", true},
    {"[1 , 2]  x", "1/1/=1 1/1/=2", false},
    {"[1,2", "1/1/=1 1/1/=2", false},
    {"[1,]", "1/1/=1", false},
    {"{\"a\" 1}", "", false},
    {"{\"a\":1,}", "1/0/a=1", false},
    {"{1:2}", "", false},
    {"[nul]", "", false},
    {"[\"a\\x\"]", "", false},
    {"[\"a\\", "", false},
    {"[\"\\u12\"]", "", false},
    {"[\"a\nb\"]", "", false},
    {"[1}", "1/1/=1", false},
    {"]", "", false},
    {"", "", false},
};

static void finds_scalars_and_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffer out;
        buffer_init(&out);
        bool whole = json_scan(str_of(table[i].json), write_down, &out);
        if (whole != table[i].whole || !str_is(buffer_str(&out), table[i].scalars))
            fail_msg("%s: %s, scalars %.*s", table[i].json, whole ? "whole" : "not whole",
                     STR_ARG(buffer_str(&out)));
        buffer_fini(&out);
    }
}

static bool count(void *context, const struct json_scalar *scalar)
{
    (void)scalar;
    return ++*(uint32_t *)context < 1000000;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint32_t scalars = 0;
    size_t len = 200000;
    char *deep = malloc(len);
    memset(deep, '[', len);
    assert_false(json_scan(str_view(deep, len), count, &scalars));
    for (size_t i = 0; i + 5 <= len; i += 5) memcpy(deep + i, "{\"a\":", 5);
    assert_false(json_scan(str_view(deep, len), count, &scalars));
    assert_int_equal(scalars, 0);
    free(deep);
}

/* Whatever is done to a good text, the scan stays inside it (the sanitizers watch) and ends. */
static void survives_damage(void **state)
{
    (void)state;
    static const char good[] =
        "{\"items\":[{\"id\":17,\"s\":\"\\u00e9\\\\\"},{\"id\":-1e5,\"t\":[1,2,null,true]}],\"n\":\"\"}";
    struct id_generator random = {{1, 2, 3, 4}};
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + id_next(&random) % (sizeof good - 1);
        char *bad = malloc(len); /* exactly so long, so that a read past the end is seen */
        memcpy(bad, good, len);
        for (uint64_t flips = id_next(&random) % 4; flips; flips--)
            bad[id_next(&random) % len] = "{}[]\",:\\u0 \x01"[id_next(&random) % 12];
        uint32_t scalars = 0;
        json_scan(str_view(bad, len), count, &scalars);
        assert_true(scalars <= len);
        free(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_scalars_and_their_names),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
