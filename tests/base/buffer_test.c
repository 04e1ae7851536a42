/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/buffer.h"

static void writes_and_stays_terminated(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_add_text(&buffer, "a");
    buffer_printf(&buffer, "%0300d", 1);
    buffer_add_char(&buffer, '-', 3);
    assert_int_equal(buffer.len, 304);
    assert_string_equal(buffer.data + 299, "01---");
    buffer_clear(&buffer);
    assert_string_equal(buffer.data, "");
    buffer_fini(&buffer);
}

static void numbers_are_big_endian(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_add_u16be(&buffer, 0x0102);
    buffer_add_u32be(&buffer, 0x03040506);
    buffer_add_u64be(&buffer, 0x0708090a0b0c0d0e);
    assert_memory_equal(buffer.data, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 14);
    buffer_fini(&buffer);
}

static void an_impossible_size_fails_without_harm(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_add_text(&buffer, "kept");
    assert_null(buffer_reserve(&buffer, SIZE_MAX - 2));
    assert_true(buffer.failed);
    buffer_add_text(&buffer, "not added");
    assert_string_equal(buffer.data, "kept");
    buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_stays_terminated),
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(an_impossible_size_fails_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
