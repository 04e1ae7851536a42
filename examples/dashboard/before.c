/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage `before`: what the case study found. One query for each row of another, four times over, and all
 * orders fetched to be added up here. For merchant 1: 1 + 1 + 1 + 200 + 200 + 1 + 3,000 + 200 = 3,604
 * queries, the first of them in main.c.
 */
#include "examples/common/database.h"
#include "examples/dashboard/dashboard.h"

#include <stdlib.h>

#include <weir/libpq.h>

static bool load_reviews(PGconn *database, const char *product_id, struct dashboard_product *product)
{
    PGresult *rows = PQexecParams(database, "SELECT rating, comment FROM reviews WHERE product_id = $1", 1,
                                  NULL, &product_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        product->reviews++;
        product->ratings_sum += dashboard_number(rows, i, 0);
    }
    PQclear(rows);
    return ok;
}

static bool load_order_items(PGconn *database, const char *product_id, struct dashboard_product *product)
{
    PGresult *rows =
        PQexecParams(database, "SELECT quantity, price_cents FROM order_items WHERE product_id = $1", 1, NULL,
                     &product_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        json_int_t quantity = dashboard_number(rows, i, 0);
        product->units_sold += quantity;
        product->sold_cents += quantity * dashboard_number(rows, i, 1);
    }
    PQclear(rows);
    return ok;
}

/* Returns the products' rows, which the low-stock loop walks once more; NULL when a query failed. */
static PGresult *load_products(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load products");
    PGresult *rows = PQexecParams(
        database, "SELECT id, name, price_cents FROM products WHERE merchant_id = $1 ORDER BY id", 1, NULL,
        &merchant_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct dashboard_product product = {.id = dashboard_number(rows, i, 0),
                                            .name = PQgetvalue(rows, i, 1),
                                            .price_cents = dashboard_number(rows, i, 2)};
        ok = load_reviews(database, PQgetvalue(rows, i, 0), &product) &&
             load_order_items(database, PQgetvalue(rows, i, 0), &product);
        if (ok) dashboard_add_product(answer, &product);
    }
    if (ok) return rows;
    PQclear(rows);
    return NULL;
}

static bool load_customer_orders(PGconn *database, const char *customer_id,
                                 struct dashboard_customer *customer)
{
    PGresult *rows = PQexecParams(database, "SELECT id, total_cents FROM orders WHERE customer_id = $1", 1,
                                  NULL, &customer_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        customer->orders++;
        customer->spent_cents += dashboard_number(rows, i, 1);
    }
    PQclear(rows);
    return ok;
}

static bool load_customers(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load customers");
    PGresult *rows = PQexecParams(database, "SELECT id, name FROM customers WHERE merchant_id = $1", 1, NULL,
                                  &merchant_id, NULL, NULL, 0);
    size_t count = database_ok(rows) ? (size_t)PQntuples(rows) : 0;
    struct dashboard_customer *customers = calloc(count + 1, sizeof(*customers));
    bool ok = database_ok(rows) && customers;
    for (size_t i = 0; ok && i < count; i++) {
        customers[i].id = dashboard_number(rows, (int)i, 0);
        customers[i].name = PQgetvalue(rows, (int)i, 1);
        ok = load_customer_orders(database, PQgetvalue(rows, (int)i, 0), &customers[i]);
    }
    if (ok) dashboard_rank_customers(answer, customers, count);
    free(customers);
    PQclear(rows);
    return ok;
}

static bool load_stock(PGconn *database, const char *product_id, json_t *answer)
{
    PGresult *rows = PQexecParams(database, "SELECT quantity, reorder_level FROM stock WHERE product_id = $1",
                                  1, NULL, &product_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        json_int_t quantity = dashboard_number(rows, i, 0), reorder_level = dashboard_number(rows, i, 1);
        if (quantity < reorder_level)
            dashboard_add_low_stock(answer, strtoll(product_id, NULL, 10), quantity, reorder_level);
    }
    PQclear(rows);
    return ok;
}

static bool load_low_stock(PGconn *database, const PGresult *products, json_t *answer)
{
    WEIR_SPAN("check stock");
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(products); i++)
        ok = load_stock(database, PQgetvalue(products, i, 0), answer);
    return ok;
}

bool dashboard_load_before(PGconn *database, const char *merchant_id, json_t *answer)
{
    if (!dashboard_load_all_orders(database, merchant_id, answer)) return false;
    PGresult *products = load_products(database, merchant_id, answer);
    if (!products) return false;
    bool ok = load_customers(database, merchant_id, answer) && load_low_stock(database, products, answer);
    PQclear(products);
    return ok;
}
