/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments lie in one partition a day, so that old days can be dropped whole. A fragment's day is that of its first
 * span's start (UTC), moved into the window from PARTITION_PAST_DAYS before to PARTITION_FUTURE_DAYS after the moment it
 * was received: a sender's clock may say 1970 or 2262, and must not make a partition for each day between. `day` thus says
 * where a fragment lies; start_ns says when it was.
 */
#ifndef WEIR_STORE_PARTITION_H
#define WEIR_STORE_PARTITION_H

#include "collector/store/store.h"

#define PARTITION_PAST_DAYS   7
#define PARTITION_FUTURE_DAYS 1
#define PARTITION_LATE        INT64_MIN /* instead of a day that was dropped */
#define PARTITION_DAYS        (PARTITION_PAST_DAYS + PARTITION_FUTURE_DAYS + 1)

struct partition_cache {
    int64_t days[2 * PARTITION_DAYS]; /* known to exist; days since 1970 */
    unsigned count;
    int64_t dropped_day; /* this one and all before it are known to be dropped; 0: none known */
};

void partition_cache_clear(struct partition_cache *cache);

/* Day since 1970 of a fragment. */
int64_t partition_day(int64_t start_ns, int64_t received_unix_ns);

/* Makes the partitions of these days unless they are known to exist; outside any transaction. A day that was dropped is
 * not made again: partition_is_dropped then says so. */
enum store_result partition_ensure(struct store *store, const int64_t *days, size_t count);

/* As far as is known since the cache was last cleared. */
static inline bool partition_is_dropped(const struct partition_cache *cache, int64_t day)
{
    return cache->dropped_day && day <= cache->dropped_day;
}

#endif
