/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trace is next. Traces to look at come from two tables: weir.arrival, with a row a transaction of ingest that names
 * all traces of which something came, and weir.pending, with a row for each trace that was looked at and missed a parent.
 * A claim is a transaction that holds the locks on some rows of both: other collectors skip them. A collector that dies
 * or hangs loses its locks with its connection.
 *
 * What comes during a claim has an arrival row of its own, which has the trace looked at again; so does a trace that
 * several rows name, unless they come within the quiet time of each other: then the last of them counts.
 *
 * Traces are handed out one by one but claimed and committed many at a time, which is several times quicker for small
 * ones; a claim ends early when it has taken long, and puts back what it has not come to. After a failure the next claims
 * begin with single traces again, so that one bad trace does not undo the work on its neighbours twice.
 *
 * Two claims may have a trace in common: they take its row of pending first, then write contributions, each in the order
 * of trace ids, so that they wait for each other instead of deadlocking.
 *
 * Such a transaction may be lost in a crash of the server without harm, as the rows are then still there: it does not wait
 * for the disk.
 */
#include "base/clock.h"
#include "collector/store/connection.h"
#include "collector/store/trace_read.h"

#include <stdlib.h>

#define CLAIM_LASTS_NS (100 * NS_PER_MS)
#define ID_BYTES       16

/* A row of arrival has at most ARRIVAL_TRACES_MAX traces when it is written, and PENDING_A_CLAIM less than CLAIMS_MAX when
 * it was put back: there is room for one at least. */
#define PENDING_A_CLAIM  1024
#define ARRIVALS_A_CLAIM 256
_Static_assert(ARRIVAL_TRACES_MAX <= CLAIMS_MAX - PENDING_A_CLAIM, "a row of arrival fits a claim");

static int compare_claimed(const void *a, const void *b)
{
    const struct claimed *x = a, *y = b;
    return memcmp(x->trace_id, y->trace_id, ID_BYTES);
}

static enum store_result run_statement(struct store *store, const char *sql,
                                       struct sql_parameters *parameters)
{
    PGresult *result;
    enum store_result outcome = store_query(store, sql, parameters, &result);
    PQclear(result);
    return outcome;
}

/* ---- the end of a claim ---- */

static void settle_dictionaries(struct store *store, void (*settle)(struct dictionary *))
{
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) settle(&store->dictionaries[i]);
}

static void parameter_ids(struct sql_parameters *parameters, const struct claimed *claimed, unsigned count)
{
    unsigned char *ids = malloc(count ? (size_t)count * ID_BYTES : 1);
    if (!ids) {
        parameters->bytes.failed = true;
        parameter_null(parameters, TYPE_UUID_ARRAY);
        return;
    }
    for (unsigned i = 0; i < count; i++) memcpy(ids + (size_t)i * ID_BYTES, claimed[i].trace_id, ID_BYTES);
    parameter_uuid_array(parameters, ids, count);
    free(ids);
}

/* What was looked at need not be looked at any more … */
static enum store_result delete_rows(struct store *store)
{
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    enum store_result outcome = STORE_OK;
    if (claims->arrival_count) {
        sql_parameters_init(&parameters);
        parameter_i64_array(&parameters, claims->arrival_ids, claims->arrival_count);
        outcome = run_statement(store, "DELETE FROM weir.arrival WHERE arrival_id = ANY($1)", &parameters);
    }
    if (outcome != STORE_OK || claims->next == 0) return outcome;
    sql_parameters_init(&parameters);
    parameter_ids(&parameters, claims->traces, claims->next);
    return run_statement(store, "DELETE FROM weir.pending WHERE trace_id = ANY($1)", &parameters);
}

/* … but what misses a parent later … */
static enum store_result insert_postponed(struct store *store)
{
    static const char sql[] =
        "INSERT INTO weir.pending (trace_id, first_seen_ns, last_seen_ns, due_ns, fragments)"
        " SELECT t, s, s, d, 0 FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS given(t, s, d)"
        " ON CONFLICT (trace_id) DO UPDATE SET last_seen_ns = excluded.last_seen_ns, due_ns = "
        "excluded.due_ns";
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    unsigned postponed = 0;
    for (unsigned i = 0; i < claims->next; i++) postponed += claims->traces[i].due_ns != 0;
    if (postponed == 0) return STORE_OK;
    struct claimed *late = calloc(postponed, sizeof *late);
    int64_t *times_ns = calloc(postponed, 2 * sizeof *times_ns);
    for (unsigned i = 0, at = 0; late && times_ns && i < claims->next; i++) {
        if (!claims->traces[i].due_ns) continue;
        late[at] = claims->traces[i];
        times_ns[at] = late[at].last_seen_ns;
        times_ns[postponed + at] = late[at].due_ns;
        at++;
    }
    enum store_result outcome = STORE_AWAY;
    if (late && times_ns) {
        sql_parameters_init(&parameters);
        parameter_ids(&parameters, late, postponed);
        parameter_i64_array(&parameters, times_ns, postponed);
        parameter_i64_array(&parameters, times_ns + postponed, postponed);
        outcome = run_statement(store, sql, &parameters);
    }
    free(late);
    free(times_ns);
    return outcome;
}

/* … and what this claim did not come to soon. */
static enum store_result put_back(struct store *store)
{
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    unsigned left = 0;
    for (unsigned i = claims->next; i < claims->count; i++) left += claims->traces[i].arrived;
    if (left == 0) return STORE_OK;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, claims->arrival_received_ns);
    struct buffer ids;
    buffer_init(&ids);
    for (unsigned i = claims->next; i < claims->count; i++)
        if (claims->traces[i].arrived) buffer_add(&ids, claims->traces[i].trace_id, ID_BYTES);
    if (ids.failed) parameters.bytes.failed = true;
    parameter_bytes(&parameters, buffer_str(&ids));
    buffer_fini(&ids);
    return run_statement(store, "INSERT INTO weir.arrival (received_ns, traces) VALUES ($1, $2)",
                         &parameters);
}

static enum store_result commit(struct store *store)
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

/* What is done is kept, what is not is put back. */
static enum store_result close_claim(struct store *store)
{
    enum store_result outcome = delete_rows(store);
    if (outcome == STORE_OK) outcome = insert_postponed(store);
    if (outcome == STORE_OK) outcome = put_back(store);
    prefetch_clear(&store->prefetch);
    enum store_result committed = commit(store); /* after a failure this is a rollback */
    return outcome == STORE_OK ? committed : outcome;
}

/* Undoes the open claim. */
static void roll_back(struct store *store)
{
    PQclear(PQexec(store->connection, "ROLLBACK"));
    prefetch_clear(&store->prefetch);
    store->claims.open = false;
    store->claims.limit = 1;
    settle_dictionaries(store, dictionary_forget);
}

/* What was drawn of the traces before the one at hand is kept, if the transaction is whole. */
void store_release(struct store *store)
{
    char error[STORE_ERROR_TEXT_BYTES];
    struct claims *claims = &store->claims;
    if (!claims->open) return;
    memcpy(error, store->error, sizeof error); /* the failure that led here is what is asked for */
    bool whole = PQtransactionStatus(store->connection) == PQTRANS_INTRANS;
    if (claims->at_hand) claims->next--; /* it was not finished */
    claims->at_hand = false;
    if (whole)
        close_claim(store);
    else
        roll_back(store);
    memcpy(store->error, error, sizeof error);
}

static enum store_result begin_claim(struct store *store)
{
    enum store_result outcome = store_run(store, "BEGIN; SET LOCAL synchronous_commit = off");
    if (outcome != STORE_OK) return outcome;
    prefetch_clear(&store->prefetch);
    store->claims.open = true;
    store->claims.at_hand = false;
    store->claims.opened_ns = clock_monotonic_ns();
    store->claims.count = store->claims.next = store->claims.arrival_count = 0;
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
    struct claims *claims = &store->claims;
    bool more = claims->next < claims->count && claims->next < claims->limit &&
                clock_monotonic_ns() - claims->opened_ns < CLAIM_LASTS_NS;
    claims->at_hand = false;
    return more && !any_in_doubt(store) ? STORE_OK : close_claim(store);
}

/* ---- the begin of a claim ---- */

static void add_claimed(struct claims *claims, const char *id, int64_t last_seen_ns, bool arrived)
{
    struct claimed *claimed = &claims->traces[claims->count++];
    *claimed = (struct claimed){.last_seen_ns = last_seen_ns, .arrived = arrived};
    memcpy(claimed->trace_id, id, ID_BYTES);
}

/* Takes the locks of the rows of pending that have been due longest. */
static enum store_result lock_pending(struct store *store, int64_t due_ns)
{
    static const char sql[] = "SELECT trace_id, last_seen_ns FROM weir.pending WHERE due_ns <= $1"
                              " ORDER BY due_ns LIMIT $2 FOR UPDATE SKIP LOCKED";
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, due_ns);
    parameter_i64(&parameters, claims->limit < PENDING_A_CLAIM ? claims->limit : PENDING_A_CLAIM);
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result) && claims->count < PENDING_A_CLAIM; i++) {
        struct str id = binary_bytes(result, i, 0);
        if (id.len == ID_BYTES) add_claimed(claims, id.data, binary_i64(result, i, 1), false);
    }
    PQclear(result);
    return STORE_OK;
}

/* Rows are taken whole, as long as there is room, also when one has more traces than the limit: the rest is put back. */
static void take_arrivals(struct claims *claims, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result) && claims->count < claims->limit; i++) {
        struct str ids = binary_bytes(result, i, 2);
        int64_t id = binary_i64(result, i, 0), received_ns = binary_i64(result, i, 1);
        size_t count = ids.len / ID_BYTES;
        if (count > CLAIMS_MAX - claims->count) break;
        for (size_t k = 0; k < count; k++) add_claimed(claims, ids.data + k * ID_BYTES, received_ns, true);
        claims->arrival_ids[claims->arrival_count++] = id;
        if (received_ns > claims->arrival_received_ns || claims->arrival_count == 1)
            claims->arrival_received_ns = received_ns;
    }
}

/* Takes the locks of the oldest rows of arrival that are due. */
static enum store_result lock_arrivals(struct store *store, int64_t due_ns)
{
    static const char sql[] =
        "SELECT arrival_id, received_ns, traces FROM weir.arrival WHERE received_ns <= $1"
        " ORDER BY received_ns LIMIT $2 FOR UPDATE SKIP LOCKED";
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    PGresult *result;
    unsigned room = claims->limit - claims->count;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, due_ns);
    parameter_i64(&parameters, room < ARRIVALS_A_CLAIM ? room : ARRIVALS_A_CLAIM);
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    take_arrivals(claims, result);
    PQclear(result);
    return STORE_OK;
}

/* ---- traces that several rows name ---- */

static struct claimed *find_claimed(struct claims *claims, const char *id)
{
    return bsearch(id, claims->traces, claims->count, sizeof *claims->traces, compare_claimed);
}

/* In the order of trace ids; of a trace that was named several times, the last time counts. */
static void sort_claimed(struct claims *claims)
{
    unsigned kept = 0;
    qsort(claims->traces, claims->count, sizeof *claims->traces, compare_claimed);
    for (unsigned i = 0; i < claims->count; i++) {
        struct claimed *claimed = &claims->traces[i], *last = kept ? &claims->traces[kept - 1] : NULL;
        if (!last || compare_claimed(last, claimed) != 0) {
            claims->traces[kept++] = *claimed;
            continue;
        }
        if (claimed->last_seen_ns > last->last_seen_ns) last->last_seen_ns = claimed->last_seen_ns;
        last->arrived |= claimed->arrived;
    }
    claims->count = kept;
}

/* Traces of which more came within the quiet time are left to the row that says so. */
static enum store_result drop_unquiet(struct store *store, int64_t quiet_ns)
{
    static const char sql[] =
        "SELECT traces FROM weir.arrival WHERE received_ns > $1 AND received_ns - $1 <= $2";
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    PGresult *result;
    if (!claims->arrival_count) return STORE_OK;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, claims->arrival_received_ns);
    parameter_i64(&parameters, quiet_ns);
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result); i++) {
        struct str ids = binary_bytes(result, i, 0);
        for (size_t at = 0; at + ID_BYTES <= ids.len; at += ID_BYTES) {
            struct claimed *claimed = find_claimed(claims, ids.data + at);
            if (claimed) claimed->last_seen_ns = INT64_MAX;
        }
    }
    PQclear(result);
    unsigned kept = 0;
    for (unsigned i = 0; i < claims->count; i++)
        if (claims->traces[i].last_seen_ns != INT64_MAX) claims->traces[kept++] = claims->traces[i];
    claims->count = kept;
    return STORE_OK;
}

/* Waits for another claim that has come to one of these traces by its row of pending. */
static enum store_result lock_pending_of_arrived(struct store *store)
{
    struct claims *claims = &store->claims;
    struct sql_parameters parameters;
    if (!claims->arrival_count || !claims->count) return STORE_OK;
    sql_parameters_init(&parameters);
    parameter_ids(&parameters, claims->traces, claims->count);
    return run_statement(
        store, "SELECT FROM weir.pending WHERE trace_id = ANY($1) ORDER BY trace_id FOR UPDATE", &parameters);
}

static enum store_result take_rows(struct store *store, int64_t due_ns, int64_t quiet_ns)
{
    struct claims *claims = &store->claims;
    enum store_result outcome = lock_pending(store, due_ns);
    if (outcome == STORE_OK && claims->count < claims->limit) outcome = lock_arrivals(store, due_ns);
    sort_claimed(claims);
    if (outcome == STORE_OK) outcome = drop_unquiet(store, quiet_ns);
    if (outcome == STORE_OK) outcome = lock_pending_of_arrived(store);
    return outcome;
}

/* The next trace of the open claim, or the first of a new one; rows all of whose traces are left to others go at once. */
static enum store_result take_due(struct store *store, int64_t due_ns, int64_t quiet_ns, bool *found)
{
    struct claims *claims = &store->claims;
    enum store_result outcome = STORE_OK;
    *found = false;
    while (!claims->open) {
        outcome = begin_claim(store);
        if (outcome == STORE_OK) outcome = take_rows(store, due_ns, quiet_ns);
        if (outcome != STORE_OK) return outcome;
        if (claims->count || !claims->arrival_count) break;
        outcome = close_claim(store);
        if (outcome != STORE_OK) return outcome;
    }
    *found = claims->next < claims->count;
    if (!*found) return STORE_OK;
    store->claimed = claims->traces[claims->next++];
    claims->at_hand = true;
    return STORE_OK;
}

/* ---- the same trace again ---- */

/* Takes the trace out of one row of arrival. */
static enum store_result take_out(struct store *store, int64_t arrival_id, struct str ids, bool *found)
{
    struct sql_parameters parameters;
    struct buffer left;
    buffer_init(&left);
    for (size_t at = 0; at + ID_BYTES <= ids.len; at += ID_BYTES)
        if (memcmp(ids.data + at, store->claimed.trace_id, ID_BYTES) != 0)
            buffer_add(&left, ids.data + at, ID_BYTES);
    *found |= left.len < ids.len;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, arrival_id);
    if (left.len) parameter_bytes(&parameters, buffer_str(&left));
    parameters.bytes.failed |= left.failed;
    enum store_result outcome =
        run_statement(store,
                      left.len ? "UPDATE weir.arrival SET traces = $2 WHERE arrival_id = $1"
                               : "DELETE FROM weir.arrival WHERE arrival_id = $1",
                      &parameters);
    buffer_fini(&left);
    return outcome;
}

static enum store_result claim_arrived_again(struct store *store, int64_t received_ns, bool *found)
{
    static const char sql[] = "SELECT arrival_id, traces FROM weir.arrival WHERE received_ns <= $1"
                              " AND position($2 IN traces) > 0 ORDER BY arrival_id FOR UPDATE SKIP LOCKED";
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, received_ns);
    parameter_bytes(&parameters, str_view((const char *)store->claimed.trace_id, ID_BYTES));
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result) && outcome == STORE_OK; i++)
        outcome = take_out(store, binary_i64(result, i, 0), binary_bytes(result, i, 1), found);
    PQclear(result);
    return outcome;
}

static enum store_result claim_pending_again(struct store *store, bool *found)
{
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, store->claimed.trace_id);
    parameter_i64(&parameters, store->claimed.last_seen_ns);
    enum store_result outcome = store_query(
        store, "SELECT FROM weir.pending WHERE trace_id = $1 AND last_seen_ns <= $2 FOR UPDATE SKIP LOCKED",
        &parameters, &result);
    *found |= outcome == STORE_OK && PQntuples(result) == 1;
    PQclear(result);
    return outcome;
}

enum store_result store_claim_again(struct store *store, bool *found)
{
    store_release(store);
    *found = false;
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK) outcome = begin_claim(store);
    if (outcome == STORE_OK) outcome = claim_arrived_again(store, store->claims.arrival_received_ns, found);
    if (outcome == STORE_OK) outcome = claim_pending_again(store, found);
    if (outcome != STORE_OK || !*found) return outcome;
    store->claims.traces[0] = store->claimed;
    store->claims.count = store->claims.next = 1;
    store->claims.at_hand = true;
    return STORE_OK;
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

/* Not yet: the trace comes up again when it has been quiet for the longer time, or when more of it comes. */
static enum store_result postpone(struct store *store, int64_t due_ns)
{
    store->claims.traces[store->claims.next - 1].due_ns = due_ns;
    return store_end_claim(store);
}

struct patience {
    int64_t now_ns, quiet_ns, quiet_without_root_ns;
};

/* The fragments of the trace at hand and of those behind it, unless they are here. */
static enum store_result read_ahead(struct store *store)
{
    struct claims *claims = &store->claims;
    unsigned left = claims->count - (claims->next - 1), more = claims->limit - (claims->next - 1);
    if (left > more) left = more;
    if (left < 2 || store->prefetch.next < store->prefetch.count) return STORE_OK;
    if (store->prefetch.alone) {
        store->prefetch.alone--;
        return STORE_OK;
    }
    return prefetch_read(store, &claims->traces[claims->next - 1], left);
}

/* One attempt. *again: the trace was put back, and the next one may be tried. */
static enum store_result claim_next(struct store *store, const struct patience *patience, struct arena *arena,
                                    struct trace *trace, bool *found, bool *again)
{
    *again = false;
    enum store_result outcome =
        take_due(store, patience->now_ns - patience->quiet_ns, patience->quiet_ns, found);
    if (outcome != STORE_OK) return outcome;
    if (!*found) {
        store_release(store);
        return STORE_OK;
    }
    outcome = read_ahead(store);
    if (outcome == STORE_OK) outcome = trace_read(store, store->claimed.trace_id, arena, trace);
    store->claimed_fragments = trace->fragment_count;
    if (outcome != STORE_OK) return outcome;
    int64_t last_seen_ns = store->claimed.last_seen_ns;
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

int64_t store_claim_seen_ns(const struct store *store) { return store->claimed.last_seen_ns; }
