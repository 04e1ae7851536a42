/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/otlp_json.h"

#include "collector/otlp/json_values.h"

#include <stdlib.h>

struct reader {
    struct json_pull json;
    struct arena *arena;
    const struct otlp_visitor *visitor;
    uint32_t values_left;
    bool stopped; /* by a visitor */
};

static bool goes_on(const struct reader *reader) { return !reader->json.why && !reader->stopped; }

static uint32_t add_dropped(uint32_t dropped, size_t more)
{
    uint64_t sum = (uint64_t)dropped + more;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* A member of another type than it should have is as good as absent. */
static void set_text(struct reader *reader, struct str *to)
{
    struct str text;
    if (pull_text(&reader->json, &text)) *to = text;
}

static void set_u32(struct reader *reader, uint32_t *to)
{
    uint64_t value;
    if (pull_u64(&reader->json, &value)) *to = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static void set_u64(struct reader *reader, uint64_t *to)
{
    uint64_t value;
    if (pull_u64(&reader->json, &value)) *to = value;
}

/* "SPAN_KIND_SERVER", or 2 */
static void set_enum(struct reader *reader, const char *const *names, uint32_t count, uint32_t *to)
{
    struct str text;
    uint64_t number;
    if (!pull_number(&reader->json, &text)) return;
    if (pull_text_to_u64(text, &number) && number <= UINT32_MAX) *to = (uint32_t)number;
    for (uint32_t i = 0; i < count; i++)
        if (str_is(text, names[i])) *to = i;
}

/* ---- values ---- */

static bool read_value(struct reader *reader, struct otlp_value *to, int depth);
static void read_attribute_list(struct reader *reader, size_t most, int depth, size_t *count, size_t *all,
                                const struct otlp_attribute **items);

static bool take_value(struct reader *reader)
{
    if (reader->values_left == 0) return false;
    reader->values_left--;
    return true;
}

/* {"values": […]}, a list of values or of members; what there is no room for is left out. */
static void read_values(struct reader *reader, struct otlp_value *to, int depth)
{
    void *items = NULL;
    *to = (struct otlp_value){.type = OTLP_ARRAY}; /* of several the last counts */
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_element(&reader->json)) {
        struct otlp_value *value =
            take_value(reader) ? json_list_add(reader->arena, &items, to->count, sizeof *value) : NULL;
        if (value && read_value(reader, value, depth + 1))
            to->count++;
        else if (!value)
            pull_skip(&reader->json);
        to->values = items;
    }
}

static void read_nested(struct reader *reader, struct otlp_value *to, bool is_array, int depth)
{
    struct str key;
    size_t all = 0;
    if (depth == OTLP_DEPTH_MAX || !pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    *to = (struct otlp_value){.type = is_array ? OTLP_ARRAY : OTLP_MAP};
    while (pull_member(&reader->json, &key)) {
        if (!str_is(key, "values"))
            pull_skip(&reader->json);
        else if (is_array)
            read_values(reader, to, depth);
        else
            read_attribute_list(reader, OTLP_VALUES_MAX, depth + 1, &to->count, &all, &to->attributes);
    }
}

static bool text_to_double(struct str text, double *value)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *value = strtod(copy, &end); /* also NaN, Infinity and -Infinity */
    return *end == 0;
}

static void read_double(struct reader *reader, struct otlp_value *to)
{
    struct str text;
    if (pull_number(&reader->json, &text) && text_to_double(text, &to->real)) to->type = OTLP_DOUBLE;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static void read_bytes(struct reader *reader, struct otlp_value *to)
{
    struct str text;
    if (!pull_text(&reader->json, &text)) return;
    while (text.len && text.data[text.len - 1] == '=') text.len--;
    char *bytes = arena_alloc(reader->arena, text.len + 1);
    uint32_t group = 0;
    size_t len = 0;
    for (size_t i = 0; bytes && i < text.len; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0) return;
        group = group << 6 | (uint32_t)digit;
        if (i % 4) bytes[len++] = (char)(group >> (6 - 2 * (i % 4)));
    }
    if (bytes) *to = (struct otlp_value){.type = OTLP_BYTES, .text = {bytes, len}};
}

static void read_value_member(struct reader *reader, struct str key, struct otlp_value *to, int depth)
{
    struct json_pull *json = &reader->json;
    bool truth;
    if (str_is(key, "stringValue")) {
        if (pull_text(json, &to->text)) to->type = OTLP_STRING;
    } else if (str_is(key, "intValue")) {
        if (pull_i64(json, &to->integer)) to->type = OTLP_INT;
    } else if (str_is(key, "boolValue")) {
        if (pull_bool(json, &truth)) *to = (struct otlp_value){.type = OTLP_BOOL, .integer = truth};
    } else if (str_is(key, "doubleValue")) {
        read_double(reader, to);
    } else if (str_is(key, "bytesValue")) {
        read_bytes(reader, to);
    } else if (str_is(key, "arrayValue") || str_is(key, "kvlistValue")) {
        read_nested(reader, to, key.data[0] == 'a', depth);
    } else {
        pull_skip(json);
    }
}

/* False: it was none. */
static bool read_value(struct reader *reader, struct otlp_value *to, int depth)
{
    struct str key;
    *to = (struct otlp_value){0};
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return true;
    }
    while (pull_member(&reader->json, &key)) read_value_member(reader, key, to, depth);
    return !reader->json.why;
}

static bool read_attribute(struct reader *reader, struct otlp_attribute *to, int depth)
{
    struct str key;
    *to = (struct otlp_attribute){.key = STR("")};
    if (!pull_object(&reader->json)) return pull_skip(&reader->json);
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "key"))
            set_text(reader, &to->key);
        else if (str_is(key, "value"))
            read_value(reader, &to->value, depth);
        else
            pull_skip(&reader->json);
    }
    return !reader->json.why;
}

/* *all: how many there are, those left out included. */
static void read_attribute_list(struct reader *reader, size_t most, int depth, size_t *count, size_t *all,
                                const struct otlp_attribute **items)
{
    void *list = NULL;
    *count = *all = 0;
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_element(&reader->json)) {
        bool fits = *count < most && take_value(reader);
        struct otlp_attribute *item = fits ? json_list_add(reader->arena, &list, *count, sizeof *item) : NULL;
        if (item)
            *count += read_attribute(reader, item, depth);
        else
            pull_skip(&reader->json);
        ++*all;
        *items = list;
    }
}

/* Attributes and their dropped count may come in any order: the sum is made at the end. */
struct attributes {
    struct otlp_attributes read;
    size_t all;
};

/* True: the member was one of these. */
static bool read_attributes_member(struct reader *reader, struct str key, struct attributes *to)
{
    if (str_is(key, "attributes"))
        read_attribute_list(reader, OTLP_ATTRIBUTES_MAX, 0, &to->read.count, &to->all, &to->read.items);
    else if (str_is(key, "droppedAttributesCount"))
        set_u32(reader, &to->read.dropped);
    else
        return false;
    return true;
}

static struct otlp_attributes attributes_of(const struct attributes *from)
{
    struct otlp_attributes attributes = from->read;
    attributes.dropped = add_dropped(attributes.dropped, from->all - attributes.count);
    return attributes;
}

/* ---- events and links ---- */

static void read_event(struct reader *reader, struct otlp_event *event)
{
    struct str key;
    struct attributes attributes = {0};
    *event = (struct otlp_event){.name = STR("")};
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "timeUnixNano"))
            set_u64(reader, &event->time_unix_ns);
        else if (str_is(key, "name"))
            set_text(reader, &event->name);
        else if (!read_attributes_member(reader, key, &attributes))
            pull_skip(&reader->json);
    }
    event->attributes = attributes_of(&attributes);
}

static void read_link(struct reader *reader, struct otlp_link *link)
{
    struct str key;
    struct attributes attributes = {0};
    *link = (struct otlp_link){.trace_state = STR("")};
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "traceId"))
            json_hex(&reader->json, &link->trace_id);
        else if (str_is(key, "spanId"))
            json_hex(&reader->json, &link->span_id);
        else if (str_is(key, "traceState"))
            set_text(reader, &link->trace_state);
        else if (str_is(key, "flags"))
            set_u32(reader, &link->flags);
        else if (!read_attributes_member(reader, key, &attributes))
            pull_skip(&reader->json);
    }
    link->attributes = attributes_of(&attributes);
}

static size_t read_events(struct reader *reader, struct otlp_span *span)
{
    void *events = NULL;
    size_t all = 0;
    span->event_count = 0;
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return 0;
    }
    for (; pull_element(&reader->json); all++) {
        bool fits = span->event_count < OTLP_EVENTS_MAX;
        struct otlp_event *event =
            fits ? json_list_add(reader->arena, &events, span->event_count, sizeof *event) : NULL;
        if (event)
            read_event(reader, event);
        else
            pull_skip(&reader->json);
        span->event_count += event != NULL;
        span->events = events;
    }
    return all - span->event_count;
}

static size_t read_links(struct reader *reader, struct otlp_span *span)
{
    void *links = NULL;
    size_t all = 0;
    span->link_count = 0;
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return 0;
    }
    for (; pull_element(&reader->json); all++) {
        bool fits = span->link_count < OTLP_LINKS_MAX;
        struct otlp_link *link =
            fits ? json_list_add(reader->arena, &links, span->link_count, sizeof *link) : NULL;
        if (link)
            read_link(reader, link);
        else
            pull_skip(&reader->json);
        span->link_count += link != NULL;
        span->links = links;
    }
    return all - span->link_count;
}

/* ---- spans ---- */

static const char *const kinds[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                    "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
static const char *const statuses[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

static void read_status(struct reader *reader, struct otlp_span *span)
{
    struct str key;
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "code"))
            set_enum(reader, statuses, 3, &span->status);
        else if (str_is(key, "message"))
            set_text(reader, &span->status_message);
        else
            pull_skip(&reader->json);
    }
}

struct span_lists { /* whose dropped counts may stand before or behind them */
    struct attributes attributes;
    size_t left_out_events, left_out_links;
};

/* True: the member was one of these. */
static bool read_identity(struct reader *reader, struct str key, struct otlp_span *span)
{
    if (str_is(key, "traceId"))
        json_hex(&reader->json, &span->trace_id);
    else if (str_is(key, "spanId"))
        json_hex(&reader->json, &span->span_id);
    else if (str_is(key, "parentSpanId"))
        json_hex(&reader->json, &span->parent_span_id);
    else if (str_is(key, "traceState"))
        set_text(reader, &span->trace_state);
    else if (str_is(key, "name"))
        set_text(reader, &span->name);
    else if (str_is(key, "kind"))
        set_enum(reader, kinds, 6, &span->kind);
    else if (str_is(key, "flags"))
        set_u32(reader, &span->flags);
    else
        return false;
    return true;
}

static void read_span_member(struct reader *reader, struct str key, struct otlp_span *span,
                             struct span_lists *lists)
{
    if (read_identity(reader, key, span) || read_attributes_member(reader, key, &lists->attributes)) return;
    if (str_is(key, "startTimeUnixNano"))
        set_u64(reader, &span->start_unix_ns);
    else if (str_is(key, "endTimeUnixNano"))
        set_u64(reader, &span->end_unix_ns);
    else if (str_is(key, "events"))
        lists->left_out_events = read_events(reader, span);
    else if (str_is(key, "links"))
        lists->left_out_links = read_links(reader, span);
    else if (str_is(key, "droppedEventsCount"))
        set_u32(reader, &span->dropped_events);
    else if (str_is(key, "droppedLinksCount"))
        set_u32(reader, &span->dropped_links);
    else if (str_is(key, "status"))
        read_status(reader, span);
    else
        pull_skip(&reader->json);
}

/* Before each thing that is handed over. */
static void begin(struct reader *reader)
{
    arena_reset(reader->arena);
    reader->values_left = OTLP_VALUES_MAX;
}

static void read_span(struct reader *reader)
{
    struct str key;
    struct otlp_span span = {.trace_id = STR(""),
                             .span_id = STR(""),
                             .parent_span_id = STR(""),
                             .trace_state = STR(""),
                             .name = STR(""),
                             .status_message = STR("")};
    struct span_lists lists = {0};
    begin(reader);
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) read_span_member(reader, key, &span, &lists);
    if (reader->json.why) return;
    span.attributes = attributes_of(&lists.attributes);
    span.dropped_events = add_dropped(span.dropped_events, lists.left_out_events);
    span.dropped_links = add_dropped(span.dropped_links, lists.left_out_links);
    reader->stopped = !reader->visitor->span(reader->visitor->context, &span);
}

/* ---- what goes around them ---- */

static void read_scope(struct reader *reader)
{
    struct str key;
    struct otlp_scope scope = {.name = STR(""), .version = STR("")};
    struct attributes attributes = {0};
    begin(reader);
    bool is_object = pull_object(&reader->json);
    while (is_object && pull_member(&reader->json, &key)) {
        if (str_is(key, "name"))
            set_text(reader, &scope.name);
        else if (str_is(key, "version"))
            set_text(reader, &scope.version);
        else if (!read_attributes_member(reader, key, &attributes))
            pull_skip(&reader->json);
    }
    if (!is_object) pull_skip(&reader->json);
    if (reader->json.why) return;
    scope.attributes = attributes_of(&attributes);
    reader->stopped = !reader->visitor->scope(reader->visitor->context, &scope);
}

static void read_resource(struct reader *reader)
{
    struct str key;
    struct attributes attributes = {0};
    begin(reader);
    bool is_object = pull_object(&reader->json);
    while (is_object && pull_member(&reader->json, &key))
        if (!read_attributes_member(reader, key, &attributes)) pull_skip(&reader->json);
    if (!is_object) pull_skip(&reader->json);
    if (reader->json.why) return;
    const struct otlp_attributes resource = attributes_of(&attributes);
    reader->stopped = !reader->visitor->resource(reader->visitor->context, &resource);
}

/* "resource" and "scopeSpans", "scope" and "spans": the first is about the second and may stand behind it, so it is sought
 * before. With neither, an empty one is handed over. */
struct pair {
    const char *head, *body;
    void (*read_head)(struct reader *reader);
    void (*read_element)(struct reader *reader);
};

static void read_head(struct reader *reader, const struct pair *pair)
{
    static const char none[] = "{}";
    struct json_pull mark = pull_mark(&reader->json);
    struct str key;
    bool found = false;
    while (!found && pull_member(&reader->json, &key)) {
        found = str_is(key, pair->head);
        if (!found) pull_skip(&reader->json);
    }
    if (reader->json.why) return;
    if (!found) pull_init(&reader->json, none, sizeof none - 1, reader->arena);
    pair->read_head(reader);
    if (!reader->json.why) reader->json = mark;
}

static void read_list(struct reader *reader, void (*read_element)(struct reader *reader))
{
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (goes_on(reader) && pull_element(&reader->json)) read_element(reader);
}

static void read_pair(struct reader *reader, const struct pair *pair)
{
    struct str key;
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    read_head(reader, pair);
    while (goes_on(reader) && pull_member(&reader->json, &key)) {
        if (str_is(key, pair->body))
            read_list(reader, pair->read_element);
        else
            pull_skip(&reader->json);
    }
}

static void read_scope_spans(struct reader *reader)
{
    static const struct pair pair = {"scope", "spans", read_scope, read_span};
    read_pair(reader, &pair);
}

static void read_resource_spans(struct reader *reader)
{
    static const struct pair pair = {"resource", "scopeSpans", read_resource, read_scope_spans};
    read_pair(reader, &pair);
}

bool otlp_json_read(const void *data, size_t bytes, struct arena *arena, const struct otlp_visitor *visitor,
                    const char **why)
{
    struct reader reader = {.arena = arena, .visitor = visitor};
    struct str key;
    pull_init(&reader.json, data, bytes, arena);
    if (!pull_object(&reader.json) && !reader.json.why) reader.json.why = "the body is no JSON object";
    while (goes_on(&reader) && pull_member(&reader.json, &key)) {
        if (str_is(key, "resourceSpans"))
            read_list(&reader, read_resource_spans);
        else
            pull_skip(&reader.json);
    }
    if (goes_on(&reader)) pull_end(&reader.json);
    if (reader.json.why) *why = reader.json.why;
    return goes_on(&reader);
}
