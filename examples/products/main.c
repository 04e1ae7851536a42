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

/* ---- the stages ---- */

static bool load_before(const struct product_sources *sources, struct product_page *products)
{
    return stock_load_each(sources, products) && prices_load(sources, products);
}

static bool load_bulk(const struct product_sources *sources, struct product_page *products)
{
    return stock_load_bulk(sources, products) && prices_load(sources, products);
}

static bool load_cached(const struct product_sources *sources, struct product_page *products)
{
    if (!stock_load_bulk(sources, products)) return false;
    prices_recall(sources, products);
    if (products->priced == products->count) return true;
    if (!prices_load(sources, products)) return false;
    prices_keep(sources, products);
    return true;
}

/* The cache is asked first, in a millisecond: whether there is anything to ask pricing depends on it. */
static bool load_parallel(const struct product_sources *sources, struct product_page *products)
{
    prices_recall(sources, products);
    if (products->priced == products->count) return stock_load_bulk(sources, products);
    if (!stock_and_prices_load(sources, products)) return false;
    prices_keep(sources, products);
    return true;
}

struct stage {
    const char *name;
    bool (*load)(const struct product_sources *sources, struct product_page *products);
    bool has_cache;
};

static const struct stage stages[] = {
    {"before", load_before, false},
    {"bulk", load_bulk, false},
    {"cached", load_cached, true},
    {"parallel", load_parallel, true},
};

#define STAGE_COUNT (sizeof(stages) / sizeof(stages[0]))

struct settings {
    const struct stage *stage;
    const char *dsn;
    struct product_sources sources;
    unsigned long port;
};

static const char usage[] =
    "usage: products --stage NAME --db DSN --inventory URL --pricing URL [--redis WHERE] [--cache-ttl S]\n"
    "                [--port N]\n"
    "\n"
    "  --stage NAME      which stage of the repair to run: before, bulk, cached, parallel\n"
    "  --db DSN          a Postgres connection string; the schema \"products\" and its few\n"
    "                    data are created there if it is not there yet\n"
    "  --inventory URL   where the service inventory listens: http://127.0.0.1:PORT\n"
    "  --pricing URL     and where pricing does\n"
    "  --redis WHERE     HOST:PORT or the path of a unix socket; cached and parallel need it\n"
    "  --cache-ttl S     how many seconds they keep a price; 300 by default\n"
    "  --port N          on 127.0.0.1; 0, the default, takes a free one and prints it\n";

/* ---- the answer ---- */

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

static unsigned get_products(const struct service_request *request, struct service_answer *answer)
{
    const struct settings *settings = request->context;
    const char *wanted = service_parameter(request, "page");
    unsigned long page = 1;
    if (wanted && (!service_number(wanted, PAGE_MAX, &page) || page == 0)) return 400;
    PGconn *database = database_connection(settings->dsn, PRODUCTS_SCHEMA);
    if (!database) return 503;

    struct product_page products = {0};
    if (!catalogue_load(database, page, &products)) return 500;
    if (products.count > 0 && !settings->stage->load(&settings->sources, &products)) return 502;
    answer->json = page_json(page, &products);
    return 200;
}

static const struct service_route routes[] = {
    {"GET", "/api/products", false, "/api/products", get_products},
    {0},
};

/* ---- options ---- */

static bool choose_stage(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        if (strcmp(stages[i].name, name) != 0) continue;
        settings->stage = &stages[i];
        return true;
    }
    fprintf(stderr, "products: no stage %s\n", name);
    return false;
}

static bool parse_ttl(const char *text, unsigned long *ttl_s)
{
    return service_number(text, CACHE_TTL_MAX_S, ttl_s) && *ttl_s > 0;
}

static bool parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"stage", required_argument, NULL, 's'},     {"db", required_argument, NULL, 'd'},
        {"inventory", required_argument, NULL, 'i'}, {"pricing", required_argument, NULL, 'c'},
        {"redis", required_argument, NULL, 'r'},     {"cache-ttl", required_argument, NULL, 't'},
        {"port", required_argument, NULL, 'p'},      {0}};
    struct product_sources *sources = &settings->sources;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's' && choose_stage(settings, optarg)) continue;
        if (option == 'p' && service_number(optarg, 65535, &settings->port)) continue;
        if (option == 'r' && cache_address_parse(optarg, &sources->redis)) continue;
        if (option == 't' && parse_ttl(optarg, &sources->ttl_s)) continue;
        if (option == 'd')
            settings->dsn = optarg;
        else if (option == 'i')
            sources->inventory = optarg;
        else if (option == 'c')
            sources->pricing = optarg;
        else
            return false;
    }
    return optind == argc && settings->stage && settings->dsn && sources->inventory && sources->pricing &&
           (sources->redis.host[0] || !settings->stage->has_cache);
}

int main(int argc, char **argv)
{
    struct settings settings = {.sources.ttl_s = PRODUCTS_TTL_S};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!database_setup(settings.dsn, PRODUCTS_SCHEMA, products_setup_sql)) return EXIT_FAILURE;

    struct service service = {.name = "products",
                              .version = settings.stage->name,
                              .port = (unsigned)settings.port,
                              .routes = routes,
                              .context = &settings};
    return service_run(&service);
}
