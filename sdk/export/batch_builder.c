/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/batch_builder.h"

#include "base/hash.h"
#include "model/span.h"
#include "sdk/export/batch_entries.h"
#include "sdk/export/batch_room.h"

#define SPAN_BYTES 80 /* about what a span's columns take when packed */

bool builder_resource(struct builder *builder, struct str key, struct str value)
{
    struct batch *batch = &builder->batch;
    uint32_t key_index, value_index;
    if (!room_for_resource(builder, batch->resource_count, 1)) return false;
    if (!builder_string(builder, key, &key_index) || !builder_string(builder, value, &value_index))
        return false;
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
    if (!room_for_traces(builder, batch->trace_count, 1) || !interner_add(&builder->traces, hash, index))
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
    if (!builder_string(builder, system, &system_index) || !builder_string(builder, text, &text_index))
        return false;
    uint64_t hash = hash_combine(hash_combine(type, system_index), text_index);
    uint32_t at = (uint32_t)hash;
    while (interner_next(&builder->operations, hash, &at, index))
        if (batch->operation_type[*index] == type && batch->operation_system[*index] == system_index &&
            batch->operation_text[*index] == text_index)
            return true;
    if (!room_for_operations(builder, batch->operation_count, 1)) return false;
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
    if (!room_for_samplings(builder, batch->sampling_count, 1) ||
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
    if (!room_for_sites(builder, batch->site_count, 1)) return false;
    if (!builder_string(builder, str_of(key->file), &file) ||
        !builder_string(builder, str_of(key->function), &function))
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

/* What lies in a ring may have been written over: then the parts do not make up the whole. */
bool builder_record_is_whole(const struct record *record)
{
    if (record->bytes < sizeof *record + sizeof(uint64_t) * record->has_threshold ||
        record->has_threshold > 1 || record->is_server > 1 || record->is_call > 1)
        return false;
    struct parts parts = parts_of(record);
    if (parts.threshold >= SAMPLING_THRESHOLD_LIMIT) return false; /* would have the batch refused */
    return parts.entries + record->entry_bytes == (const unsigned char *)record + record->bytes &&
           batch_entries_are_whole(parts.entries, record);
}

bool builder_is_full(const struct builder *builder)
{
    uint32_t limit = builder->span_limit ? builder->span_limit : BUILDER_SPANS_MAX;
    return builder->batch.span_count >= limit || builder->bytes > BUILDER_BYTES_MAX;
}

bool builder_add(struct builder *builder, const struct record *record, const struct span_timeline *timeline)
{
    struct batch *batch = &builder->batch;
    if (builder_is_full(builder)) return false;
    uint32_t trace_index, operation_index, site_index, sampling_index;
    struct parts parts = parts_of(record);
    if (!room_for_spans(builder, batch->span_count, 1) ||
        !room_for_unread(builder, batch->unread_total, record->unread_count) ||
        !room_for_links(builder, batch->link_total, record->link_count))
        return false;
    if (!trace(builder, record, &trace_index) || !operation(builder, record, &parts, &operation_index) ||
        !site(builder, record->site, &site_index) || !sampling(builder, parts.threshold, &sampling_index) ||
        !batch_entries_add(builder, parts.entries, record, timeline))
        return false;
    span_columns(batch, record, parts.call);
    span_lists(batch, record, &parts);
    span_times(builder, record, timeline);
    batch->span_trace[batch->span_count] = trace_index;
    batch->span_operation[batch->span_count] = operation_index;
    batch->span_site[batch->span_count] = site_index;
    batch->span_sampling[batch->span_count] = sampling_index;
    batch->span_count++;
    builder->bytes +=
        SPAN_BYTES + record->link_count * 12u + record->unread_count * 8u + record->entry_bytes / 2u;
    return true;
}
