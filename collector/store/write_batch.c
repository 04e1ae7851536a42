/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch, one transaction: a single simple query
 *
 *     INSERT INTO batch …; INSERT INTO producer …; INSERT INTO pending …; COPY fragment FROM STDIN
 *
 * is one implicit transaction, which the end of the COPY commits. The batch row comes first, so a batch that was stored
 * before fails there on the primary key and nothing else happens. The strings hold numbers and hexadecimal only; names
 * went to the dictionaries before, in transactions of their own.
 */
#include "base/clock.h"
#include "collector/store/connection.h"
#include "collector/store/fragment.h"
#include "collector/store/text.h"

#define COPY_PIECE_BYTES ((size_t)256 * 1024)

/* ---- dictionaries ---- */

static enum store_result resolve_operations(struct store *store, const struct batch *batch, int32_t **ids)
{
    struct dictionary_name *names = arena_array(&store->scratch, batch->operation_count, sizeof *names);
    *ids = arena_array(&store->scratch, batch->operation_count, sizeof **ids);
    if (!names || !*ids) return store_refuse(store, "the batch takes more memory than is allowed");
    for (uint32_t i = 0; i < batch->operation_count; i++) {
        names[i].cells[0] = arena_printf(&store->scratch, "%u", batch->operation_type[i] & 0x7fff);
        names[i].cells[1] = batch_string(batch, batch->operation_system[i]);
        names[i].cells[2] = batch_string(batch, batch->operation_text[i]);
    }
    return dictionary_resolve(store, DICTIONARY_OPERATION, names, batch->operation_count, *ids);
}

static enum store_result resolve_sites(struct store *store, const struct batch *batch, int32_t **ids)
{
    struct dictionary_name *names = arena_array(&store->scratch, batch->site_count, sizeof *names);
    *ids = arena_array(&store->scratch, batch->site_count, sizeof **ids);
    if (!names || !*ids) return store_refuse(store, "the batch takes more memory than is allowed");
    for (uint32_t i = 0; i < batch->site_count; i++) {
        names[i].cells[0] = batch_string(batch, batch->site_file[i]);
        names[i].cells[1] = batch_string(batch, batch->site_function[i]);
        names[i].cells[2] = arena_printf(&store->scratch, "%u", batch->site_line[i]);
    }
    return dictionary_resolve(store, DICTIONARY_SITE, names, batch->site_count, *ids);
}

static struct str resource_value(const struct batch *batch, const char *key)
{
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        if (str_is(batch_string(batch, batch->resource_key[i]), key)) {
            return batch_string(batch, batch->resource_value[i]);
        }
    }
    return str_of("");
}

/* All attributes as one JSON object; of a key that comes twice jsonb keeps the last. */
static struct str resource_json(struct store *store, const struct batch *batch)
{
    struct buffer *json = &store->statement;
    buffer_clear(json);
    buffer_add_char(json, '{', 1);
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        if (i) buffer_add_char(json, ',', 1);
        text_add_json(json, text_clean(&store->scratch, batch_string(batch, batch->resource_key[i]),
                                       TEXT_NAME_BYTES_MAX));
        buffer_add_char(json, ':', 1);
        text_add_json(json, text_clean(&store->scratch, batch_string(batch, batch->resource_value[i]),
                                       OPERATION_TEXT_MAX));
    }
    buffer_add_char(json, '}', 1);
    return buffer_str(json);
}

static enum store_result resolve_resource(struct store *store, const struct batch *batch, int32_t *id)
{
    struct dictionary_name name = {
        {resource_value(batch, "service.name"), resource_value(batch, "service.version"),
         resource_value(batch, "service.instance.id"), resource_json(store, batch)}};
    if (name.cells[0].len == 0) name.cells[0] = str_of("unknown_service");
    if (store->statement.failed) return store_refuse(store, "the resource takes more memory than is allowed");
    return dictionary_resolve(store, DICTIONARY_RESOURCE, &name, 1, id);
}

/* ---- the statement ---- */

/* Counters are unsigned on the wire; what no bigint holds is no count anybody reached. */
static long long count_of(uint64_t counter) { return counter > INT64_MAX ? INT64_MAX : (long long)counter; }

static void add_time(struct buffer *sql, int64_t unix_ns)
{
    buffer_printf(sql, "timestamptz 'epoch' + %lld * interval '1 microsecond'",
                  (long long)(unix_ns / NS_PER_US));
}

static void add_batch_row(struct buffer *sql, const struct batch *batch, int64_t received_unix_ns)
{
    buffer_printf(sql, "INSERT INTO weir.batch VALUES (%lld, %lld, ", (long long)batch->producer,
                  (long long)batch->sequence);
    add_time(sql, received_unix_ns);
    buffer_add_text(sql, ");");
}

/* The end of the newest span by the producer's clock, less our own; batch_unpack has checked that both fit. */
static int64_t clock_ahead_ns(const struct batch *batch, int64_t received_unix_ns)
{
    int64_t newest_ns = INT64_MIN, ahead_ns;
    uint64_t start_ns = batch->base_time_unix_ns;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        start_ns += (uint64_t)batch_i64(batch->start_delta_ns, i);
        int64_t end_ns = (int64_t)(start_ns + batch_u64(batch->duration_ns, i));
        if (end_ns > newest_ns) newest_ns = end_ns;
    }
    return __builtin_sub_overflow(newest_ns, received_unix_ns, &ahead_ns) ? INT64_MIN : ahead_ns;
}

/* Batches may come out of order (resent ones, several connections): each counter only grows. */
static void add_producer_row(struct buffer *sql, const struct batch *batch, int32_t resource_id,
                             int64_t received_unix_ns)
{
    buffer_printf(sql, "INSERT INTO weir.producer AS p VALUES (%lld, %d, %lld, %lld, '{",
                  (long long)batch->producer, resource_id, count_of(batch->created),
                  count_of(batch->acknowledged));
    for (int i = 0; i < DROP_REASON_COUNT; i++) {
        buffer_printf(sql, "%s%lld", i ? "," : "", count_of(batch->dropped[i]));
    }
    buffer_printf(sql, "}', %u, ", batch->span_count);
    add_time(sql, received_unix_ns);
    if (batch->span_count)
        buffer_printf(sql, ", '%lld'", (long long)clock_ahead_ns(batch, received_unix_ns));
    else
        buffer_add_text(sql, ", NULL");
    buffer_add_text(
        sql, ") ON CONFLICT (producer) DO UPDATE SET resource_id = excluded.resource_id,"
             " created = greatest(p.created, excluded.created),"
             " acknowledged = greatest(p.acknowledged, excluded.acknowledged),"
             " dropped = ARRAY(SELECT greatest(a, b) FROM unnest(p.dropped, excluded.dropped) AS d(a, b)),"
             " stored = p.stored + excluded.stored,"
             " last_seen = greatest(p.last_seen, excluded.last_seen),"
             " clock_ahead_ns = CASE WHEN excluded.last_seen < p.last_seen THEN p.clock_ahead_ns"
             " ELSE coalesce(excluded.clock_ahead_ns, p.clock_ahead_ns) END;");
}

static void add_hex(struct buffer *sql, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    char *to = buffer_reserve(sql, count * 2);
    if (!to) return;
    for (size_t i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    sql->len += count * 2;
}

/* In the order of trace ids, so that two writers with traces in common wait for each other instead of deadlocking. */
static void add_pending_rows(struct buffer *sql, const struct batch *batch,
                             const struct fragment_index *index, int64_t received_unix_ns)
{
    long long now = received_unix_ns;
    buffer_printf(sql, "INSERT INTO weir.pending AS p SELECT t, %lld, %lld, %lld, 1 FROM unnest('{", now, now,
                  now);
    for (uint32_t i = 0; i < index->fragment_count; i++) {
        if (i) buffer_add_char(sql, ',', 1);
        add_hex(sql, batch->trace_ids + (size_t)index->trace[i] * 16, 16);
    }
    buffer_add_text(sql, "}'::uuid[]) AS t ON CONFLICT (trace_id) DO UPDATE SET"
                         " last_seen_ns = greatest(p.last_seen_ns, excluded.last_seen_ns),"
                         " due_ns = greatest(p.last_seen_ns, excluded.last_seen_ns),"
                         " fragments = p.fragments + 1;");
}

static void compose(struct store *store, const struct batch *batch, const struct fragment_index *index,
                    int32_t resource_id, int64_t received_unix_ns)
{
    struct buffer *sql = &store->statement;
    buffer_clear(sql);
    add_batch_row(sql, batch, received_unix_ns);
    add_producer_row(sql, batch, resource_id, received_unix_ns);
    if (index->fragment_count == 0) return;
    add_pending_rows(sql, batch, index, received_unix_ns);
    buffer_add_text(sql, "COPY weir.fragment FROM STDIN (FORMAT binary)");
}

/* ---- the rows ---- */

static void add_null(struct buffer *copy) { buffer_add_u32be(copy, UINT32_MAX); }

static void add_i32_array(struct buffer *copy, const int32_t *values, size_t count)
{
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 4));
    binary_add_i32_array(copy, values, count);
}

static bool fits_31_bits(const int64_t *values, size_t count)
{
    int64_t all = 0;
    for (size_t i = 0; i < count; i++) all |= values[i];
    return all >= 0 && all <= INT32_MAX;
}

static void add_narrow(struct buffer *copy, const int64_t *values, size_t count)
{
    if (!fits_31_bits(values, count)) {
        add_null(copy);
        return;
    }
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 4));
    binary_add_array_head(copy, TYPE_INT4, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_u32be(copy, 4);
        buffer_add_u32be(copy, (uint32_t)values[i]);
    }
}

static void add_wide(struct buffer *copy, const int64_t *values, size_t count)
{
    if (fits_31_bits(values, count)) {
        add_null(copy);
        return;
    }
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 8));
    binary_add_i64_array(copy, values, count);
}

#define FRAGMENT_COLUMNS    12
#define POSTGRES_EPOCH_DAYS 10957 /* 2000-01-01 in days since 1970 */

static void add_fragment_row(struct buffer *copy, const struct fragment *fragment, int32_t resource_id,
                             int64_t day)
{
    size_t count = fragment->span_count;
    buffer_add_u16be(copy, FRAGMENT_COLUMNS);
    buffer_add_u32be(copy, 8);
    buffer_add_u64be(copy, (uint64_t)fragment->start_ns);
    buffer_add_u32be(copy, 16);
    buffer_add(copy, fragment->trace_id, 16);
    buffer_add_u32be(copy, 4);
    buffer_add_u32be(copy, (uint32_t)(int32_t)(day - POSTGRES_EPOCH_DAYS));
    buffer_add_u32be(copy, 4);
    buffer_add_u32be(copy, (uint32_t)resource_id);
    add_i32_array(copy, fragment->operation_id, count);
    add_narrow(copy, fragment->start_offset_ns, count);
    add_narrow(copy, fragment->duration_ns, count);
    if (fragment->status) {
        buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 2));
        binary_add_i16_array(copy, fragment->status, count);
    } else {
        add_null(copy);
    }
    if (fragment->rows) {
        add_i32_array(copy, fragment->rows, count);
    } else {
        add_null(copy);
    }
    buffer_add_u32be(copy, (uint32_t)fragment->blob.len);
    buffer_add_str(copy, fragment->blob);
    add_wide(copy, fragment->start_offset_ns, count);
    add_wide(copy, fragment->duration_ns, count);
}

struct day_set {
    int64_t days[PARTITION_DAYS];
    size_t count;
};

static void add_day(struct day_set *set, int64_t day)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->days[i] == day) return;
    }
    set->days[set->count++] = day; /* partition_day has no more results than there is room */
}

/* Each fragment's memory is given back before the next one's is taken. */
static enum store_result encode_rows(struct store *store, const struct batch *batch,
                                     const struct fragment_index *index, const int32_t *operation_ids,
                                     const int32_t *site_ids, int32_t resource_id, int64_t received_unix_ns,
                                     struct day_set *days)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    struct buffer *copy = &store->copy;
    struct arena arena;
    arena_init(&arena, store->scratch.cap_bytes);
    buffer_clear(copy);
    buffer_add(copy, head, sizeof head);
    bool fits = true;
    for (uint32_t i = 0; fits && i < index->fragment_count; i++) {
        struct fragment fragment;
        arena_reset(&arena);
        fits = fragment_encode(&fragment, batch, index, i, operation_ids, site_ids, &arena);
        if (!fits) break;
        int64_t day = partition_day(fragment.start_ns, received_unix_ns);
        add_day(days, day);
        add_fragment_row(copy, &fragment, resource_id, day);
    }
    buffer_add_u16be(copy, UINT16_MAX);
    arena_fini(&arena);
    if (!fits || copy->failed) return store_refuse(store, "the batch takes more memory than is allowed");
    return STORE_OK;
}

/* ---- sending ---- */

/* Reads results until the COPY wants data, or to the end. The first failure counts; what follows it is noise. */
static enum store_result next_results(struct store *store, bool *copying)
{
    enum store_result outcome = STORE_OK;
    PGresult *result;
    *copying = false;
    while (!*copying && (result = PQgetResult(store->connection))) {
        ExecStatusType status = PQresultStatus(result);
        *copying = status == PGRES_COPY_IN;
        if (outcome == STORE_OK && !*copying && status != PGRES_COMMAND_OK)
            outcome = store_failed(store, result);
        PQclear(result);
        if (PQstatus(store->connection) != CONNECTION_OK) break;
    }
    if (outcome == STORE_OK && PQstatus(store->connection) != CONNECTION_OK) {
        store_failed(store, NULL);
        outcome = STORE_AWAY;
    }
    return outcome;
}

static bool send_rows(struct store *store)
{
    const struct buffer *copy = &store->copy;
    for (size_t at = 0; at < copy->len; at += COPY_PIECE_BYTES) {
        size_t bytes = copy->len - at < COPY_PIECE_BYTES ? copy->len - at : COPY_PIECE_BYTES;
        if (PQputCopyData(store->connection, copy->data + at, (int)bytes) != 1) return false;
    }
    return PQputCopyEnd(store->connection, NULL) == 1;
}

/*
 * When the connection dies on the way, whether the commit happened is not known: the answer is "away", the batch is sent
 * again, and the primary key tells.
 */
static enum store_result send_batch(struct store *store, bool has_rows)
{
    bool copying;
    if (!PQsendQuery(store->connection, store->statement.data)) {
        store_failed(store, NULL);
        return STORE_AWAY;
    }
    enum store_result outcome = next_results(store, &copying);
    if (outcome != STORE_OK || !has_rows) return outcome;
    bool sent = send_rows(store);
    if (!sent) PQputCopyEnd(store->connection, "interrupted");
    outcome = next_results(store, &copying);
    if (outcome == STORE_OK && !sent) {
        store_failed(store, NULL);
        return STORE_AWAY;
    }
    return outcome;
}

static enum store_result store_days(struct store *store, const struct day_set *days, bool has_rows)
{
    enum store_result outcome = partition_ensure(store, days->days, days->count);
    return outcome == STORE_OK ? send_batch(store, has_rows) : outcome;
}

/* Somebody has dropped a day that this connection remembers. The table itself has no constraint that could be broken. */
static bool is_partition_missing(const struct store *store, enum store_result outcome)
{
    return outcome == STORE_REFUSED && strcmp(store->sqlstate, "23514") == 0 &&
           strcmp(store->table, "fragment") == 0;
}

static enum store_result store_prepared(struct store *store, const struct batch *batch,
                                        int64_t received_unix_ns)
{
    int32_t *operation_ids, *site_ids, resource_id;
    struct fragment_index index;
    struct day_set days = {.count = 0};
    enum store_result outcome = resolve_resource(store, batch, &resource_id);
    if (outcome == STORE_OK) outcome = resolve_operations(store, batch, &operation_ids);
    if (outcome == STORE_OK) outcome = resolve_sites(store, batch, &site_ids);
    if (outcome != STORE_OK) return outcome;
    if (!fragment_index_make(&index, batch, &store->scratch)) {
        return store_refuse(store, "the batch takes more memory than is allowed");
    }
    outcome =
        encode_rows(store, batch, &index, operation_ids, site_ids, resource_id, received_unix_ns, &days);
    if (outcome != STORE_OK) return outcome;
    compose(store, batch, &index, resource_id, received_unix_ns);
    if (store->statement.failed) return store_refuse(store, "the batch takes more memory than is allowed");
    outcome = store_days(store, &days, index.fragment_count > 0);
    if (is_partition_missing(store, outcome)) {
        partition_cache_clear(&store->partitions);
        outcome = store_days(store, &days, index.fragment_count > 0);
        if (is_partition_missing(store, outcome)) return STORE_AWAY;
    }
    bool duplicate = strcmp(store->sqlstate, "23505") == 0 && strcmp(store->table, "batch") == 0;
    return outcome == STORE_REFUSED && duplicate ? STORE_DUPLICATE : outcome;
}

enum store_result store_write_batch(struct store *store, const struct batch *batch, int64_t received_unix_ns)
{
    enum store_result outcome = store_connect(store);
    if (outcome != STORE_OK) return outcome;
    arena_reset(&store->scratch);
    store->sqlstate[0] = 0;
    /* A span without an operation or a trace has nowhere to be stored. */
    if (batch->span_count && (batch->operation_count == 0 || batch->trace_count == 0)) {
        return store_refuse(store, "the batch has spans but no %s",
                            batch->trace_count ? "operations" : "trace ids");
    }
    return store_prepared(store, batch, received_unix_ns);
}
