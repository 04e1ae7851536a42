/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples' Redis connections: one for each worker thread, opened at its first command and closed with the
 * thread. Commands are not wrapped here: a service calls hiredis itself, and <weir/hiredis.h> sees which line
 * does it.
 *
 * A cache is a help and no need: while Redis is away, cache_connection returns NULL and the service answers
 * from its sources. Commands wait CACHE_TIMEOUT_MS at most, and a thread that could not connect tries again
 * only after CACHE_RETRY_MS, so that an outage costs a request little.
 */
#ifndef WEIR_EXAMPLES_COMMON_CACHE_H
#define WEIR_EXAMPLES_COMMON_CACHE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#define CACHE_TIMEOUT_MS  500
#define CACHE_RETRY_MS    1000
#define CACHE_TTL_MAX_S   (7 * 24 * 3600)
#define CACHE_ADDRESS_MAX 107 /* bytes of a host or path */

/* Where Redis listens. */
struct cache_address {
    char host[CACHE_ADDRESS_MAX + 1]; /* or the path of a unix socket */
    int port;                         /* 0: host is a path */
};

/* "HOST:PORT", "[IPV6]:PORT" or a path that begins with '/'; false when it is none of them. */
bool cache_address_parse(const char *text, struct cache_address *address);

/* This thread's connection, or NULL (said on stderr when it was tried). */
redisContext *cache_connection(const struct cache_address *address);

/* Whether the command was answered, and not with an error; says on stderr what went wrong. A connection that
 * is broken is replaced by the thread's next cache_connection. */
bool cache_ok(const redisContext *cache, const redisReply *reply);

#endif
