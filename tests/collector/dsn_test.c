/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords never reach the ready line, an error or the status page. */
#include "collector/dsn.h"

#include "tests/support/cmocka.h"

static void expect_shown(const char *dsn, const char *shown)
{
    struct buffer out;
    buffer_init(&out);
    dsn_without_password(&out, dsn);
    buffer_add_text(&out, "");
    assert_string_equal(out.data, shown);
    buffer_fini(&out);
}

static void test_pairs(void **state)
{
    (void)state;
    expect_shown("host=/tmp user=weir dbname=weir", "host=/tmp user=weir dbname=weir");
    expect_shown("password=secret host=h", "host=h");
    expect_shown("host=h password=secret", "host=h");
    expect_shown("host=h password = 'se cr\\'et' user=u", "host=h user=u");
    expect_shown("host=h password=se\\ cret user=u", "host=h user=u");
    expect_shown("  host = h\tsslpassword=x sslmode=require ", "host=h sslmode=require");
    expect_shown("user='a b' password=''", "user='a b'");
    expect_shown("password='unfinished", "");
    expect_shown("password", "");
    expect_shown("", "");
}

static void test_uris(void **state)
{
    (void)state;
    expect_shown("postgres://u:secret@h:5432/db", "postgres://u@h:5432/db");
    expect_shown("postgresql://u@h/db", "postgresql://u@h/db");
    expect_shown("postgresql://h:5432/db?user=u&password=secret", "postgresql://h:5432/db?user=u");
    expect_shown("postgresql://h/db?password=secret&sslmode=require&sslpassword=x",
                 "postgresql://h/db?sslmode=require");
    expect_shown("postgresql://u:se%40cret@/db?host=/tmp", "postgresql://u@/db?host=/tmp");
    expect_shown("postgresql://u:se@cret@h/db", "postgresql://u@h/db");
    expect_shown("postgresql://u:se/cret@h/db", "postgresql://u@h/db");
    expect_shown("postgresql://", "postgresql://");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_uris)};
    return cmocka_run_group_tests_name("dsn", tests, NULL, NULL);
}
