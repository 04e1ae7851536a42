/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage `joined`: each loop is an aggregate of its own, joined to what it walked; five queries with the
 * merchant's. Reviews and order items are added up before they are joined: joined to each other first, every
 * review would count once for each item sold.
 */
#include "examples/common/database.h"
#include "examples/dashboard/dashboard.h"

#include <weir/libpq.h>

static bool load_orders(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load orders");
    static const char sql[] = "SELECT count(*), sum(total_cents), count(*) FILTER (WHERE placed_on >= $2),"
                              "       sum(total_cents) FILTER (WHERE placed_on >= $2)"
                              "  FROM orders WHERE merchant_id = $1";
    const char *values[] = {merchant_id, DASHBOARD_RECENT_SINCE};
    PGresult *rows = PQexecParams(database, sql, 2, NULL, values, NULL, NULL, 0);
    bool ok = database_ok(rows);
    if (ok) {
        struct dashboard_orders orders = {dashboard_number(rows, 0, 0), dashboard_number(rows, 0, 1),
                                          dashboard_number(rows, 0, 2), dashboard_number(rows, 0, 3)};
        dashboard_add_orders(answer, &orders);
    }
    PQclear(rows);
    return ok;
}

static bool load_products(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load products");
    static const char sql[] =
        "SELECT p.id, p.name, p.price_cents, r.reviews, r.ratings, i.units, i.cents"
        "  FROM products p"
        "  LEFT JOIN (SELECT product_id, count(*) AS reviews, sum(rating) AS ratings"
        "               FROM reviews JOIN products m ON m.id = product_id"
        "              WHERE m.merchant_id = $1 GROUP BY product_id) r ON r.product_id = p.id"
        "  LEFT JOIN (SELECT product_id, sum(i.quantity) AS units, sum(i.quantity * i.price_cents) AS cents"
        "               FROM order_items i JOIN products m ON m.id = product_id"
        "              WHERE m.merchant_id = $1 GROUP BY product_id) i ON i.product_id = p.id"
        " WHERE p.merchant_id = $1 ORDER BY p.id";
    PGresult *rows = PQexecParams(database, sql, 1, NULL, &merchant_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct dashboard_product product = {.id = dashboard_number(rows, i, 0),
                                            .name = PQgetvalue(rows, i, 1),
                                            .price_cents = dashboard_number(rows, i, 2),
                                            .reviews = dashboard_number(rows, i, 3),
                                            .ratings_sum = dashboard_number(rows, i, 4),
                                            .units_sold = dashboard_number(rows, i, 5),
                                            .sold_cents = dashboard_number(rows, i, 6)};
        dashboard_add_product(answer, &product);
    }
    PQclear(rows);
    return ok;
}

static void add_customers(json_t *answer, const PGresult *rows)
{
    struct dashboard_customers totals = {0};
    struct dashboard_customer top[DASHBOARD_TOP_CUSTOMERS];
    size_t count = (size_t)PQntuples(rows);
    for (int i = 0; i < (int)count; i++)
        top[i] = (struct dashboard_customer){dashboard_number(rows, i, 0), PQgetvalue(rows, i, 1),
                                             dashboard_number(rows, i, 2), dashboard_number(rows, i, 3)};
    if (count > 0)
        totals = (struct dashboard_customers){dashboard_number(rows, 0, 4), dashboard_number(rows, 0, 5),
                                              dashboard_number(rows, 0, 6)};
    dashboard_add_customers(answer, &totals, top, count);
}

static bool load_customers(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load customers");
    static const char sql[] =
        "SELECT c.id, c.name, coalesce(o.orders, 0), coalesce(o.spent, 0), count(*) OVER (),"
        "       count(*) FILTER (WHERE o.orders > 0) OVER (), count(*) FILTER (WHERE o.orders > 1) OVER ()"
        "  FROM customers c"
        "  LEFT JOIN (SELECT customer_id, count(*) AS orders, sum(total_cents) AS spent"
        "               FROM orders WHERE merchant_id = $1 GROUP BY customer_id) o ON o.customer_id = c.id"
        " WHERE c.merchant_id = $1 ORDER BY 4 DESC, c.id LIMIT $2";
    static const char limit[] = DASHBOARD_TOP_CUSTOMERS_TEXT;
    const char *values[] = {merchant_id, limit};
    PGresult *rows = PQexecParams(database, sql, 2, NULL, values, NULL, NULL, 0);
    bool ok = database_ok(rows);
    if (ok) add_customers(answer, rows);
    PQclear(rows);
    return ok;
}

static bool load_low_stock(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("check stock");
    static const char sql[] =
        "SELECT s.product_id, s.quantity, s.reorder_level"
        "  FROM stock s JOIN products p ON p.id = s.product_id"
        " WHERE p.merchant_id = $1 AND s.quantity < s.reorder_level ORDER BY s.product_id";
    PGresult *rows = PQexecParams(database, sql, 1, NULL, &merchant_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++)
        dashboard_add_low_stock(answer, dashboard_number(rows, i, 0), dashboard_number(rows, i, 1),
                                dashboard_number(rows, i, 2));
    PQclear(rows);
    return ok;
}

bool dashboard_load_joined(PGconn *database, const char *merchant_id, json_t *answer)
{
    return load_orders(database, merchant_id, answer) && load_products(database, merchant_id, answer) &&
           load_customers(database, merchant_id, answer) && load_low_stock(database, merchant_id, answer);
}
