/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/common/cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/hiredis.h>

/* What a thread has: a connection, or when it last tried in vain. */
struct thread_cache {
    redisContext *connection;
    int64_t failed_ms;
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* the thread's struct thread_cache */

static void close_connection(void *value)
{
    struct thread_cache *mine = value;
    if (mine->connection) redisFree(mine->connection);
    free(mine);
}

static void make_key(void) { pthread_key_create(&key, close_connection); }

static struct thread_cache *thread_cache(void)
{
    pthread_once(&key_once, make_key);
    struct thread_cache *mine = pthread_getspecific(key);
    if (mine) return mine;
    mine = calloc(1, sizeof(*mine));
    if (mine) pthread_setspecific(key, mine);
    return mine;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool cache_address_parse(const char *text, struct cache_address *address)
{
    *address = (struct cache_address){0};
    size_t host_bytes = strlen(text);
    if (text[0] != '/') {
        const char *colon = strrchr(text, ':');
        if (!colon || colon == text || strlen(colon) > 6 || !colon[1]) return false;
        if (strspn(colon + 1, "0123456789") != strlen(colon + 1)) return false;
        address->port = atoi(colon + 1);
        if (address->port < 1 || address->port > 65535) return false;
        host_bytes = (size_t)(colon - text);
        if (text[0] == '[' && text[host_bytes - 1] == ']') {
            text++;
            host_bytes -= 2;
        }
    }
    if (host_bytes == 0 || host_bytes > CACHE_ADDRESS_MAX) return false;
    memcpy(address->host, text, host_bytes);
    return true;
}

static redisContext *open_connection(const struct cache_address *address)
{
    const struct timeval timeout = {CACHE_TIMEOUT_MS / 1000, CACHE_TIMEOUT_MS % 1000 * 1000};
    redisContext *connection = address->port ? redisConnectWithTimeout(address->host, address->port, timeout)
                                             : redisConnectUnixWithTimeout(address->host, timeout);
    if (connection && !connection->err && redisSetTimeout(connection, timeout) == REDIS_OK) return connection;
    fprintf(stderr, "redis: %s: %s\n", address->host, connection ? connection->errstr : "out of memory");
    if (connection) redisFree(connection);
    return NULL;
}

redisContext *cache_connection(const struct cache_address *address)
{
    struct thread_cache *mine = thread_cache();
    if (!mine) return NULL;
    if (mine->connection && !mine->connection->err) return mine->connection;
    if (mine->connection) redisFree(mine->connection);
    mine->connection = NULL;
    if (mine->failed_ms && now_ms() - mine->failed_ms < CACHE_RETRY_MS) return NULL;
    mine->connection = open_connection(address);
    mine->failed_ms = mine->connection ? 0 : now_ms();
    return mine->connection;
}

bool cache_ok(const redisContext *cache, const redisReply *reply)
{
    if (reply && reply->type != REDIS_REPLY_ERROR) return true;
    fprintf(stderr, "redis: %s\n", reply ? reply->str : cache->errstr);
    return false;
}
