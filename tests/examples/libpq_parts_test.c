/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of libweir-pq that need no database. */
#include "tests/support/cmocka.h"

#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/libpq/sqlstate.h"
#include "sdk/instrument/libpq/value.h"

#include <stdio.h>
#include <string.h>

static void sqlstates_are_kept_once(void **state)
{
    (void)state;
    char text[] = "23505";
    const char *kept = sqlstate_keep(text);
    text[0] = 'X';
    assert_string_equal(kept, "23505");
    assert_ptr_equal(sqlstate_keep("23505"), kept);
    assert_string_equal(sqlstate_keep("42P01"), "42P01");
    assert_string_equal(sqlstate_keep(NULL), "_OTHER");
    assert_string_equal(sqlstate_keep("4"), "_OTHER");
    assert_string_equal(sqlstate_keep("234567"), "_OTHER");
    assert_string_equal(sqlstate_keep("23 05"), "_OTHER");
}

static void too_many_sqlstates_are_other(void **state)
{
    (void)state;
    unsigned kept_count = 0;
    for (unsigned i = 0; i < SQLSTATE_MAX + 100; i++) {
        char text[8];
        snprintf(text, sizeof(text), "Z%04u", i);
        const char *kept = sqlstate_keep(text);
        if (kept[0] == 'Z') assert_string_equal(kept, text);
        kept_count += kept[0] == 'Z';
    }
    assert_in_range(kept_count, SQLSTATE_MAX - 10, SQLSTATE_MAX);
    assert_string_equal(sqlstate_keep("Z0000"), "Z0000");
}

static void assert_binary(Oid type, const char *data, size_t bytes, const char *expected)
{
    char scratch[VALUE_TEXT_BYTES];
    struct value value = value_of_binary(type, data, bytes, scratch);
    assert_int_equal(value.bytes, strlen(expected));
    assert_memory_equal(value.data, expected, value.bytes);
}

static void binary_integers_become_decimal(void **state)
{
    (void)state;
    assert_binary(23, "\x00\x00\x01\x02", 4, "258");
    assert_binary(23, "\xff\xff\xff\xff", 4, "-1");
    assert_binary(21, "\x80\x00", 2, "-32768");
    assert_binary(20, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8, "9223372036854775807");
    assert_binary(20, "\x80\x00\x00\x00\x00\x00\x00\x00", 8, "-9223372036854775808");
    assert_binary(25, "text", 4, "text");
    assert_binary(23, "abc", 3, "abc"); /* not what it says: stays as it is */
    char scratch[VALUE_TEXT_BYTES];
    assert_null(value_of_binary(23, NULL, 0, scratch).data);
}

/* Addresses are all that the table knows of a connection. */
static const PGconn *connection_at(unsigned i)
{
    static char memory[4096 * 16];
    return (const PGconn *)(const void *)&memory[(size_t)i * 16];
}

static void connections_have_numbers_and_statements(void **state)
{
    (void)state;
    connection_add(connection_at(0), 77);
    assert_int_equal(connection_number(connection_at(0)), 77);
    assert_int_equal(connection_number(NULL), 0);
    connection_prepared(connection_at(0), "a", "SELECT 1");
    connection_prepared(connection_at(0), "b", "SELECT 2");
    connection_prepared(connection_at(0), "a", "SELECT 3");
    assert_string_equal(connection_statement_borrow(connection_at(0), "a"), "SELECT 3");
    assert_string_equal(connection_statement_borrow(connection_at(0), "b"), "SELECT 2");
    assert_null(connection_statement_borrow(connection_at(0), "c"));
    assert_null(connection_statement_borrow(connection_at(1), "a"));

    connection_add(connection_at(0), 78); /* another connection at the same address */
    assert_int_equal(connection_number(connection_at(0)), 78);
    assert_null(connection_statement_borrow(connection_at(0), "a"));
    connection_remove(connection_at(0));
    connection_remove(connection_at(0));
}

static void many_connections_are_told_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4096; i++) connection_add(connection_at(i), i + 1);
    for (unsigned i = 0; i < 4096; i += 2) connection_remove(connection_at(i));
    for (unsigned i = 1; i < 4096; i += 2) assert_int_equal(connection_number(connection_at(i)), i + 1);
    uint64_t fresh = connection_number(connection_at(0));
    assert_int_not_equal(fresh, 0);
    assert_int_equal(connection_number(connection_at(0)), fresh);
    for (unsigned i = 0; i < 4096; i++) connection_remove(connection_at(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstates_are_kept_once),
        cmocka_unit_test(too_many_sqlstates_are_other),
        cmocka_unit_test(binary_integers_become_decimal),
        cmocka_unit_test(connections_have_numbers_and_statements),
        cmocka_unit_test(many_connections_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
