/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/trace_read.h"

#include "collector/store/connection.h"
#include "collector/store/fragment.h"
#include "collector/store/fragment_spans.h"

#include <stdlib.h>

enum column {
    COLUMN_RESOURCE,
    COLUMN_START,
    COLUMN_OPERATION,
    COLUMN_OFFSET,
    COLUMN_DURATION,
    COLUMN_STATUS,
    COLUMN_ROWS,
    COLUMN_BLOB,
    COLUMN_OFFSET_LONG,
    COLUMN_DURATION_LONG,
    COLUMN_SERVICE_NAME,
    COLUMN_SERVICE_VERSION,
    COLUMN_INSTANCE,
    COLUMN_TRACE
};

_Static_assert(COLUMN_TRACE == TRACE_READ_ID_COLUMN, "others look for it there");

#define SELECT_FRAGMENTS                                                                                     \
    "SELECT f.resource_id, f.start_ns, f.operation_id, f.start_offset_ns, f.duration_ns, f.status, f.rows, " \
    "f.blob, f.start_offset_long_ns, f.duration_long_ns, r.service_name, r.service_version, r.instance_id,"  \
    " f.trace_id FROM weir.fragment f JOIN weir.resource r USING (resource_id) WHERE "

static const char select_fragments[] = SELECT_FRAGMENTS "f.trace_id = $1 ORDER BY f.start_ns, f.resource_id";
const char trace_read_several_sql[] =
    SELECT_FRAGMENTS "f.trace_id = ANY($1) ORDER BY f.trace_id, f.start_ns, f.resource_id";

/* One row, its arrays widened and its blob unpacked. */
struct row {
    struct batch batch;
    size_t count;
    int64_t start_ns;
    int64_t *operation_id, *offset_ns, *duration_ns;
    int64_t *status, *rows; /* may be NULL */
    int32_t resource_id;
    const struct resource *resource;
    uint32_t *site_of; /* local site number → index into the trace's sites */
};

/* Distinct numbers of a dictionary and what they stand for; sorted by number. */
struct names {
    int32_t *ids;
    size_t count, room;
    void *values;
};

struct reading {
    struct store *store;
    struct arena *arena;
    struct trace *trace;
    size_t row_count, row_room;
    struct row *rows;
    struct names operations; /* values: struct operation */
    struct names sites;      /* values: struct call_site */
    bool failed;
    const char *why;
};

/* ---- rows ---- */

static bool take_column(struct reading *reading, const PGresult *result, int row, int column, size_t expected,
                        int64_t **values)
{
    size_t count;
    if (!binary_integers(binary_bytes(result, row, column), reading->arena, values, &count) ||
        (*values && count != expected)) {
        reading->why = "an array has a wrong length";
        return false;
    }
    return true;
}

/* The narrow column, or its sister. */
static bool take_times(struct reading *reading, const PGresult *result, int row, int narrow, int wide,
                       size_t expected, int64_t **values)
{
    if (!take_column(reading, result, row, narrow, expected, values)) return false;
    if (!*values && !take_column(reading, result, row, wide, expected, values)) return false;
    if (!*values) reading->why = "a column of times is missing";
    return *values != NULL;
}

static struct str copy_name(struct reading *reading, const PGresult *result, int row, int column)
{
    return arena_str(reading->arena, binary_bytes(result, row, column));
}

/* Fragments of one resource share one struct, so that others may compare pointers. */
static const struct resource *take_resource(struct reading *reading, const PGresult *result, int32_t id)
{
    for (size_t before = reading->row_count; before > 0; before--)
        if (reading->rows[before - 1].resource_id == id) return reading->rows[before - 1].resource;
    struct resource *resource = arena_array(reading->arena, 1, sizeof *resource);
    if (!resource) return NULL;
    resource->service_name = copy_name(reading, result, 0, COLUMN_SERVICE_NAME);
    resource->service_version = copy_name(reading, result, 0, COLUMN_SERVICE_VERSION);
    resource->instance_id = copy_name(reading, result, 0, COLUMN_INSTANCE);
    return resource;
}

static bool decode_row(struct reading *reading, const PGresult *result, struct row *row)
{
    struct arena *arena = reading->arena;
    row->resource_id = binary_i32(result, 0, COLUMN_RESOURCE);
    row->resource = take_resource(reading, result, row->resource_id);
    row->start_ns = binary_i64(result, 0, COLUMN_START);
    struct str operations = binary_bytes(result, 0, COLUMN_OPERATION);
    if (!row->resource || !binary_integers(operations, arena, &row->operation_id, &row->count) ||
        !row->operation_id) {
        reading->why = "the operations cannot be read";
        return false;
    }
    size_t count = row->count;
    return take_times(reading, result, 0, COLUMN_OFFSET, COLUMN_OFFSET_LONG, count, &row->offset_ns) &&
           take_times(reading, result, 0, COLUMN_DURATION, COLUMN_DURATION_LONG, count, &row->duration_ns) &&
           take_column(reading, result, 0, COLUMN_STATUS, count, &row->status) &&
           take_column(reading, result, 0, COLUMN_ROWS, count, &row->rows) &&
           fragment_decode(&row->batch, binary_bytes(result, 0, COLUMN_BLOB), (uint32_t)count, arena,
                           &reading->why);
}

static bool row_room(struct reading *reading)
{
    if (reading->row_count < reading->row_room) return true;
    size_t room = reading->row_room ? 2 * reading->row_room : 16;
    struct row *rows = arena_array(reading->arena, room, sizeof *rows);
    if (!rows) return false;
    if (reading->row_count) memcpy(rows, reading->rows, reading->row_count * sizeof *rows);
    reading->rows = rows;
    reading->row_room = room;
    return true;
}

/* All that is kept of a row is in the arena, whose limit is the trace's: once it is reached, rows are only counted. */
static void take_row(void *context, const PGresult *result)
{
    struct reading *reading = context;
    reading->trace->fragment_count++;
    if (reading->failed) return;
    reading->failed = !row_room(reading) || !decode_row(reading, result, &reading->rows[reading->row_count]);
    if (!reading->failed) reading->trace->span_count += reading->rows[reading->row_count++].count;
}

static bool take_and_drop_row(void *context, PGresult *result)
{
    take_row(context, result);
    return false;
}

/* ---- names ---- */

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void sort_distinct(struct names *names)
{
    qsort(names->ids, names->count, sizeof *names->ids, compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (kept == 0 || names->ids[kept - 1] != names->ids[i]) names->ids[kept++] = names->ids[i];
    }
    names->count = kept;
}

/* Index of a number, or count when it is not there. */
static size_t find_id(const struct names *names, int32_t id)
{
    const int32_t *at = bsearch(&id, names->ids, names->count, sizeof id, compare_ids);
    return at ? (size_t)(at - names->ids) : names->count;
}

/* Loops run the same few operations: a number equal to the one before is not collected again. */
static bool collect_operations(struct reading *reading)
{
    struct names *names = &reading->operations;
    names->ids = arena_array(reading->arena, reading->trace->span_count, sizeof *names->ids);
    if (!names->ids) return false;
    for (size_t r = 0; r < reading->row_count; r++) {
        const struct row *row = &reading->rows[r];
        for (size_t i = 0; i < row->count; i++) {
            int32_t id = (int32_t)row->operation_id[i];
            if (names->count == 0 || names->ids[names->count - 1] != id) names->ids[names->count++] = id;
        }
    }
    sort_distinct(names);
    return true;
}

static bool collect_sites(struct reading *reading)
{
    struct names *names = &reading->sites;
    size_t most = 0;
    for (size_t r = 0; r < reading->row_count; r++) most += reading->rows[r].batch.site_count;
    names->ids = arena_array(reading->arena, most, sizeof *names->ids);
    if (!names->ids) return false;
    for (size_t r = 0; r < reading->row_count; r++) {
        const struct batch *batch = &reading->rows[r].batch;
        for (uint32_t i = 0; i < batch->site_count; i++)
            names->ids[names->count++] = (int32_t)batch->site_line[i];
    }
    sort_distinct(names);
    return true;
}

static enum operation_type known_type(int32_t type)
{
    return type >= 0 && type < OPERATION_TYPE_COUNT ? (enum operation_type)type : OPERATION_SPAN;
}

static struct operation operation_of(struct arena *arena, const struct named *named)
{
    return (struct operation){.type = known_type((int32_t)named->number),
                              .system = arena_str(arena, named->first),
                              .text = arena_str(arena, named->second)};
}

static struct call_site site_of(struct arena *arena, const struct named *named)
{
    return (struct call_site){.file = arena_str(arena, named->first),
                              .function = arena_str(arena, named->second),
                              .line = named->number};
}

static void fill_operation(struct reading *reading, size_t at, const struct named *named)
{
    ((struct operation *)reading->operations.values)[at] = operation_of(reading->arena, named);
}

static void fill_call_site(struct reading *reading, size_t at, const struct named *named)
{
    ((struct call_site *)reading->sites.values)[at] = site_of(reading->arena, named);
}

/* One kind of names: where they are remembered, how they are asked for (id, number, two texts), what they become. */
struct lookup {
    struct names *names;
    struct name_cache *cache;
    const char *sql;
    void (*fill)(struct reading *reading, size_t at, const struct named *named);
};

/* Those that are not remembered, asked for and remembered. */
static enum store_result ask_names(struct reading *reading, const struct lookup *lookup,
                                   const int32_t *missing, size_t count)
{
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i32_array(&parameters, missing, count);
    enum store_result outcome = store_query(reading->store, lookup->sql, &parameters, &result);
    for (int i = 0; outcome == STORE_OK && i < PQntuples(result); i++) {
        struct named named = {.id = binary_i32(result, i, 0),
                              .number = (uint32_t)binary_i64(result, i, 1),
                              .first = binary_bytes(result, i, 2),
                              .second = binary_bytes(result, i, 3)};
        size_t at = find_id(lookup->names, named.id);
        if (at < lookup->names->count) lookup->fill(reading, at, &named);
        name_cache_put(lookup->cache, named.id, named.number, named.first, named.second);
    }
    PQclear(result);
    return outcome;
}

static enum store_result read_names(struct reading *reading, const struct lookup *lookup)
{
    const struct names *names = lookup->names;
    int32_t *missing = arena_array(reading->arena, names->count, sizeof *missing);
    size_t count = 0;
    if (!missing || !names->values) return STORE_REFUSED;
    for (size_t i = 0; i < names->count; i++) {
        const struct named *named = name_cache_find(lookup->cache, names->ids[i]);
        if (named)
            lookup->fill(reading, i, named);
        else
            missing[count++] = names->ids[i];
    }
    return count ? ask_names(reading, lookup, missing, count) : STORE_OK;
}

static enum store_result read_operations(struct reading *reading)
{
    struct names *names = &reading->operations;
    names->values = arena_array(reading->arena, names->count, sizeof(struct operation));
    return read_names(
        reading,
        &(struct lookup){
            names, &reading->store->operation_names,
            "SELECT operation_id, type, system, text FROM weir.operation WHERE operation_id = ANY($1)",
            fill_operation});
}

static enum store_result read_sites(struct reading *reading)
{
    struct names *names = &reading->sites;
    names->values = arena_array(reading->arena, names->count, sizeof(struct call_site));
    return read_names(
        reading,
        &(struct lookup){names, &reading->store->site_names,
                         "SELECT site_id, line, file, function FROM weir.site WHERE site_id = ANY($1)",
                         fill_call_site});
}

/* ---- spans ---- */

static int64_t rows_of(const struct row *row, size_t i)
{
    if (row->batch.rows_plus_1) return (int64_t)(row->batch.rows_plus_1[i] - 1);
    return row->rows ? row->rows[i] : -1;
}

static void fill_site(struct reading *reading, const struct batch *batch, uint32_t site, struct span *span)
{
    if (site == 0) return;
    size_t at = find_id(&reading->sites, (int32_t)batch->site_line[site - 1]);
    if (at < reading->sites.count) span->site = ((const struct call_site *)reading->sites.values)[at];
}

/* What the arrays hold of a span. */
static bool fill_span(struct reading *reading, const struct row *row, size_t i, struct span *span)
{
    size_t operation = find_id(&reading->operations, (int32_t)row->operation_id[i]);
    span->operation = (const struct operation *)reading->operations.values + operation;
    span->resource = row->resource;
    span->status = row->status ? (enum span_status)row->status[i] : SPAN_STATUS_UNSET;
    span->duration_ns = row->duration_ns[i];
    span->rows = rows_of(row, i);
    fill_site(reading, &row->batch, batch_u32(row->batch.span_site, i), span);
    return !__builtin_add_overflow(row->start_ns, row->offset_ns[i], &span->start_ns) &&
           span->duration_ns >= 0 && span->start_ns <= INT64_MAX - span->duration_ns;
}

static bool fill_row(struct reading *reading, const struct row *row, struct span *spans)
{
    struct fragment_spans blob;
    bool fine = fragment_spans_begin(&blob, &row->batch, reading->arena);
    for (size_t i = 0; fine && i < row->count; i++)
        fine = fill_span(reading, row, i, &spans[i]) && fragment_spans_next(&blob, &spans[i]);
    if (!fine) reading->why = "a time is out of range";
    return fine;
}

static bool fill_spans(struct reading *reading)
{
    struct trace *trace = reading->trace;
    trace->spans = arena_array(reading->arena, trace->span_count, sizeof *trace->spans);
    if (!trace->spans) return false;
    size_t at = 0;
    for (size_t r = 0; r < reading->row_count; r++) {
        if (!fill_row(reading, &reading->rows[r], trace->spans + at)) return false;
        at += reading->rows[r].count;
    }
    return !arena_exhausted(reading->arena);
}

static enum store_result refuse_reading(struct reading *reading)
{
    reading->trace->span_count = 0;
    if (arena_exhausted(reading->arena)) {
        return store_refuse(reading->store, "the trace takes more memory than is allowed");
    }
    return store_refuse(reading->store, "a stored fragment is corrupt: %s",
                        reading->why ? reading->why : "unreadable");
}

static enum store_result read_rows(struct reading *reading, const unsigned char trace_id[16])
{
    struct sql_parameters parameters;
    sql_parameters_init(&parameters);
    parameter_uuid(&parameters, trace_id);
    return store_query_rows(reading->store, select_fragments, &parameters, take_and_drop_row, reading);
}

enum store_result trace_read(struct store *store, const unsigned char trace_id[16], struct arena *arena,
                             struct trace *trace)
{
    struct reading reading = {.store = store, .arena = arena, .trace = trace};
    enum store_result outcome = STORE_OK;
    memset(trace, 0, sizeof *trace);
    memcpy(trace->id, trace_id, 16);
    if (!prefetch_take(&store->prefetch, trace_id, take_row, &reading))
        outcome = read_rows(&reading, trace_id);
    if (outcome != STORE_OK) return outcome;
    if (reading.failed || !collect_operations(&reading) || !collect_sites(&reading))
        return refuse_reading(&reading);
    outcome = read_operations(&reading);
    if (outcome == STORE_OK) outcome = read_sites(&reading);
    if (outcome == STORE_AWAY) return outcome;
    if (outcome != STORE_OK || !fill_spans(&reading)) return refuse_reading(&reading);
    return STORE_OK;
}
