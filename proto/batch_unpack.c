/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes → columns, in three steps: protobuf-c parses into the arena, the columns are taken over with their
 * lengths checked, and every number that others will use as an index, a count or a time is checked once,
 * here, so that nobody behind has to. The first fault ends it.
 */
#include "proto/batch.h"

#include "base/utf8.h"
#include "proto/arena_allocator.h"
#include "proto/batch_columns.h"
#include "weir/v1/weir.pb-c.h"

#define REASONS_MAX 64 /* that a newer SDK may know */

struct check {
    struct batch *batch;
    struct arena *arena;
    const char **why;
};

/* Says why, with numbers where the arena still has room for them. */
static bool refuse(struct check *check, const char *otherwise, struct str text)
{
    *check->why = text.data ? text.data : otherwise;
    return false;
}

#define REFUSE(check, otherwise, ...) refuse(check, otherwise, arena_printf((check)->arena, __VA_ARGS__))

/* ---- parsing ---- */

/* The version is the first field of a batch, so that it can be told even of a message that no longer parses.
 */
static uint64_t peek_version(const unsigned char *data, size_t bytes)
{
    if (bytes < 2 || data[0] != 0x08) return 0; /* field 1, varint */
    uint64_t version = 0;
    for (size_t i = 0; i < 5 && i + 1 < bytes; i++) {
        version |= (uint64_t)(data[i + 1] & 0x7f) << (7 * i);
        if (data[i + 1] < 0x80) return version;
    }
    return 0;
}

static bool check_version(struct check *check, uint64_t version)
{
    if (version == 0) return refuse(check, "version is missing", str_view(NULL, 0));
    if (version > BATCH_VERSION)
        return REFUSE(check, "version is newer than this collector",
                      "version %llu is newer than this collector's %d", (unsigned long long)version,
                      BATCH_VERSION);
    return true;
}

static Weir__V1__Batch *parse(struct check *check, const void *data, size_t bytes)
{
    if (bytes > BATCH_BYTES_MAX) {
        REFUSE(check, "batch is too long", "batch of %zu bytes is longer than %u", bytes, BATCH_BYTES_MAX);
        return NULL;
    }
    uint64_t version = peek_version(data, bytes);
    if (version > BATCH_VERSION) {
        check->batch->version = version > UINT32_MAX ? UINT32_MAX : (uint32_t)version;
        check_version(check, version);
        return NULL;
    }
    ProtobufCAllocator allocator = arena_allocator(check->arena);
    Weir__V1__Batch *message = weir__v1__batch__unpack(&allocator, bytes, data);
    if (!message)
        *check->why = arena_exhausted(check->arena) ? "batch needs more memory than is allowed"
                                                    : "batch is not a weir.v1.Batch";
    return message;
}

/* ---- taking the columns over ---- */

static bool check_length(struct check *check, const char *column, size_t length, size_t full)
{
    if (length == full) return true;
    return REFUSE(check, "a column has a wrong length", "column %s has %zu of %zu elements", column, length,
                  full);
}

static bool check_limit(struct check *check, const char *table, size_t length, size_t limit)
{
    if (length <= limit) return true;
    return REFUSE(check, "a table is too long", "%zu %s are more than %zu", length, table, limit);
}

static void take_values(struct batch *batch, const Weir__V1__Batch *message)
{
#define X(name) batch->name = message->name;
    BATCH_VALUES(X)
#undef X
#define X(name)                                                                                              \
    for (size_t i = 0; i < message->n_##name && i < sizeof batch->name / sizeof *batch->name; i++)           \
        batch->name[i] = message->name[i];
    BATCH_COUNTERS(X)
#undef X
    batch->string_data = message->string_data.len
                             ? str_view((const char *)message->string_data.data, message->string_data.len)
                             : str_view("", 0);
}

static bool take_tables(struct check *check, const Weir__V1__Batch *message)
{
    struct batch *batch = check->batch;
    if (!check_limit(check, "drop reasons", message->n_dropped, REASONS_MAX) ||
        !check_limit(check, "sampling reasons", message->n_sampled_away, REASONS_MAX))
        return false;
    if (message->trace_ids.len % 16 != 0)
        return REFUSE(check, "trace_ids has a wrong length",
                      "trace_ids has %zu bytes, which is no multiple of 16", message->trace_ids.len);
    batch->trace_count = (uint32_t)(message->trace_ids.len / 16);
#define X(length, name) batch->length = (uint32_t)message->n_##name; /* fits: BATCH_BYTES_MAX is less */
    BATCH_TABLES(X)
#undef X
#define X(length, name)                                                                                      \
    if (!check_length(check, #name, message->n_##name, batch->length)) return false;                         \
    batch->name = message->name;
    BATCH_TABLE_COLUMNS(X)
#undef X
#define X(length, name)                                                                                      \
    if (message->name.len != (size_t)batch->length * 16)                                                     \
        return check_length(check, #name, message->name.len, (size_t)batch->length * 16);                    \
    batch->name = message->name.data;
    BATCH_TRACE_IDS(X)
#undef X
    return check_limit(check, "spans", batch->span_count, BATCH_SPANS_MAX) &&
           check_limit(check, "traces", batch->trace_count, BATCH_SPANS_MAX) &&
           check_limit(check, "operations", batch->operation_count, BATCH_SPANS_MAX) &&
           check_limit(check, "call sites", batch->site_count, BATCH_SPANS_MAX) &&
           check_limit(check, "scopes", batch->scope_count, BATCH_SPANS_MAX) &&
           check_limit(check, "sampling thresholds", batch->sampling_count, BATCH_SPANS_MAX) &&
           check_limit(check, "resource attributes", batch->resource_count, BATCH_ATTRIBUTES_MAX);
}

static bool take_optional_columns(struct check *check, const Weir__V1__Batch *message)
{
    struct batch *batch = check->batch;
#define X(type, length, name)                                                                                \
    if (message->n_##name != 0) {                                                                            \
        if (!check_length(check, #name, message->n_##name, batch->length)) return false;                     \
        batch->name = message->name;                                                                         \
    }
    BATCH_OPTIONAL_COLUMNS(X)
#undef X
    return true;
}

/* ---- checking what is in them ---- */

static bool check_indexes(struct check *check, const char *column, const uint32_t *index, size_t count,
                          size_t limit)
{
    uint32_t largest = 0;
    for (size_t i = 0; index && i < count; i++) largest = index[i] > largest ? index[i] : largest;
    if (!index || count == 0 || largest < limit) return true;
    return REFUSE(check, "a column points past its table", "column %s has %u, past its table of %zu", column,
                  largest, limit);
}

/* String 0 is the empty one even where there is no table. */
static bool check_strings_at(struct check *check, const char *column, const uint32_t *index, size_t count)
{
    uint32_t strings = check->batch->string_count;
    return check_indexes(check, column, index, count, strings ? strings : 1);
}

static bool check_nonzero(struct check *check, const char *column, const uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == 0) return REFUSE(check, "an id is zero", "column %s has a zero at %zu", column, i);
    return true;
}

/* Also makes every string well-formed UTF-8 without NUL; the bytes are the arena's own copy. */
static bool check_string_table(struct check *check)
{
    struct batch *batch = check->batch;
    batch->string_offset = arena_array(check->arena, batch->string_count, sizeof *batch->string_offset);
    if (!batch->string_offset)
        return refuse(check, "batch needs more memory than is allowed", str_view(NULL, 0));
    if (batch->string_count && batch->string_bytes[0] != 0)
        return refuse(check, "string 0 is not the empty string", str_view(NULL, 0));
    bool valid = utf8_valid(batch->string_data);
    size_t offset = 0;
    for (size_t i = 0; i < batch->string_count; i++) {
        batch->string_offset[i] = (uint32_t)offset;
        if (batch->string_bytes[i] > batch->string_data.len - offset)
            return refuse(check, "string_bytes counts more than string_data has", str_view(NULL, 0));
        char *text = (char *)batch->string_data.data + offset;
        size_t len = batch->string_bytes[i];
        bool cut = len && ((text[0] | text[len - 1]) & 0x80); /* valid as a whole, but through a character? */
        if (!valid || cut) utf8_repair(text, len);
        offset += len;
    }
    if (offset != batch->string_data.len)
        return refuse(check, "string_data has more than string_bytes counts", str_view(NULL, 0));
    return true;
}

static bool check_trace_ids(struct check *check)
{
    static const unsigned char zero[16];
    for (size_t i = 0; i < check->batch->trace_count; i++)
        if (memcmp(check->batch->trace_ids + i * 16, zero, 16) == 0)
            return REFUSE(check, "a trace id is zero", "trace id %zu is zero", i);
    return true;
}

/* Types are appended over time: one that this collector does not know is shown as a plain span. */
static void tame_operation_types(struct batch *batch)
{
    for (size_t i = 0; i < batch->operation_count; i++)
        if (batch->operation_type[i] >= BATCH_OPERATION_TYPES) batch->operation_type[i] = 0;
}

static bool check_table_indexes(struct check *check)
{
    const struct batch *b = check->batch;
    return check_strings_at(check, "resource_key", b->resource_key, b->resource_count) &&
           check_strings_at(check, "resource_value", b->resource_value, b->resource_count) &&
           check_strings_at(check, "operation_system", b->operation_system, b->operation_count) &&
           check_strings_at(check, "operation_text", b->operation_text, b->operation_count) &&
           check_strings_at(check, "site_file", b->site_file, b->site_count) &&
           check_strings_at(check, "site_function", b->site_function, b->site_count) &&
           check_strings_at(check, "scope_name", b->scope_name, b->scope_count) &&
           check_strings_at(check, "scope_version", b->scope_version, b->scope_count);
}

static bool check_texts(struct check *check)
{
    const struct batch *b = check->batch;
    return check_strings_at(check, "status_message", b->status_message, b->span_count) &&
           check_strings_at(check, "trace_state", b->trace_state, b->span_count) &&
           check_strings_at(check, "event_name", b->event_name, b->event_total) &&
           check_strings_at(check, "span_link_trace_state", b->span_link_trace_state, b->span_link_total);
}

static bool check_thresholds(struct check *check)
{
    const struct batch *b = check->batch;
    for (size_t i = 0; i < b->sampling_count; i++)
        if (b->sampling_threshold[i] >= SAMPLING_THRESHOLD_LIMIT)
            return REFUSE(check, "a sampling threshold is 2^56 or more",
                          "sampling_threshold %llu is not below 2^56",
                          (unsigned long long)b->sampling_threshold[i]);
    return true;
}

/* An absent column needs no table: a stored fragment leaves both to Postgres. */
static bool check_span_indexes(struct check *check)
{
    const struct batch *b = check->batch;
    return check_indexes(check, "span_trace", b->span_trace, b->span_count, b->trace_count) &&
           check_indexes(check, "span_operation", b->span_operation, b->span_count, b->operation_count) &&
           check_indexes(check, "span_site", b->span_site, b->span_count, (size_t)b->site_count + 1) &&
           check_indexes(check, "span_scope", b->span_scope, b->span_count, (size_t)b->scope_count + 1) &&
           check_indexes(check, "span_sampling", b->span_sampling, b->span_count,
                         (size_t)b->sampling_count + 1) &&
           check_indexes(check, "span_kind", b->span_kind, b->span_count, BATCH_KINDS) &&
           check_indexes(check, "status", b->status, b->span_count, BATCH_STATUSES) &&
           check_nonzero(check, "span_id", b->span_id, b->span_count) &&
           check_nonzero(check, "unread_span_id", b->unread_span_id, b->unread_total) &&
           check_nonzero(check, "link_span_id", b->link_span_id, b->link_total);
}

/* How many elements each of `owners` has in a list of `total`. */
static bool check_counts(struct check *check, const char *column, const uint32_t *counts, size_t owners,
                         uint32_t limit, size_t total)
{
    size_t sum = 0;
    for (size_t i = 0; counts && i < owners; i++) {
        if (counts[i] > limit)
            return REFUSE(check, "a count is over its limit", "column %s has %u, over the limit of %u",
                          column, counts[i], limit);
        sum += counts[i];
    }
    if (sum == total) return true;
    return REFUSE(check, "a count column does not add up", "column %s adds up to %zu of %zu", column, sum,
                  total);
}

/* Attributes of spans, events and span links are alike. */
struct attribute_columns {
    const char *key_column;
    uint32_t total;
    uint32_t *key, *type;
    const int64_t *value;
};

enum { ATTRIBUTE_LISTS = 3 };

static void attribute_lists(const struct batch *b, struct attribute_columns lists[ATTRIBUTE_LISTS])
{
    lists[0] = (struct attribute_columns){"attribute_key", b->attribute_total, b->attribute_key,
                                          b->attribute_type, b->attribute_value};
    lists[1] =
        (struct attribute_columns){"event_attribute_key", b->event_attribute_total, b->event_attribute_key,
                                   b->event_attribute_type, b->event_attribute_value};
    lists[2] = (struct attribute_columns){"span_link_attribute_key", b->span_link_attribute_total,
                                          b->span_link_attribute_key, b->span_link_attribute_type,
                                          b->span_link_attribute_value};
}

static bool check_attribute(struct check *check, const struct attribute_columns *list, size_t i)
{
    uint32_t strings = check->batch->string_count ? check->batch->string_count : 1;
    uint32_t type = list->type[i];
    int64_t value = list->value[i];
    if (type < ATTRIBUTE_STRING || type > ATTRIBUTE_JSON)
        return REFUSE(check, "an attribute has an unknown type", "attribute_type %u is not known", type);
    if (attribute_is_text(type) && (value < 0 || value >= strings))
        return REFUSE(check, "an attribute points past the strings",
                      "attribute_value %lld is past the table of %u strings", (long long)value, strings);
    return true;
}

static bool check_attributes(struct check *check)
{
    struct attribute_columns lists[ATTRIBUTE_LISTS];
    attribute_lists(check->batch, lists);
    for (size_t list = 0; list < ATTRIBUTE_LISTS; list++) {
        if (!check_strings_at(check, lists[list].key_column, lists[list].key, lists[list].total))
            return false;
        for (size_t i = 0; i < lists[list].total; i++)
            if (!check_attribute(check, &lists[list], i)) return false;
    }
    return true;
}

/* Every start and end is a moment of int64 nanoseconds since 1970. */
static bool check_times(struct check *check)
{
    const struct batch *b = check->batch;
    if (b->base_time_unix_ns > INT64_MAX)
        return refuse(check, "base_time_unix_ns is out of range", str_view(NULL, 0));
    int64_t start_ns = (int64_t)b->base_time_unix_ns;
    for (size_t i = 0; i < b->span_count; i++) {
        int64_t end_ns;
        uint64_t duration_ns = batch_u64(b->duration_ns, i);
        if (__builtin_add_overflow(start_ns, batch_i64(b->start_delta_ns, i), &start_ns) || start_ns < 0)
            return REFUSE(check, "a start is out of range", "start of span %zu is out of range", i);
        if (duration_ns > INT64_MAX || __builtin_add_overflow(start_ns, (int64_t)duration_ns, &end_ns))
            return REFUSE(check, "a duration is out of range", "duration of span %zu is out of range", i);
    }
    return true;
}

/* Events may lie before the start of their span or after its end: clocks are set, and some are added late. Before 1970,
 * too: the spans of a stored fragment have no start here. Starts and counts have been checked. */
static bool check_event_times(struct check *check)
{
    const struct batch *b = check->batch;
    int64_t start_ns = (int64_t)b->base_time_unix_ns, at_ns;
    uint32_t event = 0;
    for (size_t i = 0; event < b->event_total; i++) {
        start_ns += batch_i64(b->start_delta_ns, i);
        for (uint32_t end = event + batch_u32(b->event_count, i); event < end; event++)
            if (__builtin_add_overflow(start_ns, b->event_time_delta_ns[event], &at_ns))
                return REFUSE(check, "an event's time is out of range",
                              "event_time_delta_ns %lld is out of range",
                              (long long)b->event_time_delta_ns[event]);
    }
    return true;
}

static bool check_lists(struct check *check)
{
    const struct batch *b = check->batch;
    size_t spans = b->span_count, events = b->event_total, links = b->span_link_total;
    return check_counts(check, "unread_count", b->unread_count, spans, BATCH_UNREAD_MAX, b->unread_total) &&
           check_counts(check, "link_count", b->link_count, spans, BATCH_LINKS_MAX, b->link_total) &&
           check_counts(check, "attribute_count", b->attribute_count, spans, BATCH_ATTRIBUTES_MAX,
                        b->attribute_total) &&
           check_counts(check, "event_count", b->event_count, spans, BATCH_EVENTS_MAX, events) &&
           check_counts(check, "span_link_count", b->span_link_count, spans, BATCH_SPAN_LINKS_MAX, links) &&
           check_counts(check, "event_attribute_count", b->event_attribute_count, events,
                        BATCH_ATTRIBUTES_MAX, b->event_attribute_total) &&
           check_counts(check, "span_link_attribute_count", b->span_link_attribute_count, links,
                        BATCH_ATTRIBUTES_MAX, b->span_link_attribute_total);
}

static bool check_content(struct check *check)
{
    return check_string_table(check) && check_trace_ids(check) && check_table_indexes(check) &&
           check_texts(check) && check_thresholds(check) && check_span_indexes(check) && check_lists(check) &&
           check_attributes(check) && check_times(check) && check_event_times(check);
}

bool batch_unpack(struct batch *batch, struct arena *arena, const void *data, size_t bytes, const char **why)
{
    struct check check = {batch, arena, why};
    memset(batch, 0, sizeof *batch);
    *why = NULL;
    const Weir__V1__Batch *message = parse(&check, data, bytes);
    if (!message) return false;
    take_values(batch, message);
    if (!check_version(&check, batch->version) || !take_tables(&check, message) ||
        !take_optional_columns(&check, message) || !check_content(&check))
        return false;
    tame_operation_types(batch);
    return true;
}

bool batch_check_complete(const struct batch *batch, const char **why)
{
    *why = NULL;
    if (batch->producer == 0)
        *why = "producer is zero";
    else if (batch->sequence == 0)
        *why = "sequence is zero";
    else if (batch->span_count && batch->trace_count == 0)
        *why = "spans without a trace id";
    else if (batch->span_count && batch->operation_count == 0)
        *why = "spans without an operation";
    return *why == NULL;
}
