/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

#include "proto/batch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define LABEL_ARENA_BYTES_MAX ((size_t)1 << 20)

static const char *kind_word(enum span_kind kind)
{
    static const char *const words[] = {"unspecified", "internal", "server",
                                        "client",      "producer", "consumer"};
    return (unsigned)kind < sizeof words / sizeof *words ? words[kind] : "unspecified";
}

static const char *status_word(enum span_status status)
{
    return status == SPAN_STATUS_ERROR ? "error" : status == SPAN_STATUS_OK ? "ok" : "unset";
}

/* JSON has no word for what is no number; OpenTelemetry's JSON writes these strings. */
static json_t *real(double value)
{
    if (isnan(value)) return json_string("NaN");
    if (isinf(value)) return json_string(value > 0 ? "Infinity" : "-Infinity");
    return json_real(value);
}

/* An array or a map as the sender wrote it; a string, if that is no JSON. */
static json_t *collection(struct str text)
{
    json_t *value = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    return value ? value : json_name(text);
}

static json_t *attribute_value(const struct attribute *attribute)
{
    switch (attribute->type) {
    case ATTRIBUTE_BOOL:
        return json_boolean(attribute->integer != 0);
    case ATTRIBUTE_INT:
        return json_integer(attribute->integer);
    case ATTRIBUTE_DOUBLE:
        return real(attribute->real);
    case ATTRIBUTE_JSON:
        return collection(attribute->text);
    default:
        return json_name(attribute->text);
    }
}

static json_t *attributes(const struct attribute *list, uint32_t count)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < count; i++) json_set_named(object, list[i].key, attribute_value(&list[i]));
    return object;
}

static const char *link_word(enum link_kind kind)
{
    return kind == LINK_SEQUENCE ? "sequence"
           : kind == LINK_LIST   ? "list"
           : kind == LINK_VALUE  ? "value"
                                 : "unknown";
}

static json_t *links(const struct span *span)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct link *link = &span->links[i];
        json_t *object = json_object();
        json_object_set_new(object, "span_id", json_span_id(link->span_id));
        json_object_set_new(object, "kind", json_string(link_word(link->kind)));
        json_object_set_new(object, "column", json_integer(link->column));
        json_object_set_new(object, "row", json_integer(link->row));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *unread(const struct span *span)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < span->unread_count; i++)
        json_array_append_new(array, json_span_id(span->unread[i]));
    return array;
}

static json_t *events(const struct span *span)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < span->event_count; i++) {
        const struct span_event *event = &span->events[i];
        json_t *object = json_object();
        json_object_set_new(object, "time_ns", json_integer(event->time_ns));
        json_object_set_new(object, "name", json_name(event->name));
        json_object_set_new(object, "attributes", attributes(event->attributes, event->attribute_count));
        json_object_set_new(object, "dropped_attributes", json_integer(event->dropped_attributes));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *linked_trace(const unsigned char id[16])
{
    static const unsigned char zero[16];
    return memcmp(id, zero, sizeof zero) == 0 ? json_null() : json_trace_id(id);
}

static json_t *span_links(const struct span *span)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < span->span_link_count; i++) {
        const struct span_link *link = &span->span_links[i];
        json_t *object = json_object();
        json_object_set_new(object, "trace_id", linked_trace(link->trace_id));
        json_object_set_new(object, "span_id", json_span_id(link->span_id));
        json_object_set_new(object, "trace_state", json_name(link->trace_state));
        json_object_set_new(object, "trace_flags", json_integer(link->trace_flags));
        json_object_set_new(object, "attributes", attributes(link->attributes, link->attribute_count));
        json_object_set_new(object, "dropped_attributes", json_integer(link->dropped_attributes));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *dropped(const struct span *span)
{
    json_t *object = json_object();
    json_object_set_new(object, "attributes", json_integer(span->dropped_attributes));
    json_object_set_new(object, "events", json_integer(span->dropped_events));
    json_object_set_new(object, "span_links", json_integer(span->dropped_span_links));
    return object;
}

static json_t *scope(const struct span *span)
{
    if (!span->scope) return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "name", json_name(span->scope->name));
    json_object_set_new(object, "version", json_name(span->scope->version));
    return object;
}

/* As OpenTelemetry writes a threshold: hexadecimal, without the zeros at its end. */
static json_t *threshold(const struct span *span)
{
    char text[17];
    if (span->sampling_threshold == 0) return json_null();
    int len = snprintf(text, sizeof text, "%014" PRIx64, span->sampling_threshold);
    while (len > 1 && text[len - 1] == '0') len--;
    return json_stringn(text, (size_t)len);
}

static void set_details(json_t *object, const struct span *span)
{
    json_object_set_new(object, "status_message", json_name(span->status_message));
    json_object_set_new(object, "trace_state", json_name(span->trace_state));
    json_object_set_new(object, "trace_flags", json_integer(span->trace_flags));
    json_object_set_new(object, "scope", scope(span));
    json_object_set_new(object, "sampling_threshold", threshold(span));
    json_object_set_new(object, "weight", json_real(span_weight(span)));
    json_object_set_new(object, "events", events(span));
    json_object_set_new(object, "span_links", span_links(span));
    json_object_set_new(object, "dropped", dropped(span));
}

static json_t *label(const struct operation *operation, struct arena *arena)
{
    arena_reset(arena);
    json_t *name = json_name(operation_label(operation, arena));
    return name;
}

static json_t *span_object(const struct span *span, struct arena *arena)
{
    static const struct operation no_operation = {.type = OPERATION_SPAN};
    static const struct resource no_resource;
    const struct operation *operation = span->operation ? span->operation : &no_operation;
    const struct resource *resource = span->resource ? span->resource : &no_resource;
    json_t *object = json_object();
    json_object_set_new(object, "span_id", json_span_id(span->id));
    json_object_set_new(object, "parent_span_id", json_span_id(span->parent_id));
    json_object_set_new(object, "service", json_name(resource->service_name));
    json_object_set_new(object, "version", json_name(resource->service_version));
    json_object_set_new(object, "name", label(operation, arena));
    json_object_set_new(object, "kind", json_string(kind_word(span->kind)));
    json_object_set_new(object, "operation", json_name(operation->text));
    json_object_set_new(object, "system", json_name(operation->system));
    json_object_set_new(object, "start_ns", json_integer(span->start_ns));
    json_object_set_new(object, "duration_ns", json_integer(span->duration_ns));
    json_object_set_new(object, "status", json_string(status_word(span->status)));
    json_object_set_new(object, "rows", span->rows < 0 ? json_null() : json_integer(span->rows));
    json_object_set_new(object, "call_site", json_call_site(&span->site));
    json_object_set_new(object, "attributes", attributes(span->attributes, span->attribute_count));
    json_object_set_new(object, "links", links(span));
    json_object_set_new(object, "unread", unread(span));
    set_details(object, span);
    return object;
}

static json_t *viewed_span(const struct trace_view *view, size_t i, struct arena *arena)
{
    json_t *span = span_object(&view->trace->spans[i], arena);
    if (view->critical) json_object_set_new(span, "critical", json_boolean(view->critical[i]));
    return span;
}

/* Span by span: jansson's values for all of a large trace are ten times their bytes. */
void json_trace(struct buffer *out, const struct trace_view *view)
{
    const struct trace *trace = view->trace;
    struct arena arena;
    arena_init(&arena, LABEL_ARENA_BYTES_MAX);
    buffer_add_text(out, "{\"trace_id\":");
    json_add(out, json_trace_id(trace->id));
    buffer_add_text(out, ",\"complete\":");
    json_add(out, json_boolean(trace->complete));
    buffer_add_text(out, ",\"spans\":[");
    for (size_t i = 0; i < trace->span_count && !out->failed; i++) {
        if (i > 0) buffer_add_char(out, ',', 1);
        json_add(out, viewed_span(view, i, &arena));
    }
    buffer_add_text(out, "]}\n");
    arena_fini(&arena);
}
