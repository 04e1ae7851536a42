/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns behind columns, tables behind tables; then whatever points into a table is moved by what stands before it. The
 * tables are not searched for names that come twice: whoever stores the batch looks each name up anyway.
 */
#include "proto/batch.h"
#include "proto/batch_columns.h"

/* Lengths so far: where the present part begins. */
struct offsets {
#define X(length, name) uint32_t length;
    BATCH_TABLES(X)
#undef X
    uint32_t trace_count;
};

static void add_lengths(struct offsets *offsets, const struct batch *part)
{
#define X(length, name) offsets->length += part->length;
    BATCH_TABLES(X)
#undef X
    offsets->trace_count += part->trace_count;
}

static bool allocate(struct batch *to, struct arena *arena, const struct batch *parts, size_t count)
{
    struct offsets whole = {0};
    size_t string_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        add_lengths(&whole, &parts[i]);
        string_bytes += parts[i].string_data.len;
    }
#define X(length, name) to->length = whole.length;
    BATCH_TABLES(X)
#undef X
    to->trace_count = whole.trace_count;
    to->string_data = str_view(arena_alloc(arena, string_bytes ? string_bytes : 1), 0);
    to->string_offset = arena_array(arena, to->string_count, sizeof *to->string_offset);
#define X(length, name) to->name = arena_array(arena, to->length, sizeof *to->name);
    BATCH_TABLE_COLUMNS(X)
#undef X
#define X(length, name) to->name = arena_array(arena, to->length, 16);
    BATCH_TRACE_IDS(X)
#undef X
#define X(type, length, name)                                                                                \
    to->name = NULL;                                                                                         \
    for (size_t i = 0; i < count && !to->name; i++)                                                          \
        if (parts[i].name) to->name = arena_array(arena, to->length, sizeof(type));
    BATCH_OPTIONAL_COLUMNS(X)
#undef X
    return !arena_exhausted(arena);
}

static void copy_columns(struct batch *to, const struct offsets *at, const struct batch *part)
{
#define X(length, name)                                                                                      \
    if (part->length) memcpy(to->name + at->length, part->name, part->length * sizeof *to->name);
    BATCH_TABLE_COLUMNS(X)
#undef X
#define X(length, name)                                                                                      \
    if (part->length) memcpy(to->name + (size_t)at->length * 16, part->name, (size_t)part->length * 16);
    BATCH_TRACE_IDS(X)
#undef X
#define X(type, length, name)                                                                                \
    if (part->length && part->name) memcpy(to->name + at->length, part->name, part->length * sizeof(type));
    BATCH_OPTIONAL_COLUMNS(X)
#undef X
}

static void copy_strings(struct batch *to, const struct offsets *at, const struct batch *part)
{
    size_t bytes = to->string_data.len;
    if (part->string_data.len)
        memcpy((char *)(uintptr_t)to->string_data.data + bytes, part->string_data.data,
               part->string_data.len);
    to->string_data.len += part->string_data.len;
    for (uint32_t i = 0; i < part->string_count; i++) {
        to->string_offset[at->string_count + i] = (uint32_t)bytes;
        bytes += part->string_bytes[i];
    }
}

/* 0 is the empty string, or none, wherever it stands. */
static void move_nonzero(uint32_t *column, uint32_t first, uint32_t count, uint32_t by)
{
    for (uint32_t i = first; column && i < first + count; i++)
        if (column[i]) column[i] += by;
}

static void move_all(uint32_t *column, uint32_t first, uint32_t count, uint32_t by)
{
    for (uint32_t i = first; column && i < first + count; i++) column[i] += by;
}

static void move_texts(int64_t *values, const uint32_t *types, uint32_t first, uint32_t count, uint32_t by)
{
    for (uint32_t i = first; i < first + count; i++)
        if (attribute_is_text(types[i]) && values[i]) values[i] += by;
}

static void move_strings(struct batch *to, const struct offsets *at, const struct batch *part)
{
    uint32_t by = at->string_count;
#define MOVE(length, name) move_nonzero(to->name, at->length, part->length, by)
    MOVE(operation_count, operation_system);
    MOVE(operation_count, operation_text);
    MOVE(site_count, site_file);
    MOVE(site_count, site_function);
    MOVE(scope_count, scope_name);
    MOVE(scope_count, scope_version);
    MOVE(span_count, status_message);
    MOVE(span_count, trace_state);
    MOVE(attribute_total, attribute_key);
    MOVE(event_total, event_name);
    MOVE(event_attribute_total, event_attribute_key);
    MOVE(span_link_total, span_link_trace_state);
    MOVE(span_link_attribute_total, span_link_attribute_key);
#undef MOVE
    move_texts(to->attribute_value, to->attribute_type, at->attribute_total, part->attribute_total, by);
    move_texts(to->event_attribute_value, to->event_attribute_type, at->event_attribute_total,
               part->event_attribute_total, by);
    move_texts(to->span_link_attribute_value, to->span_link_attribute_type, at->span_link_attribute_total,
               part->span_link_attribute_total, by);
}

/* A column that this part lacks means the first of its own table, not of the joined one. */
static void move_spans(struct batch *to, const struct offsets *at, const struct batch *part)
{
    move_all(to->span_trace, at->span_count, part->span_count, at->trace_count);
    move_all(to->span_operation, at->span_count, part->span_count, at->operation_count);
    move_nonzero(to->span_site, at->span_count, part->span_count, at->site_count);
    move_nonzero(to->span_scope, at->span_count, part->span_count, at->scope_count);
    move_nonzero(to->span_sampling, at->span_count, part->span_count, at->sampling_count);
}

static int64_t last_start_ns(const struct batch *batch)
{
    uint64_t start_ns = batch->base_time_unix_ns;
    for (uint32_t i = 0; i < batch->span_count; i++)
        start_ns += (uint64_t)batch_i64(batch->start_delta_ns, i);
    return (int64_t)start_ns;
}

static uint64_t greater(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void join_counters(struct batch *to, const struct batch *part)
{
    to->created = greater(to->created, part->created);
    to->acknowledged = greater(to->acknowledged, part->acknowledged);
#define X(name)                                                                                              \
    for (size_t i = 0; i < sizeof to->name / sizeof *to->name; i++)                                          \
        to->name[i] = greater(to->name[i], part->name[i]);
    BATCH_COUNTERS(X)
#undef X
}

bool batch_join(struct batch *to, struct arena *arena, const struct batch *const *batches, size_t count)
{
    struct offsets at = {0};
    struct batch *parts = arena_array(arena, count, sizeof *parts);
    if (!parts) return false;
    for (size_t i = 0; i < count; i++) {
        parts[i] = *batches[i];
        if (i > 0) parts[i].resource_count = 0; /* it is the first one's */
    }
    *to = parts[0];
    if (!allocate(to, arena, parts, count)) return false;
    /* Where one part has what others mean by its absence (the first trace, the first operation), all need it. */
    if (!to->span_trace) to->span_trace = arena_array(arena, to->span_count, sizeof *to->span_trace);
    if (!to->span_operation)
        to->span_operation = arena_array(arena, to->span_count, sizeof *to->span_operation);
    if (!to->start_delta_ns)
        to->start_delta_ns = arena_array(arena, to->span_count, sizeof *to->start_delta_ns);
    if (arena_exhausted(arena)) return false;
    int64_t start_ns = (int64_t)to->base_time_unix_ns;
    for (size_t i = 0; i < count; i++) {
        const struct batch *part = &parts[i];
        copy_columns(to, &at, part);
        copy_strings(to, &at, part);
        move_strings(to, &at, part);
        move_spans(to, &at, part);
        join_counters(to, part);
        if (part->span_count) {
            to->start_delta_ns[at.span_count] += (int64_t)part->base_time_unix_ns - start_ns;
            start_ns = last_start_ns(part);
        }
        add_lengths(&at, part);
    }
    return true;
}
