/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/dashboard/cached.h"

#include <string.h>

#include <weir/hiredis.h>
#include <weir/weir.h>

char *cached_answer(const struct cache_address *redis, unsigned long merchant_id)
{
    WEIR_SPAN("read cache");
    redisContext *cache = cache_connection(redis);
    if (!cache) return NULL;
    redisReply *reply = redisCommand(cache, "GET dashboard:%lu", merchant_id);
    char *text = NULL;
    if (cache_ok(cache, reply) && reply->type == REDIS_REPLY_STRING) text = strndup(reply->str, reply->len);
    freeReplyObject(reply);
    return text;
}

void cached_keep(const struct cache_address *redis, unsigned long merchant_id, const char *text,
                 unsigned long ttl_s)
{
    WEIR_SPAN("write cache");
    redisContext *cache = cache_connection(redis);
    if (!cache) return;
    redisReply *reply =
        redisCommand(cache, "SETEX dashboard:%lu %lu %b", merchant_id, ttl_s, text, strlen(text));
    cache_ok(cache, reply);
    freeReplyObject(reply);
}
