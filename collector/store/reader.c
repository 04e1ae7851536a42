/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints: Postgres adds up the requests of all contributions (its percentile_disc is the nearest rank, exact), and the
 * findings of the newest requests of each endpoint are merged here by the analysis.
 */
#include "collector/store/reader.h"

#include "collector/store/connection.h"
#include "collector/store/reader_sql.h"
#include "collector/store/text.h"
#include "collector/store/trace_read.h"
#include "model/finding_json.h"

#include <stdlib.h>

/* Findings are merged over so many requests of an endpoint, the newest: a report stays as quick as its history is long,
 * and finding.requests_seen says over how many it speaks. */
#define FINDING_REQUESTS_MAX 1000
#define FINDINGS_CAP_BYTES   ((size_t)512 << 20)

/* A name that no stored text can equal still asks a valid question: it is cleaned as stored names are. */
static void add_filter(struct sql_parameters *parameters, const struct request_filter *filter,
                       struct arena *arena)
{
    size_t endpoint_bytes_max = OPERATION_TEXT_MAX + TEXT_NAME_BYTES_MAX + 1;
    sql_parameters_init(parameters);
    parameter_text(parameters, text_clean(arena, filter->service, TEXT_NAME_BYTES_MAX));
    parameter_text(parameters, text_clean(arena, filter->service_version, TEXT_NAME_BYTES_MAX));
    parameter_text(parameters, text_clean(arena, filter->endpoint, endpoint_bytes_max));
    parameter_i64(parameters, filter->since_ns);
    parameter_i64(parameters, filter->until_ns);
}

static struct str copy_text(struct arena *arena, const PGresult *result, int row, int column)
{
    return arena_str(arena, binary_bytes(result, row, column));
}

static void take_endpoint(struct endpoint_summary *endpoint, struct arena *arena, const PGresult *result,
                          int row)
{
    endpoint->service = copy_text(arena, result, row, 1);
    endpoint->service_version = copy_text(arena, result, row, 2);
    endpoint->endpoint = copy_text(arena, result, row, 3);
    endpoint->recorded = (uint64_t)binary_i64(result, row, 19);
    endpoint->count = count_of_weight(binary_f64(result, row, 4), endpoint->recorded);
    endpoint->errors = count_of_weight(binary_f64(result, row, 5), 0);
    endpoint->p50_ns = binary_i64(result, row, 6);
    endpoint->p95_ns = binary_i64(result, row, 7);
    endpoint->p99_ns = binary_i64(result, row, 8);
    endpoint->max_ns = binary_i64(result, row, 9);
    endpoint->db_calls = (uint32_t)binary_i32(result, row, 10);
    endpoint->http_calls = (uint32_t)binary_i32(result, row, 11);
    endpoint->cache_calls = (uint32_t)binary_i32(result, row, 12);
    endpoint->calls_min = (uint32_t)binary_i32(result, row, 13);
    endpoint->calls_max = (uint32_t)binary_i32(result, row, 14);
    endpoint->db_ns = binary_i64(result, row, 15);
    endpoint->last_start_ns = binary_i64(result, row, 16);
    endpoint->name_is_shared = binary_bool(result, row, 17);
}

/* ---- findings ---- */

/* The rows of one endpoint, decoded; in memory of its own, which goes when they are merged. */
struct gathering {
    const struct endpoint_summary *endpoint;
    struct arena *scratch;
    double weight_seen; /* of all requests of the endpoint that were looked at */
    const struct finding **findings;
    size_t count, room;
};

static bool add_finding(struct gathering *gathering, const struct finding *finding)
{
    if (gathering->count == gathering->room) {
        size_t room = gathering->room ? gathering->room * 2 : 64;
        const struct finding **larger = arena_alloc(gathering->scratch, room * sizeof *larger);
        if (!larger) return false;
        if (gathering->count) memcpy(larger, gathering->findings, gathering->count * sizeof *larger);
        gathering->findings = larger;
        gathering->room = room;
    }
    gathering->findings[gathering->count++] = finding;
    return true;
}

static bool is_of(const struct finding *finding, const struct endpoint_summary *endpoint)
{
    return str_equal(finding->service, endpoint->service) &&
           str_equal(finding->service_version, endpoint->service_version) &&
           str_equal(finding->endpoint, endpoint->endpoint);
}

/* A trace may hold requests of other endpoints, whose findings are not meant here. */
static bool gather(struct gathering *gathering, struct str json)
{
    struct finding *findings;
    uint32_t count;
    if (!finding_json_decode(gathering->scratch, json, &findings, &count))
        return !arena_exhausted(gathering->scratch);
    for (uint32_t i = 0; i < count; i++) {
        if (is_of(&findings[i], gathering->endpoint) && !add_finding(gathering, &findings[i])) return false;
    }
    return true;
}

static struct str own_text(struct arena *arena, struct str text) { return arena_str(arena, text); }

static void own_operation(struct arena *arena, struct finding_operation *operation)
{
    operation->label = own_text(arena, operation->label);
    operation->system = own_text(arena, operation->system);
    operation->text = own_text(arena, operation->text);
}

/* Merged findings borrow the strings of the single ones, whose memory goes. */
static void own_finding(struct arena *arena, struct finding *finding)
{
    finding->service = own_text(arena, finding->service);
    finding->service_version = own_text(arena, finding->service_version);
    finding->endpoint = own_text(arena, finding->endpoint);
    finding->advice = own_text(arena, finding->advice);
    finding->site.file = own_text(arena, finding->site.file);
    finding->site.function = own_text(arena, finding->site.function);
    own_operation(arena, &finding->source);
    for (uint32_t i = 0; i < finding->operation_count; i++) own_operation(arena, &finding->operations[i]);
}

static bool merge(struct endpoint_summary *endpoint, const struct gathering *gathering,
                  const struct analysis_settings *settings, struct arena *arena)
{
    uint32_t count = 0;
    struct finding *merged = aggregate_findings(gathering->findings, gathering->count, gathering->weight_seen,
                                                settings, gathering->scratch, &count);
    struct finding *owned = arena_array(arena, count, sizeof *owned);
    if (arena_exhausted(gathering->scratch) || !owned) return false;
    for (uint32_t i = 0; i < count; i++) {
        owned[i] = merged[i];
        own_finding(arena, &owned[i]);
        if (owned[i].saving_ns > endpoint->saving_ns) endpoint->saving_ns = owned[i].saving_ns;
        int64_t total_ns = finding_saving_total_ns(&owned[i], endpoint->count);
        if (total_ns > endpoint->saving_total_ns) endpoint->saving_total_ns = total_ns;
    }
    endpoint->findings = owned;
    endpoint->finding_count = count;
    return !arena_exhausted(arena);
}

struct endpoints {
    uint32_t count;
    struct endpoint_summary *list;
    int32_t *ids;
    bool any_cache; /* some requests say whether their cache hit */
    bool any_mixed; /* requests of one endpoint have different weights */
};

static struct endpoint_summary *find_endpoint(const struct endpoints *endpoints, int32_t id)
{
    for (uint32_t i = 0; i < endpoints->count; i++) {
        if (endpoints->ids[i] == id) return &endpoints->list[i];
    }
    return NULL;
}

/* Merges the rows from `row` on that are of one endpoint; returns the row behind them, or -1. */
static int merge_endpoint(const PGresult *result, int row, const struct endpoints *endpoints,
                          const struct analysis_settings *settings, struct arena *scratch,
                          struct arena *arena)
{
    int32_t id = binary_i32(result, row, 0);
    struct endpoint_summary *endpoint = find_endpoint(endpoints, id);
    struct gathering gathering = {
        .endpoint = endpoint, .scratch = scratch, .weight_seen = binary_f64(result, row, 3)};
    arena_reset(scratch);
    for (; row < PQntuples(result) && binary_i32(result, row, 0) == id; row++) {
        if (endpoint && !gather(&gathering, binary_bytes(result, row, 2))) return -1;
    }
    return !endpoint || merge(endpoint, &gathering, settings, arena) ? row : -1;
}

static enum store_result read_findings(struct store *store, const struct request_filter *filter,
                                       const struct analysis_settings *settings,
                                       const struct endpoints *endpoints, struct arena *arena)
{
    struct sql_parameters parameters;
    PGresult *result;
    struct arena scratch;
    add_filter(&parameters, filter, arena);
    parameter_i32(&parameters, FINDING_REQUESTS_MAX);
    enum store_result outcome = store_query(store, select_findings, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    arena_init(&scratch, FINDINGS_CAP_BYTES);
    int row = 0;
    while (row >= 0 && row < PQntuples(result)) {
        row = merge_endpoint(result, row, endpoints, settings, &scratch, arena);
    }
    arena_fini(&scratch);
    PQclear(result);
    return row < 0 ? store_refuse(store, "the findings take more memory than is allowed") : STORE_OK;
}

/* ---- the split of cached endpoints ---- */

static void take_cache(const PGresult *result, int row, const struct endpoints *endpoints)
{
    struct endpoint_summary *endpoint = find_endpoint(endpoints, binary_i32(result, row, 0));
    int32_t outcome = binary_i32(result, row, 1);
    if (!endpoint || outcome < 0 || outcome >= CACHE_OUTCOME_COUNT) return;
    endpoint->cache[outcome] = (struct cache_split){
        .count = count_of_weight(binary_f64(result, row, 2), 1),
        .p50_ns = binary_i64(result, row, 3),
        .db_calls = (uint32_t)binary_i32(result, row, 4),
        .http_calls = (uint32_t)binary_i32(result, row, 5),
        .cache_calls = (uint32_t)binary_i32(result, row, 6),
    };
}

static enum store_result read_cache(struct store *store, const struct request_filter *filter,
                                    const struct endpoints *endpoints, struct arena *arena)
{
    struct sql_parameters parameters;
    PGresult *result;
    if (!endpoints->any_cache) return STORE_OK;
    add_filter(&parameters, filter, arena);
    enum store_result outcome = store_query(store, select_cache, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int row = 0; row < PQntuples(result); row++) take_cache(result, row, endpoints);
    PQclear(result);
    return STORE_OK;
}

/* ---- requests of one endpoint that stand for differently many ---- */

static void take_mixed(const PGresult *result, int row, const struct endpoints *endpoints)
{
    struct endpoint_summary *endpoint = find_endpoint(endpoints, binary_i32(result, row, 0));
    int32_t outcome = binary_i32(result, row, 1);
    uint32_t db_calls = (uint32_t)binary_i64(result, row, 5),
             http_calls = (uint32_t)binary_i64(result, row, 6),
             cache_calls = (uint32_t)binary_i64(result, row, 7);
    if (!endpoint || outcome >= CACHE_OUTCOME_COUNT) return;
    if (outcome >= 0) {
        struct cache_split *split = &endpoint->cache[outcome];
        split->p50_ns = binary_i64(result, row, 2);
        split->db_calls = db_calls;
        split->http_calls = http_calls;
        split->cache_calls = cache_calls;
        return;
    }
    endpoint->p50_ns = binary_i64(result, row, 2);
    endpoint->p95_ns = binary_i64(result, row, 3);
    endpoint->p99_ns = binary_i64(result, row, 4);
    endpoint->db_calls = db_calls;
    endpoint->http_calls = http_calls;
    endpoint->cache_calls = cache_calls;
    endpoint->db_ns = binary_i64(result, row, 8);
}

static int longest_first(const void *left, const void *right)
{
    const struct endpoint_summary *a = left, *b = right;
    return (a->p50_ns < b->p50_ns) - (a->p50_ns > b->p50_ns);
}

/* Their percentiles are weighted; the order by p50 may then be another. */
static enum store_result read_mixed(struct store *store, const struct request_filter *filter,
                                    const struct endpoints *endpoints, struct arena *arena)
{
    struct sql_parameters parameters;
    PGresult *result;
    if (!endpoints->any_mixed) return STORE_OK;
    add_filter(&parameters, filter, arena);
    enum store_result outcome = store_query(store, select_mixed, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int row = 0; row < PQntuples(result); row++) take_mixed(result, row, endpoints);
    PQclear(result);
    return STORE_OK;
}

/* All questions see the same moment. */
static enum store_result read_in_snapshot(struct store *store, const struct request_filter *filter,
                                          const struct analysis_settings *settings, struct arena *arena,
                                          struct endpoints *endpoints)
{
    struct sql_parameters parameters;
    PGresult *result;
    add_filter(&parameters, filter, arena);
    enum store_result outcome = store_query(store, select_endpoints, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    endpoints->count = (uint32_t)PQntuples(result);
    endpoints->list = arena_array(arena, endpoints->count, sizeof *endpoints->list);
    endpoints->ids = arena_array(arena, endpoints->count, sizeof *endpoints->ids);
    for (uint32_t i = 0; endpoints->list && endpoints->ids && i < endpoints->count; i++) {
        endpoints->ids[i] = binary_i32(result, (int)i, 0);
        take_endpoint(&endpoints->list[i], arena, result, (int)i);
        endpoints->any_cache = endpoints->any_cache || binary_bool(result, (int)i, 18);
        endpoints->any_mixed = endpoints->any_mixed || binary_bool(result, (int)i, 20);
    }
    PQclear(result);
    if (arena_exhausted(arena)) return store_refuse(store, "the endpoints take more memory than is allowed");
    if (endpoints->count) outcome = read_cache(store, filter, endpoints, arena);
    if (endpoints->count && outcome == STORE_OK) outcome = read_mixed(store, filter, endpoints, arena);
    if (endpoints->count && outcome == STORE_OK)
        outcome = read_findings(store, filter, settings, endpoints, arena);
    if (endpoints->any_mixed && endpoints->count > 1) /* last: ids are by the first order */
        qsort(endpoints->list, endpoints->count, sizeof *endpoints->list, longest_first);
    return outcome;
}

enum store_result read_endpoints(struct store *store, const struct request_filter *filter,
                                 const struct analysis_settings *settings, struct arena *arena,
                                 struct endpoint_summary **endpoints, uint32_t *count)
{
    struct endpoints found = {0};
    *endpoints = NULL;
    *count = 0;
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK) outcome = store_run(store, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (outcome != STORE_OK) return outcome;
    outcome = read_in_snapshot(store, filter, settings, arena, &found);
    PQclear(PQexec(store->connection, "ROLLBACK"));
    if (outcome != STORE_OK) return outcome;
    *endpoints = found.list;
    *count = found.count;
    return STORE_OK;
}

/* ---- the newest requests ---- */

static bool same_endpoint(const PGresult *result, int row)
{
    return row > 0 && binary_i32(result, row, 0) == binary_i32(result, row - 1, 0);
}

static void take_place(struct newest_requests *endpoint, const PGresult *result, int row)
{
    struct str trace_id = binary_bytes(result, row, 6);
    if (trace_id.len != 16) return;
    struct request_place *place = &endpoint->newest[endpoint->newest_count++];
    memcpy(place->trace_id, trace_id.data, 16);
    place->span_id = (uint64_t)binary_i64(result, row, 7);
}

/* Rows of one endpoint stand together. False: out of arena. */
static bool take_newest(const PGresult *result, uint32_t newest_max, struct arena *arena,
                        struct newest_requests **endpoints, uint32_t *count)
{
    int rows = PQntuples(result);
    for (int row = 0; row < rows; row++) *count += !same_endpoint(result, row);
    struct newest_requests *at = arena_array(arena, *count, sizeof *at);
    if (!at) return false;
    *endpoints = at--;
    for (int row = 0; row < rows; row++) {
        if (!same_endpoint(result, row)) {
            at++;
            at->service = copy_text(arena, result, row, 1);
            at->service_version = copy_text(arena, result, row, 2);
            at->endpoint = copy_text(arena, result, row, 3);
            at->name_is_shared = binary_bool(result, row, 4);
            at->recorded = (uint64_t)binary_i64(result, row, 5);
            at->count = count_of_weight(binary_f64(result, row, 8), at->recorded);
            at->newest =
                arena_array(arena, at->recorded < newest_max ? at->recorded : newest_max, sizeof *at->newest);
        }
        if (!at->newest) return false;
        take_place(at, result, row);
    }
    return !arena_exhausted(arena);
}

enum store_result read_newest(struct store *store, const struct request_filter *filter, uint32_t newest_max,
                              struct arena *arena, struct newest_requests **endpoints, uint32_t *count)
{
    struct sql_parameters parameters;
    PGresult *result;
    *endpoints = NULL;
    *count = 0;
    enum store_result outcome = store_connect(store);
    if (outcome != STORE_OK) return outcome;
    add_filter(&parameters, filter, arena);
    parameter_i32(&parameters, (int32_t)newest_max);
    outcome = store_query(store, select_newest, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    bool taken = take_newest(result, newest_max, arena, endpoints, count);
    PQclear(result);
    return taken ? STORE_OK : store_refuse(store, "the requests take more memory than is allowed");
}

/* ---- one trace ---- */

enum store_result read_trace(struct store *store, const unsigned char trace_id[16], struct arena *arena,
                             struct trace *trace, bool *found)
{
    *found = false;
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK) outcome = trace_read(store, trace_id, arena, trace);
    *found = outcome == STORE_OK && trace->fragment_count > 0;
    return outcome;
}

enum store_result read_slowest(struct store *store, const struct request_filter *filter,
                               unsigned char trace_id[16], uint64_t *span_id, bool *found)
{
    struct sql_parameters parameters;
    PGresult *result;
    *found = false;
    enum store_result outcome = store_connect(store);
    if (outcome != STORE_OK) return outcome;
    arena_reset(&store->scratch);
    add_filter(&parameters, filter, &store->scratch);
    outcome = store_query(store, select_slowest, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    struct str id = PQntuples(result) == 1 ? binary_bytes(result, 0, 0) : str_of(NULL);
    if (id.len == 16) {
        memcpy(trace_id, id.data, 16);
        *span_id = (uint64_t)binary_i64(result, 0, 1);
        *found = true;
    }
    PQclear(result);
    return STORE_OK;
}
