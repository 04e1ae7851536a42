/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/connection.h"
#include "collector/store/reader.h"

#define UNIX_NS(column) "(extract(epoch FROM " column ") * 1000000)::bigint * 1000"

static const char select_totals[] =
    "SELECT (SELECT coalesce(sum(stored), 0)::bigint FROM weir.producer)"
    " + coalesce((SELECT stored_by_forgotten FROM weir.keeping), 0), (SELECT count(*) FROM weir.pending)"
    " + (SELECT coalesce(sum(length(traces) / 16), 0)::bigint FROM weir.arrival),"
    " (SELECT coalesce(sum(request_count), 0)::bigint FROM weir.contribution),"
    " pg_database_size(current_database()), coalesce(least((SELECT min(first_seen_ns)"
    " FROM weir.pending), (SELECT min(received_ns) FROM weir.arrival)), 0)";

static const char select_producers[] =
    "SELECT p.producer, r.service_name, r.service_version, r.instance_id, p.created, p.acknowledged, "
    "p.stored,"
    " p.dropped, " UNIX_NS("p.last_seen") ", p.clock_ahead_ns, p.sampled_away FROM weir.producer p JOIN "
                                          "weir.resource r USING (resource_id)"
                                          " ORDER BY p.last_seen DESC, p.producer LIMIT 100";

static enum store_result read_totals(struct store *store, struct store_status *status)
{
    PGresult *result;
    enum store_result outcome = store_query(store, select_totals, NULL, &result);
    if (outcome != STORE_OK) return outcome;
    status->spans = (uint64_t)binary_i64(result, 0, 0);
    status->traces_pending = (uint64_t)binary_i64(result, 0, 1);
    status->requests = (uint64_t)binary_i64(result, 0, 2);
    status->database_bytes = (uint64_t)binary_i64(result, 0, 3);
    status->oldest_pending_ns = binary_i64(result, 0, 4);
    PQclear(result);
    return STORE_OK;
}

static struct str copy_text(struct arena *arena, const PGresult *result, int row, int column)
{
    return arena_str(arena, binary_bytes(result, row, column));
}

/* A column of counters by reason, of which an older or a newer program may have had more or fewer. */
static void take_counters(uint64_t *counters, size_t room, struct arena *arena, struct str array)
{
    int64_t *values;
    size_t count;
    if (!binary_integers(array, arena, &values, &count)) return;
    for (size_t i = 0; i < count && i < room; i++) counters[i] = (uint64_t)values[i];
}

static void take_producer(struct producer_status *producer, struct arena *arena, const PGresult *result,
                          int row)
{
    producer->producer = (uint64_t)binary_i64(result, row, 0);
    producer->service_name = copy_text(arena, result, row, 1);
    producer->service_version = copy_text(arena, result, row, 2);
    producer->instance_id = copy_text(arena, result, row, 3);
    producer->created = (uint64_t)binary_i64(result, row, 4);
    producer->acknowledged = (uint64_t)binary_i64(result, row, 5);
    producer->stored = (uint64_t)binary_i64(result, row, 6);
    take_counters(producer->dropped, DROP_REASON_COUNT, arena, binary_bytes(result, row, 7));
    take_counters(producer->sampled_away, SAMPLED_AWAY_COUNT, arena, binary_bytes(result, row, 10));
    producer->last_seen_ns = binary_i64(result, row, 8);
    producer->clock_known = !PQgetisnull(result, row, 9);
    if (producer->clock_known) producer->clock_ahead_ns = binary_i64(result, row, 9);
}

static enum store_result read_producers(struct store *store, struct arena *arena, struct store_status *status)
{
    PGresult *result;
    enum store_result outcome = store_query(store, select_producers, NULL, &result);
    if (outcome != STORE_OK) return outcome;
    uint32_t count = (uint32_t)PQntuples(result);
    status->producers = arena_array(arena, count, sizeof *status->producers);
    if (status->producers) status->producer_count = count;
    for (uint32_t i = 0; i < status->producer_count; i++) {
        take_producer(&status->producers[i], arena, result, (int)i);
    }
    PQclear(result);
    return arena_exhausted(arena) ? store_refuse(store, "the status takes more memory than is allowed")
                                  : STORE_OK;
}

enum store_result read_status(struct store *store, struct arena *arena, struct store_status *status)
{
    memset(status, 0, sizeof *status);
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK) outcome = read_totals(store, status);
    return outcome == STORE_OK ? read_producers(store, arena, status) : outcome;
}
