/* SPDX-License-Identifier: Apache-2.0 */
/* The service `products`: options, the route, and the answer. */
#include "examples/common/database.h"
#include "examples/common/options.h"
#include "examples/common/service.h"
#include "examples/products/products.h"

#include <stdio.h>
#include <stdlib.h>

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
    bool (*load)(const struct product_sources *sources, struct product_page *products);
    bool has_cache;
};

static const char *const stage_names[] = {"before", "bulk", "cached", "parallel", NULL};
static const struct stage stages[] = {
    {load_before, false},
    {load_bulk, false},
    {load_cached, true},
    {load_parallel, true},
};

struct settings {
    const struct stage *stage;
    struct study_options options;
    struct product_sources sources;
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
    PGconn *database = database_connection(settings->options.dsn, PRODUCTS_SCHEMA);
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

static bool parse_options(int argc, char **argv, struct settings *settings)
{
    struct product_sources *sources = &settings->sources;
    const struct study_option further[] = {
        {"inventory", &sources->inventory, NULL}, {"pricing", &sources->pricing, NULL}, {0}};
    struct study_options *options = &settings->options;
    if (!study_options_parse(options, "products", stage_names, further, argc, argv)) return false;
    settings->stage = &stages[options->stage];
    sources->redis = options->redis;
    sources->ttl_s = options->ttl_s;
    return sources->inventory && sources->pricing && (options->redis.host[0] || !settings->stage->has_cache);
}

int main(int argc, char **argv)
{
    struct settings settings = {.options.ttl_s = PRODUCTS_TTL_S};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!database_setup(settings.options.dsn, PRODUCTS_SCHEMA, products_setup_sql)) return EXIT_FAILURE;

    struct service service = {.name = "products",
                              .version = stage_names[settings.options.stage],
                              .port = (unsigned)settings.options.port,
                              .routes = routes,
                              .context = &settings};
    return service_run(&service);
}
