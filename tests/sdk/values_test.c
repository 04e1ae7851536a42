/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/buffer.h"
#include "sdk/core/values.h"

static struct hash_key key;
static struct inputs inputs;

static int set_up(void **state)
{
    (void)state;
    hash_key_random(&key);
    inputs_reset(&inputs, &key, 1);
    return 0;
}

static void add(const char *text) { inputs_add(&inputs, text, strlen(text)); }

static uint64_t hash(const char *text) { return value_hash(&key, str_of(text)); }

static void expect(const char *const *values, uint32_t count)
{
    assert_int_equal(inputs.count, count);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(inputs.hash[i], hash(values[i]));
}

static void splits_what_is_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *values[8];
        uint32_t count;
    } table[] = {
        {"17", {"17"}, 1},
        {"", {""}, 1},
        {"Smith, John", {"Smith, John"}, 1},
        {"1,2,3", {"1", "2", "3"}, 3},
        {"1,", {"1,"}, 1},
        {",1", {",1"}, 1},
        {"a-1,b_2", {"a-1", "b_2"}, 2},
        {"{1,2,3}", {"1", "2", "3"}, 3},
        {"{\"a b\",NULL,c}", {"a b", "c"}, 2},
        {"{}", {0}, 0},
        {"[1,2]", {"1", "2"}, 2},
        {"{\"id\":7,\"more\":[8,9]}", {"7", "8", "9"}, 3},
        {"{1,2", {0}, 0}, /* neither an array nor JSON: nothing can be said */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        inputs_reset(&inputs, &key, 1);
        add(table[i].text);
        expect(table[i].values, table[i].count);
    }
}

static void whole_hash_sees_order_and_nulls(void **state)
{
    (void)state;
    add("1");
    add("2");
    uint64_t one_two = inputs.whole;
    inputs_reset(&inputs, &key, 1);
    add("2");
    add("1");
    assert_int_not_equal(inputs.whole, one_two);
    inputs_reset(&inputs, &key, 1);
    add("1");
    inputs_add(&inputs, NULL, 0);
    assert_int_not_equal(inputs.whole, one_two);
    inputs_reset(&inputs, &key, 1);
    add("1");
    add("2");
    assert_int_equal(inputs.whole, one_two);
}

static void long_lists_are_counted_and_capped(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text);
    for (int i = 0; i < 10000; i++) buffer_printf(&text, "%c%d", i ? ',' : '{', i);
    buffer_add_text(&text, "}");
    for (int i = 0; i < 10; i++) add("x"); /* lists of one do not use up the room for lists */
    inputs_add(&inputs, text.data, text.len);
    assert_int_equal(inputs.count, INPUT_SCALARS_MAX);
    assert_int_equal(inputs.list_count, 1);
    assert_int_equal(inputs.lists[0].start, 10);
    assert_int_equal(inputs.lists[0].count, INPUT_SCALARS_MAX - 10);
    assert_true(bloom_has(&inputs.seen, hash("3000")));
    buffer_fini(&text);
}

static void tells_tokens_from_words(void **state)
{
    (void)state;
    static const char *const strong[] = {"4294967296", "18446744073709551615", "9f86d081884c7d65",
                                         "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "dGhpcyBpcyBhIHRva2Vu123="};
    static const char *const weak[] = {"",
                                       "17",
                                       "4294967295",
                                       "0000000001",
                                       "customer-details-page",
                                       "hello world 123456",
                                       "2024-01-01",
                                       "abcdefghijklmnopqrst",
                                       "2024-01-01-12-30-59",
                                       "9f86d081884c7d6"};
    for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++)
        if (!value_is_strong(str_of(strong[i]))) fail_msg("%s is strong", strong[i]);
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
        if (value_is_strong(str_of(weak[i]))) fail_msg("%s is weak", weak[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(splits_what_is_a_list, set_up),
        cmocka_unit_test_setup(whole_hash_sees_order_and_nulls, set_up),
        cmocka_unit_test_setup(long_lists_are_counted_and_capped, set_up),
        cmocka_unit_test_setup(tells_tokens_from_words, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
