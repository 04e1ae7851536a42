/* SPDX-License-Identifier: Apache-2.0 */
/* The service `inventory`: what is in stock; 40 ms for one product, 250 ms for any number at once. */
#include "examples/products/backend.h"

#define ONE_MS  40
#define BULK_MS 250

#define ID_MAX 1000000000

static json_int_t stock_of(json_int_t id) { return id % 97 * 7919 % 97; }

static json_t *stock_entry(json_int_t id) { return json_pack("{s:I, s:I}", "id", id, "stock", stock_of(id)); }

static unsigned get_stock(const struct service_request *request, struct service_answer *answer)
{
    unsigned long id;
    if (!service_number(request->argument, ID_MAX, &id)) return 404;
    backend_wait_ms(ONE_MS);
    answer->json = stock_entry((json_int_t)id);
    return 200;
}

static unsigned post_bulk(const struct service_request *request, struct service_answer *answer)
{
    backend_wait_ms(BULK_MS);
    return backend_bulk(request, "products", stock_entry, answer);
}

static const struct service_route routes[] = {
    {"GET", "/stock/", true, "/stock/{id}", get_stock},
    {"POST", "/stock/bulk", false, "/stock/bulk", post_bulk},
    {0},
};

int main(int argc, char **argv) { return backend_main(argc, argv, "inventory", routes); }
