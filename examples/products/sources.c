/* SPDX-License-Identifier: Apache-2.0 */
/* What the listing asks other services: stock, one by one or in bulk, and prices. */
#include "examples/products/client.h"
#include "examples/products/products.h"

#include <stdio.h>
#include <stdlib.h>

#include <weir/libcurl.h>

struct product *product_find(struct product_page *products, json_int_t id)
{
    for (size_t i = 0; i < products->count; i++)
        if (products->products[i].id == id) return &products->products[i];
    return NULL;
}

static char *ids_body(json_t *ids)
{
    json_t *body = json_pack("{s:o}", "ids", ids);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

char *stock_body(const struct product_page *products)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < products->count; i++)
        json_array_append_new(ids, json_integer(products->products[i].id));
    return ids_body(ids);
}

char *prices_body(const struct product_page *products)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < products->count; i++)
        if (!products->products[i].is_priced)
            json_array_append_new(ids, json_integer(products->products[i].id));
    return ids_body(ids);
}

static bool load_stock(const struct product_sources *sources, struct product *product)
{
    char path[48];
    snprintf(path, sizeof(path), "/stock/%lld", (long long)product->id);
    struct client_answer answer = {0};
    CURL *handle = client_request(CLIENT_STOCK, &answer, sources->inventory, path, NULL);
    if (!handle) return false;
    json_t *json = client_json(handle, curl_easy_perform(handle), &answer);
    bool ok = json_unpack(json, "{s:I}", "stock", &product->stock) == 0;
    json_decref(json);
    return ok;
}

bool stock_load_each(const struct product_sources *sources, struct product_page *products)
{
    WEIR_SPAN("load stock");
    bool ok = true;
    for (size_t i = 0; ok && i < products->count; i++) ok = load_stock(sources, &products->products[i]);
    return ok;
}

bool stock_take(const json_t *json, struct product_page *products)
{
    size_t i, taken = 0;
    json_t *entry;
    json_array_foreach(json_object_get(json, "products"), i, entry)
    {
        json_int_t id, stock;
        struct product *product = NULL;
        if (json_unpack(entry, "{s:I, s:I}", "id", &id, "stock", &stock) == 0)
            product = product_find(products, id);
        if (!product) continue;
        product->stock = stock;
        taken++;
    }
    return taken == products->count;
}

bool stock_load_bulk(const struct product_sources *sources, struct product_page *products)
{
    WEIR_SPAN("load stock");
    struct client_answer answer = {0};
    char *body = stock_body(products);
    CURL *handle =
        body ? client_request(CLIENT_STOCK, &answer, sources->inventory, "/stock/bulk", body) : NULL;
    json_t *json = handle ? client_json(handle, curl_easy_perform(handle), &answer) : NULL;
    free(body);
    bool ok = stock_take(json, products);
    json_decref(json);
    return ok;
}

bool prices_take(const json_t *json, struct product_page *products)
{
    size_t i, taken = 0;
    json_t *entry;
    json_array_foreach(json_object_get(json, "prices"), i, entry)
    {
        json_int_t id, cents;
        struct product *product = NULL;
        if (json_unpack(entry, "{s:I, s:I}", "id", &id, "cents", &cents) == 0)
            product = product_find(products, id);
        if (!product) continue;
        product->price_cents = cents;
        taken++;
    }
    return taken == products->count - products->priced;
}

bool prices_load(const struct product_sources *sources, struct product_page *products)
{
    WEIR_SPAN("load prices");
    struct client_answer answer = {0};
    char *body = prices_body(products);
    CURL *handle = body ? client_request(CLIENT_PRICES, &answer, sources->pricing, "/prices", body) : NULL;
    json_t *json = handle ? client_json(handle, curl_easy_perform(handle), &answer) : NULL;
    free(body);
    bool ok = prices_take(json, products);
    json_decref(json);
    return ok;
}
