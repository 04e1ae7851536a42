/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices change every quarter of an hour, so they are kept in Redis for less, each under price:{product id}.
 * A page's prices are one MGET; those that are missing are asked for together and kept with one EVAL: Redis
 * has no MSET that takes a time to live.
 */
#include "examples/common/cache.h"
#include "examples/common/service.h"
#include "examples/products/products.h"

#include <stdio.h>
#include <string.h>

#include <weir/hiredis.h>
#include <weir/weir.h>

#define VALUE_BYTES     24 /* a number */
#define PRICE_MAX_CENTS 1000000000
#define KEY_BYTES       (sizeof("price:") + VALUE_BYTES)
#define ARGUMENTS_MAX   (4 + 2 * PRODUCTS_PAGE_SIZE)

/* A command while it is put together; its texts lie in here. */
struct command {
    int count;
    const char *arguments[ARGUMENTS_MAX];
    size_t key_count;
    char keys[PRODUCTS_PAGE_SIZE][KEY_BYTES], values[PRODUCTS_PAGE_SIZE][VALUE_BYTES];
};

static void add(struct command *command, const char *argument)
{
    command->arguments[command->count++] = argument;
}

static void add_key(struct command *command, json_int_t product_id)
{
    char *key = command->keys[command->key_count++];
    snprintf(key, KEY_BYTES, "price:%lld", (long long)product_id);
    add(command, key);
}

/* The prices that the reply has; it has an element for each product. What is no price counts as missing. */
static void take_prices(const redisReply *reply, struct product_page *products)
{
    for (size_t i = 0; i < products->count && i < reply->elements; i++) {
        const redisReply *price = reply->element[i];
        unsigned long cents;
        if (price->type != REDIS_REPLY_STRING || !service_number(price->str, PRICE_MAX_CENTS, &cents))
            continue;
        products->products[i].price_cents = (json_int_t)cents;
        products->products[i].is_priced = true;
        products->priced++;
    }
}

void prices_recall(const struct product_sources *sources, struct product_page *products)
{
    WEIR_SPAN("recall prices");
    redisContext *cache = cache_connection(&sources->redis);
    if (!cache) return;
    struct command command = {0};
    add(&command, "MGET");
    for (size_t i = 0; i < products->count; i++) add_key(&command, products->products[i].id);
    redisReply *reply = redisCommandArgv(cache, command.count, command.arguments, NULL);
    if (cache_ok(cache, reply) && reply->type == REDIS_REPLY_ARRAY) take_prices(reply, products);
    freeReplyObject(reply);
}

static void add_price(struct command *command, size_t index, json_int_t cents)
{
    snprintf(command->values[index], VALUE_BYTES, "%lld", (long long)cents);
    add(command, command->values[index]);
}

static void put_together(struct command *command, const struct product_page *products,
                         const char key_count[VALUE_BYTES], const char ttl[VALUE_BYTES])
{
    static const char script[] =
        "for i, key in ipairs(KEYS) do redis.call('SETEX', key, ARGV[1], ARGV[i + 1]) end";
    add(command, "EVAL");
    add(command, script);
    add(command, key_count);
    for (size_t i = 0; i < products->count; i++)
        if (!products->products[i].is_priced) add_key(command, products->products[i].id);
    add(command, ttl);
    for (size_t i = 0; i < products->count; i++)
        if (!products->products[i].is_priced) add_price(command, i, products->products[i].price_cents);
}

void prices_keep(const struct product_sources *sources, const struct product_page *products)
{
    WEIR_SPAN("keep prices");
    redisContext *cache = cache_connection(&sources->redis);
    if (!cache) return;
    struct command command = {0};
    char key_count[VALUE_BYTES], ttl[VALUE_BYTES];
    snprintf(key_count, sizeof(key_count), "%zu", products->count - products->priced);
    snprintf(ttl, sizeof(ttl), "%lu", sources->ttl_s);
    put_together(&command, products, key_count, ttl);
    redisReply *reply = redisCommandArgv(cache, command.count, command.arguments, NULL);
    cache_ok(cache, reply);
    freeReplyObject(reply);
}
