/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/partition.h"

#include "base/clock.h"
#include "collector/store/connection.h"

#define NS_PER_DAY (86400 * NS_PER_S)

void partition_cache_clear(struct partition_cache *cache)
{
    cache->count = 0;
    cache->dropped_day = 0;
}

int64_t partition_day(int64_t start_ns, int64_t received_unix_ns)
{
    int64_t day = start_ns / NS_PER_DAY;
    int64_t today = received_unix_ns / NS_PER_DAY;
    if (day < today - PARTITION_PAST_DAYS) return today - PARTITION_PAST_DAYS;
    if (day > today + PARTITION_FUTURE_DAYS) return today + PARTITION_FUTURE_DAYS;
    return day;
}

static bool is_known(const struct partition_cache *cache, int64_t day)
{
    for (unsigned i = 0; i < cache->count; i++) {
        if (cache->days[i] == day) return true;
    }
    return false;
}

static void remember(struct partition_cache *cache, int64_t day)
{
    if (cache->count == sizeof cache->days / sizeof *cache->days) cache->count = 0;
    cache->days[cache->count++] = day;
}

static enum store_result make(struct store *store, int64_t day, bool *made)
{
    struct sql_parameters parameters;
    sql_parameters_init(&parameters);
    parameter_i32(&parameters, (int32_t)day);
    PGresult *result;
    enum store_result outcome =
        store_query(store, "SELECT weir.make_partition(date '1970-01-01' + $1)", &parameters, &result);
    if (outcome == STORE_OK) *made = binary_bool(result, 0, 0);
    PQclear(result);
    return outcome;
}

enum store_result partition_ensure(struct store *store, const int64_t *days, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct partition_cache *cache = &store->partitions;
        bool made = false;
        if (is_known(cache, days[i]) || partition_is_dropped(cache, days[i])) continue;
        enum store_result outcome = make(store, days[i], &made);
        if (outcome != STORE_OK) return outcome;
        if (made)
            remember(cache, days[i]);
        else
            cache->dropped_day = days[i];
    }
    return STORE_OK;
}
