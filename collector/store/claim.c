/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trace is next. A claim is a transaction that holds the locks on some pending rows: other collectors skip them, a
 * batch that brings more of one of these traces waits for the end (milliseconds), so nothing can come between reading the
 * fragments and deleting the row. A collector that dies or hangs loses its locks with its connection.
 *
 * Traces are handed out one by one but claimed and committed some at a time, which is several times quicker for small
 * ones; a claim ends early when it has taken long. After a failure the next claims begin with single traces again, so
 * that one bad trace does not undo the work on its neighbours twice.
 *
 * Such a transaction may be lost in a crash of the server without harm, as the pending rows are then still there: it does
 * not wait for the disk.
 */
#include "base/clock.h"
#include "collector/store/connection.h"
#include "collector/store/trace_read.h"

#include <stdlib.h>

#define CLAIM_LASTS_NS (50 * NS_PER_MS)

static const char select_due[] = "SELECT trace_id, last_seen_ns FROM weir.pending WHERE due_ns <= $1"
                                 " ORDER BY due_ns LIMIT $2 FOR UPDATE SKIP LOCKED";

static void settle_dictionaries(struct store *store, void (*settle)(struct dictionary *))
{
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) settle(&store->dictionaries[i]);
}

/* What is done is kept, what is not is given back: a COMMIT after a failure is a rollback. */
static enum store_result close_claim(struct store *store)
{
    PGresult *result = PQexec(store->connection, "COMMIT");
    bool kept = PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    enum store_result outcome =
        PQresultStatus(result) == PGRES_COMMAND_OK ? STORE_OK : store_failed(store, result);
    PQclear(result);
    store->claims.open = false;
    store->claims.limit = kept && store->claims.limit < CLAIMS_MAX / 4 ? store->claims.limit * 4 : CLAIMS_MAX;
    if (!kept) store->claims.limit = 1;
    settle_dictionaries(store, kept ? dictionary_keep : dictionary_forget);
    return outcome;
}

void store_release(struct store *store)
{
    char error[STORE_ERROR_TEXT_BYTES];
    if (!store->claims.open) return;
    memcpy(error, store->error, sizeof error); /* the failure that led here is what is asked for */
    close_claim(store);
    memcpy(store->error, error, sizeof error);
}

static enum store_result begin_claim(struct store *store)
{
    enum store_result outcome = store_run(store, "BEGIN; SET LOCAL synchronous_commit = off");
    if (outcome != STORE_OK) return outcome;
    store->claims.open = true;
    store->claims.opened_ns = clock_monotonic_ns();
    store->claims.count = store->claims.next = 0;
    if (store->claims.limit == 0) store->claims.limit = 1;
    return STORE_OK;
}

static bool any_in_doubt(const struct store *store)
{
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) {
        if (store->dictionaries[i].in_doubt) return true;
    }
    return false;
}

/* New names are committed at once: two claims that hold on to some and want each other's would deadlock. */
enum store_result store_end_claim(struct store *store)
{
    const struct claims *claims = &store->claims;
    bool more = claims->next < claims->count && clock_monotonic_ns() - claims->opened_ns < CLAIM_LASTS_NS;
    return more && !any_in_doubt(store) ? STORE_OK : close_claim(store);
}

/* Takes the locks of the rows that have been due longest. */
static enum store_result lock_due(struct store *store, int64_t due_ns)
{
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, due_ns);
    parameter_i64(&parameters, claims->limit);
    enum store_result outcome = store_query(store, select_due, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result) && claims->count < CLAIMS_MAX; i++) {
        struct str id = binary_bytes(result, i, 0);
        if (id.len != 16) continue;
        memcpy(claims->trace_ids[claims->count], id.data, 16);
        claims->last_seen_ns[claims->count++] = binary_i64(result, i, 1);
    }
    PQclear(result);
    return STORE_OK;
}

/* The next trace of the open claim, or the first of a new one. */
static enum store_result take_due(struct store *store, int64_t due_ns, bool *found)
{
    struct claims *claims = &store->claims;
    enum store_result outcome = STORE_OK;
    if (!claims->open) {
        outcome = begin_claim(store);
        if (outcome == STORE_OK) outcome = lock_due(store, due_ns);
    }
    *found = outcome == STORE_OK && claims->next < claims->count;
    if (!*found) return outcome;
    memcpy(store->claimed_trace, claims->trace_ids[claims->next], 16);
    store->claimed_last_seen_ns = claims->last_seen_ns[claims->next++];
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
    enum store_result outcome = take_due(store, patience->now_ns - patience->quiet_ns, found);
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
    enum store_result outcome = store->claims.open ? STORE_OK : store_connect(store);
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
