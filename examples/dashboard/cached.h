/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage `cached`: the whole answer of a merchant is kept in Redis for some time, as text, under
 * dashboard:{merchant id}. A hit is one GET and no query; a miss is the GET, the queries, and one SETEX. While
 * Redis is away every request is a miss.
 */
#ifndef WEIR_EXAMPLES_DASHBOARD_CACHED_H
#define WEIR_EXAMPLES_DASHBOARD_CACHED_H

#include "examples/common/cache.h"

#define DASHBOARD_TTL_S 120 /* as in the case study */

/* What is kept of that merchant, malloc'ed and 0-terminated, or NULL. */
char *cached_answer(const struct cache_address *redis, unsigned long merchant_id);

/* Keeps an answer for ttl_s seconds. */
void cached_keep(const struct cache_address *redis, unsigned long merchant_id, const char *text,
                 unsigned long ttl_s);

#endif
