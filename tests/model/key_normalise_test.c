/* SPDX-License-Identifier: Apache-2.0 */
/* What cache commands become, as a table: the command with its keys, its text, the values taken out (joined by '|'). */
#include "tests/support/cmocka.h"

#include "model/operation.h"
#include "tests/model/collect.h"

static const struct {
    const char *command, *text, *values;
} cases[] = {
    /* the parts of a key */
    {"GET price:17", "GET price:{}", "17"},
    {"GET price:17:eur", "GET price:{}:eur", "17"},
    {"GET dashboard/7/summary", "GET dashboard/{}/summary", "7"},
    {"GET app.user|17#name", "GET app.user|{}#name", "17"},
    {"GET list?page=2&sort=asc", "GET list?page={}&sort=asc", "2"},
    {"GET {user:1000}.following", "GET {user:{}}.following", "1000"},
    {"GET {1000}", "GET {{}}", "1000"},
    {"KEYS price:*", "KEYS price:*", ""},
    {"GET 17", "GET {}", "17"},
    {"GET ::", "GET ::", ""},
    /* values: numbers, ids, and what no person writes */
    {"GET day:2024-01-02", "GET day:{}", "2024-01-02"},
    {"GET rate:12.5", "GET rate:{}", "12.5"},
    {"GET s:550e8400-e29b-41d4-a716-446655440000", "GET s:{}", "550e8400-e29b-41d4-a716-446655440000"},
    {"GET f:9fceb02d0ae598e95dc970b74767f193", "GET f:{}", "9fceb02d0ae598e95dc970b74767f193"},
    {"GET mail:ann.b+x@example.com", "GET mail:{}", "ann.b+x@example.com"},
    {"GET ids:1,2,3", "GET ids:{}", "1,2,3"},
    {"GET t:a1b2", "GET t:{}", "a1b2"},
    {"GET t:beef42", "GET t:{}", "beef42"},
    {"GET t:abcdefghijklmnopqrstuvwxyz", "GET t:{}", "abcdefghijklmnopqrstuvwxyz"},
    {"GET caf\xc3\xa9:x", "GET {}:x", "caf\xc3\xa9"},
    {"GET a\x1b[31m:x\n", "GET {}:{}", "a\x1b[31m|x\n"},
    /* names that hold a number */
    {"GET user42:name", "GET user{}:name", "42"},
    {"GET order-10482", "GET order-{}", "10482"},
    {"GET order_10482_items", "GET order_{}_items", "10482"},
    {"GET shard3:session_9f8a7b6c", "GET shard{}:session_{}", "3|9f8a7b6c"},
    {"GET v2:price:17", "GET v2:price:{}", "17"},
    {"GET api-v12.price", "GET api-v12.price", ""},
    /* names */
    {"GET low-stock_items", "GET low-stock_items", ""},
    {"GET featureFlags", "GET featureFlags", ""},
    {"GET user:alice", "GET user:alice", ""},
    /* commands */
    {"get price:17", "GET price:{}", "17"},
    {"JSON.GET doc:1", "JSON.GET doc:{}", "1"},
    {"  PING  ", "PING", ""},
    {"", "", ""},
    {"price:17", "price:{}", "17"},
    {"GET price:{} a{}{}", "GET price:{} a{}", ""},
    /* several keys */
    {"MGET price:1 price:2 price:3", "MGET price:{}", "1|2|3"},
    {"MGET price:1 stock:1 price:2", "MGET price:{} stock:{}", "1|1|2"},
    {"RENAME a b", "RENAME a b", ""},
    {"DEL a a b", "DEL a b", ""},
};

static void commands_become_patterns(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX];
        struct buffer values;
        buffer_init(&values);
        struct str text = str_view(to, normalise_key(str_of(cases[i].command), to, collect_value, &values));
        if (!str_is(text, cases[i].text) || !str_is(buffer_str(&values), cases[i].values)) {
            print_error("%s\n   expected %s   with %s\n   but got  %.*s   with %.*s\n", cases[i].command,
                        cases[i].text, cases[i].values, STR_ARG(text), STR_ARG(buffer_str(&values)));
            wrong++;
        }
        buffer_fini(&values);
    }
    assert_int_equal(wrong, 0);
}

static void a_pattern_stays_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX];
        struct buffer values;
        buffer_init(&values);
        size_t len = normalise_key(str_of(cases[i].text), to, collect_value, &values);
        assert_true(str_is(str_view(to, len), cases[i].text));
        assert_int_equal(values.len, 0);
        buffer_fini(&values);
    }
}

static void a_zero_byte_is_a_value(void **state)
{
    (void)state;
    char to[OPERATION_TEXT_MAX];
    size_t len = normalise_key(str_view("GET a\0b:c", 9), to, NULL, NULL);
    assert_true(str_is(str_view(to, len), "GET {}:c"));
}

static void check_cut(struct buffer *command, size_t expected_len)
{
    char to[OPERATION_TEXT_MAX];
    size_t len = normalise_key(buffer_str(command), to, NULL, NULL);
    assert_int_equal(len, expected_len);
    assert_memory_equal(to + len - 3, "…", 3);
    buffer_fini(command);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct buffer command;
    buffer_init(&command);
    buffer_add_text(&command, "GET ");
    for (int i = 0; i < 5000; i++) buffer_add_text(&command, "a:");
    check_cut(&command, OPERATION_TEXT_MAX);
}

static void many_patterns_are_cut(void **state)
{
    (void)state;
    struct buffer command;
    buffer_init(&command);
    buffer_add_text(&command, "MGET");
    for (int i = 0; i < 26; i++) buffer_printf(&command, " %c:1", 'a' + i);
    check_cut(&command, strlen("MGET") + 16 * strlen(" a:{}") + strlen("…"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_become_patterns), cmocka_unit_test(a_pattern_stays_as_it_is),
        cmocka_unit_test(a_zero_byte_is_a_value),   cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(many_patterns_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
