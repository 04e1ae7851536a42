/* SPDX-License-Identifier: Apache-2.0 */
/* Plain structs → protobuf-c's, in the scratch arena → bytes. */
#include "proto/otlp.h"

#include "weir/otlp/otlp.pb-c.h"

static ProtobufCBinaryData bytes_of(struct str text)
{
    ProtobufCBinaryData data = {text.len, (uint8_t *)(uintptr_t)text.data};
    return data;
}

/* ---- values ---- */

/* Deeper ones are left out: nothing of ours nests at all. */
#define DEPTH_MAX 8

static Weir__Otlp__KeyValue **attributes_of(struct arena *scratch, const struct otlp_attribute *from,
                                            size_t count, int depth);
static bool value_of(struct arena *scratch, Weir__Otlp__Value *to, const struct otlp_value *from, int depth);

static bool array_of(struct arena *scratch, Weir__Otlp__Value *to, const struct otlp_value *from, int depth)
{
    Weir__Otlp__Array *array = arena_alloc(scratch, sizeof *array);
    Weir__Otlp__Value **pointers = arena_array(scratch, from->count, sizeof *pointers);
    Weir__Otlp__Value *values = arena_array(scratch, from->count, sizeof *values);
    if (!array || !pointers || !values) return false;
    weir__otlp__array__init(array);
    for (size_t i = 0; i < from->count; i++) {
        pointers[i] = &values[i];
        if (!value_of(scratch, &values[i], &from->values[i], depth + 1)) return false;
    }
    array->n_values = from->count;
    array->values = pointers;
    to->value_case = WEIR__OTLP__VALUE__VALUE_ARRAY_VALUE;
    to->array_value = array;
    return true;
}

static bool map_of(struct arena *scratch, Weir__Otlp__Value *to, const struct otlp_value *from, int depth)
{
    Weir__Otlp__KeyValueList *map = arena_alloc(scratch, sizeof *map);
    if (!map) return false;
    weir__otlp__key_value_list__init(map);
    map->values = attributes_of(scratch, from->attributes, from->count, depth + 1);
    map->n_values = from->count;
    to->value_case = WEIR__OTLP__VALUE__VALUE_KVLIST_VALUE;
    to->kvlist_value = map;
    return map->values != NULL;
}

static bool value_of(struct arena *scratch, Weir__Otlp__Value *to, const struct otlp_value *from, int depth)
{
    weir__otlp__value__init(to);
    if (depth == DEPTH_MAX) return true;
    switch (from->type) {
    case OTLP_NONE:
        return true;
    case OTLP_STRING:
        to->value_case = WEIR__OTLP__VALUE__VALUE_STRING_VALUE;
        to->string_value = bytes_of(from->text);
        return true;
    case OTLP_BOOL:
        to->value_case = WEIR__OTLP__VALUE__VALUE_BOOL_VALUE;
        to->bool_value = from->integer != 0;
        return true;
    case OTLP_INT:
        to->value_case = WEIR__OTLP__VALUE__VALUE_INT_VALUE;
        to->int_value = from->integer;
        return true;
    case OTLP_DOUBLE:
        to->value_case = WEIR__OTLP__VALUE__VALUE_DOUBLE_VALUE;
        to->double_value = from->real;
        return true;
    case OTLP_ARRAY:
        return array_of(scratch, to, from, depth);
    case OTLP_MAP:
        return map_of(scratch, to, from, depth);
    case OTLP_BYTES:
        to->value_case = WEIR__OTLP__VALUE__VALUE_BYTES_VALUE;
        to->bytes_value = bytes_of(from->text);
        return true;
    }
    return true;
}

/* NULL: exhausted. */
static Weir__Otlp__KeyValue **attributes_of(struct arena *scratch, const struct otlp_attribute *from,
                                            size_t count, int depth)
{
    Weir__Otlp__KeyValue **pointers = arena_array(scratch, count, sizeof *pointers);
    Weir__Otlp__KeyValue *pairs = arena_array(scratch, count, sizeof *pairs);
    Weir__Otlp__Value *values = arena_array(scratch, count, sizeof *values);
    if (!pointers || !pairs || !values) return NULL;
    for (size_t i = 0; i < count; i++) {
        weir__otlp__key_value__init(&pairs[i]);
        pairs[i].key = bytes_of(from[i].key);
        pairs[i].value = &values[i];
        pointers[i] = &pairs[i];
        if (!value_of(scratch, &values[i], &from[i].value, depth)) return NULL;
    }
    return pointers;
}

/* Attributes and their dropped count are in every message that has them under the same two names. */
#define SET_ATTRIBUTES(scratch, message, from)                                                               \
    ((message)->n_attributes = (from)->count, (message)->dropped_attributes_count = (from)->dropped,         \
     (message)->attributes = attributes_of((scratch), (from)->items, (from)->count, 0),                      \
     (message)->attributes != NULL)

/* ---- spans ---- */

static bool set_events(struct arena *scratch, Weir__Otlp__Span *to, const struct otlp_span *from)
{
    to->n_events = from->event_count;
    to->events = arena_array(scratch, from->event_count, sizeof *to->events);
    Weir__Otlp__Event *events = arena_array(scratch, from->event_count, sizeof *events);
    if (!to->events || !events) return false;
    for (size_t i = 0; i < from->event_count; i++) {
        weir__otlp__event__init(&events[i]);
        events[i].time_unix_nano = from->events[i].time_unix_ns;
        events[i].name = bytes_of(from->events[i].name);
        if (!SET_ATTRIBUTES(scratch, &events[i], &from->events[i].attributes)) return false;
        to->events[i] = &events[i];
    }
    return true;
}

static bool set_links(struct arena *scratch, Weir__Otlp__Span *to, const struct otlp_span *from)
{
    to->n_links = from->link_count;
    to->links = arena_array(scratch, from->link_count, sizeof *to->links);
    Weir__Otlp__Link *links = arena_array(scratch, from->link_count, sizeof *links);
    if (!to->links || !links) return false;
    for (size_t i = 0; i < from->link_count; i++) {
        const struct otlp_link *link = &from->links[i];
        weir__otlp__link__init(&links[i]);
        links[i].trace_id = bytes_of(link->trace_id);
        links[i].span_id = bytes_of(link->span_id);
        links[i].trace_state = bytes_of(link->trace_state);
        links[i].flags = link->flags;
        if (!SET_ATTRIBUTES(scratch, &links[i], &link->attributes)) return false;
        to->links[i] = &links[i];
    }
    return true;
}

static bool set_span(struct arena *scratch, Weir__Otlp__Span *to, Weir__Otlp__Status *status,
                     const struct otlp_span *from)
{
    weir__otlp__span__init(to);
    weir__otlp__status__init(status);
    to->trace_id = bytes_of(from->trace_id);
    to->span_id = bytes_of(from->span_id);
    to->parent_span_id = bytes_of(from->parent_span_id);
    to->trace_state = bytes_of(from->trace_state);
    to->name = bytes_of(from->name);
    to->kind = from->kind;
    to->flags = from->flags;
    to->start_time_unix_nano = from->start_unix_ns;
    to->end_time_unix_nano = from->end_unix_ns;
    to->dropped_events_count = from->dropped_events;
    to->dropped_links_count = from->dropped_links;
    status->code = from->status;
    status->message = bytes_of(from->status_message);
    if (from->status || from->status_message.len) to->status = status;
    return SET_ATTRIBUTES(scratch, to, &from->attributes) && set_events(scratch, to, from) &&
           set_links(scratch, to, from);
}

/* ---- bytes ---- */

#define FIELD_REQUEST_RESOURCE_SPANS 1
#define FIELD_RESOURCE_SCOPE_SPANS   2
#define FIELD_SCOPE_SPANS            2
#define HEAD_BYTES_MAX               11 /* a tag below 16, and a length */

/* What stands in front of an element of a message: its field and its length. */
static size_t field_head(unsigned char to[HEAD_BYTES_MAX], unsigned field, uint64_t bytes)
{
    size_t len = 0;
    to[len++] = (unsigned char)(field << 3 | 2);
    for (; bytes >= 0x80; bytes >>= 7) to[len++] = (unsigned char)(bytes | 0x80);
    to[len++] = (unsigned char)bytes;
    return len;
}

/* The head of field, for the message and `more` bytes that the caller adds behind it; and the message. */
static bool add_message(struct buffer *to, unsigned field, const ProtobufCMessage *message, size_t more)
{
    unsigned char head[HEAD_BYTES_MAX];
    size_t bytes = protobuf_c_message_get_packed_size(message);
    size_t head_bytes = field_head(head, field, bytes + more);
    char *room = buffer_reserve(to, head_bytes + bytes);
    if (!room) return false;
    memcpy(room, head, head_bytes);
    protobuf_c_message_pack(message, (unsigned char *)room + head_bytes);
    to->len += head_bytes + bytes;
    return true;
}

bool otlp_span_pack(struct buffer *to, const struct otlp_span *span, struct arena *scratch)
{
    Weir__Otlp__Span message;
    Weir__Otlp__Status status;
    bool packed =
        set_span(scratch, &message, &status, span) && add_message(to, FIELD_SCOPE_SPANS, &message.base, 0);
    arena_reset(scratch);
    return packed;
}

/* The spans' own heads are within spans_bytes: a ScopeSpans is its scope and then its spans, field by field. */
bool otlp_scope_head_pack(struct buffer *to, const struct otlp_scope *scope, size_t spans_bytes,
                          struct arena *scratch)
{
    Weir__Otlp__ScopeSpans message = WEIR__OTLP__SCOPE_SPANS__INIT;
    Weir__Otlp__Scope inner = WEIR__OTLP__SCOPE__INIT;
    inner.name = bytes_of(scope->name);
    inner.version = bytes_of(scope->version);
    message.scope = &inner;
    bool packed = SET_ATTRIBUTES(scratch, &inner, &scope->attributes) &&
                  add_message(to, FIELD_RESOURCE_SCOPE_SPANS, &message.base, spans_bytes);
    arena_reset(scratch);
    return packed;
}

bool otlp_request_head_pack(struct buffer *to, const struct otlp_attributes *resource, struct str schema_url,
                            size_t scopes_bytes, struct arena *scratch)
{
    Weir__Otlp__ResourceSpans message = WEIR__OTLP__RESOURCE_SPANS__INIT;
    Weir__Otlp__Resource inner = WEIR__OTLP__RESOURCE__INIT;
    message.resource = &inner;
    message.schema_url = bytes_of(schema_url);
    bool packed = SET_ATTRIBUTES(scratch, &inner, resource) &&
                  add_message(to, FIELD_REQUEST_RESOURCE_SPANS, &message.base, scopes_bytes);
    arena_reset(scratch);
    return packed;
}
