/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage `batched`: the loops are gone, and nothing else. What was asked once for each row is asked once for
 * all of them, = ANY of a list of ids; what was added up here still is. Eight queries with the merchant's.
 */
#include "examples/common/database.h"
#include "examples/dashboard/dashboard.h"

#include <stdio.h>
#include <stdlib.h>

#include <weir/libpq.h>

#define ID_MAX_BYTES 12 /* of a number with its comma */

/* The first column as "{1,2,3}", what Postgres reads as an array; the caller frees it. */
static char *list_of_ids(const PGresult *rows)
{
    size_t size = (size_t)PQntuples(rows) * ID_MAX_BYTES + 3, bytes = 0;
    char *list = malloc(size);
    if (!list) return NULL;
    list[bytes++] = '{';
    for (int i = 0; i < PQntuples(rows); i++)
        bytes +=
            (size_t)snprintf(list + bytes, size - bytes, "%s%s", i > 0 ? "," : "", PQgetvalue(rows, i, 0));
    snprintf(list + bytes, size - bytes, "}");
    return list;
}

/* ---- products, their reviews and their order items ---- */

static int compare_products(const void *a, const void *b)
{
    const struct dashboard_product *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

struct product_list {
    struct dashboard_product *products; /* in order of id */
    size_t count;
};

static struct dashboard_product *find_product(const struct product_list *list, json_int_t id)
{
    struct dashboard_product wanted = {.id = id};
    return bsearch(&wanted, list->products, list->count, sizeof(wanted), compare_products);
}

static bool load_reviews(PGconn *database, const char *ids, const struct product_list *list)
{
    PGresult *rows = PQexecParams(
        database, "SELECT product_id, rating, comment FROM reviews WHERE product_id = ANY($1::integer[])", 1,
        NULL, &ids, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct dashboard_product *product = find_product(list, dashboard_number(rows, i, 0));
        if (!product) continue;
        product->reviews++;
        product->ratings_sum += dashboard_number(rows, i, 1);
    }
    PQclear(rows);
    return ok;
}

static bool load_order_items(PGconn *database, const char *ids, const struct product_list *list)
{
    PGresult *rows = PQexecParams(database,
                                  "SELECT product_id, quantity, price_cents FROM order_items"
                                  " WHERE product_id = ANY($1::integer[])",
                                  1, NULL, &ids, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct dashboard_product *product = find_product(list, dashboard_number(rows, i, 0));
        if (!product) continue;
        json_int_t quantity = dashboard_number(rows, i, 1);
        product->units_sold += quantity;
        product->sold_cents += quantity * dashboard_number(rows, i, 2);
    }
    PQclear(rows);
    return ok;
}

static bool fill_products(PGconn *database, const PGresult *rows, const char *ids, json_t *answer)
{
    struct product_list list = {.count = (size_t)PQntuples(rows)};
    list.products = calloc(list.count + 1, sizeof(*list.products));
    if (!list.products) return false;
    for (size_t i = 0; i < list.count; i++)
        list.products[i] = (struct dashboard_product){.id = dashboard_number(rows, (int)i, 0),
                                                      .name = PQgetvalue(rows, (int)i, 1),
                                                      .price_cents = dashboard_number(rows, (int)i, 2)};
    bool ok = load_reviews(database, ids, &list) && load_order_items(database, ids, &list);
    for (size_t i = 0; ok && i < list.count; i++) dashboard_add_product(answer, &list.products[i]);
    free(list.products);
    return ok;
}

/* Returns the ids of the products, which the stock is asked for by, to be freed; NULL when a query failed. */
static char *load_products(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load products");
    PGresult *rows = PQexecParams(
        database, "SELECT id, name, price_cents FROM products WHERE merchant_id = $1 ORDER BY id", 1, NULL,
        &merchant_id, NULL, NULL, 0);
    char *ids = database_ok(rows) ? list_of_ids(rows) : NULL;
    bool ok = ids && fill_products(database, rows, ids, answer);
    PQclear(rows);
    if (ok) return ids;
    free(ids);
    return NULL;
}

/* ---- customers and their orders ---- */

static int compare_customers(const void *a, const void *b)
{
    const struct dashboard_customer *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static bool load_customer_orders(PGconn *database, const char *ids, struct dashboard_customer *customers,
                                 size_t count)
{
    PGresult *rows = PQexecParams(database,
                                  "SELECT customer_id, id, total_cents FROM orders"
                                  " WHERE customer_id = ANY($1::integer[])",
                                  1, NULL, &ids, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct dashboard_customer wanted = {.id = dashboard_number(rows, i, 0)};
        struct dashboard_customer *customer =
            bsearch(&wanted, customers, count, sizeof(wanted), compare_customers);
        if (!customer) continue;
        customer->orders++;
        customer->spent_cents += dashboard_number(rows, i, 2);
    }
    PQclear(rows);
    return ok;
}

static bool fill_customers(PGconn *database, const PGresult *rows, json_t *answer)
{
    size_t count = (size_t)PQntuples(rows);
    struct dashboard_customer *customers = calloc(count + 1, sizeof(*customers));
    char *ids = list_of_ids(rows);
    bool ok = customers && ids;
    for (size_t i = 0; ok && i < count; i++)
        customers[i] = (struct dashboard_customer){.id = dashboard_number(rows, (int)i, 0),
                                                   .name = PQgetvalue(rows, (int)i, 1)};
    if (ok) qsort(customers, count, sizeof(*customers), compare_customers);
    ok = ok && load_customer_orders(database, ids, customers, count);
    if (ok) dashboard_rank_customers(answer, customers, count);
    free(customers);
    free(ids);
    return ok;
}

static bool load_customers(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load customers");
    PGresult *rows = PQexecParams(database, "SELECT id, name FROM customers WHERE merchant_id = $1", 1, NULL,
                                  &merchant_id, NULL, NULL, 0);
    bool ok = database_ok(rows) && fill_customers(database, rows, answer);
    PQclear(rows);
    return ok;
}

/* ---- stock ---- */

static bool load_low_stock(PGconn *database, const char *product_ids, json_t *answer)
{
    WEIR_SPAN("check stock");
    PGresult *rows = PQexecParams(database,
                                  "SELECT product_id, quantity, reorder_level FROM stock"
                                  " WHERE product_id = ANY($1::integer[]) ORDER BY product_id",
                                  1, NULL, &product_ids, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        json_int_t quantity = dashboard_number(rows, i, 1), reorder_level = dashboard_number(rows, i, 2);
        if (quantity < reorder_level)
            dashboard_add_low_stock(answer, dashboard_number(rows, i, 0), quantity, reorder_level);
    }
    PQclear(rows);
    return ok;
}

bool dashboard_load_batched(PGconn *database, const char *merchant_id, json_t *answer)
{
    if (!dashboard_load_all_orders(database, merchant_id, answer)) return false;
    char *product_ids = load_products(database, merchant_id, answer);
    bool ok = product_ids && load_customers(database, merchant_id, answer) &&
              load_low_stock(database, product_ids, answer);
    free(product_ids);
    return ok;
}
