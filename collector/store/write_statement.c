/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/write_statement.h"

#include "base/clock.h"
#include "collector/store/partition.h"

#include <time.h>

/* Counters are unsigned on the wire; what no bigint holds is no count anybody reached. */
static long long count_of(uint64_t counter) { return counter > INT64_MAX ? INT64_MAX : (long long)counter; }

/* A literal costs Postgres less than an expression. */
static void add_time(struct buffer *sql, int64_t unix_ns)
{
    time_t seconds = (time_t)(unix_ns / NS_PER_S);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc)) {
        sql->failed = true;
        return;
    }
    buffer_printf(sql, "'%04d-%02d-%02d %02d:%02d:%02d.%06d+00'", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(unix_ns % NS_PER_S / NS_PER_US));
}

static void add_batch_rows(struct buffer *sql, const struct write_batch_row *rows, size_t count)
{
    buffer_add_text(sql, "INSERT INTO weir.batch VALUES ");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(sql, "%s(%lld, %lld, ", i ? "," : "", (long long)rows[i].producer,
                      (long long)rows[i].sequence);
        add_time(sql, rows[i].received_unix_ns);
        buffer_add_char(sql, ')', 1);
    }
    buffer_add_char(sql, ';', 1);
}

/* ---- producers ---- */

/* What all units of one producer say together. */
struct producer_row {
    uint64_t producer, created, acknowledged, stored;
    uint64_t dropped[DROP_REASON_COUNT], sampled_away[SAMPLED_AWAY_COUNT];
    int32_t resource_id;
    int64_t last_seen_ns;
    bool clock_known;
    int64_t clock_ahead_ns;
};

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

static uint64_t greater(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void add_up(struct producer_row *row, const struct write_unit *unit)
{
    const struct batch *batch = unit->batch;
    row->created = greater(row->created, batch->created);
    row->acknowledged = greater(row->acknowledged, batch->acknowledged);
    for (int i = 0; i < DROP_REASON_COUNT; i++) row->dropped[i] = greater(row->dropped[i], batch->dropped[i]);
    for (int i = 0; i < SAMPLED_AWAY_COUNT; i++)
        row->sampled_away[i] = greater(row->sampled_away[i], batch->sampled_away[i]);
    row->stored += batch->span_count - unit->late_spans;
    if (unit->received_unix_ns < row->last_seen_ns) return;
    row->last_seen_ns = unit->received_unix_ns;
    row->resource_id = unit->resource_id;
    if (!batch->span_count) return;
    row->clock_known = true;
    row->clock_ahead_ns = clock_ahead_ns(batch, unit->received_unix_ns);
}

static void add_counters(struct buffer *sql, const uint64_t *counters, int count)
{
    for (int i = 0; i < count; i++) buffer_printf(sql, "%s%lld", i ? "," : "", count_of(counters[i]));
}

static void add_producer_row(struct buffer *sql, const struct producer_row *row, bool first)
{
    buffer_printf(sql, "%s(%lld, %d, %lld, %lld, '{", first ? "" : ",", (long long)row->producer,
                  row->resource_id, count_of(row->created), count_of(row->acknowledged));
    add_counters(sql, row->dropped, DROP_REASON_COUNT);
    buffer_printf(sql, "}'::bigint[], %lld, ", count_of(row->stored));
    add_time(sql, row->last_seen_ns);
    if (row->clock_known)
        buffer_printf(sql, ", '%lld'::bigint, '{", (long long)row->clock_ahead_ns);
    else
        buffer_add_text(sql, ", NULL::bigint, '{");
    add_counters(sql, row->sampled_away, SAMPLED_AWAY_COUNT);
    buffer_add_text(sql, "}'::bigint[])");
}

/* Batches may come out of order (resent ones, several connections): each counter only grows. */
static void add_producer_rows(struct buffer *sql, const struct write_unit *units, size_t count)
{
    buffer_add_text(sql, "INSERT INTO weir.producer AS p VALUES ");
    for (size_t i = 0; i < count;) {
        size_t first = i;
        struct producer_row row = {.producer = units[i].batch->producer, .last_seen_ns = INT64_MIN};
        while (i < count && units[i].batch->producer == row.producer) add_up(&row, &units[i++]);
        add_producer_row(sql, &row, first == 0);
    }
    buffer_add_text(
        sql, " ON CONFLICT (producer) DO UPDATE SET resource_id = excluded.resource_id,"
             " created = greatest(p.created, excluded.created),"
             " acknowledged = greatest(p.acknowledged, excluded.acknowledged),"
             " dropped = ARRAY(SELECT greatest(a, b) FROM unnest(p.dropped, excluded.dropped) AS d(a, b)),"
             " sampled_away = ARRAY(SELECT greatest(a, b) FROM unnest(p.sampled_away, excluded.sampled_away)"
             "  AS d(a, b)),"
             " stored = p.stored + excluded.stored,"
             " last_seen = greatest(p.last_seen, excluded.last_seen),"
             " clock_ahead_ns = CASE WHEN excluded.last_seen < p.last_seen THEN p.clock_ahead_ns"
             " ELSE coalesce(excluded.clock_ahead_ns, p.clock_ahead_ns) END;");
}

/* ---- which traces came ---- */

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

/* A row for many: one a trace would cost several times what the fragment costs. */
static void add_arrival_rows(struct buffer *sql, const struct write_unit *units, size_t count)
{
    int64_t received_ns = INT64_MIN;
    for (size_t i = 0; i < count; i++)
        if (units[i].received_unix_ns > received_ns) received_ns = units[i].received_unix_ns;
    buffer_add_text(sql, "INSERT INTO weir.arrival (received_ns, traces) VALUES ");
    uint32_t traces = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fragment_index *index = &units[i].index;
        for (uint32_t f = 0; f < index->fragment_count; f++) {
            if (units[i].days[f] == PARTITION_LATE) continue;
            if (traces % ARRIVAL_TRACES_MAX == 0)
                buffer_printf(sql, "%s(%lld, '\\x", traces ? "')," : "", (long long)received_ns);
            traces++;
            add_hex(sql, units[i].batch->trace_ids + (size_t)index->trace[f] * 16, 16);
        }
    }
    buffer_add_text(sql, "');");
}

void write_statement_compose(struct buffer *sql, const struct write_batch_row *rows, size_t row_count,
                             const struct write_unit *units, size_t unit_count)
{
    size_t fragments = 0;
    for (size_t i = 0; i < unit_count; i++)
        fragments += units[i].index.fragment_count - units[i].late_fragments;
    buffer_clear(sql);
    add_batch_rows(sql, rows, row_count);
    add_producer_rows(sql, units, unit_count);
    if (fragments == 0) return;
    add_arrival_rows(sql, units, unit_count);
    buffer_add_text(sql, "COPY weir.fragment FROM STDIN (FORMAT binary)");
}
