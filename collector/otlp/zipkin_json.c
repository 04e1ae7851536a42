/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/zipkin_json.h"

#include "base/hash.h"
#include "base/id.h"
#include "collector/otlp/json_values.h"
#include "model/span.h"

#include <stdlib.h>

#define LISTS_BYTES_MAX ((size_t)16 << 20) /* of services and shared ids */
#define US_MAX          (INT64_MAX / 1000)

/* One span as Zipkin has it. */
struct zipkin_span {
    struct str trace_id, id, parent_id, name, kind, service;
    struct str remote_service, remote_ip;
    uint64_t remote_port, timestamp_us, duration_us;
    bool shared;
    struct otlp_attributes tags;
    size_t event_count, left_out_events;
    struct otlp_event *events;
};

struct reader {
    struct json_pull json;
    struct arena *arena;
    const struct otlp_visitor *visitor;
    struct arena lists;
    size_t service_count;
    struct str services[ZIPKIN_SERVICES_MAX];
    size_t shared_count;
    uint64_t *shared; /* hashes of trace, id and service of spans that share one, sorted */
    bool stopped;
};

/* ---- ids ---- */

/* 16 digits stand for 32 with zeros in front. */
static void read_id(struct reader *reader, size_t bytes, struct str *id)
{
    json_hex(&reader->json, id);
    if (bytes != 16 || id->len != 8) return;
    char *wide = arena_array(reader->arena, 1, 16);
    if (!wide) return;
    memcpy(wide + 8, id->data, 8);
    *id = str_view(wide, 16);
}

static uint64_t shared_hash(struct str trace_id, struct str id, struct str service)
{
    uint64_t hash = hash_combine(hash_bytes(trace_id.data, trace_id.len), hash_bytes(id.data, id.len));
    return hash_combine(hash, hash_bytes(service.data, service.len));
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_shared(const struct reader *reader, uint64_t hash)
{
    return reader->shared_count &&
           bsearch(&hash, reader->shared, reader->shared_count, sizeof hash, compare_hashes);
}

/* The server's own id: made from the shared one, the same wherever it is made. */
static struct str own_id(struct reader *reader, struct str id)
{
    uint64_t number = 0;
    char *bytes = arena_alloc(reader->arena, 8);
    if (!bytes || id.len != 8) return id;
    for (size_t i = 0; i < 8; i++) number = number << 8 | (unsigned char)id.data[i];
    number = id_scramble(number ^ 0x7368617265640000u);
    if (number == 0) number = 1;
    for (size_t i = 0; i < 8; i++) bytes[i] = (char)(number >> (56 - 8 * i));
    return str_view(bytes, 8);
}

/* ---- parts of a span ---- */

static void read_text(struct reader *reader, struct str *to)
{
    struct str text;
    if (pull_text(&reader->json, &text)) *to = text;
}

static void read_endpoint(struct reader *reader, struct str *service, struct str *ip, uint64_t *port)
{
    struct str key;
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "serviceName"))
            read_text(reader, service);
        else if (str_is(key, "ipv4") || str_is(key, "ipv6"))
            read_text(reader, ip);
        else if (str_is(key, "port"))
            pull_u64(&reader->json, port);
        else
            pull_skip(&reader->json);
    }
}

/* A value that is no text, which Zipkin does not have, is left out. */
static void read_tags(struct reader *reader, struct otlp_attributes *tags)
{
    struct str key;
    void *items = NULL;
    *tags = (struct otlp_attributes){0}; /* of several the last count */
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        bool fits =
            tags->count < OTLP_ATTRIBUTES_MAX - 4; /* what else the span says becomes attributes, too */
        struct otlp_attribute *item =
            fits ? json_list_add(reader->arena, &items, tags->count, sizeof *item) : NULL;
        struct str value = STR("");
        bool is_text = pull_text(&reader->json, &value);
        if (item && is_text) {
            *item = (struct otlp_attribute){key, {.type = OTLP_STRING, .text = value}};
            tags->count++;
        } else {
            tags->dropped++;
        }
        tags->items = items;
    }
}

static void read_annotation(struct reader *reader, struct otlp_event *event)
{
    struct str key;
    uint64_t us = 0;
    *event = (struct otlp_event){.name = STR("")};
    if (!pull_object(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_member(&reader->json, &key)) {
        if (str_is(key, "timestamp")) {
            if (!pull_u64(&reader->json, &us)) us = 0;
        } else if (str_is(key, "value")) {
            read_text(reader, &event->name);
        } else {
            pull_skip(&reader->json);
        }
    }
    event->time_unix_ns = us <= US_MAX ? us * 1000 : UINT64_MAX;
}

static void read_annotations(struct reader *reader, struct zipkin_span *span)
{
    void *events = NULL;
    span->event_count = span->left_out_events = 0;
    if (!pull_array(&reader->json)) {
        pull_skip(&reader->json);
        return;
    }
    while (pull_element(&reader->json)) {
        bool fits = span->event_count < OTLP_EVENTS_MAX;
        struct otlp_event *event =
            fits ? json_list_add(reader->arena, &events, span->event_count, sizeof *event) : NULL;
        if (event)
            read_annotation(reader, event);
        else
            pull_skip(&reader->json);
        span->event_count += event != NULL;
        span->left_out_events += event == NULL;
        span->events = events;
    }
}

static void read_member(struct reader *reader, struct str key, struct zipkin_span *span)
{
    struct str ip;
    uint64_t port;
    if (str_is(key, "traceId"))
        read_id(reader, 16, &span->trace_id);
    else if (str_is(key, "id"))
        read_id(reader, 8, &span->id);
    else if (str_is(key, "parentId"))
        read_id(reader, 8, &span->parent_id);
    else if (str_is(key, "name"))
        read_text(reader, &span->name);
    else if (str_is(key, "kind"))
        read_text(reader, &span->kind);
    else if (str_is(key, "timestamp"))
        pull_u64(&reader->json, &span->timestamp_us);
    else if (str_is(key, "duration"))
        pull_u64(&reader->json, &span->duration_us);
    else if (str_is(key, "shared"))
        pull_bool(&reader->json, &span->shared);
    else if (str_is(key, "localEndpoint"))
        read_endpoint(reader, &span->service, &ip, &port);
    else if (str_is(key, "remoteEndpoint"))
        read_endpoint(reader, &span->remote_service, &span->remote_ip, &span->remote_port);
    else if (str_is(key, "tags"))
        read_tags(reader, &span->tags);
    else if (str_is(key, "annotations"))
        read_annotations(reader, span);
    else
        pull_skip(&reader->json);
}

/* The whole, or only what says whose it is. False: it is no object, or malformed. */
static bool read_span(struct reader *reader, struct zipkin_span *span, bool whole)
{
    struct str key;
    *span = (struct zipkin_span){.trace_id = STR(""),
                                 .id = STR(""),
                                 .parent_id = STR(""),
                                 .name = STR(""),
                                 .kind = STR(""),
                                 .service = STR(""),
                                 .remote_service = STR(""),
                                 .remote_ip = STR("")};
    if (!pull_object(&reader->json)) {
        if (!reader->json.why) reader->json.why = "an element of the list is no span";
        return false;
    }
    while (pull_member(&reader->json, &key)) {
        bool wanted = whole || str_is(key, "localEndpoint") || str_is(key, "shared") ||
                      str_is(key, "traceId") || str_is(key, "id");
        if (wanted)
            read_member(reader, key, span);
        else
            pull_skip(&reader->json);
    }
    return !reader->json.why;
}

/* ---- handing over ---- */

static uint32_t kind_of(struct str kind)
{
    static const struct {
        const char *name;
        uint32_t kind;
    } kinds[] = {{"CLIENT", SPAN_KIND_CLIENT},
                 {"SERVER", SPAN_KIND_SERVER},
                 {"PRODUCER", SPAN_KIND_PRODUCER},
                 {"CONSUMER", SPAN_KIND_CONSUMER}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_is(kind, kinds[i].name)) return kinds[i].kind;
    return SPAN_KIND_INTERNAL;
}

static const struct otlp_attribute *find_tag(const struct otlp_attributes *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (str_is(tags->items[i].key, key)) return &tags->items[i];
    return NULL;
}

/* What stands outside of the tags and has a name as an attribute. */
static void add_endpoint(struct reader *reader, const struct zipkin_span *from, struct otlp_attributes *tags)
{
    bool is_call = str_is(from->kind, "CLIENT") || str_is(from->kind, "PRODUCER");
    struct str address = from->remote_service.len ? from->remote_service : from->remote_ip;
    if (!is_call || address.len == 0 || find_tag(tags, "server.address")) return;
    struct otlp_attribute *items = arena_array(reader->arena, tags->count + 2, sizeof *items);
    if (!items) return;
    if (tags->count) memcpy(items, tags->items, tags->count * sizeof *items);
    items[tags->count++] =
        (struct otlp_attribute){STR("server.address"), {.type = OTLP_STRING, .text = address}};
    if (from->remote_port && from->remote_port < 65536 && from->remote_service.len == 0)
        items[tags->count++] = (struct otlp_attribute){
            STR("server.port"), {.type = OTLP_INT, .integer = (int64_t)from->remote_port}};
    tags->items = items;
}

static void set_times(const struct zipkin_span *from, struct otlp_span *to)
{
    bool fits = from->timestamp_us <= US_MAX && from->duration_us <= US_MAX - from->timestamp_us;
    to->start_unix_ns = fits ? from->timestamp_us * 1000 : UINT64_MAX;
    to->end_unix_ns = fits ? (from->timestamp_us + from->duration_us) * 1000 : UINT64_MAX;
}

static void set_family(struct reader *reader, const struct zipkin_span *from, struct otlp_span *to)
{
    to->span_id = from->id;
    to->parent_span_id = from->parent_id;
    if (from->shared && to->kind == SPAN_KIND_SERVER) {
        to->parent_span_id = from->id;
        to->span_id = own_id(reader, from->id);
    } else if (is_shared(reader, shared_hash(from->trace_id, from->parent_id, from->service))) {
        to->parent_span_id = own_id(reader, from->parent_id);
    }
}

static void hand_over(struct reader *reader, const struct zipkin_span *from)
{
    struct otlp_span span = {.trace_id = from->trace_id,
                             .trace_state = STR(""),
                             .name = from->name,
                             .kind = kind_of(from->kind),
                             .flags = OTLP_FLAG_REMOTE_KNOWN,
                             .status_message = STR(""),
                             .attributes = from->tags,
                             .event_count = from->event_count,
                             .events = from->events,
                             .dropped_events = (uint32_t)from->left_out_events};
    const struct otlp_attribute *error = find_tag(&from->tags, "error");
    if (span.kind == SPAN_KIND_SERVER || span.kind == SPAN_KIND_CONSUMER)
        span.flags = 0; /* whether its parent is elsewhere is not told: the kind says it */
    if (error) {
        span.status = SPAN_STATUS_ERROR;
        span.status_message = error->value.text;
    }
    set_times(from, &span);
    set_family(reader, from, &span);
    add_endpoint(reader, from, &span.attributes);
    reader->stopped = !reader->visitor->span(reader->visitor->context, &span);
}

/* ---- the list ---- */

static bool begin_list(struct reader *reader, const void *data, size_t bytes)
{
    pull_init(&reader->json, data, bytes, reader->arena);
    if (pull_array(&reader->json)) return true;
    if (!reader->json.why) reader->json.why = "the body is no JSON list";
    return false;
}

static void note_service(struct reader *reader, struct str service)
{
    for (size_t i = 0; i < reader->service_count; i++)
        if (str_equal(reader->services[i], service)) return;
    if (reader->service_count < ZIPKIN_SERVICES_MAX)
        reader->services[reader->service_count++] = arena_str(&reader->lists, service);
}

static void note_shared(struct reader *reader, const struct zipkin_span *span)
{
    void *list = reader->shared;
    if (!span->shared) return;
    uint64_t *hash = json_list_add(&reader->lists, &list, reader->shared_count, sizeof *hash);
    if (!hash) return;
    *hash = shared_hash(span->trace_id, span->id, span->service);
    reader->shared = list;
    reader->shared_count++;
}

/* Whose spans there are; the whole list has been read as JSON then. */
static bool look_through(struct reader *reader, const void *data, size_t bytes)
{
    struct zipkin_span span;
    if (!begin_list(reader, data, bytes)) return false;
    while (pull_element(&reader->json)) {
        arena_reset(reader->arena);
        if (!read_span(reader, &span, false)) return false;
        note_service(reader, span.service);
        note_shared(reader, &span);
    }
    if (reader->shared_count)
        qsort(reader->shared, reader->shared_count, sizeof *reader->shared, compare_hashes);
    return pull_end(&reader->json);
}

static void begin_service(struct reader *reader, struct str service)
{
    const struct otlp_attribute name = {STR("service.name"), {.type = OTLP_STRING, .text = service}};
    const struct otlp_attributes resource = {service.len ? 1 : 0, &name, 0};
    const struct otlp_scope scope = {.name = STR(""), .version = STR("")};
    reader->stopped = !reader->visitor->resource(reader->visitor->context, &resource) ||
                      !reader->visitor->scope(reader->visitor->context, &scope);
}

/* Of services beyond the last that there is room for, spans go with that one's pass, and are handed over without an id, so
 * that they are counted as not taken. */
static bool is_too_many(const struct reader *reader, size_t pass, struct str service)
{
    if (pass + 1 < ZIPKIN_SERVICES_MAX) return false;
    for (size_t i = 0; i < reader->service_count; i++)
        if (str_equal(reader->services[i], service)) return false;
    return true;
}

static void hand_over_service(struct reader *reader, size_t pass, const void *data, size_t bytes)
{
    struct zipkin_span span;
    begin_service(reader, reader->services[pass]);
    if (!begin_list(reader, data, bytes)) return;
    while (!reader->stopped && pull_element(&reader->json)) {
        struct json_pull mark = pull_mark(&reader->json);
        arena_reset(reader->arena);
        if (!read_span(reader, &span, false)) return;
        bool too_many = is_too_many(reader, pass, span.service);
        if (!too_many && !str_equal(span.service, reader->services[pass])) continue;
        reader->json = mark;
        if (!read_span(reader, &span, true)) return;
        if (too_many) span.id = str_view("", 0);
        hand_over(reader, &span);
    }
}

bool zipkin_json_read(const void *data, size_t bytes, struct arena *arena, const struct otlp_visitor *visitor,
                      const char **why)
{
    struct reader reader = {.arena = arena, .visitor = visitor};
    arena_init(&reader.lists, LISTS_BYTES_MAX);
    bool read = look_through(&reader, data, bytes);
    for (size_t i = 0; read && i < reader.service_count && !reader.stopped; i++)
        hand_over_service(&reader, i, data, bytes);
    if (reader.json.why) *why = reader.json.why;
    arena_fini(&reader.lists);
    return read && !reader.json.why && !reader.stopped;
}
