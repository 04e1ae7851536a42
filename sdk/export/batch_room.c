/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/batch_room.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "model/operation.h"

#include <stdlib.h>

#define STRING_ROOM_MIN ((size_t)16 * 1024)

/* ---- the tables' arrays ---- */

#define STRINGS_ARRAYS(X)                                                                                    \
    X(string_bytes)                                                                                          \
    X(string_offset)
#define RESOURCE_ARRAYS(X)                                                                                   \
    X(resource_key)                                                                                          \
    X(resource_value)
#define TRACES_ARRAYS(X) X(trace_ids)
#define OPERATIONS_ARRAYS(X)                                                                                 \
    X(operation_type)                                                                                        \
    X(operation_system)                                                                                      \
    X(operation_text)
#define SITES_ARRAYS(X)                                                                                      \
    X(site_file)                                                                                             \
    X(site_function)                                                                                         \
    X(site_line)
#define SAMPLINGS_ARRAYS(X) X(sampling_threshold)
#define SPANS_ARRAYS(X)                                                                                      \
    X(span_trace)                                                                                            \
    X(span_id)                                                                                               \
    X(parent_span_id)                                                                                        \
    X(span_kind)                                                                                             \
    X(span_operation)                                                                                        \
    X(span_site)                                                                                             \
    X(start_delta_ns)                                                                                        \
    X(duration_ns)                                                                                           \
    X(status)                                                                                                \
    X(flags)                                                                                                 \
    X(rows_plus_1)                                                                                           \
    X(connection)                                                                                            \
    X(input_hash)                                                                                            \
    X(answer_hash)                                                                                           \
    X(input_count)                                                                                           \
    X(unread_count)                                                                                          \
    X(link_count)                                                                                            \
    X(attribute_count)                                                                                       \
    X(span_sampling)                                                                                         \
    X(status_message)                                                                                        \
    X(dropped_attributes)                                                                                    \
    X(dropped_events)                                                                                        \
    X(dropped_span_links)                                                                                    \
    X(event_count)                                                                                           \
    X(span_link_count)
#define UNREAD_ARRAYS(X) X(unread_span_id)
#define LINKS_ARRAYS(X)                                                                                      \
    X(link_span_id)                                                                                          \
    X(link_kind)                                                                                             \
    X(link_column)                                                                                           \
    X(link_row)
#define ATTRIBUTES_ARRAYS(X)                                                                                 \
    X(attribute_key)                                                                                         \
    X(attribute_type)                                                                                        \
    X(attribute_value)
#define EVENTS_ARRAYS(X)                                                                                     \
    X(event_time_delta_ns)                                                                                   \
    X(event_name)                                                                                            \
    X(event_dropped_attributes)                                                                              \
    X(event_attribute_count)
#define EVENT_ATTRIBUTES_ARRAYS(X)                                                                           \
    X(event_attribute_key)                                                                                   \
    X(event_attribute_type)                                                                                  \
    X(event_attribute_value)
#define SPAN_LINKS_ARRAYS(X)                                                                                 \
    X(span_link_trace_ids)                                                                                   \
    X(span_link_span_id)                                                                                     \
    X(span_link_trace_state)                                                                                 \
    X(span_link_flags)                                                                                       \
    X(span_link_dropped_attributes)                                                                          \
    X(span_link_attribute_count)
#define SPAN_LINK_ATTRIBUTES_ARRAYS(X)                                                                       \
    X(span_link_attribute_key)                                                                               \
    X(span_link_attribute_type)                                                                              \
    X(span_link_attribute_value)

#define ALL_ARRAYS(X)                                                                                        \
    STRINGS_ARRAYS(X)                                                                                        \
    RESOURCE_ARRAYS(X)                                                                                       \
    TRACES_ARRAYS(X)                                                                                         \
    OPERATIONS_ARRAYS(X)                                                                                     \
    SITES_ARRAYS(X)                                                                                          \
    SAMPLINGS_ARRAYS(X)                                                                                      \
    SPANS_ARRAYS(X)                                                                                          \
    UNREAD_ARRAYS(X)                                                                                         \
    LINKS_ARRAYS(X)                                                                                          \
    ATTRIBUTES_ARRAYS(X)                                                                                     \
    EVENTS_ARRAYS(X)                                                                                         \
    EVENT_ATTRIBUTES_ARRAYS(X)                                                                               \
    SPAN_LINKS_ARRAYS(X)                                                                                     \
    SPAN_LINK_ATTRIBUTES_ARRAYS(X)

void builder_fini(struct builder *builder)
{
    free((void *)builder->batch.string_data.data);
    free(builder->site_keys);
#define X(column) free(builder->batch.column);
    ALL_ARRAYS(X)
#undef X
#define X(table) interner_fini(&builder->table);
    BUILDER_INTERNERS(X)
#undef X
    *builder = (struct builder){0};
}

void builder_clear(struct builder *builder)
{
    struct batch *batch = &builder->batch;
    batch->string_data.len = 0;
    batch->string_count = batch->resource_count = batch->trace_count = batch->operation_count = 0;
    batch->site_count = batch->sampling_count = batch->span_count = 0;
    batch->unread_total = batch->link_total = batch->attribute_total = 0;
    batch->event_total = batch->event_attribute_total = 0;
    batch->span_link_total = batch->span_link_attribute_total = 0;
    builder->bytes = 0;
    builder->last_start_ns = 0;
#define X(table) interner_clear(&builder->table);
    BUILDER_INTERNERS(X)
#undef X
}

static bool resize(void *array, size_t count, size_t element_bytes)
{
    void *old;
    memcpy(&old, array, sizeof old); /* array points to a pointer of any type */
    void *larger = realloc(old, count * element_bytes);
    if (!larger) return false;
    memcpy(array, &larger, sizeof larger);
    return true;
}

static uint32_t larger_room(uint32_t room, uint32_t wanted)
{
    room = room ? 2 * room : 64;
    while (room < wanted) room *= 2;
    return room;
}

/* Makes one function a table; of ids of 16 bytes as many as there are elements. */
#define ROOM_FUNCTION(table, ARRAYS, extra)                                                                  \
    bool room_for_##table(struct builder *builder, uint32_t count, uint32_t more)                            \
    {                                                                                                        \
        if (count + more <= builder->room.table) return true;                                                \
        uint32_t room = larger_room(builder->room.table, count + more);                                      \
        bool fits = extra;                                                                                   \
        ARRAYS(GROW)                                                                                         \
        if (fits) builder->room.table = room;                                                                \
        return fits;                                                                                         \
    }
#define ELEMENT_BYTES(column)                                                                                \
    (sizeof builder->batch.column[0] == 1 ? 16 : sizeof builder->batch.column[0]) /* bytes: trace ids */
#define GROW(column) fits = fits && resize(&builder->batch.column, room, ELEMENT_BYTES(column));

ROOM_FUNCTION(strings, STRINGS_ARRAYS, true)
ROOM_FUNCTION(resource, RESOURCE_ARRAYS, true)
ROOM_FUNCTION(traces, TRACES_ARRAYS, true)
ROOM_FUNCTION(operations, OPERATIONS_ARRAYS, true)
ROOM_FUNCTION(sites, SITES_ARRAYS, resize(&builder->site_keys, room, sizeof builder->site_keys[0]))
ROOM_FUNCTION(samplings, SAMPLINGS_ARRAYS, true)
ROOM_FUNCTION(spans, SPANS_ARRAYS, true)
ROOM_FUNCTION(unread, UNREAD_ARRAYS, true)
ROOM_FUNCTION(links, LINKS_ARRAYS, true)
ROOM_FUNCTION(attributes, ATTRIBUTES_ARRAYS, true)
ROOM_FUNCTION(events, EVENTS_ARRAYS, true)
ROOM_FUNCTION(event_attributes, EVENT_ATTRIBUTES_ARRAYS, true)
ROOM_FUNCTION(span_links, SPAN_LINKS_ARRAYS, true)
ROOM_FUNCTION(span_link_attributes, SPAN_LINK_ATTRIBUTES_ARRAYS, true)

/* ---- strings ---- */

static bool string_data_room(struct builder *builder, size_t more)
{
    struct str *data = &builder->batch.string_data;
    size_t room = builder->room.string_data ? builder->room.string_data : STRING_ROOM_MIN;
    while (room < data->len + more) room *= 2;
    if (room == builder->room.string_data) return true;
    if (!resize(&data->data, room, 1)) return false;
    builder->room.string_data = room;
    return true;
}

static bool string_new(struct builder *builder, struct str text, uint64_t hash, uint32_t *index)
{
    struct batch *batch = &builder->batch;
    if (!room_for_strings(builder, batch->string_count, 1) || !string_data_room(builder, text.len))
        return false;
    if (!interner_add(&builder->strings, hash, index)) return false;
    if (text.len) memcpy((char *)batch->string_data.data + batch->string_data.len, text.data, text.len);
    batch->string_offset[batch->string_count] = (uint32_t)batch->string_data.len;
    batch->string_data.len += text.len;
    batch->string_bytes[batch->string_count++] = (uint32_t)text.len;
    builder->bytes += text.len + 2;
    return true;
}

/* Names and keys are the program's own strings, of any length: one must not make a batch that nobody takes. */
bool builder_string(struct builder *builder, struct str text, uint32_t *index)
{
    if (text.len > OPERATION_TEXT_MAX) text.len = utf8_cut(text, OPERATION_TEXT_MAX);
    if (builder->batch.string_count == 0) {
        uint32_t empty;
        if (!string_new(builder, str_of(""), hash_bytes("", 0), &empty)) return false;
    }
    uint64_t hash = hash_bytes(text.data, text.len);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->strings, hash, &at, index))
        if (str_equal(batch_string(&builder->batch, *index), text)) return true;
    return string_new(builder, text, hash, index);
}
