/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/batch_builder.h"

#include "base/hash.h"
#include "model/span.h"

#include <stdlib.h>

#define STRING_ROOM_MIN ((size_t)16 * 1024)
#define SPAN_BYTES      80 /* about what a span's columns take when packed */

/* Arrays of struct batch by the table whose room they share. */
#define TABLES(X)                                                                                            \
    X(strings, string_bytes)                                                                                 \
    X(resource, resource_key)                                                                                \
    X(resource, resource_value)                                                                              \
    X(operations, operation_type)                                                                            \
    X(operations, operation_system)                                                                          \
    X(operations, operation_text)                                                                            \
    X(samplings, sampling_threshold)                                                                         \
    X(sites, site_file)                                                                                      \
    X(sites, site_function)                                                                                  \
    X(sites, site_line)                                                                                      \
    X(spans, span_trace)                                                                                     \
    X(spans, span_id)                                                                                        \
    X(spans, parent_span_id)                                                                                 \
    X(spans, span_kind)                                                                                      \
    X(spans, span_operation)                                                                                 \
    X(spans, span_site)                                                                                      \
    X(spans, start_delta_ns)                                                                                 \
    X(spans, duration_ns)                                                                                    \
    X(spans, status)                                                                                         \
    X(spans, span_sampling)                                                                                  \
    X(spans, flags)                                                                                          \
    X(spans, rows_plus_1)                                                                                    \
    X(spans, connection)                                                                                     \
    X(spans, input_hash)                                                                                     \
    X(spans, answer_hash)                                                                                    \
    X(spans, input_count)                                                                                    \
    X(spans, unread_count)                                                                                   \
    X(spans, link_count)                                                                                     \
    X(spans, attribute_count)                                                                                \
    X(unread, unread_span_id)                                                                                \
    X(links, link_span_id)                                                                                   \
    X(links, link_kind)                                                                                      \
    X(links, link_column)                                                                                    \
    X(links, link_row)                                                                                       \
    X(attributes, attribute_key)                                                                             \
    X(attributes, attribute_type)                                                                            \
    X(attributes, attribute_value)

/* ---- memory ---- */

void builder_fini(struct builder *builder)
{
    free((void *)builder->batch.string_data.data);
    free(builder->batch.trace_ids);
    free(builder->site_keys);
#define X(table, column) free(builder->batch.column);
    TABLES(X)
#undef X
    interner_fini(&builder->strings);
    interner_fini(&builder->sites);
    interner_fini(&builder->operations);
    interner_fini(&builder->traces);
    interner_fini(&builder->samplings);
    *builder = (struct builder){0};
}

void builder_clear(struct builder *builder)
{
    struct batch *batch = &builder->batch;
    batch->string_data.len = 0;
    batch->string_count = batch->resource_count = batch->trace_count = batch->operation_count = 0;
    batch->sampling_count = 0;
    batch->site_count = batch->span_count = batch->unread_total = batch->link_total = batch->attribute_total =
        0;
    builder->bytes = 0;
    builder->last_start_ns = 0;
    interner_clear(&builder->strings);
    interner_clear(&builder->sites);
    interner_clear(&builder->operations);
    interner_clear(&builder->traces);
    interner_clear(&builder->samplings);
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

/* Makes one function a table: room for `more` elements beyond `count` in all of its arrays. */
#define ROOM_FUNCTION(table_, arrays)                                                                        \
    static bool table_##_room(struct builder *builder, uint32_t count, uint32_t more)                        \
    {                                                                                                        \
        if (count + more <= builder->room.table_) return true;                                               \
        uint32_t room = builder->room.table_ ? 2 * builder->room.table_ : 64;                                \
        while (room < count + more) room *= 2;                                                               \
        struct batch *batch = &builder->batch;                                                               \
        bool fits = true;                                                                                    \
        arrays;                                                                                              \
        if (fits) builder->room.table_ = room;                                                               \
        return fits;                                                                                         \
    }
#define GROW(column)   fits = fits && resize(&batch->column, room, sizeof batch->column[0])
#define GROW_TRACES    fits = fits && resize(&batch->trace_ids, room, 16)
#define GROW_SITE_KEYS fits = fits && resize(&builder->site_keys, room, sizeof builder->site_keys[0])

ROOM_FUNCTION(strings, GROW(string_bytes))
ROOM_FUNCTION(resource, GROW(resource_key); GROW(resource_value))
ROOM_FUNCTION(traces, GROW_TRACES)
ROOM_FUNCTION(operations, GROW(operation_type); GROW(operation_system); GROW(operation_text))
ROOM_FUNCTION(samplings, GROW(sampling_threshold))
ROOM_FUNCTION(sites, GROW(site_file); GROW(site_function); GROW(site_line); GROW_SITE_KEYS)
ROOM_FUNCTION(spans, GROW(span_trace); GROW(span_id); GROW(parent_span_id); GROW(span_kind);
              GROW(span_operation); GROW(span_site); GROW(start_delta_ns); GROW(duration_ns); GROW(status);
              GROW(span_sampling); GROW(flags); GROW(rows_plus_1); GROW(connection); GROW(input_hash);
              GROW(answer_hash); GROW(input_count); GROW(unread_count); GROW(link_count);
              GROW(attribute_count))
ROOM_FUNCTION(unread, GROW(unread_span_id))
ROOM_FUNCTION(links, GROW(link_span_id); GROW(link_kind); GROW(link_column); GROW(link_row))
ROOM_FUNCTION(attributes, GROW(attribute_key); GROW(attribute_type); GROW(attribute_value))

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
    if (!strings_room(builder, batch->string_count, 1) || !string_data_room(builder, text.len)) return false;
    if (!interner_add(&builder->strings, hash, index)) return false;
    if (text.len) memcpy((char *)batch->string_data.data + batch->string_data.len, text.data, text.len);
    batch->string_data.len += text.len;
    batch->string_bytes[batch->string_count++] = (uint32_t)text.len;
    builder->bytes += text.len + 2;
    return true;
}

/* Each string once. The offsets that comparing needs are kept only here: string_offset is not packed. */
static bool string(struct builder *builder, struct str text, uint32_t *index)
{
    if (builder->batch.string_count == 0) {
        uint32_t empty;
        if (!string_new(builder, str_of(""), hash_bytes("", 0), &empty)) return false;
    }
    uint64_t hash = hash_bytes(text.data, text.len);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->strings, hash, &at, index))
        if (builder->batch.string_bytes[*index] == text.len)
            return true; /* 64 bits of hash and the length agree */
    return string_new(builder, text, hash, index);
}

bool builder_resource(struct builder *builder, struct str key, struct str value)
{
    struct batch *batch = &builder->batch;
    uint32_t key_index, value_index;
    if (!resource_room(builder, batch->resource_count, 1)) return false;
    if (!string(builder, key, &key_index) || !string(builder, value, &value_index)) return false;
    batch->resource_key[batch->resource_count] = key_index;
    batch->resource_value[batch->resource_count++] = value_index;
    return true;
}

/* ---- the parts of a record ---- */

struct parts { /* of a record */
    uint64_t threshold;
    const struct record_server *server; /* NULL: none */
    const struct record_call *call;
    const struct record_link *links;
    const uint64_t *unread;
    const unsigned char *entries;
};

static struct parts parts_of(const struct record *record)
{
    static const struct record_call no_call;
    const unsigned char *at = (const unsigned char *)(record + 1);
    struct parts parts = {.call = &no_call};
    if (record->has_threshold) {
        memcpy(&parts.threshold, at, sizeof parts.threshold);
        at += sizeof parts.threshold;
    }
    if (record->is_server) {
        parts.server = (const void *)at;
        at += sizeof *parts.server;
    }
    if (record->is_call) {
        parts.call = (const void *)at;
        at += sizeof *parts.call;
    }
    parts.links = (const void *)at;
    at += record->link_count * sizeof parts.links[0];
    parts.unread = (const void *)at;
    parts.entries = at + record->unread_count * sizeof parts.unread[0];
    return parts;
}

/* ---- traces, operations, sites ---- */

static void big_endian(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) to[i] = (unsigned char)(value >> (56 - 8 * i));
}

static bool trace(struct builder *builder, const struct record *record, uint32_t *index)
{
    struct batch *batch = &builder->batch;
    unsigned char id[16];
    big_endian(id, record->trace_id[0]);
    big_endian(id + 8, record->trace_id[1]);
    uint64_t hash = hash_bytes(id, sizeof id);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->traces, hash, &at, index))
        if (memcmp(batch->trace_ids + *index * 16ull, id, sizeof id) == 0) return true;
    if (!traces_room(builder, batch->trace_count, 1) || !interner_add(&builder->traces, hash, index))
        return false;
    memcpy(batch->trace_ids + batch->trace_count++ * 16ull, id, sizeof id);
    builder->bytes += sizeof id;
    return true;
}

static bool operation_indexes(struct builder *builder, enum operation_type type, struct str system,
                              struct str text, uint32_t *index)
{
    struct batch *batch = &builder->batch;
    uint32_t system_index, text_index;
    if (!string(builder, system, &system_index) || !string(builder, text, &text_index)) return false;
    uint64_t hash = hash_combine(hash_combine(type, system_index), text_index);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->operations, hash, &at, index))
        if (batch->operation_type[*index] == type && batch->operation_system[*index] == system_index &&
            batch->operation_text[*index] == text_index)
            return true;
    if (!operations_room(builder, batch->operation_count, 1)) return false;
    if (!interner_add(&builder->operations, hash, index)) return false;
    uint32_t at_end = batch->operation_count++;
    batch->operation_type[at_end] = type;
    batch->operation_system[at_end] = system_index;
    batch->operation_text[at_end] = text_index;
    return true;
}

/* A server span is "METHOD route". */
static bool endpoint(struct builder *builder, const struct record_server *server, uint32_t *index)
{
    char text[OPERATION_TEXT_MAX];
    struct str method = str_of(server->method), route = str_of(server->route);
    if (method.len > 64) method.len = 64;
    if (route.len > sizeof text - 65) route.len = sizeof text - 65;
    size_t len = 0;
    memcpy(text, method.data, method.len);
    len += method.len;
    if (method.len && route.len) text[len++] = ' ';
    memcpy(text + len, route.data, route.len);
    return operation_indexes(builder, OPERATION_ENDPOINT, str_of(""), str_view(text, len + route.len), index);
}

static bool operation(struct builder *builder, const struct record *record, const struct parts *parts,
                      uint32_t *index)
{
    const struct operation *call = parts->call->operation;
    if (call) return operation_indexes(builder, call->type, call->system, call->text, index);
    if (parts->server) return endpoint(builder, parts->server, index);
    const char *name = record->site && record->site->name ? record->site->name : "span";
    return operation_indexes(builder, OPERATION_SPAN, str_of(""), str_of(name), index);
}

/* Few differ, but callers may say what they like. */
static bool sampling(struct builder *builder, uint64_t threshold, uint32_t *index_plus_1)
{
    struct batch *batch = &builder->batch;
    uint32_t index;
    *index_plus_1 = 0;
    if (threshold == 0) return true;
    uint64_t hash = hash_bytes(&threshold, sizeof threshold);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->samplings, hash, &at, &index))
        if (batch->sampling_threshold[index] == threshold) {
            *index_plus_1 = index + 1;
            return true;
        }
    if (!samplings_room(builder, batch->sampling_count, 1) ||
        !interner_add(&builder->samplings, hash, &index))
        return false;
    batch->sampling_threshold[batch->sampling_count++] = threshold;
    *index_plus_1 = index + 1;
    return true;
}

static bool site(struct builder *builder, const struct weir_site *key, uint32_t *index_plus_1)
{
    struct batch *batch = &builder->batch;
    uint32_t file, function, index;
    *index_plus_1 = 0;
    if (!key || !key->file) return true;
    uint64_t hash = hash_bytes(&key, sizeof key);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->sites, hash, &at, &index))
        if (builder->site_keys[index] == key) {
            *index_plus_1 = index + 1;
            return true;
        }
    if (!sites_room(builder, batch->site_count, 1)) return false;
    if (!string(builder, str_of(key->file), &file) || !string(builder, str_of(key->function), &function))
        return false;
    if (!interner_add(&builder->sites, hash, &index)) return false;
    builder->site_keys[index] = key;
    batch->site_file[index] = file;
    batch->site_function[index] = function;
    batch->site_line[index] = key->line;
    batch->site_count++;
    *index_plus_1 = index + 1;
    return true;
}

/* ---- spans ---- */

/* A key set again replaces its former value. */
static uint32_t attribute_place(const struct batch *batch, uint32_t first, uint32_t key)
{
    for (uint32_t i = first; i < batch->attribute_total; i++)
        if (batch->attribute_key[i] == key) return i;
    return batch->attribute_total;
}

static int64_t entry_value(const struct record_entry *from)
{
    int64_t value;
    memcpy(&value, from + 1, sizeof value);
    return value;
}

static struct str entry_text(const struct record_entry *from)
{
    if (from->type & RECORD_TEXT_BORROWED) return str_of((const char *)(intptr_t)entry_value(from));
    return str_view((const char *)(from + 1), from->text_bytes);
}

static bool attribute(struct builder *builder, const struct record_entry *from, uint32_t first)
{
    struct batch *batch = &builder->batch;
    uint32_t key, text, type = from->type & ~(uint32_t)RECORD_TEXT_BORROWED;
    int64_t value;
    if (!string(builder, str_of(from->key), &key)) return false;
    if (type == ATTRIBUTE_STRING) {
        if (!string(builder, entry_text(from), &text)) return false;
        value = text;
    } else {
        value = entry_value(from);
    }
    uint32_t at = attribute_place(batch, first, key);
    batch->attribute_key[at] = key;
    batch->attribute_type[at] = type;
    batch->attribute_value[at] = value;
    if (at == batch->attribute_total) batch->attribute_total++;
    return true;
}

static bool attributes(struct builder *builder, const struct record *record, const unsigned char *at)
{
    const unsigned char *end = at + record->entry_bytes;
    uint32_t first = builder->batch.attribute_total;
    if (!attributes_room(builder, first, record->attribute_count)) return false;
    while (at < end) {
        const struct record_entry *from = (const void *)at;
        if (from->tag == RECORD_ATTRIBUTE && !attribute(builder, from, first)) {
            builder->batch.attribute_total = first;
            return false;
        }
        at += from->bytes;
    }
    return true;
}

static void span_columns(struct batch *batch, const struct record *record, const struct record_call *call)
{
    uint32_t i = batch->span_count;
    batch->span_id[i] = record->span_id;
    batch->parent_span_id[i] = record->parent_id;
    batch->span_kind[i] = record->kind;
    batch->status[i] = record->status;
    batch->flags[i] = record->flags;
    batch->rows_plus_1[i] = call->rows_plus_1;
    batch->connection[i] = call->connection;
    batch->input_hash[i] = call->input_hash;
    batch->answer_hash[i] = call->answer_hash;
    batch->input_count[i] = call->input_count;
    batch->unread_count[i] = record->unread_count;
    batch->link_count[i] = record->link_count;
}

static void span_lists(struct batch *batch, const struct record *record, const struct parts *parts)
{
    for (uint32_t i = 0; i < record->unread_count; i++)
        batch->unread_span_id[batch->unread_total++] = parts->unread[i];
    for (uint32_t i = 0; i < record->link_count; i++) {
        uint32_t at = batch->link_total++;
        batch->link_span_id[at] = parts->links[i].span_id;
        batch->link_kind[at] = parts->links[i].kind;
        batch->link_column[at] = parts->links[i].column;
        batch->link_row[at] = parts->links[i].row;
    }
}

static void span_times(struct builder *builder, const struct record *record,
                       const struct span_timeline *timeline)
{
    struct batch *batch = &builder->batch;
    int64_t start_ns = span_timeline_unix_ns(timeline, record->start_ticks);
    int64_t end_ns = span_timeline_unix_ns(timeline, record->start_ticks + record->duration_ticks);
    if (batch->span_count == 0) {
        batch->base_time_unix_ns = (uint64_t)start_ns;
        builder->last_start_ns = start_ns;
    }
    batch->start_delta_ns[batch->span_count] = start_ns - builder->last_start_ns;
    batch->duration_ns[batch->span_count] = end_ns > start_ns ? (uint64_t)(end_ns - start_ns) : 0;
    builder->last_start_ns = start_ns;
}

static bool entry_is_whole(const struct record_entry *entry, uint64_t room)
{
    if (room < sizeof *entry || entry->bytes < sizeof *entry || entry->bytes > room || entry->bytes % 8)
        return false;
    bool has_text = entry->type == ATTRIBUTE_STRING;
    uint32_t body_bytes = entry->bytes - (uint32_t)sizeof *entry;
    if (entry->tag != RECORD_ATTRIBUTE) return true;
    return has_text ? entry->text_bytes <= body_bytes : body_bytes == sizeof(int64_t);
}

/* What lies in a ring may have been written over: then the parts do not make up the whole. */
bool builder_record_is_whole(const struct record *record)
{
    if (record->bytes < sizeof *record + sizeof(uint64_t) * record->has_threshold ||
        record->has_threshold > 1 || record->is_server > 1 || record->is_call > 1)
        return false;
    struct parts parts = parts_of(record);
    const unsigned char *at = parts.entries, *end = at + record->entry_bytes;
    if (parts.threshold >= SAMPLING_THRESHOLD_LIMIT) return false; /* would have the batch refused */
    if (end != (const unsigned char *)record + record->bytes) return false;
    uint32_t attribute_count = 0;
    while (at < end) {
        const struct record_entry *entry = (const void *)at;
        if (!entry_is_whole(entry, (uint64_t)(end - at))) return false;
        attribute_count += entry->tag == RECORD_ATTRIBUTE;
        at += entry->bytes;
    }
    return attribute_count == record->attribute_count;
}

bool builder_add(struct builder *builder, const struct record *record, const struct span_timeline *timeline)
{
    struct batch *batch = &builder->batch;
    if (batch->span_count == BUILDER_SPANS_MAX || builder->bytes > BUILDER_BYTES_MAX) return false;
    uint32_t trace_index, operation_index, site_index, sampling_index,
        attributes_before = batch->attribute_total;
    struct parts parts = parts_of(record);
    if (!spans_room(builder, batch->span_count, 1) ||
        !unread_room(builder, batch->unread_total, record->unread_count) ||
        !links_room(builder, batch->link_total, record->link_count))
        return false;
    if (!trace(builder, record, &trace_index) || !operation(builder, record, &parts, &operation_index) ||
        !site(builder, record->site, &site_index) || !sampling(builder, parts.threshold, &sampling_index) ||
        !attributes(builder, record, parts.entries))
        return false;
    span_columns(batch, record, parts.call);
    span_lists(batch, record, &parts);
    span_times(builder, record, timeline);
    batch->span_trace[batch->span_count] = trace_index;
    batch->span_operation[batch->span_count] = operation_index;
    batch->span_site[batch->span_count] = site_index;
    batch->span_sampling[batch->span_count] = sampling_index;
    batch->attribute_count[batch->span_count] = batch->attribute_total - attributes_before;
    batch->span_count++;
    builder->bytes +=
        SPAN_BYTES + record->link_count * 12u + record->unread_count * 8u + record->attribute_count * 8u;
    return true;
}
