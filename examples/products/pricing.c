/* SPDX-License-Identifier: Apache-2.0 */
/* The service `pricing`: 850 ms for the prices of any number of products. */
#include "examples/products/backend.h"

#define PRICES_MS 850

static json_t *price_entry(json_int_t id)
{
    return json_pack("{s:I, s:I}", "id", id, "cents", 100 + id % 9900 * 104729 % 9900);
}

static unsigned post_prices(const struct service_request *request, struct service_answer *answer)
{
    backend_wait_ms(PRICES_MS);
    return backend_bulk(request, "prices", price_entry, answer);
}

static const struct service_route routes[] = {
    {"POST", "/prices", false, "/prices", post_prices},
    {0},
};

int main(int argc, char **argv) { return backend_main(argc, argv, "pricing", routes); }
