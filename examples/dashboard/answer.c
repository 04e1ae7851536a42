/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/dashboard/dashboard.h"

#include <stdlib.h>

#include <weir/libpq.h>

json_int_t dashboard_number(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

/* The array of that name, made at its first use. */
static json_t *list(json_t *answer, const char *name)
{
    json_t *array = json_object_get(answer, name);
    if (array) return array;
    json_object_set_new(answer, name, json_array());
    return json_object_get(answer, name);
}

void dashboard_add_orders(json_t *answer, const struct dashboard_orders *orders)
{
    json_object_set_new(answer, "orders",
                        json_pack("{s:I, s:I, s:I, s:I}", "count", orders->count, "revenue_cents",
                                  orders->revenue_cents, "recent_count", orders->recent_count,
                                  "recent_revenue_cents", orders->recent_revenue_cents));
}

void dashboard_add_product(json_t *answer, const struct dashboard_product *product)
{
    json_t *rating =
        product->reviews ? json_real((double)product->ratings_sum / (double)product->reviews) : json_null();
    json_array_append_new(list(answer, "products"),
                          json_pack("{s:I, s:s, s:I, s:I, s:o, s:I, s:I}", "id", product->id, "name",
                                    product->name, "price_cents", product->price_cents, "reviews",
                                    product->reviews, "rating", rating, "units_sold", product->units_sold,
                                    "sold_cents", product->sold_cents));
}

void dashboard_add_customers(json_t *answer, const struct dashboard_customers *totals,
                             const struct dashboard_customer *top, size_t top_count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < top_count; i++)
        json_array_append_new(array, json_pack("{s:I, s:s, s:I, s:I}", "id", top[i].id, "name", top[i].name,
                                               "orders", top[i].orders, "spent_cents", top[i].spent_cents));
    json_object_set_new(answer, "customers",
                        json_pack("{s:I, s:I, s:I, s:o}", "count", totals->count, "with_orders",
                                  totals->with_orders, "returning", totals->returning, "top", array));
}

/* Who spent most comes first; the older customer among equals. */
static int by_spending(const void *a, const void *b)
{
    const struct dashboard_customer *left = a, *right = b;
    if (left->spent_cents != right->spent_cents) return left->spent_cents > right->spent_cents ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

void dashboard_rank_customers(json_t *answer, struct dashboard_customer *customers, size_t count)
{
    struct dashboard_customers totals = {.count = (json_int_t)count};
    for (size_t i = 0; i < count; i++) {
        totals.with_orders += customers[i].orders > 0;
        totals.returning += customers[i].orders > 1;
    }
    qsort(customers, count, sizeof(*customers), by_spending);
    dashboard_add_customers(answer, &totals, customers,
                            count < DASHBOARD_TOP_CUSTOMERS ? count : DASHBOARD_TOP_CUSTOMERS);
}

void dashboard_add_low_stock(json_t *answer, json_int_t product_id, json_int_t quantity,
                             json_int_t reorder_level)
{
    json_array_append_new(list(answer, "low_stock"),
                          json_pack("{s:I, s:I, s:I}", "product_id", product_id, "quantity", quantity,
                                    "reorder_level", reorder_level));
}
