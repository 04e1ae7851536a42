/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as columns, and the pair that turns it into bytes and back. Only proto/ knows protobuf-c: the
 * exporter fills a struct batch from its records and packs it; the collector unpacks one and stores the
 * columns. Also the blob of a stored fragment is such a message, with the columns that Postgres holds as
 * arrays left empty.
 *
 * Column pointers are borrowed by batch_pack for the time of the call; after batch_unpack they point into the
 * arena and live as long as it does. A NULL column means 0 for every span. Any thread; a struct belongs to
 * one.
 */
#ifndef WEIR_PROTO_BATCH_H
#define WEIR_PROTO_BATCH_H

#include "base/arena.h"
#include "base/str.h"
#include "proto/drop_reason.h"
#include "proto/sampled_away.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_VERSION        1
#define BATCH_SPANS_MAX      65536       /* more in one batch is refused */
#define BATCH_BYTES_MAX      (16u << 20) /* a packed batch; a longer frame is refused unread */
#define BATCH_UNREAD_MAX     16          /* a span */
#define BATCH_LINKS_MAX      16          /* a span */
#define BATCH_ATTRIBUTES_MAX 128         /* a span, an event, a span link */
#define BATCH_EVENTS_MAX     128         /* a span */
#define BATCH_SPAN_LINKS_MAX 128         /* a span */

/* Numbers that come as a column are below these. */
#define BATCH_OPERATION_TYPES 6 /* enum operation_type of model/operation.h */
#define BATCH_KINDS           6 /* OpenTelemetry's SpanKind */
#define BATCH_STATUSES        3 /* OpenTelemetry's StatusCode */

enum {
    SPAN_FLAG_REMOTE_PARENT = 1,
    SPAN_FLAG_PARTIAL_EVIDENCE =
        2, /* a call: answers from elsewhere in its request were not there to compare with */
    SPAN_FLAGS_TRACE_SHIFT = 8 /* W3C's trace-flags: bits 8 … 15 */
};

/* The value is a number, a double's bits, or the index of a string: the text itself, bytes in base64, or an array or a
 * map as JSON. */
enum attribute_type {
    ATTRIBUTE_STRING = 1,
    ATTRIBUTE_BOOL,
    ATTRIBUTE_INT,
    ATTRIBUTE_DOUBLE,
    ATTRIBUTE_BYTES,
    ATTRIBUTE_JSON
};

static inline bool attribute_is_text(uint32_t type)
{
    return type == ATTRIBUTE_STRING || type == ATTRIBUTE_BYTES || type == ATTRIBUTE_JSON;
}

/* Sampling with a threshold, as in OpenTelemetry's `th`: a trace whose 56 random bits are at least the threshold is kept,
 * so that each that is kept stands for 2^56 / (2^56 - threshold). 0: all are kept. */
#define SAMPLING_THRESHOLD_LIMIT ((uint64_t)1 << 56)

struct batch {
    uint32_t version;
    uint64_t producer, sequence;
    uint64_t created, acknowledged;
    uint64_t dropped[DROP_REASON_COUNT];
    uint64_t sampled_away[SAMPLED_AWAY_COUNT];

    /* Strings: string(i) is string_bytes[i] long; string_offset is made by batch_unpack, and not packed. */
    struct str string_data;
    uint32_t string_count;
    uint32_t *string_bytes;
    uint32_t *string_offset;

    uint32_t resource_count;
    uint32_t *resource_key, *resource_value;

    uint32_t trace_count;
    unsigned char *trace_ids; /* trace_count × 16 */

    uint32_t operation_count;
    uint32_t *operation_type, *operation_system, *operation_text;

    uint32_t sampling_count;
    uint64_t *sampling_threshold;

    uint32_t site_count;
    uint32_t *site_file, *site_function, *site_line;

    uint32_t scope_count;
    uint32_t *scope_name, *scope_version;

    uint32_t span_count;
    uint64_t base_time_unix_ns;
    uint32_t *span_trace;
    uint64_t *span_id, *parent_span_id;
    uint32_t *span_kind, *span_operation, *span_site;
    int64_t *start_delta_ns;
    uint64_t *duration_ns;
    uint32_t *status, *flags;
    uint32_t *span_scope, *span_sampling; /* index plus 1 */
    uint32_t *status_message, *trace_state;
    uint32_t *dropped_attributes, *dropped_events, *dropped_span_links;

    uint64_t *rows_plus_1;
    uint32_t *connection;
    uint64_t *input_hash, *answer_hash;
    uint32_t *input_count;

    uint32_t *unread_count;
    uint32_t unread_total;
    uint64_t *unread_span_id;

    uint32_t *link_count; /* value links */
    uint32_t link_total;
    uint64_t *link_span_id;
    uint32_t *link_kind, *link_column, *link_row;

    uint32_t *attribute_count;
    uint32_t attribute_total;
    uint32_t *attribute_key, *attribute_type;
    int64_t *attribute_value;

    uint32_t *event_count;
    uint32_t event_total;
    int64_t *event_time_delta_ns;
    uint32_t *event_name;
    uint32_t *event_dropped_attributes, *event_attribute_count; /* an event; NULL: 0 */
    uint32_t event_attribute_total;
    uint32_t *event_attribute_key, *event_attribute_type;
    int64_t *event_attribute_value;

    uint32_t *span_link_count;
    uint32_t span_link_total;
    unsigned char *span_link_trace_ids; /* span_link_total × 16; may be zero, as may the span's id */
    uint64_t *span_link_span_id;
    uint32_t *span_link_trace_state, *span_link_flags;                  /* a link; NULL: 0 */
    uint32_t *span_link_dropped_attributes, *span_link_attribute_count; /* a link; NULL: 0 */
    uint32_t span_link_attribute_total;
    uint32_t *span_link_attribute_key, *span_link_attribute_type;
    int64_t *span_link_attribute_value;
};

/* An element of a column that may be NULL. */
static inline uint32_t batch_u32(const uint32_t *column, size_t i) { return column ? column[i] : 0; }
static inline uint64_t batch_u64(const uint64_t *column, size_t i) { return column ? column[i] : 0; }
static inline int64_t batch_i64(const int64_t *column, size_t i) { return column ? column[i] : 0; }

/* Columns over spans that hold nothing but 0 are left out, so the other side may see NULL where this one had
 * zeros; likewise those of events and span links of which that is said above. Sets no version: the caller fills batch->version like everything else. Bytes that batch_pack will
 * write; pack into memory of that size. Returns what was written. */
size_t batch_packed_bytes(const struct batch *batch);
size_t batch_pack(const struct batch *batch, unsigned char *to);

/*
 * Unpacks and checks: lengths of all columns, every index inside its table, limits above, ids not zero
 * (parents and what span links name may be), counts that add up, no start, end or event past the range of int64
 * nanoseconds (events may be negative), kinds, statuses and thresholds below their limits. Strings come out as well-formed UTF-8 without NUL
 * ('?' for each byte that is not); an unknown operation_type comes out as 0; drop reasons, link kinds and flag bits of
 * newer SDKs are not an error: link kinds are as sent. What is said to be JSON or base64 is not looked into. Duplicate span ids, parents that are not there, self-parents and
 * cycles pass: they are the reader's matter.
 *
 * Serves batches from the wire and blobs of stored fragments alike: span_id counts the spans, each other span
 * column may be NULL, and a table may be empty when the column that points into it is NULL. Ingest then calls
 * batch_check_complete, which asks for what a fragment may lack.
 *
 * On false *why is a sentence, static or in the arena, and only batch->version may be used: it is what the
 * message said, 0 if it was not understood. `data` may be hostile; memory is bounded by the arena's cap (8 ×
 * bytes + 1 MiB is enough for any honest batch) and by nothing else, so give the arena one.
 */
bool batch_unpack(struct batch *batch, struct arena *arena, const void *data, size_t bytes, const char **why);

/* After a batch_unpack that failed: it was made for a newer collector. *why then starts with "version". */
static inline bool batch_is_newer(const struct batch *batch) { return batch->version > BATCH_VERSION; }

/* What a batch from the wire has beyond a fragment: a producer, a sequence and, when there are spans, at
 * least one trace and one operation (an absent span_trace or span_operation then means the first). No spans
 * at all is fine: counters. */
bool batch_check_complete(const struct batch *batch, const char **why);

/*
 * Several unpacked batches of one producer and resource as one, in the arena: spans behind spans, with the first one's
 * sequence and resource and the greatest of each counter. A trace that several name is in the trace table several times.
 * Nothing but the batches' own memory is borrowed. False: out of arena.
 */
bool batch_join(struct batch *to, struct arena *arena, const struct batch *const *batches, size_t count);

static inline struct str batch_string(const struct batch *batch, uint32_t index)
{
    if (index >= batch->string_count) return str_view("", 0);
    return str_view(batch->string_data.data + batch->string_offset[index], batch->string_bytes[index]);
}

enum reply_status { REPLY_UNKNOWN, REPLY_STORED, REPLY_REFUSED, REPLY_RETRY };

struct reply {
    enum reply_status status;
    struct str reason;
    uint32_t retry_after_ms;
};

#define REPLY_BYTES_MAX 512 /* a packed reply; longer reasons are cut */

size_t reply_pack(const struct reply *reply, unsigned char to[REPLY_BYTES_MAX]);
bool reply_unpack(struct reply *reply, struct arena *arena, const void *data, size_t bytes);

#endif
