/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/batch_builder.h"

#include <stdlib.h>

/* ---- columns ---- */

enum group {
    STRINGS,
    RESOURCE,
    TRACES,
    OPERATIONS,
    SAMPLINGS,
    SITES,
    SCOPES,
    SPANS,
    UNREAD,
    LINKS,
    ATTRIBUTES,
    EVENTS,
    EVENT_ATTRIBUTES,
    SPAN_LINKS,
    SPAN_LINK_ATTRIBUTES,
    GROUPS
};

/* Which columns of struct batch grow together, and the bytes of an element. */
#define COLUMNS(X)                                                                                           \
    X(STRINGS, string_bytes, 4)                                                                              \
    X(RESOURCE, resource_key, 4)                                                                             \
    X(RESOURCE, resource_value, 4)                                                                           \
    X(TRACES, trace_ids, 16)                                                                                 \
    X(OPERATIONS, operation_type, 4)                                                                         \
    X(OPERATIONS, operation_system, 4)                                                                       \
    X(OPERATIONS, operation_text, 4)                                                                         \
    X(SAMPLINGS, sampling_threshold, 8)                                                                      \
    X(SITES, site_file, 4)                                                                                   \
    X(SITES, site_function, 4)                                                                               \
    X(SITES, site_line, 4)                                                                                   \
    X(SCOPES, scope_name, 4)                                                                                 \
    X(SCOPES, scope_version, 4)                                                                              \
    X(SPANS, span_trace, 4)                                                                                  \
    X(SPANS, span_id, 8)                                                                                     \
    X(SPANS, parent_span_id, 8)                                                                              \
    X(SPANS, span_kind, 4)                                                                                   \
    X(SPANS, span_operation, 4)                                                                              \
    X(SPANS, span_site, 4)                                                                                   \
    X(SPANS, start_delta_ns, 8)                                                                              \
    X(SPANS, duration_ns, 8)                                                                                 \
    X(SPANS, status, 4)                                                                                      \
    X(SPANS, flags, 4)                                                                                       \
    X(SPANS, span_scope, 4)                                                                                  \
    X(SPANS, span_sampling, 4)                                                                               \
    X(SPANS, status_message, 4)                                                                              \
    X(SPANS, trace_state, 4)                                                                                 \
    X(SPANS, dropped_attributes, 4)                                                                          \
    X(SPANS, dropped_events, 4)                                                                              \
    X(SPANS, dropped_span_links, 4)                                                                          \
    X(SPANS, rows_plus_1, 8)                                                                                 \
    X(SPANS, connection, 4)                                                                                  \
    X(SPANS, input_hash, 8)                                                                                  \
    X(SPANS, answer_hash, 8)                                                                                 \
    X(SPANS, input_count, 4)                                                                                 \
    X(SPANS, unread_count, 4)                                                                                \
    X(SPANS, link_count, 4)                                                                                  \
    X(SPANS, attribute_count, 4)                                                                             \
    X(SPANS, event_count, 4)                                                                                 \
    X(SPANS, span_link_count, 4)                                                                             \
    X(UNREAD, unread_span_id, 8)                                                                             \
    X(LINKS, link_span_id, 8)                                                                                \
    X(LINKS, link_kind, 4)                                                                                   \
    X(LINKS, link_column, 4)                                                                                 \
    X(LINKS, link_row, 4)                                                                                    \
    X(ATTRIBUTES, attribute_key, 4)                                                                          \
    X(ATTRIBUTES, attribute_type, 4)                                                                         \
    X(ATTRIBUTES, attribute_value, 8)                                                                        \
    X(EVENTS, event_time_delta_ns, 8)                                                                        \
    X(EVENTS, event_name, 4)                                                                                 \
    X(EVENTS, event_dropped_attributes, 4)                                                                   \
    X(EVENTS, event_attribute_count, 4)                                                                      \
    X(EVENT_ATTRIBUTES, event_attribute_key, 4)                                                              \
    X(EVENT_ATTRIBUTES, event_attribute_type, 4)                                                             \
    X(EVENT_ATTRIBUTES, event_attribute_value, 8)                                                            \
    X(SPAN_LINKS, span_link_trace_ids, 16)                                                                   \
    X(SPAN_LINKS, span_link_span_id, 8)                                                                      \
    X(SPAN_LINKS, span_link_trace_state, 4)                                                                  \
    X(SPAN_LINKS, span_link_flags, 4)                                                                        \
    X(SPAN_LINKS, span_link_dropped_attributes, 4)                                                           \
    X(SPAN_LINKS, span_link_attribute_count, 4)                                                              \
    X(SPAN_LINK_ATTRIBUTES, span_link_attribute_key, 4)                                                      \
    X(SPAN_LINK_ATTRIBUTES, span_link_attribute_type, 4)                                                     \
    X(SPAN_LINK_ATTRIBUTES, span_link_attribute_value, 8)

/* Bytes of an element: trace ids are 16, in a column of bytes. */
#define X(group, name, bytes)                                                                                \
    _Static_assert((bytes) == 16 || sizeof(*((struct batch *)0)->name) == (bytes), "a column's element");
COLUMNS(X)
#undef X

/* One column made as long as its group; what is new is zero. */
static bool grow_column(void *column, uint32_t from, uint32_t to, size_t bytes)
{
    void *old;
    memcpy(&old, column, sizeof old); /* the column's pointer, of whatever type */
    char *grown = realloc(old, to * bytes);
    if (!grown) return false;
    memset(grown + from * bytes, 0, (to - from) * bytes);
    memcpy(column, &grown, sizeof grown);
    return true;
}

static bool grow_group(struct batch_builder *builder, enum group group, uint32_t to)
{
    struct batch *batch = &builder->batch;
    uint32_t from = builder->room[group];
    bool grown = true;
#define X(of, name, bytes)                                                                                   \
    if ((of) == group) grown = grown && grow_column(&batch->name, from, to, bytes);
    COLUMNS(X)
#undef X
    if (grown) builder->room[group] = to;
    return grown;
}

/* Room for one more element, which is not zeroed. */
static bool reserve(struct batch_builder *builder, enum group group, uint32_t count)
{
    if (count < builder->room[group]) return true;
    uint32_t room = builder->room[group] ? builder->room[group] * 2 : 64;
    if (!builder->failed && grow_group(builder, group, room)) return true;
    builder->failed = true;
    return false;
}

static void zero_span(struct batch *batch, uint32_t i)
{
#define X(of, name, bytes)                                                                                   \
    if ((of) == SPANS) memset((char *)batch->name + (size_t)i * (bytes), 0, bytes);
    COLUMNS(X)
#undef X
}

/* ---- tables: each thing once ---- */

enum table { STRING_ENTRY, TRACE_ENTRY, OPERATION_ENTRY, SITE_ENTRY, SCOPE_ENTRY, THRESHOLD_ENTRY };

struct builder_entry {
    uint64_t hash;
    enum table table;
    uint32_t index;      /* in the batch's table */
    size_t at, bytes;    /* of a string, in `strings` */
    uint32_t numbers[4]; /* of anything else, what it is made of */
};

static bool entry_is(const struct batch_builder *builder, const struct builder_entry *a,
                     const struct builder_entry *b, struct str text)
{
    if (a->hash != b->hash || a->table != b->table) return false;
    if (a->table == STRING_ENTRY) return str_equal(str_view(builder->strings.data + a->at, a->bytes), text);
    return memcmp(a->numbers, b->numbers, sizeof a->numbers) == 0;
}

static bool grow_slots(struct batch_builder *builder)
{
    uint32_t count = builder->slot_count ? builder->slot_count * 2 : 1024;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (uint32_t i = 0; i < builder->entry_count; i++) {
        uint64_t at = builder->entries[i].hash;
        while (slots[at % count]) at++;
        slots[at % count] = i + 1;
    }
    free(builder->slots);
    builder->slots = slots;
    builder->slot_count = count;
    return true;
}

static bool make_room_for_entry(struct batch_builder *builder)
{
    if (builder->entry_count * 2 >= builder->slot_count && !grow_slots(builder)) return false;
    if (builder->entry_count < builder->entry_room) return true;
    uint32_t room = builder->entry_room ? builder->entry_room * 2 : 512;
    struct builder_entry *entries = realloc(builder->entries, room * sizeof *entries);
    if (!entries) return false;
    builder->entries = entries;
    builder->entry_room = room;
    return true;
}

/* The entry like this one, added if it is new (*fresh: its index is to be set). NULL: no memory. */
static struct builder_entry *intern(struct batch_builder *builder, struct builder_entry *wanted,
                                    struct str text, bool *fresh)
{
    *fresh = false;
    if (builder->failed || !make_room_for_entry(builder)) {
        builder->failed = true;
        return NULL;
    }
    uint64_t at = wanted->hash;
    for (uint32_t slot; (slot = builder->slots[at % builder->slot_count]); at++)
        if (entry_is(builder, &builder->entries[slot - 1], wanted, text)) return &builder->entries[slot - 1];
    builder->entries[builder->entry_count] = *wanted;
    builder->slots[at % builder->slot_count] = ++builder->entry_count;
    *fresh = true;
    return &builder->entries[builder->entry_count - 1];
}

static struct builder_entry *intern_numbers(struct batch_builder *builder, enum table table, uint32_t a,
                                            uint32_t b, uint32_t c, uint32_t d, bool *fresh)
{
    struct builder_entry wanted = {.table = table, .numbers = {a, b, c, d}};
    uint64_t hash = hash_keyed(&builder->key, wanted.numbers, sizeof wanted.numbers);
    wanted.hash = hash_combine(hash, table);
    return intern(builder, &wanted, str_view("", 0), fresh);
}

/* The same, where the batch's table has `count` entries, the new one at its end. 0 without memory. */
#define INTERN(builder, table, group, count, a, b, c, d, set)                                                \
    do {                                                                                                     \
        bool fresh;                                                                                          \
        struct builder_entry *entry = intern_numbers(builder, table, a, b, c, d, &fresh);                    \
        if (!entry) return 0;                                                                                \
        if (fresh) {                                                                                         \
            if (!reserve(builder, group, count)) return 0;                                                   \
            set;                                                                                             \
            entry->index = (count)++;                                                                        \
        }                                                                                                    \
        return entry->index;                                                                                 \
    } while (0)

uint32_t builder_string(struct batch_builder *builder, struct str text)
{
    struct batch *batch = &builder->batch;
    struct builder_entry wanted = {.table = STRING_ENTRY, .at = builder->strings.len, .bytes = text.len};
    bool fresh;
    if (text.len == 0) return 0;
    wanted.hash = hash_keyed(&builder->key, text.data, text.len);
    struct builder_entry *entry = intern(builder, &wanted, text, &fresh);
    if (!entry || !fresh) return entry ? entry->index : 0;
    buffer_add_str(&builder->strings, text);
    if (builder->strings.failed || !reserve(builder, STRINGS, batch->string_count)) {
        builder->failed = true;
        return 0;
    }
    batch->string_bytes[batch->string_count] = (uint32_t)text.len;
    entry->index = batch->string_count++;
    return entry->index;
}

uint32_t builder_trace(struct batch_builder *builder, const unsigned char id[16])
{
    struct batch *batch = &builder->batch;
    uint32_t n[4];
    memcpy(n, id, sizeof n);
    INTERN(builder, TRACE_ENTRY, TRACES, batch->trace_count, n[0], n[1], n[2], n[3],
           memcpy(batch->trace_ids + (size_t)batch->trace_count * 16, id, 16));
}

static uint32_t set_operation(struct batch_builder *builder, uint32_t type, uint32_t system, uint32_t text)
{
    struct batch *batch = &builder->batch;
    INTERN(builder, OPERATION_ENTRY, OPERATIONS, batch->operation_count, type, system, text, 0,
           (batch->operation_type[batch->operation_count] = type,
            batch->operation_system[batch->operation_count] = system,
            batch->operation_text[batch->operation_count] = text));
}

uint32_t builder_operation(struct batch_builder *builder, const struct operation *operation)
{
    uint32_t system = builder_string(builder, operation->system);
    return set_operation(builder, operation->type, system, builder_string(builder, operation->text));
}

static uint32_t set_site(struct batch_builder *builder, uint32_t file, uint32_t function, uint32_t line)
{
    struct batch *batch = &builder->batch;
    INTERN(builder, SITE_ENTRY, SITES, batch->site_count, file, function, line, 0,
           (batch->site_file[batch->site_count] = file, batch->site_function[batch->site_count] = function,
            batch->site_line[batch->site_count] = line));
}

uint32_t builder_site(struct batch_builder *builder, struct str file, struct str function, uint32_t line)
{
    if (file.len == 0 && function.len == 0) return 0;
    uint32_t file_index = builder_string(builder, file), function_index = builder_string(builder, function);
    uint32_t site = set_site(builder, file_index, function_index, line);
    return builder->failed ? 0 : site + 1;
}

static uint32_t set_scope(struct batch_builder *builder, uint32_t name, uint32_t version)
{
    struct batch *batch = &builder->batch;
    INTERN(
        builder, SCOPE_ENTRY, SCOPES, batch->scope_count, name, version, 0, 0,
        (batch->scope_name[batch->scope_count] = name, batch->scope_version[batch->scope_count] = version));
}

uint32_t builder_scope(struct batch_builder *builder, struct str name, struct str version)
{
    if (name.len == 0 && version.len == 0) return 0;
    uint32_t name_index = builder_string(builder, name);
    uint32_t scope = set_scope(builder, name_index, builder_string(builder, version));
    return builder->failed ? 0 : scope + 1;
}

static uint32_t set_threshold(struct batch_builder *builder, uint64_t threshold)
{
    struct batch *batch = &builder->batch;
    INTERN(builder, THRESHOLD_ENTRY, SAMPLINGS, batch->sampling_count, (uint32_t)threshold,
           (uint32_t)(threshold >> 32), 0, 0, batch->sampling_threshold[batch->sampling_count] = threshold);
}

uint32_t builder_threshold(struct batch_builder *builder, uint64_t threshold)
{
    if (threshold == 0) return 0;
    uint32_t sampling = set_threshold(builder, threshold);
    return builder->failed ? 0 : sampling + 1;
}

/* ---- the whole ---- */

void builder_init(struct batch_builder *builder)
{
    *builder = (struct batch_builder){0};
    hash_key_random(&builder->key);
    buffer_init(&builder->strings);
    builder_clear(builder);
}

void builder_fini(struct batch_builder *builder)
{
#define X(group, name, bytes) free(builder->batch.name);
    COLUMNS(X)
#undef X
    free(builder->entries);
    free(builder->slots);
    buffer_fini(&builder->strings);
    *builder = (struct batch_builder){0};
}

void builder_clear(struct batch_builder *builder)
{
    struct batch empty = {.version = BATCH_VERSION};
#define X(group, name, bytes) empty.name = builder->batch.name;
    COLUMNS(X)
#undef X
    builder->batch = empty;
    buffer_clear(&builder->strings);
    builder->strings.failed = false;
    builder->entry_count = 0;
    if (builder->slots) memset(builder->slots, 0, builder->slot_count * sizeof *builder->slots);
    builder->last_start_ns = 0;
    builder->list_bytes = 0;
    builder->failed = false;
    if (reserve(builder, STRINGS, 0)) builder->batch.string_bytes[builder->batch.string_count++] = 0;
}

bool builder_is_full(const struct batch_builder *builder)
{
    return builder->batch.span_count >= BUILDER_SPANS_MAX ||
           builder->strings.len + builder->list_bytes >= BUILDER_BYTES_MAX;
}

void builder_resource(struct batch_builder *builder, struct str key, struct str value)
{
    struct batch *batch = &builder->batch;
    if (!reserve(builder, RESOURCE, batch->resource_count)) return;
    batch->resource_key[batch->resource_count] = builder_string(builder, key);
    batch->resource_value[batch->resource_count++] = builder_string(builder, value);
}

bool builder_span(struct batch_builder *builder, int64_t start_ns, uint32_t *index)
{
    struct batch *batch = &builder->batch;
    if (!reserve(builder, SPANS, batch->span_count)) return false;
    if (batch->span_count == 0) batch->base_time_unix_ns = (uint64_t)start_ns;
    int64_t before_ns = batch->span_count ? builder->last_start_ns : start_ns;
    *index = batch->span_count++;
    zero_span(batch, *index);
    batch->start_delta_ns[*index] = start_ns - before_ns; /* neither is negative */
    builder->last_start_ns = start_ns;
    return true;
}

/* ---- lists ---- */

static uint32_t newest(const struct batch *batch) { return batch->span_count - 1; }

void builder_attribute(struct batch_builder *builder, enum builder_list list, struct str key, uint32_t type,
                       int64_t value)
{
    struct batch *batch = &builder->batch;
    uint32_t key_index = builder_string(builder, key);
    builder->list_bytes += 12;
    switch (list) {
    case BUILDER_OF_SPAN:
        if (!reserve(builder, ATTRIBUTES, batch->attribute_total)) return;
        batch->attribute_key[batch->attribute_total] = key_index;
        batch->attribute_type[batch->attribute_total] = type;
        batch->attribute_value[batch->attribute_total++] = value;
        batch->attribute_count[newest(batch)]++;
        return;
    case BUILDER_OF_EVENT:
        if (!reserve(builder, EVENT_ATTRIBUTES, batch->event_attribute_total)) return;
        batch->event_attribute_key[batch->event_attribute_total] = key_index;
        batch->event_attribute_type[batch->event_attribute_total] = type;
        batch->event_attribute_value[batch->event_attribute_total++] = value;
        batch->event_attribute_count[batch->event_total - 1]++;
        return;
    case BUILDER_OF_SPAN_LINK:
        if (!reserve(builder, SPAN_LINK_ATTRIBUTES, batch->span_link_attribute_total)) return;
        batch->span_link_attribute_key[batch->span_link_attribute_total] = key_index;
        batch->span_link_attribute_type[batch->span_link_attribute_total] = type;
        batch->span_link_attribute_value[batch->span_link_attribute_total++] = value;
        batch->span_link_attribute_count[batch->span_link_total - 1]++;
        return;
    }
}

void builder_unread(struct batch_builder *builder, uint64_t span_id)
{
    struct batch *batch = &builder->batch;
    if (!reserve(builder, UNREAD, batch->unread_total)) return;
    batch->unread_span_id[batch->unread_total++] = span_id;
    batch->unread_count[newest(batch)]++;
    builder->list_bytes += 8;
}

void builder_link(struct batch_builder *builder, uint64_t span_id, uint32_t kind, uint32_t column,
                  uint32_t row)
{
    struct batch *batch = &builder->batch;
    if (!reserve(builder, LINKS, batch->link_total)) return;
    batch->link_span_id[batch->link_total] = span_id;
    batch->link_kind[batch->link_total] = kind;
    batch->link_column[batch->link_total] = column;
    batch->link_row[batch->link_total++] = row;
    batch->link_count[newest(batch)]++;
    builder->list_bytes += 12;
}

void builder_event(struct batch_builder *builder, int64_t delta_ns, struct str name, uint32_t dropped)
{
    struct batch *batch = &builder->batch;
    if (!reserve(builder, EVENTS, batch->event_total)) return;
    batch->event_time_delta_ns[batch->event_total] = delta_ns;
    batch->event_name[batch->event_total] = builder_string(builder, name);
    batch->event_attribute_count[batch->event_total] = 0;
    batch->event_dropped_attributes[batch->event_total++] = dropped;
    batch->event_count[newest(batch)]++;
    builder->list_bytes += 16;
}

void builder_span_link(struct batch_builder *builder, const unsigned char trace_id[16], uint64_t span_id,
                       struct str trace_state, uint32_t flags, uint32_t dropped)
{
    struct batch *batch = &builder->batch;
    uint32_t i = batch->span_link_total;
    if (!reserve(builder, SPAN_LINKS, i)) return;
    memcpy(batch->span_link_trace_ids + (size_t)i * 16, trace_id, 16);
    batch->span_link_span_id[i] = span_id;
    batch->span_link_trace_state[i] = builder_string(builder, trace_state);
    batch->span_link_flags[i] = flags;
    batch->span_link_dropped_attributes[i] = dropped;
    batch->span_link_attribute_count[i] = 0;
    batch->span_link_total++;
    batch->span_link_count[newest(batch)]++;
    builder->list_bytes += 32;
}

bool builder_pack(struct batch_builder *builder, uint64_t producer, uint64_t sequence, unsigned char **to,
                  size_t *bytes)
{
    struct batch *batch = &builder->batch;
    if (builder->failed) return false;
    batch->string_data = buffer_str(&builder->strings);
    batch->producer = producer;
    batch->sequence = sequence;
    *bytes = batch_packed_bytes(batch);
    *to = malloc(*bytes ? *bytes : 1);
    if (*to) *bytes = batch_pack(batch, *to);
    return *to != NULL;
}
