/* SPDX-License-Identifier: Apache-2.0 */
/* What a call of another SDK's is called, and which inputs are told from which. */
#include "tests/support/cmocka.h"

#include "collector/otlp/call_text.h"
#include "collector/otlp/trace_state.h"

static struct arena arena;
static struct hash_key key;
static struct call_text call, other;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 20);
    hash_key_derive(&key, "test", 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void expect_text(const struct call_text *got, const char *system, const char *text)
{
    assert_int_equal(got->operation.text.len, strlen(text));
    assert_memory_equal(got->operation.text.data, text, strlen(text));
    assert_true(str_is(got->operation.system, system));
}

static void sql(struct call_text *to, const char *system, const char *text, const char *parameter)
{
    struct call_parameters parameters = {0};
    memset(to, 0, sizeof *to);
    if (parameter) call_parameters_add(&parameters, &key, str_of("0"), str_of(parameter));
    call_of_sql(to, &key, str_of(system), str_of(text), &parameters, &arena);
}

static void statements(void **state)
{
    (void)state;
    sql(&call, "postgresql", "SELECT a FROM t WHERE b = 'x' AND c = 5", NULL);
    expect_text(&call, "postgresql", "SELECT a FROM t WHERE b = ? AND c = ?");
    assert_int_equal(call.input_count, 2);
    sql(&other, "postgresql", "SELECT a FROM t WHERE b = 'x' AND c = 5", NULL);
    assert_true(call.input_hash && call.input_hash == other.input_hash);
    sql(&other, "postgresql", "SELECT a FROM t WHERE b = 'x' AND c = 6", NULL);
    assert_true(other.input_hash && call.input_hash != other.input_hash);
    sql(&other, "sqlite", "SELECT a FROM t WHERE b = 'x' AND c = 5", NULL);
    assert_true(call.input_hash != other.input_hash);
}

static void placeholders(void **state)
{
    static const char *const unknown[] = {
        "SELECT a FROM t WHERE b = ?",          "SELECT a FROM t WHERE b = $1",
        "SELECT a FROM t WHERE b = %s",         "SELECT a FROM t WHERE b = %(b)s",
        "SELECT a FROM t WHERE b = :b",         "SELECT a FROM t WHERE b = @b",
        "SELECT a FROM t WHERE c = 5 AND b = ?"};
    static const char *const known[] = {"SELECT a FROM t", "SELECT '? $1 :b' FROM t", "SELECT a::int FROM t"};
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        sql(&call, "postgresql", unknown[i], NULL);
        assert_int_equal(call.input_hash, 0);
        sql(&call, "postgresql", unknown[i], "x");
        sql(&other, "postgresql", unknown[i], "y");
        assert_true(call.input_hash && other.input_hash && call.input_hash != other.input_hash);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        sql(&call, "postgresql", known[i], NULL);
        assert_true(call.input_hash);
    }
}

static void strings_of_mysql(void **state)
{
    (void)state;
    sql(&call, "mysql", "SELECT \"it's\", 'a\"b', `c\"d` FROM t WHERE e = \"f\\\"g\"", NULL);
    expect_text(&call, "mysql", "SELECT ?, ?, `c\"d` FROM t WHERE e = ?");
    sql(&call, "postgresql", "SELECT \"column\" FROM t", NULL);
    expect_text(&call, "postgresql", "SELECT \"column\" FROM t");
}

static void what_is_sql(void **state)
{
    (void)state;
    assert_true(call_text_is_sql(str_of("  /* a */ -- b\n (select 1")));
    assert_true(call_text_is_sql(str_of("WITH x AS (SELECT 1) SELECT 2")));
    assert_false(call_text_is_sql(str_of("{\"find\": \"users\"}")));
    assert_false(call_text_is_sql(str_of("MATCH (n {name: \"x\"}) RETURN n")));
    assert_false(call_text_is_sql(str_of("/* SELECT")));
    assert_false(call_text_is_sql(str_of("")));
}

static void cache(struct call_text *to, const char *text)
{
    memset(to, 0, sizeof *to);
    call_of_cache(to, &key, str_of("redis"), str_of(text));
}

static void commands(void **state)
{
    static const char *const cases[][2] = {{"GET price:17", "GET price:{}"},
                                           {"get: price:17", "GET price:{}"},
                                           {"SET price:17 word", "SET price:{}"},
                                           {"MGET price:1 price:2 stock:3", "MGET price:{} stock:{}"},
                                           {"MSET a:1 word b:2 word", "MSET a:{} b:{}"},
                                           {"HSET user:5 name word", "HSET user:{}"},
                                           {"OBJECT ENCODING k:5", "OBJECT k:{}"},
                                           {"AUTH word", "AUTH"},
                                           {"HELLO 3 AUTH user word", "HELLO"},
                                           {"EVAL return_1 1 k:5", "EVAL"},
                                           {"GET ?", "GET {}"},
                                           {"GET a:1\nGET a:2", "PIPELINE"},
                                           {"PING", "PING"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cache(&call, cases[i][0]);
        expect_text(&call, "redis", cases[i][1]);
    }
}

static void keys_as_inputs(void **state)
{
    (void)state;
    cache(&call, "GET price:17");
    assert_true(call.input_hash);
    assert_int_equal(call.input_count, 1);
    cache(&other, "GET price:18");
    assert_true(other.input_hash && other.input_hash != call.input_hash);
    cache(&call, "GET ?");
    assert_int_equal(call.input_hash, 0);
    cache(&call, "AUTH word");
    assert_int_equal(call.input_hash, 0);
    cache(&call, "SET price:17 a");
    cache(&other, "SET price:17 b");
    assert_true(call.input_hash != other.input_hash);
}

static void http(struct call_text *to, const char *method, const char *url, const char *template)
{
    memset(to, 0, sizeof *to);
    call_of_http(to, &key, str_of(method), str_of(url), str_of(template));
}

static void urls(void **state)
{
    (void)state;
    http(&call, "GET", "http://user:word@inventory:8081/stock/17?full=1#x", "");
    expect_text(&call, "inventory:8081", "GET /stock/{id}?full={}");
    assert_int_equal(call.input_count, 2);
    http(&other, "GET", "http://inventory:8081/stock/18?full=1", "");
    expect_text(&other, "inventory:8081", "GET /stock/{id}?full={}");
    assert_true(call.input_hash && other.input_hash && call.input_hash != other.input_hash);
    http(&call, "POST", "http://inventory/stock/17", "");
    assert_int_equal(call.input_hash, 0); /* its body is not known */
    http(&call, "GET", "http://inventory/stock/blue", "/stock/{colour}");
    expect_text(&call, "inventory", "GET /stock/{colour}");
    http(&call, "GET", "", "/stock/{id}");
    assert_int_equal(call.input_hash, 0);
}

static void thresholds(void **state)
{
    static const struct {
        const char *state;
        uint64_t threshold;
    } cases[] = {{"", 0},
                 {"a=b", 0},
                 {"ot=th:c", 0xc0000000000000},
                 {"a=b, ot=rv:0123456789abcd;th:8 ,c=d", 0x80000000000000},
                 {"ot=th:0", 0},
                 {"ot=th:123456789abcde", 0x123456789abcde},
                 {"ot=th:123456789abcdef", 0},
                 {"ot=th:x", 0},
                 {"ot=th:C", 0},
                 {"ot=th:8;th:8", 0},
                 {"ot=", 0},
                 {"ot=th:", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(trace_state_threshold(str_of(cases[i].state)), cases[i].threshold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements),  cmocka_unit_test(placeholders), cmocka_unit_test(strings_of_mysql),
        cmocka_unit_test(what_is_sql), cmocka_unit_test(commands),     cmocka_unit_test(keys_as_inputs),
        cmocka_unit_test(urls),        cmocka_unit_test(thresholds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
