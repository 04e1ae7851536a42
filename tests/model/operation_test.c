/* SPDX-License-Identifier: Apache-2.0 */
/* How operations are named and judged, as tables. */
#include "tests/support/cmocka.h"

#include "model/operation.h"
#include "proto/batch.h"

_Static_assert(OPERATION_TYPE_COUNT == BATCH_OPERATION_TYPES, "the wire must know all operation types");

static const struct {
    enum operation_type type;
    const char *system, *text, *label;
} labels[] = {
    /* the dashboard */
    {OPERATION_DB, "postgresql", "SELECT id, name FROM merchants WHERE id = ?", "merchants by id"},
    {OPERATION_DB, "postgresql", "SELECT * FROM orders WHERE merchant_id = ?", "orders by merchant"},
    {OPERATION_DB, "postgresql", "SELECT id, name, stock FROM products WHERE merchant_id = ? ORDER BY id",
     "products by merchant"},
    {OPERATION_DB, "postgresql", "SELECT rating FROM reviews WHERE product_id = ?", "reviews by product"},
    {OPERATION_DB, "postgresql", "SELECT sum(quantity), count(*) FROM order_items WHERE product_id = ?",
     "order_items by product (sum, count)"},
    {OPERATION_DB, "postgresql", "SELECT * FROM order_items WHERE product_id = ?", "order_items by product"},
    {OPERATION_DB, "postgresql", "select id from customers where merchant_id=?", "customers by merchant"},
    {OPERATION_DB, "postgresql", "SELECT total FROM orders WHERE customer_id = ?", "orders by customer"},
    {OPERATION_DB, "postgresql", "SELECT * FROM orders WHERE customer_id = ANY(?)",
     "orders by customer list"},
    {OPERATION_DB, "postgresql", "SELECT * FROM orders WHERE customer_id = ANY(?::bigint[])",
     "orders by customer list"},
    {OPERATION_DB, "postgresql", "SELECT stock FROM products WHERE id = ? AND stock < ?",
     "products by id and stock"},
    {OPERATION_DB, "postgresql",
     "SELECT id FROM products WHERE merchant_id = ? AND stock <= reorder_point ORDER BY stock LIMIT ?",
     "products by merchant and stock"},
    {OPERATION_DB, "postgresql",
     "SELECT p.id, p.name, avg(r.rating), count(r.id) FROM products p LEFT JOIN reviews r ON r.product_id = "
     "p.id "
     "WHERE p.merchant_id = ? GROUP BY p.id, p.name",
     "products with reviews by merchant (avg, count)"},
    {OPERATION_DB, "postgresql",
     "SELECT p.id, r.n, i.sold FROM products p LEFT JOIN (SELECT product_id, count(*) AS n FROM reviews "
     "GROUP BY "
     "product_id) r ON r.product_id = p.id LEFT JOIN (SELECT product_id, sum(quantity) AS sold FROM "
     "order_items GROUP BY "
     "product_id) i ON i.product_id = p.id WHERE p.merchant_id = ?",
     "products with reviews and order_items by merchant"},
    {OPERATION_DB, "postgresql",
     "SELECT count(*), coalesce(sum(total), ?) FROM orders WHERE merchant_id = ? AND created_at >= ?",
     "orders by merchant and created_at (count, sum)"},
    {OPERATION_DB, "postgresql",
     "SELECT count(*), count(*) FILTER (WHERE placed_on >= ?) FROM orders WHERE merchant_id = ?",
     "orders by merchant (count)"},
    {OPERATION_DB, "postgresql",
     "SELECT s.quantity FROM stock s JOIN products p ON p.id = s.product_id WHERE p.merchant_id = ? AND "
     "s.quantity < "
     "s.reorder_level",
     "stock with products by merchant and quantity"},
    {OPERATION_DB, "postgresql", "SELECT * FROM products WHERE id IN (?)", "products by id list"},
    {OPERATION_DB, "postgresql", "SELECT * FROM products ORDER BY id LIMIT ?", "products"},
    /* other statements */
    {OPERATION_DB, "postgresql", "INSERT INTO orders (a, b) VALUES (?) RETURNING id", "insert into orders"},
    {OPERATION_DB, "postgresql", "UPDATE orders SET total = ?, state = ? WHERE id = ?",
     "update orders by id"},
    {OPERATION_DB, "postgresql", "DELETE FROM shop.orders WHERE id = ?", "delete from orders by id"},
    {OPERATION_DB, "postgresql",
     "WITH recent AS (SELECT * FROM orders WHERE at > ?) SELECT * FROM recent JOIN customers c ON c.id = "
     "recent.customer_id",
     "customers with orders by at"},
    {OPERATION_DB, "postgresql",
     "SELECT (SELECT count(*) FROM orders WHERE merchant_id = ?), m.* FROM merchants m WHERE m.id = ?",
     "merchants with orders by merchant and id (count)"},
    {OPERATION_DB, "postgresql", "SELECT * FROM \"Shop\".\"Orders\" WHERE \"customerId\" = ?",
     "Orders by customer"},
    {OPERATION_DB, "postgresql", "SELECT \"from\" FROM \"order\" WHERE \"group\" = ? AND \"limit\" IN (?)",
     "order by group and limit list"},
    {OPERATION_DB, "mssql", "SELECT [name] FROM [dbo].[t1] WHERE [a] = ?", "t1 by a"},
    {OPERATION_DB, "postgresql", "SELECT * FROM t WHERE lower(email) = ?", "t by email"},
    {OPERATION_DB, "postgresql", "SELECT * FROM t WHERE ? = a.owner_id AND x IS NOT NULL", "t by owner"},
    {OPERATION_DB, "postgresql", "SELECT * FROM t WHERE created BETWEEN ? AND ? AND name ILIKE ?",
     "t by created and name"},
    {OPERATION_DB, "postgresql", "SELECT extract(year FROM at) FROM t WHERE a IS DISTINCT FROM ?", "t"},
    {OPERATION_DB, "postgresql", "SELECT * FROM a, b WHERE a.id = b.id AND a.x = ?", "a with b by x"},
    {OPERATION_DB, "postgresql", "SELECT a FROM t WHERE b = ? AND c = ? AND d = ? AND e = ?",
     "t by b, c and d …"},
    {OPERATION_DB, "postgresql", "SELECT now()", "SELECT now()"},
    {OPERATION_DB, "postgresql", "BEGIN", "BEGIN"},
    {OPERATION_DB, "postgresql",
     "CREATE TABLE a_table_with_a_long_name (first_column int, second_column text)",
     "CREATE TABLE a_table_with_a_long_name (first_column int, se…"},
    {OPERATION_DB, "postgresql", "", "db"},
    /* HTTP, cache and the rest */
    {OPERATION_HTTP, "inventory:8081", "GET /stock/{id}", "GET inventory /stock/{id}"},
    {OPERATION_HTTP, "inventory", "POST /stock/bulk", "POST inventory /stock/bulk"},
    {OPERATION_HTTP, "127.0.0.1:8081", "GET /stock/{id}", "GET 127.0.0.1:8081 /stock/{id}"},
    {OPERATION_HTTP, "localhost:8081", "GET /", "GET localhost:8081 /"},
    {OPERATION_HTTP, "[::1]:8081", "GET /", "GET [::1]:8081 /"},
    {OPERATION_HTTP, "", "GET /stock/{id}", "GET /stock/{id}"},
    {OPERATION_CACHE, "redis", "GET price:{}", "GET price:{}"},
    {OPERATION_CONNECT, "postgresql", "connect", "connect to postgresql"},
    {OPERATION_SPAN, "", "load products", "load products"},
    {OPERATION_ENDPOINT, "", "GET /api/products", "GET /api/products"},
};

static void labels_read_well(void **state)
{
    (void)state;
    int wrong = 0;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        struct operation operation = {labels[i].type, str_of(labels[i].system), str_of(labels[i].text)};
        struct str label = operation_label(&operation, &arena);
        if (str_is(label, labels[i].label)) continue;
        print_error("%s\n   expected %s\n   but got  %.*s\n", labels[i].text, labels[i].label,
                    STR_ARG(label));
        wrong++;
    }
    arena_fini(&arena);
    assert_int_equal(wrong, 0);
}

static const struct {
    enum operation_type type;
    const char *text;
    bool writes, is_transaction;
} judgements[] = {
    {OPERATION_DB, "SELECT * FROM t WHERE a = ?", false, false},
    {OPERATION_DB, "(SELECT a FROM t) UNION (SELECT b FROM t)", false, false},
    {OPERATION_DB, "select a from t for update", false, false},
    {OPERATION_DB, "WITH x AS (SELECT ?) SELECT * FROM x", false, false},
    {OPERATION_DB, "SHOW server_version", false, false},
    {OPERATION_DB, "EXPLAIN SELECT ?", false, false},
    {OPERATION_DB, "VALUES (?)", false, false},
    {OPERATION_DB, "INSERT INTO t VALUES (?)", true, false},
    {OPERATION_DB, "update t set a = ?", true, false},
    {OPERATION_DB, "DELETE FROM t", true, false},
    {OPERATION_DB, "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", true, false},
    {OPERATION_DB, "WITH x AS (SELECT ?) INSERT INTO t SELECT * FROM x", true, false},
    {OPERATION_DB, "SELECT * INTO copy FROM t", true, false},
    {OPERATION_DB, "SELECT nextval(?)", true, false},
    {OPERATION_DB, "CALL refresh(?)", true, false},
    {OPERATION_DB, "TRUNCATE t", true, false},
    {OPERATION_DB, "FETCH ? FROM c", true, false},
    {OPERATION_DB, "SET search_path = x", true, false},
    {OPERATION_DB, "SELECT a FROM t; UPDATE t SET a = ?", true, false},
    {OPERATION_DB, "BEGIN", false, true},
    {OPERATION_DB, "begin; commit", false, true},
    {OPERATION_DB, "START TRANSACTION", false, true},
    {OPERATION_DB, "COMMIT", false, true},
    {OPERATION_DB, "ROLLBACK TO SAVEPOINT a", false, true},
    {OPERATION_DB, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", false, true},
    {OPERATION_DB, "BEGIN; UPDATE t SET a = ?", true, true},
    {OPERATION_HTTP, "GET /a", false, false},
    {OPERATION_HTTP, "HEAD /a", false, false},
    {OPERATION_HTTP, "POST /stock/bulk", true, false},
    {OPERATION_HTTP, "DELETE /a/{id}", true, false},
    {OPERATION_CACHE, "GET price:{}", false, false},
    {OPERATION_CACHE, "SET price:{}", true, false},
    {OPERATION_CACHE, "PIPELINE GET price:{} HGET cart:{}", false, false},
    {OPERATION_CACHE, "PIPELINE GET price:{} EXPIRE", true, false},
    {OPERATION_CACHE, "PIPELINE GET price:{}…", true, false},
    {OPERATION_CACHE, "PIPELINE", false, false},
    {OPERATION_SPAN, "update the books", false, false},
    {OPERATION_CONNECT, "connect", false, false},
};

static void writes_and_transactions_are_known(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof judgements / sizeof *judgements; i++) {
        struct operation operation = {judgements[i].type, str_view("", 0), str_of(judgements[i].text)};
        bool writes = operation_is_write(&operation), is_transaction = operation_is_transaction(&operation);
        if (writes == judgements[i].writes && is_transaction == judgements[i].is_transaction) continue;
        print_error("%s: writes %d, transaction %d\n", judgements[i].text, writes, is_transaction);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void summaries_are_opentelemetrys(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"SELECT * FROM orders WHERE id = ?", "SELECT orders"},
        {"SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id", "SELECT orders customers"},
        {"insert into t values (?)", "insert t"},
        {"BEGIN", "BEGIN"},
    };
    struct arena arena;
    arena_init(&arena, (size_t)1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct operation operation = {OPERATION_DB, str_of("postgresql"), str_of(cases[i][0])};
        assert_true(str_is(operation_summary(&operation, &arena), cases[i][1]));
    }
    arena_fini(&arena);
}

/* Without memory a label is empty, not a crash. */
static void an_exhausted_arena_is_harmless(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct operation operation = {OPERATION_SPAN, str_view("", 0), str_of("x")};
    assert_int_equal(operation_label(&operation, &arena).len, 0);
    assert_int_equal(operation_summary(&operation, &arena).len, 0);
    arena_fini(&arena);
}

/* Texts come from outside: bytes that are no characters, NUL where a keyword would end. */
static void hostile_texts_have_labels(void **state)
{
    (void)state;
    static const char with_nul[] = "SELECT\0a IN\0\0x FROM\0t";
    char malformed[300];
    struct arena arena;
    arena_init(&arena, (size_t)1 << 16);
    memset(malformed, 0x87, sizeof malformed);
    struct operation operation = {OPERATION_SPAN, str_view("", 0), str_view(malformed, sizeof malformed)};
    struct str label = operation_label(&operation, &arena);
    assert_int_equal(label.len, 59 + 3); /* each byte counts as a character */
    operation = (struct operation){OPERATION_DB, str_view("", 0), str_view(with_nul, sizeof with_nul - 1)};
    assert_true(operation_label(&operation, &arena).len > 0);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_read_well),
        cmocka_unit_test(writes_and_transactions_are_known),
        cmocka_unit_test(summaries_are_opentelemetrys),
        cmocka_unit_test(an_exhausted_arena_is_harmless),
        cmocka_unit_test(hostile_texts_have_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
