/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/products?page=N, the second case study: 50 products a page, from five sources. Three of them are
 * queries (catalogue.c), two are services: inventory (a loop over GET /stock/{id} in the stage `before`, one
 * POST /stock/bulk from `bulk` on) and pricing (POST /prices). The stage `cached` keeps prices in Redis;
 * `parallel` does, too, and asks both services at once when prices are missing there. Every stage answers the
 * same. One request in one worker thread.
 */
#ifndef WEIR_EXAMPLES_PRODUCTS_H
#define WEIR_EXAMPLES_PRODUCTS_H

#include "examples/common/cache.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>

#define PRODUCTS_SCHEMA    "products"
#define PRODUCTS_PAGE_SIZE 50
#define PRODUCTS_TTL_S     300 /* as in the case study */

struct product {
    json_int_t id, category_id;
    char name[64], category[64];
    json_int_t reviews, ratings_sum;
    json_int_t stock, price_cents;
    bool is_priced; /* the cache knew the price */
};

struct product_page {
    size_t count, priced;                        /* priced: how many of them are */
    struct product products[PRODUCTS_PAGE_SIZE]; /* in order of id */
};

struct product_sources {
    const char *inventory, *pricing; /* http://HOST:PORT */
    struct cache_address redis;
    unsigned long ttl_s; /* of a price in the cache */
};

/* Products of a page, counted from 1, with reviews and categories; false when a query failed. */
bool catalogue_load(PGconn *database, unsigned long page, struct product_page *products);

/* What is in stock, and the prices that are not known yet, from the services; false when one did not answer as
 * it should. */
bool stock_load_each(const struct product_sources *sources, struct product_page *products);
bool stock_load_bulk(const struct product_sources *sources, struct product_page *products);
bool prices_load(const struct product_sources *sources, struct product_page *products);
/* Both at once. */
bool stock_and_prices_load(const struct product_sources *sources, struct product_page *products);

/* The prices that Redis knows: all, some, or none, also while it is away. */
void prices_recall(const struct product_sources *sources, struct product_page *products);
/* Keeps those that it did not know. */
void prices_keep(const struct product_sources *sources, const struct product_page *products);

/* {"ids":[…]} of what is to be asked; the caller frees it. NULL when out of memory. */
char *stock_body(const struct product_page *products);
char *prices_body(const struct product_page *products);
/* Takes what was answered; false unless it is all that was asked. */
bool stock_take(const json_t *json, struct product_page *products);
bool prices_take(const json_t *json, struct product_page *products);

struct product *product_find(struct product_page *products, json_int_t id);

extern const char products_setup_sql[]; /* setup.sql */

#endif
