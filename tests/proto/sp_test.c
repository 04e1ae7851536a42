/* SPDX-License-Identifier: Apache-2.0 */
/* The framing, byte for byte as the SP mappings have it, and what is no frame. */
#include "tests/support/cmocka.h"

#include "proto/sp.h"

#include <string.h>

static void the_greeting_is_the_mappings(void **state)
{
    (void)state;
    unsigned char greeting[SP_GREETING_BYTES];
    uint16_t protocol = 0;
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    assert_memory_equal(greeting, "\0SP\0\0\x30\0\0", 8);
    assert_true(sp_greeting_parse(greeting, &protocol));
    assert_int_equal(protocol, SP_PROTOCOL_REQ0);
    for (size_t i = 0; i < SP_GREETING_BYTES; i++) {
        if (i == 4 || i == 5) continue; /* the protocol */
        greeting[i] ^= 1;
        assert_false(sp_greeting_parse(greeting, &protocol));
        greeting[i] ^= 1;
    }
}

static void prefixes_come_back(void **state)
{
    (void)state;
    unsigned char prefix[SP_FRAME_PREFIX_BYTES];
    uint64_t bytes = 0;
    assert_int_equal(sp_prefix(prefix, SP_TCP, 0x0102030405060708u), 8);
    assert_memory_equal(prefix, "\1\2\3\4\5\6\7\10", 8);
    assert_true(sp_prefix_parse(prefix, SP_TCP, &bytes));
    assert_int_equal(bytes, 0x0102030405060708u);
    assert_int_equal(sp_prefix(prefix, SP_IPC, 5), 9);
    assert_memory_equal(prefix, "\1\0\0\0\0\0\0\0\5", 9);
    assert_true(sp_prefix_parse(prefix, SP_IPC, &bytes));
    assert_int_equal(bytes, 5);
    prefix[0] = 0;
    assert_false(sp_prefix_parse(prefix, SP_IPC, &bytes));
    assert_int_equal(sp_prefix_bytes(SP_TCP), 8);
    assert_int_equal(sp_prefix_bytes(SP_IPC), 9);
}

static void the_request_id_ends_the_header(void **state)
{
    (void)state;
    unsigned char frame[4 * (SP_HOPS_MAX + 1)] = {0};
    assert_int_equal(sp_header_bytes(frame, sizeof frame), 0); /* none in sight */
    assert_int_equal(sp_header_bytes(frame, 0), 0);
    for (size_t word = 0; word < SP_HOPS_MAX; word++) {
        frame[word * 4] = 0x80;
        assert_int_equal(sp_header_bytes(frame, sizeof frame), (word + 1) * 4);
        assert_int_equal(sp_header_bytes(frame, (word + 1) * 4), (word + 1) * 4);
        assert_int_equal(sp_header_bytes(frame, (word + 1) * 4 - 1), 0); /* cut */
        frame[word * 4] = 0x7f;
    }
    frame[SP_HOPS_MAX * 4] = 0x80; /* one hop too many */
    assert_int_equal(sp_header_bytes(frame, sizeof frame), 0);
}

static void request_ids_have_their_top_bit_set(void **state)
{
    (void)state;
    unsigned char word[4];
    sp_request_id(word, 0x01020304);
    assert_memory_equal(word, "\x81\2\3\4", 4);
    assert_int_equal(sp_request_id_parse(word), 0x81020304u);
    assert_int_equal(sp_header_bytes(word, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting_is_the_mappings),
        cmocka_unit_test(prefixes_come_back),
        cmocka_unit_test(the_request_id_ends_the_header),
        cmocka_unit_test(request_ids_have_their_top_bit_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
