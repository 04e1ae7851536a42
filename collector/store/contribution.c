/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends a claim: what was drawn from the trace goes in as one row, committed with what says that the trace
 * need not be looked at any more (claim.c).
 */
#include "collector/store/connection.h"
#include "collector/store/text.h"
#include "model/finding_json.h"

static const char insert_contribution[] =
    "INSERT INTO weir.contribution AS c (trace_id, fragment_count, request_count, first_start_ns, "
    "last_start_ns,"
    " endpoint_id, span_id, start_ns, duration_ns, error, db_calls, http_calls, cache_calls, db_ns, call_ns,"
    " operation_requests, operation_id, operation_count, operation_total_ns, findings, failure, cache_hits,"
    " cache_misses, sampling_threshold)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,"
    " $22, $23, $24)"
    " ON CONFLICT (trace_id) DO UPDATE SET fragment_count = excluded.fragment_count,"
    " request_count = excluded.request_count, first_start_ns = excluded.first_start_ns,"
    " last_start_ns = excluded.last_start_ns, endpoint_id = excluded.endpoint_id, span_id = excluded.span_id,"
    " start_ns = excluded.start_ns, duration_ns = excluded.duration_ns, error = excluded.error,"
    " db_calls = excluded.db_calls, http_calls = excluded.http_calls, cache_calls = excluded.cache_calls,"
    " db_ns = excluded.db_ns, call_ns = excluded.call_ns, operation_requests = excluded.operation_requests,"
    " operation_id = excluded.operation_id, operation_count = excluded.operation_count,"
    " operation_total_ns = excluded.operation_total_ns, findings = excluded.findings, failure = "
    "excluded.failure, cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses,"
    " sampling_threshold = excluded.sampling_threshold"
    " WHERE excluded.fragment_count >= c.fragment_count";

/* The columns, each with an element a request or an operation. */
struct columns {
    uint32_t requests, operations;
    int32_t *endpoint_id, *db_calls, *http_calls, *cache_calls, *operation_requests;
    int32_t *cache_hits, *cache_misses;
    int64_t *span_id, *start_ns, *duration_ns, *db_ns, *call_ns, *sampling_threshold;
    bool *error;
    int32_t *operation_id, *operation_count;
    int64_t *operation_total_ns;
};

static bool allocate(struct columns *columns, struct arena *arena)
{
    uint32_t n = columns->requests, m = columns->operations;
    columns->endpoint_id = arena_array(arena, n, sizeof(int32_t));
    columns->db_calls = arena_array(arena, n, sizeof(int32_t));
    columns->http_calls = arena_array(arena, n, sizeof(int32_t));
    columns->cache_calls = arena_array(arena, n, sizeof(int32_t));
    columns->cache_hits = arena_array(arena, n, sizeof(int32_t));
    columns->cache_misses = arena_array(arena, n, sizeof(int32_t));
    columns->operation_requests = arena_array(arena, n, sizeof(int32_t));
    columns->span_id = arena_array(arena, n, sizeof(int64_t));
    columns->start_ns = arena_array(arena, n, sizeof(int64_t));
    columns->duration_ns = arena_array(arena, n, sizeof(int64_t));
    columns->db_ns = arena_array(arena, n, sizeof(int64_t));
    columns->call_ns = arena_array(arena, n, sizeof(int64_t));
    columns->sampling_threshold = arena_array(arena, n, sizeof(int64_t));
    columns->error = arena_array(arena, n, sizeof(bool));
    columns->operation_id = arena_array(arena, m, sizeof(int32_t));
    columns->operation_count = arena_array(arena, m, sizeof(int32_t));
    columns->operation_total_ns = arena_array(arena, m, sizeof(int64_t));
    return !arena_exhausted(arena);
}

static void fill(struct columns *columns, const struct analysis *analysis)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < columns->requests; i++) {
        const struct request *request = &analysis->requests[i];
        columns->span_id[i] = (int64_t)request->span->id;
        columns->start_ns[i] = request->start_ns;
        columns->duration_ns[i] = request->duration_ns;
        columns->error[i] = request->error;
        columns->db_calls[i] = (int32_t)request->db_calls;
        columns->http_calls[i] = (int32_t)request->http_calls;
        columns->cache_calls[i] = (int32_t)request->cache_calls;
        columns->cache_hits[i] = (int32_t)request->cache_hits;
        columns->cache_misses[i] = (int32_t)request->cache_misses;
        columns->db_ns[i] = request->db_ns;
        columns->call_ns[i] = request->call_ns;
        columns->sampling_threshold[i] = (int64_t)request->sampling_threshold;
        columns->operation_requests[i] = (int32_t)request->operation_count;
        for (uint32_t k = 0; k < request->operation_count; k++, at++) {
            columns->operation_count[at] = (int32_t)request->operations[k].count;
            columns->operation_total_ns[at] = request->operations[k].total_ns;
        }
    }
}

static enum store_result resolve_endpoints(struct store *store, const struct analysis *analysis,
                                           struct columns *columns)
{
    struct dictionary_name *names = arena_array(&store->scratch, columns->requests, sizeof *names);
    if (!names) return store_refuse(store, "the contribution takes more memory than is allowed");
    for (uint32_t i = 0; i < columns->requests; i++) {
        const struct request *request = &analysis->requests[i];
        names[i].cells[0] = request->service;
        names[i].cells[1] = request->service_version;
        names[i].cells[2] = request->endpoint;
        names[i].service = request->service;
    }
    return dictionary_resolve(store, DICTIONARY_ENDPOINT, names, columns->requests, columns->endpoint_id);
}

static enum store_result resolve_operations(struct store *store, const struct analysis *analysis,
                                            struct columns *columns)
{
    struct dictionary_name *names = arena_array(&store->scratch, columns->operations, sizeof *names);
    if (!names) return store_refuse(store, "the contribution takes more memory than is allowed");
    uint32_t at = 0;
    for (uint32_t i = 0; i < columns->requests; i++) {
        const struct request *request = &analysis->requests[i];
        for (uint32_t k = 0; k < request->operation_count; k++, at++) {
            const struct operation *operation = request->operations[k].operation;
            names[at].cells[0] = arena_printf(&store->scratch, "%u", (unsigned)operation->type);
            names[at].cells[1] = operation->system;
            names[at].cells[2] = operation->text;
            names[at].service = request->service;
        }
    }
    return dictionary_resolve(store, DICTIONARY_OPERATION, names, columns->operations, columns->operation_id);
}

static bool any_i32(const int32_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i]) return true;
    }
    return false;
}

static bool any_i64(const int64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i]) return true;
    }
    return false;
}

/* Columns of nothing but 0 are NULL: most requests make no calls of most types. */
static void add_i32(struct sql_parameters *parameters, const int32_t *values, uint32_t count)
{
    if (any_i32(values, count)) {
        parameter_i32_array(parameters, values, count);
    } else {
        parameter_null(parameters, TYPE_INT4_ARRAY);
    }
}

static void add_i64(struct sql_parameters *parameters, const int64_t *values, uint32_t count)
{
    if (any_i64(values, count)) {
        parameter_i64_array(parameters, values, count);
    } else {
        parameter_null(parameters, TYPE_INT8_ARRAY);
    }
}

static void add_errors(struct sql_parameters *parameters, const bool *values, uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) any = any || values[i];
    if (any) {
        parameter_bool_array(parameters, values, count);
    } else {
        parameter_null(parameters, TYPE_BOOL_ARRAY);
    }
}

static void add_findings(struct sql_parameters *parameters, struct buffer *json,
                         const struct analysis *analysis)
{
    if (analysis->finding_count == 0) {
        parameter_null(parameters, TYPE_JSONB);
        return;
    }
    buffer_clear(json);
    finding_json_encode(json, analysis->findings, analysis->finding_count);
    parameter_jsonb(parameters, buffer_str(json));
}

static void time_range(const struct columns *columns, int64_t *first_ns, int64_t *last_ns)
{
    *first_ns = columns->requests ? columns->start_ns[0] : 0;
    *last_ns = *first_ns;
    for (uint32_t i = 1; i < columns->requests; i++) {
        if (columns->start_ns[i] < *first_ns) *first_ns = columns->start_ns[i];
        if (columns->start_ns[i] > *last_ns) *last_ns = columns->start_ns[i];
    }
}

static void add_columns(struct sql_parameters *parameters, const struct columns *columns)
{
    uint32_t n = columns->requests, m = columns->operations;
    int64_t first_ns, last_ns;
    time_range(columns, &first_ns, &last_ns);
    parameter_i32(parameters, (int32_t)n);
    parameter_i64(parameters, first_ns);
    parameter_i64(parameters, last_ns);
    parameter_i32_array(parameters, columns->endpoint_id, n);
    parameter_i64_array(parameters, columns->span_id, n);
    parameter_i64_array(parameters, columns->start_ns, n);
    parameter_i64_array(parameters, columns->duration_ns, n);
    add_errors(parameters, columns->error, n);
    add_i32(parameters, columns->db_calls, n);
    add_i32(parameters, columns->http_calls, n);
    add_i32(parameters, columns->cache_calls, n);
    add_i64(parameters, columns->db_ns, n);
    add_i64(parameters, columns->call_ns, n);
    parameter_i32_array(parameters, columns->operation_requests, n);
    parameter_i32_array(parameters, columns->operation_id, m);
    parameter_i32_array(parameters, columns->operation_count, m);
    parameter_i64_array(parameters, columns->operation_total_ns, m);
}

static void add_later_columns(struct sql_parameters *parameters, const struct columns *columns)
{
    add_i32(parameters, columns->cache_hits, columns->requests);
    add_i32(parameters, columns->cache_misses, columns->requests);
    add_i64(parameters, columns->sampling_threshold, columns->requests);
}

static enum store_result run(struct store *store, const char *sql, struct sql_parameters *parameters)
{
    PGresult *result;
    enum store_result outcome = store_query(store, sql, parameters, &result);
    PQclear(result);
    return outcome;
}

/* A statement that failed has spoiled the transaction: the claim is given back in any case. */
static enum store_result finish(struct store *store, enum store_result outcome)
{
    if (outcome == STORE_OK) return store_end_claim(store);
    store_release(store);
    return outcome;
}

enum store_result store_write_contribution(struct store *store, const struct trace *trace,
                                           const struct analysis *analysis)
{
    struct columns columns = {.requests = analysis->request_count};
    struct sql_parameters parameters;
    arena_reset(&store->scratch);
    for (uint32_t i = 0; i < analysis->request_count; i++)
        columns.operations += analysis->requests[i].operation_count;
    if (!allocate(&columns, &store->scratch)) {
        return finish(store, store_refuse(store, "the contribution takes more memory than is allowed"));
    }
    fill(&columns, analysis);
    enum store_result outcome = resolve_endpoints(store, analysis, &columns);
    if (outcome == STORE_OK) outcome = resolve_operations(store, analysis, &columns);
    if (outcome != STORE_OK) return finish(store, outcome);
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, trace->id);
    parameter_i32(&parameters, (int32_t)trace->fragment_count);
    add_columns(&parameters, &columns);
    add_findings(&parameters, &store->statement, analysis);
    parameter_null(&parameters, TYPE_TEXT);
    add_later_columns(&parameters, &columns);
    return finish(store, run(store, insert_contribution, &parameters));
}

static enum store_result insert_failure(struct store *store, const char *why)
{
    struct columns none = {.requests = 0};
    struct sql_parameters parameters;
    arena_reset(&store->scratch);
    struct str reason = text_clean(&store->scratch, str_of(why), TEXT_NAME_BYTES_MAX);
    if (!allocate(&none, &store->scratch)) return store_refuse(store, "out of memory");
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, store->claimed.trace_id);
    parameter_i32(&parameters, (int32_t)store->claimed_fragments);
    add_columns(&parameters, &none);
    parameter_null(&parameters, TYPE_JSONB);
    parameter_text(&parameters, reason);
    add_later_columns(&parameters, &none);
    return run(store, insert_contribution, &parameters);
}

enum store_result store_write_failure(struct store *store, const char *why)
{
    bool found;
    enum store_result outcome = store_claim_again(store, &found);
    if (outcome == STORE_OK && found) return finish(store, insert_failure(store, why));
    store_release(store);
    return outcome;
}
