/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/products?page=N, the second case study: 50 products a page, from five sources. Three of them are
 * queries (catalogue.c), two are services: inventory (a loop over GET /stock/{id} in the stage `before`, one
 * POST /stock/bulk in `bulk`) and pricing (POST /prices). Every stage answers the same. One request in one
 * worker thread.
 */
#ifndef WEIR_EXAMPLES_PRODUCTS_H
#define WEIR_EXAMPLES_PRODUCTS_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>

#define PRODUCTS_SCHEMA    "products"
#define PRODUCTS_PAGE_SIZE 50

struct product {
    json_int_t id, category_id;
    char name[64], category[64];
    json_int_t reviews, ratings_sum;
    json_int_t stock, price_cents;
};

struct product_page {
    size_t count;
    struct product products[PRODUCTS_PAGE_SIZE]; /* in order of id */
};

struct product_sources {
    const char *inventory, *pricing; /* http://HOST:PORT */
};

/* Products of a page, counted from 1, with reviews and categories; false when a query failed. */
bool catalogue_load(PGconn *database, unsigned long page, struct product_page *products);

/* What is in stock, and prices; false when a service did not answer as it should. */
bool stock_load_each(const struct product_sources *sources, struct product_page *products);
bool stock_load_bulk(const struct product_sources *sources, struct product_page *products);
bool prices_load(const struct product_sources *sources, struct product_page *products);

/* {"ids":[…]} of a page; the caller frees it. NULL when out of memory. */
char *product_ids_json(const struct product_page *products);
struct product *product_find(struct product_page *products, json_int_t id);

extern const char products_setup_sql[]; /* setup.sql */

#endif
