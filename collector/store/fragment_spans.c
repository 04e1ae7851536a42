/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/fragment_spans.h"

/* ---- attributes, of whatever they are ---- */

struct attribute_columns {
    const uint32_t *key, *type;
    const int64_t *value;
};

static void fill_attribute(struct attribute *attribute, const struct batch *batch,
                           const struct attribute_columns *columns, uint32_t at)
{
    int64_t value = columns->value[at];
    attribute->key = batch_string(batch, columns->key[at]);
    attribute->type = (int)columns->type[at];
    if (attribute_is_text(columns->type[at])) {
        attribute->text = batch_string(batch, (uint32_t)value);
    } else if (attribute->type == ATTRIBUTE_DOUBLE) {
        memcpy(&attribute->real, &value, sizeof value);
    } else {
        attribute->integer = value;
    }
}

/* `count` of them from *at on, which moves behind them. NULL: none, or out of arena. */
static const struct attribute *read_attributes(struct fragment_spans *reading,
                                               const struct attribute_columns *columns, uint32_t count,
                                               uint32_t *at)
{
    if (count == 0) return NULL;
    struct attribute *attributes = arena_array(reading->arena, count, sizeof *attributes);
    for (uint32_t i = 0; attributes && i < count; i++)
        fill_attribute(&attributes[i], reading->batch, columns, *at + i);
    *at += count;
    return attributes;
}

/* ---- the lists of a span ---- */

static void read_unread(struct fragment_spans *reading, struct span *span)
{
    const struct batch *batch = reading->batch;
    span->unread_count = batch_u32(batch->unread_count, reading->next);
    if (span->unread_count) span->unread = batch->unread_span_id + reading->at.unread;
    reading->at.unread += span->unread_count;
}

static void read_links(struct fragment_spans *reading, struct span *span)
{
    const struct batch *batch = reading->batch;
    uint32_t count = batch_u32(batch->link_count, reading->next);
    if (count == 0) return;
    struct link *links = arena_array(reading->arena, count, sizeof *links);
    for (uint32_t i = 0, at = reading->at.link; links && i < count; i++, at++) {
        links[i].span_id = batch->link_span_id[at];
        links[i].kind = (enum link_kind)batch->link_kind[at];
        links[i].column = batch->link_column[at];
        links[i].row = batch->link_row[at];
    }
    span->links = links;
    span->link_count = count;
    reading->at.link += count;
}

/* They mostly come in order; sorting keeps those of one moment as they were sent. */
static void order_events(struct span_event *events, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct span_event event = events[i];
        uint32_t to = i;
        for (; to > 0 && events[to - 1].time_ns > event.time_ns; to--) events[to] = events[to - 1];
        events[to] = event;
    }
}

static bool read_event(struct fragment_spans *reading, int64_t start_ns, uint32_t at,
                       struct span_event *event)
{
    const struct batch *batch = reading->batch;
    const struct attribute_columns columns = {batch->event_attribute_key, batch->event_attribute_type,
                                              batch->event_attribute_value};
    event->name = batch_string(batch, batch->event_name[at]);
    event->dropped_attributes = batch_u32(batch->event_dropped_attributes, at);
    event->attribute_count = batch_u32(batch->event_attribute_count, at);
    event->attributes =
        read_attributes(reading, &columns, event->attribute_count, &reading->at.event_attribute);
    return !__builtin_add_overflow(start_ns, batch->event_time_delta_ns[at], &event->time_ns);
}

static bool read_events(struct fragment_spans *reading, struct span *span)
{
    uint32_t count = batch_u32(reading->batch->event_count, reading->next);
    if (count == 0) return true;
    struct span_event *events = arena_array(reading->arena, count, sizeof *events);
    bool fine = events != NULL;
    for (uint32_t i = 0; fine && i < count; i++)
        fine = read_event(reading, span->start_ns, reading->at.event + i, &events[i]);
    if (!fine) return false;
    order_events(events, count);
    span->events = events;
    span->event_count = count;
    reading->at.event += count;
    return true;
}

static void read_span_links(struct fragment_spans *reading, struct span *span)
{
    const struct batch *batch = reading->batch;
    const struct attribute_columns columns = {batch->span_link_attribute_key, batch->span_link_attribute_type,
                                              batch->span_link_attribute_value};
    uint32_t count = batch_u32(batch->span_link_count, reading->next);
    if (count == 0) return;
    struct span_link *links = arena_array(reading->arena, count, sizeof *links);
    for (uint32_t i = 0, at = reading->at.span_link; links && i < count; i++, at++) {
        memcpy(links[i].trace_id, batch->span_link_trace_ids + at * (size_t)16, 16);
        links[i].span_id = batch->span_link_span_id[at];
        links[i].trace_state = batch_string(batch, batch_u32(batch->span_link_trace_state, at));
        links[i].trace_flags = (uint8_t)batch_u32(batch->span_link_flags, at);
        links[i].dropped_attributes = batch_u32(batch->span_link_dropped_attributes, at);
        links[i].attribute_count = batch_u32(batch->span_link_attribute_count, at);
        links[i].attributes =
            read_attributes(reading, &columns, links[i].attribute_count, &reading->at.span_link_attribute);
    }
    span->span_links = links;
    span->span_link_count = count;
    reading->at.span_link += count;
}

/* ---- the span ---- */

static void read_own_attributes(struct fragment_spans *reading, struct span *span)
{
    const struct batch *batch = reading->batch;
    const struct attribute_columns columns = {batch->attribute_key, batch->attribute_type,
                                              batch->attribute_value};
    span->attribute_count = batch_u32(batch->attribute_count, reading->next);
    span->attributes = read_attributes(reading, &columns, span->attribute_count, &reading->at.attribute);
}

static void read_numbers(const struct batch *batch, size_t i, struct span *span)
{
    uint32_t flags = batch_u32(batch->flags, i);
    span->id = batch->span_id[i];
    span->parent_id = batch_u64(batch->parent_span_id, i);
    span->kind = (enum span_kind)batch_u32(batch->span_kind, i);
    span->remote_parent = flags & SPAN_FLAG_REMOTE_PARENT;
    span->partial_evidence = flags & SPAN_FLAG_PARTIAL_EVIDENCE;
    span->trace_flags = (uint8_t)(flags >> SPAN_FLAGS_TRACE_SHIFT);
    span->connection = batch_u32(batch->connection, i);
    span->input_count = batch_u32(batch->input_count, i);
    span->input_hash = batch_u64(batch->input_hash, i);
    span->answer_hash = batch_u64(batch->answer_hash, i);
    span->dropped_attributes = batch_u32(batch->dropped_attributes, i);
    span->dropped_events = batch_u32(batch->dropped_events, i);
    span->dropped_span_links = batch_u32(batch->dropped_span_links, i);
}

static void read_tables(const struct fragment_spans *reading, size_t i, struct span *span)
{
    const struct batch *batch = reading->batch;
    uint32_t scope = batch_u32(batch->span_scope, i), sampling = batch_u32(batch->span_sampling, i);
    if (scope) span->scope = &reading->scopes[scope - 1];
    if (sampling) span->sampling_threshold = batch->sampling_threshold[sampling - 1];
    span->status_message = batch_string(batch, batch_u32(batch->status_message, i));
    span->trace_state = batch_string(batch, batch_u32(batch->trace_state, i));
}

bool fragment_spans_begin(struct fragment_spans *reading, const struct batch *batch, struct arena *arena)
{
    *reading = (struct fragment_spans){.batch = batch, .arena = arena};
    if (batch->scope_count == 0) return true;
    struct scope *scopes = arena_array(arena, batch->scope_count, sizeof *scopes);
    for (uint32_t i = 0; scopes && i < batch->scope_count; i++) {
        scopes[i].name = batch_string(batch, batch->scope_name[i]);
        scopes[i].version = batch_string(batch, batch->scope_version[i]);
    }
    reading->scopes = scopes;
    return scopes != NULL;
}

bool fragment_spans_next(struct fragment_spans *reading, struct span *span)
{
    read_numbers(reading->batch, reading->next, span);
    read_tables(reading, reading->next, span);
    read_unread(reading, span);
    read_links(reading, span);
    read_own_attributes(reading, span);
    read_span_links(reading, span);
    bool fine = read_events(reading, span);
    reading->next++;
    return fine && !arena_exhausted(reading->arena);
}
