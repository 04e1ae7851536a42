/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/mapping.h"

#include "model/span.h"
#include "sdk/otlp/mapping_operation.h"
#include "sdk/otlp/trace_state.h"
#include "sdk/otlp/values.h"

#include <stdio.h>

#define ARENA_BYTES_MAX ((size_t)32 << 20)
#define WIRE_BYTES_MAX  ((size_t)16 * BATCH_BYTES_MAX + ((size_t)1 << 20))
#define OWN_MAX         24 /* attributes of a span that come from columns */

/* Attributes of one span as they come together. */
struct list {
    struct otlp_attribute *items;
    size_t count, user_count; /* the user's come first */
};

/* ---- values ---- */

static struct str hex(struct arena *arena, uint64_t number)
{
    return arena_printf(arena, "%016llx", (unsigned long long)number);
}

static struct str id_bytes(struct arena *arena, uint64_t id)
{
    unsigned char *bytes = arena_alloc(arena, 8);
    if (!bytes) return str_view("", 0);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(id >> (56 - 8 * i));
    return str_view((const char *)bytes, 8);
}

/* ---- lists ---- */

static bool has_key(const struct list *list, struct str key)
{
    for (size_t i = 0; i < list->user_count; i++)
        if (str_equal(list->items[i].key, key)) return true;
    return false;
}

static void add(struct list *list, struct str key, struct otlp_value value)
{
    if (!has_key(list, key)) list->items[list->count++] = (struct otlp_attribute){key, value};
}

#define ADD(list, key, value) add((list), (struct str)STR(key), (value))

/* ---- the batch ---- */

static bool map_operations(struct mapping *mapping)
{
    const struct batch *batch = mapping->batch;
    struct mapping_operation *operations =
        arena_array(&mapping->batch_arena, batch->operation_count, sizeof *operations);
    if (!operations) return false;
    for (uint32_t i = 0; i < batch->operation_count; i++) {
        const struct operation from = {(enum operation_type)batch->operation_type[i],
                                       batch_string(batch, batch->operation_system[i]),
                                       batch_string(batch, batch->operation_text[i])};
        mapping_operation(&mapping->batch_arena, &from, &operations[i]);
    }
    mapping->operations = operations;
    return !arena_exhausted(&mapping->batch_arena);
}

void mapping_init(struct mapping *mapping)
{
    *mapping = (struct mapping){0};
    arena_init(&mapping->wire_arena, WIRE_BYTES_MAX);
    arena_init(&mapping->batch_arena, ARENA_BYTES_MAX);
    arena_init(&mapping->span_arena, ARENA_BYTES_MAX);
}

void mapping_fini(struct mapping *mapping)
{
    arena_fini(&mapping->wire_arena);
    arena_fini(&mapping->batch_arena);
    arena_fini(&mapping->span_arena);
}

bool mapping_batch(struct mapping *mapping, const struct batch *batch)
{
    arena_reset(&mapping->batch_arena);
    arena_reset(&mapping->span_arena);
    mapping->batch = batch;
    mapping->failed = !map_operations(mapping);
    mapping_begin(mapping, 0);
    return !mapping->failed;
}

bool mapping_unpack(struct mapping *mapping, const void *data, size_t bytes, struct weir_delivery *delivery)
{
    const char *why;
    arena_reset(&mapping->wire_arena);
    bool valid = batch_unpack(&mapping->unpacked, &mapping->wire_arena, data, bytes, &why);
    if (valid && mapping_batch(mapping, &mapping->unpacked)) return true;
    bool no_memory = valid || arena_exhausted(&mapping->wire_arena);
    delivery->outcome = no_memory ? WEIR_BATCH_FAILED : WEIR_BATCH_REFUSED;
    snprintf(delivery->reason, sizeof delivery->reason, "%s", no_memory ? "no memory" : why);
    return false;
}

struct otlp_attributes mapping_resource(struct mapping *mapping)
{
    const struct batch *batch = mapping->batch;
    struct otlp_attribute *items = arena_array(&mapping->batch_arena, batch->resource_count, sizeof *items);
    if (!items) {
        mapping->failed = true;
        return (struct otlp_attributes){0};
    }
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        struct str value = batch_string(batch, batch->resource_value[i]);
        items[i].key = batch_string(batch, batch->resource_key[i]);
        int64_t pid = str_is(items[i].key, "process.pid") ? number_of(value, INT32_MAX) : -1;
        items[i].value = pid >= 0 ? int_value(pid) : text_value(value);
    }
    return (struct otlp_attributes){batch->resource_count, items, 0};
}

struct otlp_scope mapping_scope(struct mapping *mapping, uint32_t scope)
{
    const struct batch *batch = mapping->batch;
    if (scope == 0 || scope > batch->scope_count)
        return (struct otlp_scope){.name = STR(MAPPING_SCOPE_NAME), .version = STR(WEIR_VERSION)};
    return (struct otlp_scope){.name = batch_string(batch, batch->scope_name[scope - 1]),
                               .version = batch_string(batch, batch->scope_version[scope - 1])};
}

void mapping_begin(struct mapping *mapping, uint32_t scope)
{
    mapping->scope = scope;
    mapping->span = mapping->attribute = mapping->unread = mapping->link = 0;
    mapping->event = mapping->event_attribute = mapping->span_link = mapping->span_link_attribute = 0;
    mapping->start_ns = (int64_t)mapping->batch->base_time_unix_ns;
}

/* ---- attributes ---- */

/* libweir makes neither bytes nor arrays; they pass as the text that the wire has for them. */
static struct otlp_value value_at(const struct batch *batch, uint32_t type, int64_t value)
{
    struct otlp_value to = {.type = OTLP_STRING};
    switch ((enum attribute_type)type) {
    case ATTRIBUTE_BOOL:
        to.type = OTLP_BOOL;
        to.integer = value != 0;
        return to;
    case ATTRIBUTE_INT:
        return int_value(value);
    case ATTRIBUTE_DOUBLE:
        to.type = OTLP_DOUBLE;
        memcpy(&to.real, &value, sizeof to.real);
        return to;
    case ATTRIBUTE_STRING:
    case ATTRIBUTE_BYTES:
    case ATTRIBUTE_JSON:
        to.text = batch_string(batch, (uint32_t)value);
        return to;
    }
    return to;
}

static void add_site(const struct batch *batch, uint32_t site_plus_1, struct list *list)
{
    if (site_plus_1 == 0) return;
    uint32_t site = site_plus_1 - 1;
    struct str function = batch_string(batch, batch->site_function[site]);
    struct str file = batch_string(batch, batch->site_file[site]);
    if (function.len) ADD(list, "code.function.name", text_value(function));
    if (file.len) ADD(list, "code.file.path", text_value(file));
    if (batch->site_line[site]) ADD(list, "code.line.number", int_value(batch->site_line[site]));
}

static void add_rows(const struct batch *batch, uint32_t span, const struct mapping_operation *operation,
                     struct list *list)
{
    uint64_t rows_plus_1 = batch_u64(batch->rows_plus_1, span);
    if (rows_plus_1 == 0) return;
    struct otlp_value rows = int_value((int64_t)(rows_plus_1 - 1));
    if (operation->reads_rows)
        ADD(list, "db.response.returned_rows", rows);
    else
        ADD(list, "weir.rows", rows);
}

static void add_unread(struct mapping *mapping, uint32_t count, struct list *list)
{
    if (count == 0) return;
    struct otlp_value *values = arena_array(&mapping->span_arena, count, sizeof *values);
    for (uint32_t i = 0; values && i < count; i++)
        values[i] =
            text_value(hex(&mapping->span_arena, mapping->batch->unread_span_id[mapping->unread + i]));
    ADD(list, "weir.unread",
        ((struct otlp_value){.type = OTLP_ARRAY, .count = values ? count : 0, .values = values}));
}

static void add_evidence(struct mapping *mapping, uint32_t span, struct list *list)
{
    const struct batch *batch = mapping->batch;
    struct arena *arena = &mapping->span_arena;
    uint64_t input = batch_u64(batch->input_hash, span), answer = batch_u64(batch->answer_hash, span);
    uint32_t inputs = batch_u32(batch->input_count, span), connection = batch_u32(batch->connection, span);
    if (input) ADD(list, "weir.input.hash", text_value(hex(arena, input)));
    if (inputs) ADD(list, "weir.input.count", int_value(inputs));
    if (answer) ADD(list, "weir.answer.hash", text_value(hex(arena, answer)));
    if (connection) ADD(list, "weir.connection", int_value(connection));
    if (batch_u32(batch->flags, span) & SPAN_FLAG_PARTIAL_EVIDENCE)
        ADD(list, "weir.evidence.partial", ((struct otlp_value){.type = OTLP_BOOL, .integer = 1}));
    add_unread(mapping, batch_u32(batch->unread_count, span), list);
}

static struct otlp_attributes span_attributes(struct mapping *mapping, uint32_t span)
{
    const struct batch *batch = mapping->batch;
    const struct mapping_operation *operation = &mapping->operations[batch_u32(batch->span_operation, span)];
    uint32_t user_count = batch_u32(batch->attribute_count, span);
    struct list list = {.items = arena_array(&mapping->span_arena, user_count + OWN_MAX, sizeof *list.items)};
    if (!list.items) return (struct otlp_attributes){0};
    for (uint32_t i = 0; i < user_count; i++) {
        uint32_t at = mapping->attribute + i;
        list.items[i].key = batch_string(batch, batch->attribute_key[at]);
        list.items[i].value = value_at(batch, batch->attribute_type[at], batch->attribute_value[at]);
    }
    list.count = list.user_count = user_count;
    for (uint32_t i = 0; i < operation->count; i++)
        add(&list, operation->attributes[i].key, operation->attributes[i].value);
    add_rows(batch, span, operation, &list);
    add_site(batch, batch_u32(batch->span_site, span), &list);
    add_evidence(mapping, span, &list);
    return (struct otlp_attributes){list.count, list.items, batch_u32(batch->dropped_attributes, span)};
}

/* Attributes of events and span links: columns of their own, from `first`. */
static struct otlp_attributes attributes_from(struct mapping *mapping, const uint32_t *keys,
                                              const uint32_t *types, const int64_t *values, uint32_t first,
                                              uint32_t count, uint32_t dropped)
{
    struct otlp_attribute *items = arena_array(&mapping->span_arena, count, sizeof *items);
    for (uint32_t i = 0; items && i < count; i++) {
        items[i].key = batch_string(mapping->batch, keys[first + i]);
        items[i].value = value_at(mapping->batch, types[first + i], values[first + i]);
    }
    return (struct otlp_attributes){items ? count : 0, items, dropped};
}

/* ---- events and links ---- */

static void set_events(struct mapping *mapping, uint32_t count, struct otlp_span *span)
{
    const struct batch *batch = mapping->batch;
    struct otlp_event *events = arena_array(&mapping->span_arena, count, sizeof *events);
    if (!events) return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = mapping->event + i;
        uint32_t attributes = batch_u32(batch->event_attribute_count, at);
        int64_t time = mapping->start_ns + batch->event_time_delta_ns[at]; /* in range: batch_unpack */
        events[i].time_unix_ns = time > 0 ? (uint64_t)time : 0;
        events[i].name = batch_string(batch, batch->event_name[at]);
        events[i].attributes = attributes_from(
            mapping, batch->event_attribute_key, batch->event_attribute_type, batch->event_attribute_value,
            mapping->event_attribute, attributes, batch_u32(batch->event_dropped_attributes, at));
        mapping->event_attribute += attributes;
    }
    span->events = events;
    span->event_count = count;
}

static struct str link_word(uint32_t kind)
{
    switch ((enum link_kind)kind) {
    case LINK_SEQUENCE:
        return str_of("sequence");
    case LINK_LIST:
        return str_of("list");
    case LINK_VALUE:
        return str_of("value");
    }
    return str_of("unknown");
}

static void value_link(struct mapping *mapping, uint32_t at, struct str trace_id, struct otlp_link *link)
{
    const struct batch *batch = mapping->batch;
    struct otlp_attribute *items = arena_array(&mapping->span_arena, 3, sizeof *items);
    link->trace_id = trace_id;
    link->span_id = id_bytes(&mapping->span_arena, batch->link_span_id[at]);
    if (!items) return;
    items[0] = (struct otlp_attribute){STR("weir.link.kind"), text_value(link_word(batch->link_kind[at]))};
    items[1] = (struct otlp_attribute){STR("weir.link.column"), int_value(batch->link_column[at])};
    items[2] = (struct otlp_attribute){STR("weir.link.row"), int_value(batch->link_row[at])};
    link->attributes = (struct otlp_attributes){3, items, 0};
}

static void span_link(struct mapping *mapping, uint32_t at, struct otlp_link *link)
{
    const struct batch *batch = mapping->batch;
    uint32_t attributes = batch_u32(batch->span_link_attribute_count, at);
    link->trace_id = str_view((const char *)batch->span_link_trace_ids + at * 16ull, 16);
    link->span_id = id_bytes(&mapping->span_arena, batch->span_link_span_id[at]);
    link->trace_state = batch_string(batch, batch_u32(batch->span_link_trace_state, at));
    link->flags = batch_u32(batch->span_link_flags, at);
    link->attributes =
        attributes_from(mapping, batch->span_link_attribute_key, batch->span_link_attribute_type,
                        batch->span_link_attribute_value, mapping->span_link_attribute, attributes,
                        batch_u32(batch->span_link_dropped_attributes, at));
    mapping->span_link_attribute += attributes;
}

/* The program's own links first, then what weir has seen. */
static void set_links(struct mapping *mapping, uint32_t span_links, uint32_t value_links,
                      struct otlp_span *span)
{
    struct otlp_link *links =
        arena_array(&mapping->span_arena, (size_t)span_links + value_links, sizeof *links);
    if (!links) return;
    for (uint32_t i = 0; i < span_links; i++) span_link(mapping, mapping->span_link + i, &links[i]);
    for (uint32_t i = 0; i < value_links; i++)
        value_link(mapping, mapping->link + i, span->trace_id, &links[span_links + i]);
    span->links = links;
    span->link_count = (size_t)span_links + value_links;
}

/* ---- spans ---- */

static struct str trace_state(struct mapping *mapping, uint32_t span)
{
    const struct batch *batch = mapping->batch;
    struct str state = batch_string(batch, batch_u32(batch->trace_state, span));
    uint32_t sampling = batch_u32(batch->span_sampling, span);
    if (sampling == 0) return state;
    return trace_state_with_threshold(&mapping->span_arena, state, batch->sampling_threshold[sampling - 1]);
}

/* W3C's flags, which libweir's own spans do not carry over the wire: what is sent was sampled. */
static uint32_t span_flags(uint32_t flags)
{
    uint32_t remote = flags & SPAN_FLAG_REMOTE_PARENT ? OTLP_FLAG_REMOTE : 0;
    return (flags >> SPAN_FLAGS_TRACE_SHIFT & 0xff) | OTLP_FLAG_SAMPLED | OTLP_FLAG_REMOTE_KNOWN | remote;
}

static void set_span(struct mapping *mapping, uint32_t i, struct otlp_span *span)
{
    const struct batch *batch = mapping->batch;
    uint64_t parent = batch_u64(batch->parent_span_id, i);
    *span = (struct otlp_span){
        .trace_id = str_view((const char *)batch->trace_ids + batch_u32(batch->span_trace, i) * 16ull, 16),
        .span_id = id_bytes(&mapping->span_arena, batch->span_id[i]),
        .parent_span_id = parent ? id_bytes(&mapping->span_arena, parent) : str_view("", 0),
        .trace_state = trace_state(mapping, i),
        .name = mapping->operations[batch_u32(batch->span_operation, i)].name,
        .kind = batch_u32(batch->span_kind, i),
        .flags = span_flags(batch_u32(batch->flags, i)),
        .start_unix_ns = (uint64_t)mapping->start_ns,
        .end_unix_ns = (uint64_t)mapping->start_ns + batch_u64(batch->duration_ns, i),
        .status = batch_u32(batch->status, i),
        .status_message = batch_string(batch, batch_u32(batch->status_message, i)),
        .dropped_events = batch_u32(batch->dropped_events, i),
        .dropped_links = batch_u32(batch->dropped_span_links, i)};
    span->attributes = span_attributes(mapping, i);
    set_events(mapping, batch_u32(batch->event_count, i), span);
    set_links(mapping, batch_u32(batch->span_link_count, i), batch_u32(batch->link_count, i), span);
}

/* Over a span's own elements of the lists. */
static void pass_lists(struct mapping *mapping, uint32_t i)
{
    const struct batch *batch = mapping->batch;
    mapping->attribute += batch_u32(batch->attribute_count, i);
    mapping->unread += batch_u32(batch->unread_count, i);
    mapping->link += batch_u32(batch->link_count, i);
    mapping->event += batch_u32(batch->event_count, i);
    mapping->span_link += batch_u32(batch->span_link_count, i);
}

/* Likewise over those of its events and links, which set_span else does itself. */
static void pass_attributes_of_lists(struct mapping *mapping, uint32_t i)
{
    const struct batch *batch = mapping->batch;
    for (uint32_t at = 0; at < batch_u32(batch->event_count, i); at++)
        mapping->event_attribute += batch_u32(batch->event_attribute_count, mapping->event + at);
    for (uint32_t at = 0; at < batch_u32(batch->span_link_count, i); at++)
        mapping->span_link_attribute += batch_u32(batch->span_link_attribute_count, mapping->span_link + at);
}

bool mapping_next(struct mapping *mapping, struct otlp_span *span)
{
    const struct batch *batch = mapping->batch;
    while (mapping->span < batch->span_count && !mapping->failed) {
        uint32_t i = mapping->span++;
        bool mine = batch_u32(batch->span_scope, i) == mapping->scope;
        mapping->start_ns += batch_i64(batch->start_delta_ns, i);
        if (mine) {
            arena_reset(&mapping->span_arena);
            set_span(mapping, i, span);
            mapping->failed = arena_exhausted(&mapping->span_arena);
        } else {
            pass_attributes_of_lists(mapping, i);
        }
        pass_lists(mapping, i);
        if (mine) return !mapping->failed;
    }
    return false;
}
