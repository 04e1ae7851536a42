/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- values ---- */

static void add_text(struct buffer *to, struct str text)
{
    static const char short_forms[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    buffer_add_char(to, '"', 1);
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f) continue;
        buffer_add(to, text.data + from, i - from);
        from = i + 1;
        if (byte == '"' || byte == '\\')
            buffer_printf(to, "\\%c", byte);
        else if (byte < 0x20 && short_forms[byte])
            buffer_printf(to, "\\%c", short_forms[byte]);
        else
            buffer_printf(to, "\\u%04x", byte);
    }
    buffer_add(to, text.data + from, text.len - from);
    buffer_add_char(to, '"', 1);
}

static void add_hex(struct buffer *to, struct str bytes)
{
    char *at = buffer_reserve(to, 2 * bytes.len + 2);
    if (!at) return;
    *at++ = '"';
    for (size_t i = 0; i < bytes.len; i++) {
        *at++ = "0123456789abcdef"[(unsigned char)bytes.data[i] >> 4];
        *at++ = "0123456789abcdef"[(unsigned char)bytes.data[i] & 15];
    }
    *at = '"';
    to->len += 2 * bytes.len + 2;
}

static void add_base64(struct buffer *to, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buffer_add_char(to, '"', 1);
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.data[i] << 16;
        if (left > 1) group |= (uint32_t)(unsigned char)bytes.data[i + 1] << 8;
        if (left > 2) group |= (unsigned char)bytes.data[i + 2];
        const char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
                              left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '='};
        buffer_add(to, four, sizeof four);
    }
    buffer_add_char(to, '"', 1);
}

/* The shortest of two that reads back the same; with a point whatever the program's locale has. */
void json_double(struct buffer *to, double real)
{
    char text[40], *end = text;
    if (isnan(real) || isinf(real)) {
        buffer_add_text(to, isnan(real) ? "\"NaN\"" : real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    snprintf(text, sizeof text, "%.15g", real);
    if (strtod(text, NULL) != real) snprintf(text, sizeof text, "%.17g", real);
    bool point = false;
    for (const char *at = text; *at; at++) {
        bool plain = strchr("0123456789+-e", *at) != NULL;
        if (plain || !point) *end++ = plain ? *at : '.';
        point = !plain;
    }
    buffer_add(to, text, (size_t)(end - text));
}

static void add_attributes(struct buffer *to, const struct otlp_attribute *items, size_t count);

static void add_value(struct buffer *to, const struct otlp_value *value)
{
    switch (value->type) {
    case OTLP_NONE:
        buffer_add_text(to, "{}");
        return;
    case OTLP_STRING:
        buffer_add_text(to, "{\"stringValue\":");
        add_text(to, value->text);
        break;
    case OTLP_BOOL:
        buffer_printf(to, "{\"boolValue\":%s", value->integer ? "true" : "false");
        break;
    case OTLP_INT:
        buffer_printf(to, "{\"intValue\":\"%lld\"", (long long)value->integer);
        break;
    case OTLP_DOUBLE:
        buffer_add_text(to, "{\"doubleValue\":");
        json_double(to, value->real);
        break;
    case OTLP_ARRAY:
        buffer_add_text(to, "{\"arrayValue\":{\"values\":[");
        for (size_t i = 0; i < value->count; i++) {
            if (i) buffer_add_char(to, ',', 1);
            add_value(to, &value->values[i]);
        }
        buffer_add_text(to, "]}");
        break;
    case OTLP_MAP:
        buffer_add_text(to, "{\"kvlistValue\":{\"values\":");
        add_attributes(to, value->attributes, value->count);
        buffer_add_text(to, "}");
        break;
    case OTLP_BYTES:
        buffer_add_text(to, "{\"bytesValue\":");
        add_base64(to, value->text);
        break;
    }
    buffer_add_text(to, "}");
}

static void add_attributes(struct buffer *to, const struct otlp_attribute *items, size_t count)
{
    buffer_add_text(to, "[");
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(to, i ? ",{\"key\":" : "{\"key\":");
        add_text(to, items[i].key);
        buffer_add_text(to, ",\"value\":");
        add_value(to, &items[i].value);
        buffer_add_text(to, "}");
    }
    buffer_add_text(to, "]");
}

/* ---- members: what is empty is left out, as proto3's JSON allows ---- */

static void member_attributes(struct buffer *to, const struct otlp_attributes *attributes)
{
    if (attributes->count) {
        buffer_add_text(to, ",\"attributes\":");
        add_attributes(to, attributes->items, attributes->count);
    }
    if (attributes->dropped) buffer_printf(to, ",\"droppedAttributesCount\":%u", attributes->dropped);
}

static void member_text(struct buffer *to, const char *name, struct str text)
{
    if (text.len == 0) return;
    buffer_printf(to, ",\"%s\":", name);
    add_text(to, text);
}

static void member_number(struct buffer *to, const char *name, uint32_t number)
{
    if (number) buffer_printf(to, ",\"%s\":%u", name, number);
}

/* ---- spans ---- */

static void add_ids(struct buffer *to, struct str trace_id, struct str span_id)
{
    buffer_add_text(to, "{\"traceId\":");
    add_hex(to, trace_id);
    buffer_add_text(to, ",\"spanId\":");
    add_hex(to, span_id);
}

static void add_events(struct buffer *to, const struct otlp_span *span)
{
    for (size_t i = 0; i < span->event_count; i++) {
        const struct otlp_event *event = &span->events[i];
        buffer_printf(to, "%s{\"timeUnixNano\":\"%llu\"", i ? "," : ",\"events\":[",
                      (unsigned long long)event->time_unix_ns);
        member_text(to, "name", event->name);
        member_attributes(to, &event->attributes);
        buffer_add_text(to, "}");
    }
    if (span->event_count) buffer_add_text(to, "]");
    member_number(to, "droppedEventsCount", span->dropped_events);
}

static void add_links(struct buffer *to, const struct otlp_span *span)
{
    for (size_t i = 0; i < span->link_count; i++) {
        const struct otlp_link *link = &span->links[i];
        buffer_add_text(to, i ? "," : ",\"links\":[");
        add_ids(to, link->trace_id, link->span_id);
        member_text(to, "traceState", link->trace_state);
        member_attributes(to, &link->attributes);
        member_number(to, "flags", link->flags);
        buffer_add_text(to, "}");
    }
    if (span->link_count) buffer_add_text(to, "]");
    member_number(to, "droppedLinksCount", span->dropped_links);
}

static void add_status(struct buffer *to, const struct otlp_span *span)
{
    buffer_add_text(to, ",\"status\":{");
    if (span->status) buffer_printf(to, "\"code\":%u", span->status);
    if (span->status_message.len) {
        buffer_add_text(to, span->status ? ",\"message\":" : "\"message\":");
        add_text(to, span->status_message);
    }
    buffer_add_text(to, "}");
}

static void add_span(struct buffer *to, const struct otlp_span *span)
{
    add_ids(to, span->trace_id, span->span_id);
    member_text(to, "traceState", span->trace_state);
    buffer_add_text(to, ",\"parentSpanId\":");
    add_hex(to, span->parent_span_id);
    member_number(to, "flags", span->flags);
    member_text(to, "name", span->name);
    buffer_printf(to, ",\"kind\":%u,\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\"", span->kind,
                  (unsigned long long)span->start_unix_ns, (unsigned long long)span->end_unix_ns);
    member_attributes(to, &span->attributes);
    add_events(to, span);
    add_links(to, span);
    add_status(to, span);
    buffer_add_text(to, "}");
}

/* ---- the line ---- */

/* False: it has no spans. */
static bool add_scope(struct buffer *to, struct mapping *mapping, uint32_t number, bool is_first)
{
    struct otlp_span span;
    mapping_begin(mapping, number);
    if (!mapping_next(mapping, &span)) return false;
    struct otlp_scope scope = mapping_scope(mapping, number);
    buffer_add_text(to, is_first ? "{\"scope\":{\"name\":" : ",{\"scope\":{\"name\":");
    add_text(to, scope.name);
    member_text(to, "version", scope.version);
    buffer_add_text(to, "},\"spans\":[");
    add_span(to, &span);
    while (mapping_next(mapping, &span)) {
        buffer_add_text(to, ",");
        add_span(to, &span);
    }
    buffer_add_text(to, "]}");
    return true;
}

bool json_line(struct buffer *to, struct mapping *mapping)
{
    struct otlp_attributes resource = mapping_resource(mapping);
    bool is_first = true;
    buffer_add_text(to, "{\"resourceSpans\":[{\"resource\":{\"attributes\":");
    add_attributes(to, resource.items, resource.count);
    buffer_add_text(to, "},\"scopeSpans\":[");
    for (uint32_t scope = 0; scope <= mapping->batch->scope_count; scope++)
        if (add_scope(to, mapping, scope, is_first)) is_first = false;
    buffer_add_text(to, "],\"schemaUrl\":\"" MAPPING_SCHEMA_URL "\"}]}\n");
    return !to->failed && !mapping->failed;
}
