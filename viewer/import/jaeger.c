/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/import/jaeger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define US_MAX (INT64_MAX / 1000)

#define TRACE_DIGITS 32
#define SPAN_DIGITS  16

/* ---- values ---- */

static json_t *number_text(int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    return json_string(text);
}

static json_t *text_copy(const json_t *text)
{
    return json_stringn(json_string_value(text), json_string_length(text));
}

/* Jaeger says the type beside the value, and some of its stores write every value as text. */
static json_t *value_of(const char *type, const json_t *value)
{
    if (json_is_boolean(value)) return json_pack("{s:b}", "boolValue", json_is_true(value));
    if (json_is_integer(value)) return json_pack("{s:o}", "intValue", number_text(json_integer_value(value)));
    if (json_is_real(value)) return json_pack("{s:f}", "doubleValue", json_real_value(value));
    if (!json_is_string(value)) return NULL;
    if (type && strcmp(type, "bool") == 0)
        return json_pack("{s:b}", "boolValue", strcmp(json_string_value(value), "true") == 0);
    if (type && strcmp(type, "int64") == 0) return json_pack("{s:o}", "intValue", text_copy(value));
    return json_pack("{s:o}", "stringValue", text_copy(value));
}

static void add_attribute(json_t *attributes, const char *key, json_t *value)
{
    if (value) json_array_append_new(attributes, json_pack("{s:s, s:o}", "key", key, "value", value));
}

static json_t *text_value(const char *text) { return json_pack("{s:s}", "stringValue", text); }

static void add_tag(json_t *attributes, const json_t *tag)
{
    const char *key = json_string_value(json_object_get(tag, "key"));
    const char *type = json_string_value(json_object_get(tag, "type"));
    if (key) add_attribute(attributes, key, value_of(type, json_object_get(tag, "value")));
}

/* An id with the zeros in front that it was written without. False: it is none. */
static bool read_id(const json_t *from, size_t digits, char to[TRACE_DIGITS + 1])
{
    size_t len = json_string_length(from);
    const char *text = json_string_value(from);
    if (!text || len == 0 || len > digits || strspn(text, "0123456789abcdefABCDEF") != len) return false;
    memset(to, '0', digits - len);
    memcpy(to + digits - len, text, len + 1);
    return strspn(to, "0") < digits;
}

/* A time in microseconds, as nanoseconds. False: it is none. */
static bool read_time(const json_t *from, int64_t *to_ns)
{
    double us = json_is_real(from) ? json_real_value(from) : 0;
    int64_t whole = json_is_integer(from)            ? json_integer_value(from)
                    : us >= 0 && us < (double)US_MAX ? (int64_t)us
                                                     : -1;
    *to_ns = whole * (whole <= US_MAX && whole >= 0 ? 1000 : 1);
    return json_is_number(from) && whole >= 0 && whole <= US_MAX;
}

/* ---- tags that are fields of an OTLP span ---- */

static void set_kind(json_t *span, const json_t *value)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"internal", 1}, {"server", 2}, {"client", 3}, {"producer", 4}, {"consumer", 5}};
    const char *name = json_string_value(value);
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcasecmp(name, kinds[i].name) == 0)
            json_object_set_new(span, "kind", json_integer(kinds[i].kind));
}

static json_t *status_of(json_t *span)
{
    json_t *status = json_object_get(span, "status");
    if (status) return status;
    status = json_object();
    json_object_set_new(span, "status", status);
    return status;
}

static void set_error(json_t *span, const json_t *value)
{
    const char *text = json_string_value(value);
    bool is_error = json_is_true(value) || (text && strcasecmp(text, "true") == 0);
    if (is_error) json_object_set_new(status_of(span), "code", json_integer(2));
}

static void set_code(json_t *span, const json_t *value)
{
    const char *text = json_string_value(value);
    int code = !text ? 0 : strcasecmp(text, "ERROR") == 0 ? 2 : strcasecmp(text, "OK") == 0 ? 1 : 0;
    if (code) json_object_set_new(status_of(span), "code", json_integer(code));
}

static void set_message(json_t *span, const json_t *value)
{
    if (json_is_string(value)) json_object_set_new(status_of(span), "message", text_copy(value));
}

static void set_state(json_t *span, const json_t *value)
{
    if (json_is_string(value)) json_object_set_new(span, "traceState", text_copy(value));
}

static const struct {
    const char *tag;
    void (*set)(json_t *span, const json_t *value);
} fields[] = {
    {"span.kind", set_kind},        {"error", set_error},
    {"otel.status_code", set_code}, {"otel.status_description", set_message},
    {"w3c.tracestate", set_state},
};

/* False: the tag is an attribute. */
static bool set_field(json_t *span, const json_t *tag)
{
    const char *key = json_string_value(json_object_get(tag, "key"));
    for (size_t i = 0; key && i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(key, fields[i].tag) != 0) continue;
        fields[i].set(span, json_object_get(tag, "value"));
        return true;
    }
    return false;
}

static void set_tags(json_t *span, const json_t *tags)
{
    json_t *attributes = json_array(), *tag;
    size_t i;
    json_array_foreach(tags, i, tag)
    {
        if (!set_field(span, tag)) add_tag(attributes, tag);
    }
    json_object_set_new(span, "attributes", attributes);
}

/* ---- references and logs ---- */

struct reference {
    char trace[TRACE_DIGITS + 1], span[TRACE_DIGITS + 1];
    bool is_child;
};

static bool read_reference(const json_t *from, struct reference *to)
{
    const char *type = json_string_value(json_object_get(from, "refType"));
    to->is_child = type && strcmp(type, "CHILD_OF") == 0;
    return read_id(json_object_get(from, "traceID"), TRACE_DIGITS, to->trace) &&
           read_id(json_object_get(from, "spanID"), SPAN_DIGITS, to->span);
}

/* Which of the references is the parent: the first CHILD_OF within the trace, else the first FOLLOWS_FROM. SIZE_MAX: none. */
static size_t parent_of(const json_t *references, const char *trace)
{
    size_t i, follows = SIZE_MAX;
    json_t *item;
    struct reference reference;
    json_array_foreach(references, i, item)
    {
        if (!read_reference(item, &reference) || strcasecmp(reference.trace, trace) != 0) continue;
        if (reference.is_child) return i;
        if (follows == SIZE_MAX) follows = i;
    }
    return follows;
}

static void set_references(json_t *span, const json_t *from, const char *trace)
{
    const json_t *references = json_object_get(from, "references");
    size_t i, parent = parent_of(references, trace);
    json_t *links = json_array(), *item;
    struct reference reference;
    char older[TRACE_DIGITS + 1];
    json_array_foreach(references, i, item)
    {
        if (!read_reference(item, &reference)) continue;
        if (i == parent)
            json_object_set_new(span, "parentSpanId", json_string(reference.span));
        else
            json_array_append_new(
                links, json_pack("{s:s, s:s}", "traceId", reference.trace, "spanId", reference.span));
    }
    if (parent == SIZE_MAX && read_id(json_object_get(from, "parentSpanID"), SPAN_DIGITS, older))
        json_object_set_new(span, "parentSpanId", json_string(older));
    json_object_set_new(span, "links", links);
}

static json_t *field_of(const json_t *log, const char *key)
{
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(log, "fields"), i, field)
    {
        const char *name = json_string_value(json_object_get(field, "key"));
        if (name && strcmp(name, key) == 0) return field;
    }
    return NULL;
}

static json_t *event_of(const json_t *log)
{
    int64_t at_ns;
    size_t i;
    json_t *field, *attributes;
    if (!read_time(json_object_get(log, "timestamp"), &at_ns)) return NULL;
    const json_t *named = field_of(log, "event");
    if (!named) named = field_of(log, "message");
    const json_t *name = json_object_get(named, "value");
    attributes = json_array();
    json_array_foreach(json_object_get(log, "fields"), i, field)
    {
        if (field != named || !json_is_string(name)) add_tag(attributes, field);
    }
    return json_pack("{s:o, s:o, s:o}", "timeUnixNano", number_text(at_ns), "name",
                     json_is_string(name) ? text_copy(name) : json_string("log"), "attributes", attributes);
}

static void set_logs(json_t *span, const json_t *logs)
{
    json_t *events = json_array(), *log, *event;
    size_t i;
    json_array_foreach(logs, i, log)
    {
        event = event_of(log);
        if (event) json_array_append_new(events, event);
    }
    json_object_set_new(span, "events", events);
}

/* ---- a span ---- */

static json_t *span_of(const json_t *from, const json_t *trace, const char **why)
{
    char trace_id[TRACE_DIGITS + 1], id[TRACE_DIGITS + 1];
    int64_t start_ns, duration_ns;
    const json_t *name = json_object_get(from, "operationName"), *own = json_object_get(from, "traceID");
    if (!read_id(own ? own : json_object_get(trace, "traceID"), TRACE_DIGITS, trace_id) ||
        !read_id(json_object_get(from, "spanID"), SPAN_DIGITS, id)) {
        *why = "a span of Jaeger without traceID or spanID";
        return NULL;
    }
    if (!read_time(json_object_get(from, "startTime"), &start_ns) ||
        !read_time(json_object_get(from, "duration"), &duration_ns) || duration_ns > INT64_MAX - start_ns) {
        *why = "a span of Jaeger without startTime and duration, which are numbers of microseconds";
        return NULL;
    }
    json_t *span = json_pack("{s:s, s:s, s:o, s:o, s:o}", "traceId", trace_id, "spanId", id, "name",
                             json_is_string(name) ? text_copy(name) : json_string(""), "startTimeUnixNano",
                             number_text(start_ns), "endTimeUnixNano", number_text(start_ns + duration_ns));
    if (!span) return NULL;
    set_references(span, from, trace_id);
    set_tags(span, json_object_get(from, "tags"));
    set_logs(span, json_object_get(from, "logs"));
    return span;
}

/* ---- processes ---- */

static json_t *resource_of(const json_t *process)
{
    const char *service = json_string_value(json_object_get(process, "serviceName"));
    json_t *attributes = json_array(), *tag;
    size_t i;
    if (service) add_attribute(attributes, "service.name", text_value(service));
    json_array_foreach(json_object_get(process, "tags"), i, tag) { add_tag(attributes, tag); }
    return json_pack("{s:o}", "attributes", attributes);
}

/* The element that spans of this process go to, made when there is none with room. `open` has the latest of each. */
static json_t *spans_for(json_t *elements, json_t *open, const char *name, const json_t *process)
{
    json_t *spans = json_object_get(open, name);
    if (spans && json_array_size(spans) < JAEGER_SPANS_A_RESOURCE) return spans;
    spans = json_array();
    json_object_set_new(open, name, spans);
    json_array_append_new(elements, json_pack("{s:o, s:[{s:O}]}", "resource", resource_of(process),
                                              "scopeSpans", "spans", spans));
    return spans;
}

json_t *jaeger_convert(const json_t *trace, struct jaeger_result *result)
{
    json_t *elements = json_array(), *open = json_object(), *from;
    const json_t *processes = json_object_get(trace, "processes");
    size_t i;
    *result = (struct jaeger_result){0};
    json_array_foreach(json_object_get(trace, "spans"), i, from)
    {
        const char *why = "out of memory", *name = json_string_value(json_object_get(from, "processID"));
        const json_t *process = name ? json_object_get(processes, name) : json_object_get(from, "process");
        json_t *span = span_of(from, trace, &why);
        result->spans++;
        if (span) {
            /* a process written out in each span is told by its service */
            if (!name) name = json_string_value(json_object_get(process, "serviceName"));
            json_array_append_new(spans_for(elements, open, name ? name : "", process), span);
            continue;
        }
        result->refused++;
        if (!result->why) result->why = why;
    }
    json_decref(open);
    return elements;
}
