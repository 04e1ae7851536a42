/* SPDX-License-Identifier: Apache-2.0 */
/* What statements become, as a table: the statement, its normalised text, the literals in order (joined by
 * '|'). */
#include "tests/support/cmocka.h"

#include "model/operation.h"
#include "tests/model/collect.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *sql, *text, *literals;
} cases[] = {
    /* plain literals */
    {"SELECT 1", "SELECT ?", "1"},
    {"SELECT * FROM t WHERE a = 'x'", "SELECT * FROM t WHERE a = ?", "x"},
    {"SELECT * FROM t WHERE a = 'it''s'", "SELECT * FROM t WHERE a = ?", "it''s"},
    {"SELECT * FROM t WHERE a=''", "SELECT * FROM t WHERE a=?", ""},
    {"select Name from T1 where Id2=7", "select Name from T1 where Id2=?", "7"},
    {"SELECT NULL, TRUE, false", "SELECT NULL, TRUE, false", ""},
    {"SELECT 1.5e3, .5, 0x1F, 1e-9, 10.", "SELECT ?, ?, ?, ?, ?", "1.5e3|.5|0x1F|1e-9|10."},
    {"SELECT 1_000_000", "SELECT ?", "1_000_000"},
    {"SELECT -5, a - 5, a -5, (-1), 3 * -2", "SELECT ?, a - ?, a -?, (?), ? * ?", "-5|5|5|-1|3|-2"},
    {"SELECT a FROM t LIMIT 10 OFFSET -1", "SELECT a FROM t LIMIT ? OFFSET ?", "10|-1"},
    {"SELECT t1.c2, x86_64 FROM t1", "SELECT t1.c2, x86_64 FROM t1", ""},
    {"SELECT date '2024-01-02', interval'1 day'", "SELECT date ?, interval?", "2024-01-02|1 day"},
    /* strings with prefixes and escapes */
    {"SELECT E'it\\'s', e'\\\\'", "SELECT ?, ?", "it\\'s|\\\\"},
    {"SELECT N'x', B'101', X'1f', U&'d\\0061t'", "SELECT ?, ?, ?, ?", "x|101|1f|d\\0061t"},
    {"SELECT 'C:\\', 'D:\\'", "SELECT ?, ?", "C:\\|D:\\"},
    {"SELECT * FROM t WHERE a LIKE '50\\%' ESCAPE '\\'", "SELECT * FROM t WHERE a LIKE ? ESCAPE ?",
     "50\\%|\\"},
    {"SELECT 'it\\'s', 'a \\'b\\' c' FROM t", "SELECT ?, ? FROM t", "it\\'s|a \\'b\\' c"},
    {"SELECT _utf8'abc'", "SELECT _utf8?", "abc"},
    /* dollar quotes */
    {"SELECT $$it's$$", "SELECT ?", "it's"},
    {"DO $body$ BEGIN x := '1'; END $body$ LANGUAGE plpgsql", "DO ? LANGUAGE plpgsql",
     " BEGIN x := '1'; END "},
    {"SELECT $a$ $b$ $a$, 2", "SELECT ?, ?", " $b$ |2"},
    /* placeholders are no literals */
    {"SELECT * FROM t WHERE a = $1 AND b = $12", "SELECT * FROM t WHERE a = ? AND b = ?", ""},
    {"SELECT * FROM t WHERE a = ? AND b = ?2", "SELECT * FROM t WHERE a = ? AND b = ?", ""},
    {"SELECT * FROM t WHERE a = :name AND b = :1", "SELECT * FROM t WHERE a = ? AND b = ?", ""},
    {"SELECT * FROM t WHERE a = @p AND b=@Id", "SELECT * FROM t WHERE a = ? AND b=?", ""},
    {"SELECT * FROM t WHERE a = %s AND b = %(name)s", "SELECT * FROM t WHERE a = ? AND b = ?", ""},
    {"SELECT * FROM t WHERE a = #{item.id} AND b = ${x}", "SELECT * FROM t WHERE a = ? AND b = ?", ""},
    {"SELECT * FROM t WHERE a = $name", "SELECT * FROM t WHERE a = ?", ""},
    {"SELECT $1::int[], '5'::text", "SELECT ?::int[], ?::text", "5"},
    /* lists */
    {"SELECT * FROM t WHERE a IN (1, 2, 3)", "SELECT * FROM t WHERE a IN (?)", "1|2|3"},
    {"SELECT * FROM t WHERE a IN (1,2,3)", "SELECT * FROM t WHERE a IN (?)", "1|2|3"},
    {"SELECT * FROM t WHERE a IN ( $1 , $2 )", "SELECT * FROM t WHERE a IN (?)", ""},
    {"SELECT * FROM t WHERE a IN(%s, %s, %s)", "SELECT * FROM t WHERE a IN(?)", ""},
    {"SELECT * FROM t WHERE a NOT IN ('a','b') AND b = 1", "SELECT * FROM t WHERE a NOT IN (?) AND b = ?",
     "a|b|1"},
    {"SELECT * FROM t WHERE a IN ($1::uuid, $2::uuid)", "SELECT * FROM t WHERE a IN (?::uuid)", ""},
    {"SELECT * FROM t WHERE (a, b) IN ((1, 2), (3, 4))", "SELECT * FROM t WHERE (a, b) IN ((?))", "1|2|3|4"},
    {"SELECT * FROM t WHERE a = ANY (ARRAY[1, 2, 3])", "SELECT * FROM t WHERE a = ANY (ARRAY[?])", "1|2|3"},
    {"SELECT ARRAY[[1,2],[3,4]]", "SELECT ARRAY[[?]]", "1|2|3|4"},
    {"SELECT * FROM t WHERE a IN (SELECT 1, 2, 3)", "SELECT * FROM t WHERE a IN (SELECT ?, ?, ?)", "1|2|3"},
    {"SELECT make_interval(1, 2, 3), coalesce(a, 0, 0)", "SELECT make_interval(?, ?, ?), coalesce(a, ?, ?)",
     "1|2|3|0|0"},
    /* VALUES */
    {"INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT INTO t (a, b) VALUES (?)", "1|x"},
    {"INSERT INTO t VALUES (1,2),(3,4), (5,6)", "INSERT INTO t VALUES (?)", "1|2|3|4|5|6"},
    {"INSERT INTO t VALUES (1, now()), (2, now()) RETURNING id",
     "INSERT INTO t VALUES (?, now()) RETURNING id", "1|2"},
    {"INSERT INTO t VALUES (1, NULL), (DEFAULT, 2) ON CONFLICT DO NOTHING",
     "INSERT INTO t VALUES (?, NULL) ON CONFLICT DO NOTHING", "1|2"},
    {"INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)",
     "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)", "1"},
    {"SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, s)", "SELECT * FROM (VALUES (?)) AS v (n, s)",
     "1|a|2|b"},
    {"INSERT INTO t VALUES (f(1), (2)), (f(3), (4))", "INSERT INTO t VALUES (f(?), (?))", "1|2|3|4"},
    /* comments and white space */
    {"SELECT 1 -- one\n , 2", "SELECT ?, ?", "1|2"},
    {"SELECT /* a 'b' /* c */ 1 */ 2", "SELECT ?", "2"},
    {"/* trace=17 */ SELECT a -- 5", "SELECT a", ""},
    {"# it's\nSELECT 1", "SELECT ?", "1"},
    {"  SELECT\t a\r\n FROM  t ;  ", "SELECT a FROM t", ""},
    {"SELECT a/**/FROM t", "SELECT a FROM t", ""},
    {"", "", ""},
    {"-- nothing", "", ""},
    /* names in quotes */
    {"SELECT \"order 66\".\"a\"\"b\" FROM \"T\"", "SELECT \"order 66\".\"a\"\"b\" FROM \"T\"", ""},
    {"SELECT `a 1`, `b` FROM `t` WHERE c = \"secret\"", "SELECT `a 1`, `b` FROM `t` WHERE c = ?", "secret"},
    {"SELECT [name 1], [x].[y] FROM [dbo].[t1] WHERE [a] = 1",
     "SELECT [name 1], [x].[y] FROM [dbo].[t1] WHERE [a] = ?", "1"},
    {"SELECT a[1], a[2:3], b[i], (c)[4] FROM t", "SELECT a[?], a[?:?], b[i], (c)[?] FROM t", "1|2|3|4"},
    {"SELECT größe FROM straße WHERE maß = 'ß'", "SELECT größe FROM straße WHERE maß = ?", "ß"},
    /* operators that look like something else */
    {"SELECT a ->> 'k', a->'b'->>0, a #> '{x}', a #>> '{y}' FROM t",
     "SELECT a ->> ?, a->?->>?, a #> ?, a #>> ? FROM t", "k|b|0|{x}|{y}"},
    {"SELECT a @> '{}', b <@ c, d @@ e, @@version", "SELECT a @> ?, b <@ c, d @@ e, @@version", "{}"},
    {"SELECT a ? 'k', a ?| b, a % 5, a %s", "SELECT a ? ?, a ?| b, a % ?, a ?", "k|5"},
    {"SELECT a::numeric(10, 2), b := 3", "SELECT a::numeric(?, ?), b := ?", "10|2|3"},
    {"SELECT a%s FROM t", "SELECT a%s FROM t", ""},
    {"SELECT '1'||'2'", "SELECT ?||?", "1|2"},
    {"SELECT 5-3, 5--3\n", "SELECT ?-?, ?", "5|3|5"},
    {"SELECT * FROM #temp WHERE a = 1", "SELECT * FROM #temp WHERE a = ?", "1"},
    {"SELECT {d '2024-01-01'}", "SELECT {d ?}", "2024-01-01"},
    /* what never ends is a literal to the end */
    {"SELECT 'abc", "SELECT ?", "abc"},
    {"SELECT \"abc", "SELECT ?", "abc"},
    {"SELECT $x$ abc $y$", "SELECT ?", " abc $y$"},
    {"SELECT /* abc", "SELECT", ""},
    {"SELECT f(1, (2", "SELECT f(?, (?", "1|2"},
    {"SELECT 1)) + ]2", "SELECT ?)) +]?", "1|2"},
    {"'", "?", ""},
    {"\x01SELECT\x7f\"a\x1b[31mb\"", "SELECT \"a [31mb\"", ""},
};

static size_t normalise(const char *sql, size_t len, char *to, struct buffer *values)
{
    return normalise_sql(str_view(sql, len), to, collect_value, values);
}

static void statements_become_operations(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX];
        struct buffer values;
        buffer_init(&values);
        struct str text = str_view(to, normalise(cases[i].sql, strlen(cases[i].sql), to, &values));
        if (!str_is(text, cases[i].text) || !str_is(buffer_str(&values), cases[i].literals)) {
            print_error("%s\n   expected %s   with %s\n   but got  %.*s   with %.*s\n", cases[i].sql,
                        cases[i].text, cases[i].literals, STR_ARG(text), STR_ARG(buffer_str(&values)));
            wrong++;
        }
        buffer_fini(&values);
    }
    assert_int_equal(wrong, 0);
}

/* Normalising is idempotent: the text of a text is itself. */
static void a_normalised_text_stays_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX];
        struct buffer values;
        buffer_init(&values);
        size_t len = normalise(cases[i].text, strlen(cases[i].text), to, &values);
        if (!str_is(str_view(to, len), cases[i].text)) print_error("%s\n", cases[i].text);
        assert_true(str_is(str_view(to, len), cases[i].text));
        assert_int_equal(values.len, 0);
        buffer_fini(&values);
    }
}

static void nul_is_white_space(void **state)
{
    (void)state;
    char to[OPERATION_TEXT_MAX];
    size_t len = normalise_sql(str_view("SELECT\0a\0\0FROM t", 16), to, NULL, NULL);
    assert_true(str_is(str_view(to, len), "SELECT a FROM t"));
}

/* A list of a megabyte takes the room of its first element, and each of its literals is told. */
static void a_megabyte_of_values_is_one_list(void **state)
{
    (void)state;
    struct buffer sql, values;
    char to[OPERATION_TEXT_MAX];
    size_t count = 100000;
    buffer_init(&sql);
    buffer_init(&values);
    buffer_add_text(&sql, "INSERT INTO t VALUES ");
    for (size_t i = 0; i < count; i++) buffer_printf(&sql, "%s(%zu, 'x')", i ? ", " : "", i);
    size_t len = normalise(sql.data, sql.len, to, &values);
    assert_true(str_is(str_view(to, len), "INSERT INTO t VALUES (?)"));
    size_t seen = 1;
    for (size_t i = 0; i < values.len; i++) seen += values.data[i] == '|';
    assert_int_equal(seen, 2 * count);
    buffer_fini(&sql);
    buffer_fini(&values);
}

static void a_long_statement_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct buffer sql;
        char to[OPERATION_TEXT_MAX];
        buffer_init(&sql);
        buffer_add_char(&sql, 'a', shift);
        for (size_t i = 0; i < 2000; i++) buffer_add_text(&sql, "€, ");
        size_t len = normalise_sql(buffer_str(&sql), to, NULL, NULL);
        assert_in_range(len, OPERATION_TEXT_MAX - 6, OPERATION_TEXT_MAX);
        assert_memory_equal(to + len - 3, "…", 3);
        assert_true((unsigned char)to[len - 4] < 0x80 || (unsigned char)to[len - 4] == 0xac);
        buffer_fini(&sql);
    }
}

/* 4,096 bytes fit whole; one more is cut. */
static void the_limit_is_exact(void **state)
{
    (void)state;
    static char sql[OPERATION_TEXT_MAX + 1];
    char to[OPERATION_TEXT_MAX];
    memset(sql, 'a', sizeof sql);
    assert_int_equal(normalise_sql(str_view(sql, OPERATION_TEXT_MAX), to, NULL, NULL), OPERATION_TEXT_MAX);
    assert_int_equal(to[OPERATION_TEXT_MAX - 1], 'a');
    assert_int_equal(normalise_sql(str_view(sql, sizeof sql), to, NULL, NULL), OPERATION_TEXT_MAX);
    assert_memory_equal(to + OPERATION_TEXT_MAX - 3, "…", 3);
}

static void deep_parentheses_are_harmless(void **state)
{
    (void)state;
    struct buffer sql;
    char to[OPERATION_TEXT_MAX];
    buffer_init(&sql);
    buffer_add_text(&sql, "VALUES ");
    buffer_add_char(&sql, '(', 200);
    buffer_add_text(&sql, "1, 2");
    buffer_add_char(&sql, ')', 200);
    buffer_add_text(&sql, ", (3), 4");
    size_t len = normalise_sql(buffer_str(&sql), to, NULL, NULL);
    assert_memory_equal(to + len - 3, ", ?", 3);
    buffer_fini(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_become_operations),
        cmocka_unit_test(a_normalised_text_stays_as_it_is),
        cmocka_unit_test(nul_is_white_space),
        cmocka_unit_test(a_megabyte_of_values_is_one_list),
        cmocka_unit_test(a_long_statement_is_cut_between_characters),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(deep_parentheses_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
