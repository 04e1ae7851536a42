/* SPDX-License-Identifier: Apache-2.0 */
/* The listing's three queries: a page of products, and for its products reviews and categories. */
#include "examples/common/database.h"
#include "examples/products/products.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libpq.h>

#define LIST_MAX_BYTES (PRODUCTS_PAGE_SIZE * 22 + 3)

static json_int_t number(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

static void copy_name(char to[64], const char *from) { snprintf(to, 64, "%s", from); }

static bool load_products(PGconn *database, unsigned long page, struct product_page *products)
{
    char offset[24];
    snprintf(offset, sizeof(offset), "%lu", (page - 1) * PRODUCTS_PAGE_SIZE);
    const char *value = offset;
    PGresult *rows =
        PQexecParams(database, "SELECT id, name, category_id FROM products ORDER BY id LIMIT 50 OFFSET $1", 1,
                     NULL, &value, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows) && i < PRODUCTS_PAGE_SIZE; i++) {
        struct product *product = &products->products[products->count++];
        *product = (struct product){.id = number(rows, i, 0), .category_id = number(rows, i, 2)};
        copy_name(product->name, PQgetvalue(rows, i, 1));
    }
    PQclear(rows);
    return ok;
}

/* "{1,2,3}", what Postgres reads as an array */
static void write_list(const struct product_page *products, bool categories, char list[LIST_MAX_BYTES])
{
    size_t bytes = 0;
    for (size_t i = 0; i < products->count; i++) {
        const struct product *product = &products->products[i];
        bytes += (size_t)snprintf(list + bytes, LIST_MAX_BYTES - bytes, "%c%lld", i == 0 ? '{' : ',',
                                  (long long)(categories ? product->category_id : product->id));
    }
    snprintf(list + bytes, LIST_MAX_BYTES - bytes, "}");
}

static bool load_reviews(PGconn *database, struct product_page *products)
{
    char list[LIST_MAX_BYTES];
    write_list(products, false, list);
    const char *value = list;
    PGresult *rows = PQexecParams(database,
                                  "SELECT product_id, count(*), sum(rating) FROM reviews WHERE product_id = "
                                  "ANY($1) GROUP BY product_id",
                                  1, NULL, &value, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct product *product = product_find(products, number(rows, i, 0));
        if (!product) continue;
        product->reviews = number(rows, i, 1);
        product->ratings_sum = number(rows, i, 2);
    }
    PQclear(rows);
    return ok;
}

static bool load_categories(PGconn *database, struct product_page *products)
{
    char list[LIST_MAX_BYTES];
    write_list(products, true, list);
    const char *value = list;
    PGresult *rows = PQexecParams(database, "SELECT id, name FROM categories WHERE id = ANY($1)", 1, NULL,
                                  &value, NULL, NULL, 0);
    bool ok = database_ok(rows);
    for (int i = 0; ok && i < PQntuples(rows); i++)
        for (size_t k = 0; k < products->count; k++)
            if (products->products[k].category_id == number(rows, i, 0))
                copy_name(products->products[k].category, PQgetvalue(rows, i, 1));
    PQclear(rows);
    return ok;
}

bool catalogue_load(PGconn *database, unsigned long page, struct product_page *products)
{
    WEIR_SPAN("load catalogue");
    if (!load_products(database, page, products)) return false;
    if (products->count == 0) return true;
    return load_reviews(database, products) && load_categories(database, products);
}
