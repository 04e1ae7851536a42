/* SPDX-License-Identifier: Apache-2.0 */
/* The service `products`: options, the route, and the answer. */
#include "examples/common/database.h"
#include "examples/common/service.h"
#include "examples/products/products.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define PAGE_MAX 1000000

typedef bool (*stock_load)(const struct product_sources *sources, struct product_page *products);

static const struct {
    const char *name;
    stock_load load;
} stages[] = {
    {"before", stock_load_each},
    {"bulk", stock_load_bulk},
};

#define STAGE_COUNT (sizeof(stages) / sizeof(stages[0]))

struct settings {
    const char *stage, *dsn;
    stock_load load_stock;
    struct product_sources sources;
    unsigned long port;
};

static const char usage[] =
    "usage: products --stage before|bulk --db DSN --inventory URL --pricing URL [--port N]\n"
    "\n"
    "  --stage NAME      which stage of the repair to run\n"
    "  --db DSN          a Postgres connection string; the schema \"products\" and its few\n"
    "                    data are created there if it is not there yet\n"
    "  --inventory URL   where the service inventory listens: http://127.0.0.1:PORT\n"
    "  --pricing URL     and where pricing does\n"
    "  --port N          on 127.0.0.1; 0, the default, takes a free one and prints it\n";

static json_t *product_json(const struct product *product)
{
    json_t *rating =
        product->reviews ? json_real((double)product->ratings_sum / (double)product->reviews) : json_null();
    return json_pack("{s:I, s:s, s:s, s:I, s:o, s:I, s:I}", "id", product->id, "name", product->name,
                     "category", product->category, "reviews", product->reviews, "rating", rating, "stock",
                     product->stock, "price_cents", product->price_cents);
}

static json_t *page_json(unsigned long page, const struct product_page *products)
{
    json_t *list = json_array();
    for (size_t i = 0; i < products->count; i++)
        json_array_append_new(list, product_json(&products->products[i]));
    return json_pack("{s:I, s:o}", "page", (json_int_t)page, "products", list);
}

static unsigned get_products(const struct service_request *request, json_t **answer)
{
    const struct settings *settings = request->context;
    const char *wanted = service_parameter(request, "page");
    unsigned long page = 1;
    if (wanted && (!service_number(wanted, PAGE_MAX, &page) || page == 0)) return 400;
    PGconn *database = database_connection(settings->dsn, PRODUCTS_SCHEMA);
    if (!database) return 503;

    struct product_page products = {0};
    if (!catalogue_load(database, page, &products)) return 500;
    if (products.count > 0 &&
        (!settings->load_stock(&settings->sources, &products) || !prices_load(&settings->sources, &products)))
        return 502;
    *answer = page_json(page, &products);
    return 200;
}

static const struct service_route routes[] = {
    {"GET", "/api/products", false, "/api/products", get_products},
    {0},
};

static bool choose_stage(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        if (strcmp(stages[i].name, name) != 0) continue;
        settings->stage = stages[i].name;
        settings->load_stock = stages[i].load;
        return true;
    }
    fprintf(stderr, "products: no stage %s\n", name);
    return false;
}

static bool parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"stage", required_argument, NULL, 's'},     {"db", required_argument, NULL, 'd'},
        {"inventory", required_argument, NULL, 'i'}, {"pricing", required_argument, NULL, 'c'},
        {"port", required_argument, NULL, 'p'},      {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's' && choose_stage(settings, optarg)) continue;
        if (option == 'p' && service_number(optarg, 65535, &settings->port)) continue;
        if (option == 'd')
            settings->dsn = optarg;
        else if (option == 'i')
            settings->sources.inventory = optarg;
        else if (option == 'c')
            settings->sources.pricing = optarg;
        else
            return false;
    }
    return optind == argc && settings->stage && settings->dsn && settings->sources.inventory &&
           settings->sources.pricing;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!database_setup(settings.dsn, PRODUCTS_SCHEMA, products_setup_sql)) return EXIT_FAILURE;

    struct service service = {.name = "products",
                              .version = settings.stage,
                              .port = (unsigned)settings.port,
                              .routes = routes,
                              .context = &settings};
    return service_run(&service);
}
