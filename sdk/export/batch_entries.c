/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/batch_entries.h"

#include "model/span.h"
#include "sdk/export/batch_room.h"

/* ---- reading entries ---- */

struct entries { /* behind each other; the present one is `at` */
    const unsigned char *at, *end;
};

static const struct record_entry *entry_of(const struct entries *entries)
{
    return entries->at < entries->end ? (const void *)entries->at : NULL;
}

static const struct record_entry *next_entry(struct entries *entries)
{
    entries->at += entry_of(entries)->bytes;
    return entry_of(entries);
}

static int64_t entry_value(const struct record_entry *from)
{
    int64_t value;
    memcpy(&value, from + 1, sizeof value);
    return value;
}

static struct str entry_text(const struct record_entry *from)
{
    if (from->type & RECORD_TEXT_BORROWED) return str_of((const char *)(intptr_t)entry_value(from));
    return str_view((const char *)(from + 1), from->text_bytes);
}

/* The attributes within an event or a link, behind `head` bytes of its body. */
static struct entries attributes_within(const struct record_entry *from, uint32_t head)
{
    const unsigned char *body = (const unsigned char *)(from + 1);
    return (struct entries){body + head, (const unsigned char *)from + from->bytes};
}

static uint32_t link_head(const struct record_entry *from)
{
    const struct record_span_link *link = (const void *)(from + 1);
    return (uint32_t)sizeof *link + record_round(link->state_bytes);
}

/* ---- are they whole? ---- */

static bool attribute_is_whole(const struct record_entry *entry, uint32_t body_bytes)
{
    if (entry->type == ATTRIBUTE_STRING) return entry->text_bytes <= body_bytes;
    return body_bytes == sizeof(int64_t);
}

static bool header_is_whole(const struct entries *entries)
{
    const struct record_entry *entry = (const void *)entries->at;
    size_t room = (size_t)(entries->end - entries->at);
    return room >= sizeof *entry && entry->bytes >= sizeof *entry && entry->bytes <= room &&
           entry->bytes % 8 == 0;
}

static bool attributes_are_whole(struct entries entries, uint32_t count)
{
    if (entries.at > entries.end) return false;
    for (; entries.at < entries.end; count--) {
        const struct record_entry *entry = (const void *)entries.at;
        if (!header_is_whole(&entries) || entry->tag != RECORD_ATTRIBUTE || count == 0 ||
            !attribute_is_whole(entry, entry->bytes - (uint32_t)sizeof *entry))
            return false;
        entries.at += entry->bytes;
    }
    return count == 0;
}

static bool link_is_whole(const struct record_entry *entry, uint32_t body_bytes)
{
    const struct record_span_link *link = (const void *)(entry + 1);
    return body_bytes >= sizeof *link && link->state_bytes <= body_bytes - sizeof *link &&
           attributes_are_whole(attributes_within(entry, link_head(entry)), entry->type);
}

static bool entry_is_whole(const struct record_entry *entry)
{
    uint32_t body_bytes = entry->bytes - (uint32_t)sizeof *entry;
    switch (entry->tag) {
    case RECORD_ATTRIBUTE:
        return attribute_is_whole(entry, body_bytes);
    case RECORD_EVENT:
        return body_bytes >= sizeof(struct record_event) &&
               attributes_are_whole(attributes_within(entry, sizeof(struct record_event)), entry->type);
    case RECORD_SPAN_LINK:
        return link_is_whole(entry, body_bytes);
    case RECORD_MESSAGE:
        return entry->text_bytes <= body_bytes;
    case RECORD_DROPPED:
        return body_bytes == sizeof(struct record_dropped);
    default:
        return true;
    }
}

bool batch_entries_are_whole(const unsigned char *at, const struct record *record)
{
    struct entries entries = {at, at + record->entry_bytes};
    uint32_t attributes = 0;
    while (entries.at < entries.end) {
        const struct record_entry *entry = (const void *)entries.at;
        if (!header_is_whole(&entries) || !entry_is_whole(entry)) return false;
        attributes += entry->tag == RECORD_ATTRIBUTE;
        entries.at += entry->bytes;
    }
    return attributes == record->attribute_count;
}

/* ---- attributes, of whatever they are ---- */

struct attribute_list { /* the batch's columns of spans', events' or links' attributes */
    uint32_t *total, **key, **type;
    int64_t **value;
    bool (*room)(struct builder *builder, uint32_t count, uint32_t more);
};

/* A key set again replaces its former value. */
static uint32_t attribute_place(const struct attribute_list *list, uint32_t first, uint32_t key)
{
    for (uint32_t i = first; i < *list->total; i++)
        if ((*list->key)[i] == key) return i;
    return *list->total;
}

static bool attribute_add(struct builder *builder, const struct attribute_list *list,
                          const struct record_entry *from, uint32_t first)
{
    uint32_t key, text, type = from->type & ~(uint32_t)RECORD_TEXT_BORROWED;
    int64_t value;
    if (!list->room(builder, *list->total, 1) || !builder_string(builder, str_of(from->key), &key))
        return false;
    if (type == ATTRIBUTE_STRING) {
        if (!builder_string(builder, entry_text(from), &text)) return false;
        value = text;
    } else {
        value = entry_value(from);
    }
    uint32_t at = attribute_place(list, first, key);
    (*list->key)[at] = key;
    (*list->type)[at] = type;
    (*list->value)[at] = value;
    *list->total += at == *list->total;
    return true;
}

/* All of an event or a link; *count is how many there are. */
static bool attributes_add(struct builder *builder, const struct attribute_list *list, struct entries entries,
                           uint32_t *count)
{
    uint32_t first = *list->total;
    for (const struct record_entry *from = entry_of(&entries); from; from = next_entry(&entries))
        if (!attribute_add(builder, list, from, first)) return false;
    *count = *list->total - first;
    return true;
}

/* ---- one entry ---- */

struct adding {
    struct builder *builder;
    const struct record *record;
    const struct span_timeline *timeline;
    uint32_t first_attribute;
};

static bool add_attribute(const struct adding *adding, const struct record_entry *from)
{
    struct batch *batch = &adding->builder->batch;
    const struct attribute_list list = {&batch->attribute_total, &batch->attribute_key,
                                        &batch->attribute_type, &batch->attribute_value, room_for_attributes};
    return attribute_add(adding->builder, &list, from, adding->first_attribute);
}

static bool add_event(const struct adding *adding, const struct record_entry *from)
{
    struct batch *batch = &adding->builder->batch;
    const struct attribute_list list = {&batch->event_attribute_total, &batch->event_attribute_key,
                                        &batch->event_attribute_type, &batch->event_attribute_value,
                                        room_for_event_attributes};
    const struct record_event *event = (const void *)(from + 1);
    uint32_t at = batch->event_total, name;
    if (!room_for_events(adding->builder, at, 1) ||
        !builder_string(adding->builder, str_of(from->key), &name) ||
        !attributes_add(adding->builder, &list, attributes_within(from, sizeof *event),
                        &batch->event_attribute_count[at]))
        return false;
    batch->event_time_delta_ns[at] = span_timeline_unix_ns(adding->timeline, event->ticks) -
                                     span_timeline_unix_ns(adding->timeline, adding->record->start_ticks);
    batch->event_name[at] = name;
    batch->event_dropped_attributes[at] = from->text_bytes;
    batch->event_total++;
    batch->event_count[batch->span_count]++;
    return true;
}

static uint64_t big_endian(const unsigned char from[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | from[i];
    return value;
}

static bool add_span_link(const struct adding *adding, const struct record_entry *from)
{
    struct batch *batch = &adding->builder->batch;
    const struct attribute_list list = {&batch->span_link_attribute_total, &batch->span_link_attribute_key,
                                        &batch->span_link_attribute_type, &batch->span_link_attribute_value,
                                        room_for_span_link_attributes};
    const struct record_span_link *link = (const void *)(from + 1);
    uint32_t at = batch->span_link_total, state;
    if (!room_for_span_links(adding->builder, at, 1) ||
        !builder_string(adding->builder, str_view((const char *)(link + 1), link->state_bytes), &state) ||
        !attributes_add(adding->builder, &list, attributes_within(from, link_head(from)),
                        &batch->span_link_attribute_count[at]))
        return false;
    memcpy(batch->span_link_trace_ids + at * (size_t)16, link->trace_id, 16);
    batch->span_link_span_id[at] = big_endian(link->span_id);
    batch->span_link_trace_state[at] = state;
    batch->span_link_flags[at] = link->trace_flags;
    batch->span_link_dropped_attributes[at] = from->text_bytes;
    batch->span_link_total++;
    batch->span_link_count[batch->span_count]++;
    return true;
}

static void add_dropped(const struct adding *adding, const struct record_entry *from)
{
    struct batch *batch = &adding->builder->batch;
    const struct record_dropped *dropped = (const void *)(from + 1);
    batch->dropped_attributes[batch->span_count] = dropped->attributes;
    batch->dropped_events[batch->span_count] = dropped->events;
    batch->dropped_span_links[batch->span_count] = dropped->span_links;
}

static bool add_entry(const struct adding *adding, const struct record_entry *from)
{
    struct batch *batch = &adding->builder->batch;
    switch (from->tag) {
    case RECORD_ATTRIBUTE:
        return add_attribute(adding, from);
    case RECORD_EVENT:
        return add_event(adding, from);
    case RECORD_SPAN_LINK:
        return add_span_link(adding, from);
    case RECORD_MESSAGE: /* OpenTelemetry: only an error has one; an ok may have come after it */
        return adding->record->status != SPAN_STATUS_ERROR ||
               builder_string(adding->builder, entry_text(from), &batch->status_message[batch->span_count]);
    case RECORD_DROPPED:
        add_dropped(adding, from);
        return true;
    default:
        return true;
    }
}

/* ---- all of them ---- */

static void clear_columns(struct batch *batch)
{
    uint32_t span = batch->span_count;
    batch->status_message[span] = 0;
    batch->dropped_attributes[span] = batch->dropped_events[span] = batch->dropped_span_links[span] = 0;
    batch->attribute_count[span] = batch->event_count[span] = batch->span_link_count[span] = 0;
}

static bool add_all(const struct adding *adding, struct entries entries)
{
    for (const struct record_entry *from = entry_of(&entries); from; from = next_entry(&entries))
        if (!add_entry(adding, from)) return false;
    return true;
}

struct totals {
    uint32_t attributes, events, event_attributes, span_links, span_link_attributes;
};

static struct totals totals_of(const struct batch *batch)
{
    return (struct totals){batch->attribute_total, batch->event_total, batch->event_attribute_total,
                           batch->span_link_total, batch->span_link_attribute_total};
}

static void totals_restore(struct batch *batch, const struct totals *totals)
{
    batch->attribute_total = totals->attributes;
    batch->event_total = totals->events;
    batch->event_attribute_total = totals->event_attributes;
    batch->span_link_total = totals->span_links;
    batch->span_link_attribute_total = totals->span_link_attributes;
}

bool batch_entries_add(struct builder *builder, const unsigned char *entries, const struct record *record,
                       const struct span_timeline *timeline)
{
    struct batch *batch = &builder->batch;
    const struct totals before = totals_of(batch);
    const struct adding adding = {builder, record, timeline, batch->attribute_total};
    clear_columns(batch);
    if (!add_all(&adding, (struct entries){entries, entries + record->entry_bytes})) {
        totals_restore(batch, &before);
        return false;
    }
    batch->attribute_count[batch->span_count] = batch->attribute_total - before.attributes;
    return true;
}
