/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/dashboard/{merchant_id}, the case study's slow endpoint, in stages of its repair. Every stage
 * fills the same answer from the same tables; tests compare them. Stages run in a worker thread on its own
 * connection.
 */
#ifndef WEIR_EXAMPLES_DASHBOARD_H
#define WEIR_EXAMPLES_DASHBOARD_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>

#define DASHBOARD_SCHEMA             "dashboard"
#define DASHBOARD_RECENT_SINCE       "2025-10-01" /* orders from this day on count as recent */
#define DASHBOARD_TOP_CUSTOMERS      20
#define DASHBOARD_TOP_CUSTOMERS_TEXT "20" /* the same, as a parameter of a query */

/* Adds "orders", "products", "customers" and "low_stock" to the answer; false when a query failed. */
typedef bool (*dashboard_load)(PGconn *database, const char *merchant_id, json_t *answer);

bool dashboard_load_before(PGconn *database, const char *merchant_id, json_t *answer);
bool dashboard_load_batched(PGconn *database, const char *merchant_id, json_t *answer);
bool dashboard_load_joined(PGconn *database, const char *merchant_id, json_t *answer);

/* "orders" alone, from all rows of the merchant; what the first two stages have in common. */
bool dashboard_load_all_orders(PGconn *database, const char *merchant_id, json_t *answer);

/* What a stage has found out, put into the answer's form. Texts are copied. */

struct dashboard_orders {
    json_int_t count, revenue_cents, recent_count, recent_revenue_cents;
};

struct dashboard_product {
    json_int_t id, price_cents;
    const char *name;
    json_int_t reviews, ratings_sum, units_sold, sold_cents;
};

struct dashboard_customer {
    json_int_t id;
    const char *name;
    json_int_t orders, spent_cents;
};

struct dashboard_customers {
    json_int_t count, with_orders, returning; /* returning: two orders or more */
};

void dashboard_add_orders(json_t *answer, const struct dashboard_orders *orders);
void dashboard_add_product(json_t *answer, const struct dashboard_product *product);
void dashboard_add_customers(json_t *answer, const struct dashboard_customers *totals,
                             const struct dashboard_customer *top, size_t top_count);
/* The same from all customers, whom it puts in order of what they spent. */
void dashboard_rank_customers(json_t *answer, struct dashboard_customer *customers, size_t count);
void dashboard_add_low_stock(json_t *answer, json_int_t product_id, json_int_t quantity,
                             json_int_t reorder_level);

/* The value of a result as a number; 0 for NULL. */
json_int_t dashboard_number(const PGresult *rows, int row, int column);

extern const char dashboard_setup_sql[]; /* setup.sql */

#endif
