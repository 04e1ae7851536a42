/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trace is next. A claim is a transaction that holds the lock on a pending row: other collectors skip it, a batch
 * that brings more of the same trace waits for the end (milliseconds), so nothing can come between reading the fragments
 * and deleting the row. A collector that dies or hangs loses its lock with its connection.
 *
 * Such a transaction may be lost in a crash of the server without harm, as the pending row is then still there: it does
 * not wait for the disk.
 */
#include "base/clock.h"
#include "collector/store/connection.h"
#include "collector/store/trace_read.h"

#include <stdlib.h>

static const char select_due[] = "SELECT trace_id, last_seen_ns FROM weir.pending WHERE due_ns <= $1"
                                 " ORDER BY due_ns LIMIT 1 FOR UPDATE SKIP LOCKED";

static void settle_dictionaries(struct store *store, void (*settle)(struct dictionary *))
{
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) settle(&store->dictionaries[i]);
}

void store_release(struct store *store)
{
    if (!store->claiming) return;
    store->claiming = false;
    PQclear(PQexec(store->connection, "ROLLBACK"));
    settle_dictionaries(store, dictionary_forget);
}

static enum store_result begin_claim(struct store *store)
{
    enum store_result outcome = store_run(store, "BEGIN; SET LOCAL synchronous_commit = off");
    if (outcome == STORE_OK) store->claiming = true;
    return outcome;
}

enum store_result store_end_claim(struct store *store)
{
    enum store_result outcome = store_run(store, "COMMIT");
    store->claiming = false;
    settle_dictionaries(store, outcome == STORE_OK ? dictionary_keep : dictionary_forget);
    return outcome;
}

/* Takes the lock of the row that has been due longest. */
static enum store_result lock_due(struct store *store, int64_t due_ns, bool *found)
{
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, due_ns);
    enum store_result outcome = store_query(store, select_due, &parameters, &result);
    *found = false;
    if (outcome != STORE_OK) return outcome;
    struct str id = PQntuples(result) == 1 ? binary_bytes(result, 0, 0) : str_of(NULL);
    if (id.len == 16) {
        memcpy(store->claimed_trace, id.data, 16);
        store->claimed_last_seen_ns = binary_i64(result, 0, 1);
        *found = true;
    }
    PQclear(result);
    return STORE_OK;
}

enum store_result store_claim_again(struct store *store, bool *found)
{
    static const char sql[] =
        "SELECT FROM weir.pending WHERE trace_id = $1 AND last_seen_ns = $2 FOR UPDATE SKIP LOCKED";
    struct sql_parameters parameters;
    PGresult *result;
    store_release(store);
    *found = false;
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK) outcome = begin_claim(store);
    if (outcome != STORE_OK) return outcome;
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, store->claimed_trace);
    parameter_i64(&parameters, store->claimed_last_seen_ns);
    outcome = store_query(store, sql, &parameters, &result);
    *found = outcome == STORE_OK && PQntuples(result) == 1;
    PQclear(result);
    return outcome;
}

/* ---- is a parent missing? ---- */

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool misses_parent(const struct trace *trace, struct arena *arena)
{
    uint64_t *ids = arena_alloc(arena, trace->span_count * sizeof *ids);
    if (!ids) return false; /* then the analysis will say so */
    for (size_t i = 0; i < trace->span_count; i++) ids[i] = trace->spans[i].id;
    qsort(ids, trace->span_count, sizeof *ids, compare_u64);
    for (size_t i = 0; i < trace->span_count; i++) {
        const uint64_t *parent = &trace->spans[i].parent_id;
        if (*parent && !bsearch(parent, ids, trace->span_count, sizeof *ids, compare_u64)) return true;
    }
    return false;
}

/* Not yet: the row comes up again when it has been quiet for the longer time, or when more of the trace comes. */
static enum store_result postpone(struct store *store, int64_t due_ns)
{
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, store->claimed_trace);
    parameter_i64(&parameters, due_ns);
    enum store_result outcome =
        store_query(store, "UPDATE weir.pending SET due_ns = $2 WHERE trace_id = $1", &parameters, &result);
    PQclear(result);
    return outcome == STORE_OK ? store_end_claim(store) : outcome;
}

struct patience {
    int64_t now_ns, quiet_ns, quiet_without_root_ns;
};

/* One attempt. *again: the trace was put back, and the next one may be tried. */
static enum store_result claim_next(struct store *store, const struct patience *patience, struct arena *arena,
                                    struct trace *trace, bool *found, bool *again)
{
    *again = false;
    enum store_result outcome = begin_claim(store);
    if (outcome == STORE_OK) outcome = lock_due(store, patience->now_ns - patience->quiet_ns, found);
    if (outcome != STORE_OK) return outcome;
    if (!*found) {
        store_release(store);
        return STORE_OK;
    }
    outcome = trace_read(store, store->claimed_trace, arena, trace);
    store->claimed_fragments = trace->fragment_count;
    if (outcome != STORE_OK) return outcome;
    int64_t last_seen_ns = store->claimed_last_seen_ns;
    bool patient = patience->now_ns - last_seen_ns < patience->quiet_without_root_ns;
    if (!patient || !misses_parent(trace, arena)) return STORE_OK;
    *again = true;
    *found = false;
    return postpone(store, last_seen_ns + patience->quiet_without_root_ns - patience->quiet_ns);
}

enum store_result store_claim_trace(struct store *store, int64_t now_unix_ns, int64_t quiet_ms,
                                    int64_t quiet_without_root_ms, struct arena *arena, struct trace *trace,
                                    bool *found)
{
    struct patience patience = {now_unix_ns, quiet_ms * NS_PER_MS, quiet_without_root_ms * NS_PER_MS};
    *found = false;
    store_release(store);
    enum store_result outcome = store_connect(store);
    for (bool again = true; outcome == STORE_OK && again;) {
        arena_reset(arena);
        outcome = claim_next(store, &patience, arena, trace, found, &again);
    }
    if (outcome == STORE_AWAY) {
        *found = false;
        store_release(store);
    }
    return outcome;
}
