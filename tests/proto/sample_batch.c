/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/proto/sample_batch.h"

#include "base/clock.h"

#include <stdio.h>

/* ---- strings ---- */

struct strings {
    struct batch *batch;
    char *data;
};

static void strings_begin(struct strings *s, struct batch *batch, struct arena *arena, uint32_t count_max,
                          size_t bytes_max)
{
    s->batch = batch;
    s->data = arena_array(arena, bytes_max, 1);
    batch->string_data = str_view(s->data, 0);
    batch->string_bytes = arena_array(arena, count_max, sizeof *batch->string_bytes);
    batch->string_count = 1; /* 0: the empty one */
}

static uint32_t add_bytes(struct strings *s, const char *data, size_t len)
{
    memcpy(s->data + s->batch->string_data.len, data, len);
    s->batch->string_data.len += len;
    s->batch->string_bytes[s->batch->string_count] = (uint32_t)len;
    return s->batch->string_count++;
}

static uint32_t add(struct strings *s, const char *text) { return add_bytes(s, text, strlen(text)); }

/* ---- columns ---- */

static void new_span_columns(struct batch *b, struct arena *arena, uint32_t spans)
{
    b->span_count = spans;
    b->span_trace = arena_array(arena, spans, sizeof *b->span_trace);
    b->span_id = arena_array(arena, spans, sizeof *b->span_id);
    b->parent_span_id = arena_array(arena, spans, sizeof *b->parent_span_id);
    b->span_kind = arena_array(arena, spans, sizeof *b->span_kind);
    b->span_operation = arena_array(arena, spans, sizeof *b->span_operation);
    b->span_site = arena_array(arena, spans, sizeof *b->span_site);
    b->start_delta_ns = arena_array(arena, spans, sizeof *b->start_delta_ns);
    b->duration_ns = arena_array(arena, spans, sizeof *b->duration_ns);
    b->status = arena_array(arena, spans, sizeof *b->status);
    b->flags = arena_array(arena, spans, sizeof *b->flags);
    b->rows_plus_1 = arena_array(arena, spans, sizeof *b->rows_plus_1);
    b->connection = arena_array(arena, spans, sizeof *b->connection);
    b->input_hash = arena_array(arena, spans, sizeof *b->input_hash);
    b->answer_hash = arena_array(arena, spans, sizeof *b->answer_hash);
    b->input_count = arena_array(arena, spans, sizeof *b->input_count);
    b->unread_count = arena_array(arena, spans, sizeof *b->unread_count);
    b->link_count = arena_array(arena, spans, sizeof *b->link_count);
    b->attribute_count = arena_array(arena, spans, sizeof *b->attribute_count);
    b->span_scope = arena_array(arena, spans, sizeof *b->span_scope);
    b->span_sampling = arena_array(arena, spans, sizeof *b->span_sampling);
    b->status_message = arena_array(arena, spans, sizeof *b->status_message);
    b->trace_state = arena_array(arena, spans, sizeof *b->trace_state);
    b->dropped_attributes = arena_array(arena, spans, sizeof *b->dropped_attributes);
    b->dropped_events = arena_array(arena, spans, sizeof *b->dropped_events);
    b->dropped_span_links = arena_array(arena, spans, sizeof *b->dropped_span_links);
    b->event_count = arena_array(arena, spans, sizeof *b->event_count);
    b->span_link_count = arena_array(arena, spans, sizeof *b->span_link_count);
}

static void new_event_columns(struct batch *b, struct arena *arena, uint32_t events, uint32_t attributes)
{
    b->event_total = events;
    b->event_time_delta_ns = arena_array(arena, events, sizeof *b->event_time_delta_ns);
    b->event_name = arena_array(arena, events, sizeof *b->event_name);
    b->event_dropped_attributes = arena_array(arena, events, sizeof *b->event_dropped_attributes);
    b->event_attribute_count = arena_array(arena, events, sizeof *b->event_attribute_count);
    b->event_attribute_total = attributes;
    b->event_attribute_key = arena_array(arena, attributes, sizeof *b->event_attribute_key);
    b->event_attribute_type = arena_array(arena, attributes, sizeof *b->event_attribute_type);
    b->event_attribute_value = arena_array(arena, attributes, sizeof *b->event_attribute_value);
}

static void new_span_link_columns(struct batch *b, struct arena *arena, uint32_t links, uint32_t attributes)
{
    b->span_link_total = links;
    b->span_link_trace_ids = arena_array(arena, links, 16);
    b->span_link_span_id = arena_array(arena, links, sizeof *b->span_link_span_id);
    b->span_link_trace_state = arena_array(arena, links, sizeof *b->span_link_trace_state);
    b->span_link_flags = arena_array(arena, links, sizeof *b->span_link_flags);
    b->span_link_dropped_attributes = arena_array(arena, links, sizeof *b->span_link_dropped_attributes);
    b->span_link_attribute_count = arena_array(arena, links, sizeof *b->span_link_attribute_count);
    b->span_link_attribute_total = attributes;
    b->span_link_attribute_key = arena_array(arena, attributes, sizeof *b->span_link_attribute_key);
    b->span_link_attribute_type = arena_array(arena, attributes, sizeof *b->span_link_attribute_type);
    b->span_link_attribute_value = arena_array(arena, attributes, sizeof *b->span_link_attribute_value);
}

static void new_scopes_and_thresholds(struct batch *b, struct arena *arena, uint32_t scopes,
                                      uint32_t thresholds)
{
    b->scope_count = scopes;
    b->scope_name = arena_array(arena, scopes, sizeof *b->scope_name);
    b->scope_version = arena_array(arena, scopes, sizeof *b->scope_version);
    b->sampling_count = thresholds;
    b->sampling_threshold = arena_array(arena, thresholds, sizeof *b->sampling_threshold);
}

static void new_tables(struct batch *b, struct arena *arena, uint32_t traces, uint32_t operations,
                       uint32_t sites, uint32_t resources)
{
    b->trace_count = traces;
    b->trace_ids = arena_array(arena, traces, 16);
    b->operation_count = operations;
    b->operation_type = arena_array(arena, operations, sizeof *b->operation_type);
    b->operation_system = arena_array(arena, operations, sizeof *b->operation_system);
    b->operation_text = arena_array(arena, operations, sizeof *b->operation_text);
    b->site_count = sites;
    b->site_file = arena_array(arena, sites, sizeof *b->site_file);
    b->site_function = arena_array(arena, sites, sizeof *b->site_function);
    b->site_line = arena_array(arena, sites, sizeof *b->site_line);
    b->resource_count = resources;
    b->resource_key = arena_array(arena, resources, sizeof *b->resource_key);
    b->resource_value = arena_array(arena, resources, sizeof *b->resource_value);
}

static void new_side_tables(struct batch *b, struct arena *arena, uint32_t unread, uint32_t links,
                            uint32_t attributes)
{
    b->unread_total = unread;
    b->unread_span_id = arena_array(arena, unread, sizeof *b->unread_span_id);
    b->link_total = links;
    b->link_span_id = arena_array(arena, links, sizeof *b->link_span_id);
    b->link_kind = arena_array(arena, links, sizeof *b->link_kind);
    b->link_column = arena_array(arena, links, sizeof *b->link_column);
    b->link_row = arena_array(arena, links, sizeof *b->link_row);
    b->attribute_total = attributes;
    b->attribute_key = arena_array(arena, attributes, sizeof *b->attribute_key);
    b->attribute_type = arena_array(arena, attributes, sizeof *b->attribute_type);
    b->attribute_value = arena_array(arena, attributes, sizeof *b->attribute_value);
}

static void set_operation(struct batch *b, uint32_t i, uint32_t type, uint32_t system, uint32_t text)
{
    b->operation_type[i] = type;
    b->operation_system[i] = system;
    b->operation_text[i] = text;
}

static void set_site(struct batch *b, uint32_t i, uint32_t file, uint32_t function, uint32_t line)
{
    b->site_file[i] = file;
    b->site_function[i] = function;
    b->site_line[i] = line;
}

/* ---- the fixed one ---- */

enum fixed_text { /* strings of the fixed batch that its spans use */
                  TEXT_SCOPE = 13,
                  TEXT_VERSION,
                  TEXT_MESSAGE,
                  TEXT_STATE,
                  TEXT_BASE64,
                  TEXT_JSON,
                  TEXT_RETRY,
                  TEXT_EXCEPTION
};

static void fixed_tables(struct batch *b, struct arena *arena)
{
    static const char *const texts[] = {
        "weir-pq", "0.1.0",    "connection refused", "ot=th:c,vendor=1", "AAH+", "[1,\"two\",{\"three\":3}]",
        "retry",   "exception"};
    struct strings s;
    strings_begin(&s, b, arena, 32, 1024);
    new_tables(b, arena, 1, 4, 2, 2);
    for (int i = 0; i < 16; i++) b->trace_ids[i] = (unsigned char)(0x10 + i);
    b->resource_key[0] = add(&s, "service.name");
    b->resource_value[0] = add(&s, "shop");
    b->resource_key[1] = add(&s, "service.version");
    b->resource_value[1] = 0;
    uint32_t postgresql = add(&s, "postgresql");
    set_operation(b, 0, 1, 0, add(&s, "GET /api/products"));
    set_operation(b, 1, 2, postgresql, add(&s, "SELECT id FROM products WHERE shop_id = ?"));
    uint32_t get_stock = add(&s, "GET /stock/{id}"); /* arguments have no order, and the vectors do */
    set_operation(b, 2, 3, add(&s, "inventory:8081"), get_stock);
    set_operation(b, 3, 2, postgresql, add(&s, "SELECT * FROM reviews WHERE product_id = ?"));
    uint32_t file = add(&s, "shop.c");
    set_site(b, 0, file, add(&s, "list_products"), 42);
    set_site(b, 1, file, add(&s, "größe"), 57); /* beyond ASCII */
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) add(&s, texts[i]);
    new_scopes_and_thresholds(b, arena, 2, 1);
    b->scope_name[0] = TEXT_SCOPE;
    b->scope_version[0] = TEXT_VERSION;
    b->scope_name[1] = b->resource_value[0];
    b->sampling_threshold[0] = 0xc0000000000000; /* one in four */
}

static void fixed_attributes(struct batch *b)
{
    double pi = 3.25;
    int64_t bits;
    memcpy(&bits, &pi, sizeof bits);
    const uint32_t types[6] = {ATTRIBUTE_STRING, ATTRIBUTE_BOOL,  ATTRIBUTE_INT,
                               ATTRIBUTE_DOUBLE, ATTRIBUTE_BYTES, ATTRIBUTE_JSON};
    const int64_t values[6] = {2, 1, -200, bits, TEXT_BASE64, TEXT_JSON};
    b->attribute_count[0] = 3;
    b->attribute_count[2] = 3;
    for (uint32_t i = 0; i < 6; i++) {
        b->attribute_key[i] = i + 1;
        b->attribute_type[i] = types[i];
        b->attribute_value[i] = values[i];
    }
}

static void fixed_events(struct batch *b, struct arena *arena)
{
    static const int64_t deltas[3] = {500, 20 * NS_PER_MS, -1};
    static const uint32_t names[3] = {TEXT_RETRY, TEXT_RETRY, TEXT_EXCEPTION};
    new_event_columns(b, arena, 3, 3);
    b->event_count[1] = 1;
    b->event_count[2] = 2;
    for (uint32_t i = 0; i < 3; i++) {
        b->event_time_delta_ns[i] = deltas[i];
        b->event_name[i] = names[i];
        b->event_attribute_key[i] = i + 1;
    }
    b->event_dropped_attributes[0] = 1;
    b->event_attribute_count[1] = 1;
    b->event_attribute_count[2] = 2;
    b->event_attribute_type[0] = ATTRIBUTE_INT;
    b->event_attribute_value[0] = 3;
    b->event_attribute_type[1] = ATTRIBUTE_STRING;
    b->event_attribute_value[1] = TEXT_MESSAGE;
    b->event_attribute_type[2] = ATTRIBUTE_JSON;
    b->event_attribute_value[2] = TEXT_JSON;
}

static void fixed_span_links(struct batch *b, struct arena *arena)
{
    new_span_link_columns(b, arena, 2, 1);
    b->span_link_count[0] = 2; /* the second names no span, and says so */
    memset(b->span_link_trace_ids, 0x20, 16);
    b->span_link_span_id[0] = 0xe000000000000001u;
    b->span_link_trace_state[0] = TEXT_STATE;
    b->span_link_flags[0] = 3;
    b->span_link_dropped_attributes[0] = 4;
    b->span_link_attribute_count[1] = 1;
    b->span_link_attribute_key[0] = 1;
    b->span_link_attribute_type[0] = ATTRIBUTE_BOOL;
    b->span_link_attribute_value[0] = 1;
}

/* What few spans have. */
static void fixed_details(struct batch *b, struct arena *arena)
{
    for (uint32_t i = 0; i < 3; i++) b->span_sampling[i] = 1;
    for (uint32_t i = 0; i < 4; i++) b->span_scope[i] = i % 3;
    b->flags[0] |= 3 << SPAN_FLAGS_TRACE_SHIFT;
    b->status_message[2] = TEXT_MESSAGE;
    b->trace_state[0] = TEXT_STATE;
    b->dropped_attributes[0] = 2;
    b->dropped_events[2] = 130;
    b->dropped_span_links[3] = 1;
    fixed_events(b, arena);
    fixed_span_links(b, arena);
}

void sample_batch_fixed(struct batch *b, struct arena *arena)
{
    static const uint32_t kinds[4] = {2, 3, 3, 3}, sites[4] = {0, 1, 2, 2}, statuses[4] = {0, 1, 2, 0};
    static const int64_t deltas[4] = {0, 1000, 2500000,
                                      -500}; /* the last began before the one in front of it */
    static const uint64_t durations[4] = {100 * NS_PER_MS, 2 * NS_PER_MS, 40 * NS_PER_MS, 0};
    memset(b, 0, sizeof *b);
    b->version = BATCH_VERSION;
    b->producer = 0x1122334455667788u;
    b->sequence = 7;
    b->created = 40;
    b->acknowledged = 30;
    b->dropped[DROP_ring_full] = 5;
    b->dropped[DROP_forked] = 1;
    b->sampled_away[SAMPLED_AWAY_by_caller] = 9;
    b->sampled_away[SAMPLED_AWAY_by_sampler] = 120;
    fixed_tables(b, arena);
    new_span_columns(b, arena, 4);
    new_side_tables(b, arena, 1, 2, 6);
    b->base_time_unix_ns = 1700000000000000000u;
    for (uint32_t i = 0; i < 4; i++) {
        b->span_id[i] = 0xa000000000000000u + i;
        b->parent_span_id[i] = i ? b->span_id[0] : 0xb000000000000000u;
        b->span_kind[i] = kinds[i];
        b->span_operation[i] = i;
        b->span_site[i] = sites[i];
        b->start_delta_ns[i] = deltas[i];
        b->duration_ns[i] = durations[i];
        b->status[i] = statuses[i];
        b->input_count[i] = i ? 1 : 0;
        b->input_hash[i] = i ? 0xc000000000000000u + i : 0;
        b->answer_hash[i] = i ? 0xd000000000000000u + i : 0;
    }
    b->flags[0] = SPAN_FLAG_REMOTE_PARENT;
    b->rows_plus_1[1] = 51;
    b->rows_plus_1[3] = 1;
    b->connection[1] = b->connection[3] = 1;
    b->unread_count[2] = 1;
    b->unread_span_id[0] = b->span_id[1];
    b->link_count[3] = 2;
    for (uint32_t i = 0; i < 2; i++) {
        b->link_span_id[i] = b->span_id[1];
        b->link_kind[i] = i + 1;
        b->link_row[i] = i * 50;
    }
    fixed_attributes(b);
    fixed_details(b, arena);
}

/* ---- random ones ---- */

static uint32_t below(struct id_generator *random, uint32_t limit)
{
    return (uint32_t)(id_next(random) % limit);
}

/* Of all sizes alike, so that every length of a varint occurs. */
static uint64_t any_size(struct id_generator *random) { return id_next(random) >> below(random, 64); }

static void random_strings(struct batch *b, struct arena *arena, struct id_generator *random)
{
    struct strings s;
    uint32_t count = below(random, 40);
    strings_begin(&s, b, arena, count + 1, (size_t)count * 16 + 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        size_t len = below(random, sizeof text + 1);
        for (size_t c = 0; c < len; c++)
            text[c] = (char)(1 + below(random, 127)); /* NUL would not come back */
        add_bytes(&s, text, len);
    }
}

static void random_tables(struct batch *b, struct arena *arena, struct id_generator *random)
{
    random_strings(b, arena, random);
    uint32_t strings = b->string_count;
    new_tables(b, arena, 1 + below(random, 5), 1 + below(random, 9), below(random, 9), below(random, 5));
    new_scopes_and_thresholds(b, arena, below(random, 4), below(random, 4));
    for (uint32_t i = 0; i < b->scope_count; i++) {
        b->scope_name[i] = below(random, strings);
        b->scope_version[i] = below(random, strings);
    }
    for (uint32_t i = 0; i < b->sampling_count; i++) b->sampling_threshold[i] = any_size(random) >> 8;
    for (uint32_t i = 0; i < b->trace_count * 2; i++) {
        uint64_t id = id_next(random);
        memcpy(b->trace_ids + (size_t)i * 8, &id, 8);
    }
    for (uint32_t i = 0; i < b->operation_count; i++)
        set_operation(b, i, below(random, BATCH_OPERATION_TYPES), below(random, strings),
                      below(random, strings));
    for (uint32_t i = 0; i < b->site_count; i++)
        set_site(b, i, below(random, strings), below(random, strings), (uint32_t)any_size(random));
    for (uint32_t i = 0; i < b->resource_count; i++) {
        b->resource_key[i] = below(random, strings);
        b->resource_value[i] = below(random, strings);
    }
}

static void random_span(struct batch *b, struct id_generator *random, uint32_t i)
{
    b->span_trace[i] = below(random, b->trace_count);
    b->span_id[i] = id_next(random);
    b->parent_span_id[i] = below(random, 3) ? id_next(random) : 0;
    b->span_kind[i] = below(random, BATCH_KINDS);
    b->span_operation[i] = below(random, b->operation_count);
    b->span_site[i] = below(random, b->site_count + 1);
    b->start_delta_ns[i] = (int64_t)(any_size(random) >> 12) - (int64_t)(any_size(random) >> 40);
    b->duration_ns[i] = any_size(random) >> 2;
    b->status[i] = below(random, BATCH_STATUSES);
    b->flags[i] = (uint32_t)any_size(random);
    b->rows_plus_1[i] = any_size(random);
    b->connection[i] = (uint32_t)any_size(random);
    b->input_hash[i] = any_size(random);
    b->answer_hash[i] = any_size(random);
    b->input_count[i] = (uint32_t)any_size(random);
    b->span_scope[i] = below(random, b->scope_count + 1);
    b->span_sampling[i] = below(random, b->sampling_count + 1);
    b->status_message[i] = below(random, 8) ? 0 : below(random, b->string_count);
    b->trace_state[i] = below(random, 8) ? 0 : below(random, b->string_count);
    b->dropped_attributes[i] = below(random, 8) ? 0 : (uint32_t)any_size(random);
    b->dropped_events[i] = below(random, 8) ? 0 : (uint32_t)any_size(random);
    b->dropped_span_links[i] = below(random, 8) ? 0 : (uint32_t)any_size(random);
}

static void random_attributes(const struct batch *b, struct id_generator *random, uint32_t count,
                              uint32_t *keys, uint32_t *types, int64_t *values)
{
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = below(random, b->string_count);
        types[i] = 1 + below(random, ATTRIBUTE_JSON);
        values[i] = attribute_is_text(types[i]) ? below(random, b->string_count) : (int64_t)any_size(random);
    }
}

static void random_side_tables(struct batch *b, struct arena *arena, struct id_generator *random)
{
    uint32_t unread = 0, links = 0, attributes = 0;
    for (uint32_t i = 0; i < b->span_count; i++) {
        unread += b->unread_count[i] = below(random, 4) ? 0 : below(random, BATCH_UNREAD_MAX + 1);
        links += b->link_count[i] = below(random, 4) ? 0 : below(random, BATCH_LINKS_MAX + 1);
        attributes += b->attribute_count[i] = below(random, 4) ? 0 : below(random, BATCH_ATTRIBUTES_MAX + 1);
    }
    new_side_tables(b, arena, unread, links, attributes);
    for (uint32_t i = 0; i < unread; i++) b->unread_span_id[i] = id_next(random);
    for (uint32_t i = 0; i < links; i++) {
        b->link_span_id[i] = id_next(random);
        b->link_kind[i] = (uint32_t)any_size(random);
        b->link_column[i] = (uint32_t)any_size(random);
        b->link_row[i] = (uint32_t)any_size(random);
    }
    random_attributes(b, random, attributes, b->attribute_key, b->attribute_type, b->attribute_value);
}

static uint32_t random_count(struct id_generator *random, uint32_t most)
{
    return below(random, 4) ? 0 : below(random, most + 1);
}

static void random_events(struct batch *b, struct arena *arena, struct id_generator *random)
{
    uint32_t events = 0, attributes = 0;
    for (uint32_t i = 0; i < b->span_count; i++) events += b->event_count[i] = random_count(random, 5);
    uint32_t *counts = arena_array(arena, events, sizeof *counts);
    for (uint32_t i = 0; i < events; i++) attributes += counts[i] = random_count(random, 3);
    new_event_columns(b, arena, events, attributes);
    b->event_attribute_count = counts;
    for (uint32_t i = 0; i < events; i++) {
        b->event_time_delta_ns[i] = (int64_t)(any_size(random) >> 12) - (int64_t)(any_size(random) >> 40);
        b->event_name[i] = below(random, b->string_count);
        b->event_dropped_attributes[i] = random_count(random, 1000);
    }
    random_attributes(b, random, attributes, b->event_attribute_key, b->event_attribute_type,
                      b->event_attribute_value);
}

static void random_span_links(struct batch *b, struct arena *arena, struct id_generator *random)
{
    uint32_t links = 0, attributes = 0;
    for (uint32_t i = 0; i < b->span_count; i++) links += b->span_link_count[i] = random_count(random, 3);
    uint32_t *counts = arena_array(arena, links, sizeof *counts);
    for (uint32_t i = 0; i < links; i++) attributes += counts[i] = random_count(random, 3);
    new_span_link_columns(b, arena, links, attributes);
    b->span_link_attribute_count = counts;
    for (uint32_t i = 0; i < links * 16; i++) b->span_link_trace_ids[i] = (unsigned char)any_size(random);
    for (uint32_t i = 0; i < links; i++) {
        b->span_link_span_id[i] = any_size(random);
        b->span_link_trace_state[i] = below(random, b->string_count);
        b->span_link_flags[i] = below(random, 256);
        b->span_link_dropped_attributes[i] = random_count(random, 1000);
    }
    random_attributes(b, random, attributes, b->span_link_attribute_key, b->span_link_attribute_type,
                      b->span_link_attribute_value);
}

void sample_batch_random(struct batch *b, struct arena *arena, struct id_generator *random,
                         uint32_t max_spans)
{
    memset(b, 0, sizeof *b);
    b->version = BATCH_VERSION;
    b->producer = id_next(random);
    b->sequence = 1 + (any_size(random) >> 1);
    b->created = any_size(random);
    b->acknowledged = any_size(random);
    for (size_t i = 0; i < DROP_REASON_COUNT; i++) b->dropped[i] = any_size(random);
    for (size_t i = 0; i < SAMPLED_AWAY_COUNT; i++) b->sampled_away[i] = any_size(random);
    b->base_time_unix_ns = (uint64_t)1 << 61;
    random_tables(b, arena, random);
    new_span_columns(b, arena, below(random, max_spans + 1));
    for (uint32_t i = 0; i < b->span_count; i++) random_span(b, random, i);
    random_side_tables(b, arena, random);
    random_events(b, arena, random);
    random_span_links(b, arena, random);
}

/* ---- realistic ones ---- */

static void realistic_tables(struct batch *b, struct arena *arena, struct id_generator *random)
{
    static const char *const queries[] = {
        "SELECT id, name, joined_on FROM merchants WHERE id = ?",
        "SELECT id, placed_on, total_cents FROM orders WHERE merchant_id = ?",
        "SELECT id, name, price_cents FROM products WHERE merchant_id = ? ORDER BY id",
        "SELECT rating, comment FROM reviews WHERE product_id = ?",
        "SELECT quantity, price_cents FROM order_items WHERE product_id = ?",
        "SELECT id, name FROM customers WHERE merchant_id = ?",
        "SELECT id, total_cents FROM orders WHERE customer_id = ?"};
    enum { QUERIES = sizeof queries / sizeof *queries };
    struct strings s;
    strings_begin(&s, b, arena, 32, 2048);
    new_tables(b, arena, 1, QUERIES + 1, QUERIES, 3);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t id = id_next(random);
        memcpy(b->trace_ids + (size_t)i * 8, &id, 8);
    }
    const char *const resource[3][2] = {
        {"service.name", "dashboard"}, {"service.version", "before"}, {"service.instance.id", "7f3a91c2"}};
    for (uint32_t i = 0; i < 3; i++) {
        b->resource_key[i] = add(&s, resource[i][0]);
        b->resource_value[i] = add(&s, resource[i][1]);
    }
    uint32_t system = add(&s, "postgresql");
    uint32_t file = add(&s, "before.c"), function = add(&s, "dashboard_before");
    set_operation(b, QUERIES, 1, 0, add(&s, "GET /api/dashboard/{merchant_id}"));
    for (uint32_t i = 0; i < QUERIES; i++) {
        set_operation(b, i, 2, system, add(&s, queries[i]));
        set_site(b, i, file, function, 20 + i * 15);
    }
}

/* Loops with two candidate rows as link for their first 32 calls, as the SDK sends them. */
static void realistic_links(struct batch *b, struct arena *arena)
{
    uint32_t linked = b->span_count < 96 ? b->span_count : 96;
    new_side_tables(b, arena, b->span_count / 8, linked, 0);
    for (uint32_t i = 0; i < linked; i++) {
        b->link_count[i] = 1;
        b->link_span_id[i] = b->span_id[0];
        b->link_kind[i] = 1;
        b->link_row[i] = i % 32;
    }
    for (uint32_t i = 0; i < b->unread_total; i++) {
        b->unread_count[i * 8] = 1;
        b->unread_span_id[i] = b->span_id[i];
    }
}

void sample_batch_realistic(struct batch *b, struct arena *arena, struct id_generator *random, uint32_t spans)
{
    memset(b, 0, sizeof *b);
    b->version = BATCH_VERSION;
    b->producer = id_next(random);
    b->sequence = 4711;
    b->created = 1000000;
    b->acknowledged = 999000;
    b->base_time_unix_ns = 1700000000000000000u;
    realistic_tables(b, arena, random);
    new_span_columns(b, arena, spans);
    uint64_t root = id_next(random);
    for (uint32_t i = 0; i < spans; i++) {
        uint32_t query = i % 400 < 4 ? i % 4 : i < spans / 4 ? 3 + i % 2 : 6;
        b->span_id[i] = id_next(random);
        b->parent_span_id[i] = root;
        b->span_kind[i] = 3;
        b->span_operation[i] = query;
        b->span_site[i] = query + 1;
        b->start_delta_ns[i] = (int64_t)(300000 + below(random, 200000));
        b->duration_ns[i] = 150000 + below(random, 100000);
        b->rows_plus_1[i] = 1 + below(random, 40);
        b->connection[i] = 1;
        b->input_hash[i] = id_next(random);
        b->answer_hash[i] = id_next(random);
        b->input_count[i] = 1;
    }
    realistic_links(b, arena);
}
