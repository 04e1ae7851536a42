/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/span_events.h"

#include "model/span.h"
#include "proto/batch.h"
#include "sdk/core/span.h"
#include "sdk/core/span_clock.h"

#include <weir/context.h>

#include <string.h>

/* ---- room in the slot ---- */

static unsigned char *entries_of(struct thread_state *thread, const struct span_slot *slot)
{
    return thread->entries[thread_slot_index(thread, slot)].bytes;
}

/* An entry being written; it counts only from entry_end on, so that a handler that looks on sees it whole or not. */
struct writing {
    struct thread_state *thread;
    struct span_slot *slot;
    unsigned char *begin; /* the header's place */
    uint32_t bytes, room;
};

static void entry_begin(struct writing *writing, struct thread_state *thread, struct span_slot *slot)
{
    uint32_t used = slot->entry_bytes;
    *writing = (struct writing){.thread = thread,
                                .slot = slot,
                                .begin = entries_of(thread, slot) + used,
                                .bytes = sizeof(struct record_entry),
                                .room = used < SPAN_ATTRIBUTES_BYTES ? SPAN_ATTRIBUTES_BYTES - used : 0};
}

/* The next so many bytes of the body, a multiple of 8; NULL: no room. */
static void *entry_more(struct writing *writing, uint32_t bytes)
{
    if (bytes > writing->room || writing->bytes + bytes > writing->room) return NULL;
    void *at = writing->begin + writing->bytes;
    writing->bytes += bytes;
    return at;
}

static void entry_end(struct writing *writing, struct record_entry header)
{
    header.bytes = (uint16_t)writing->bytes;
    memcpy(writing->begin, &header, sizeof header);
    writing->slot->entry_bytes = (uint16_t)(writing->slot->entry_bytes + writing->bytes);
}

/* ---- what did not fit ---- */

static struct record_dropped *find_dropped(unsigned char *at, const unsigned char *end)
{
    while (at < end) {
        struct record_entry *entry = (void *)at;
        if (entry->tag == RECORD_DROPPED) return (void *)(entry + 1);
        at += entry->bytes;
    }
    return NULL;
}

/* All else ends at SPAN_ATTRIBUTES_BYTES: there is room for this one. */
static struct record_dropped *new_dropped(struct span_slot *slot, unsigned char *at)
{
    struct record_entry *entry = (void *)at;
    struct record_dropped *dropped = (void *)(entry + 1);
    *entry = (struct record_entry){.bytes = (uint16_t)SPAN_DROPPED_BYTES, .tag = RECORD_DROPPED};
    *dropped = (struct record_dropped){0};
    slot->entry_bytes = (uint16_t)(slot->entry_bytes + SPAN_DROPPED_BYTES);
    return dropped;
}

void span_count_dropped(struct thread_state *thread, struct span_slot *slot, enum span_part part)
{
    unsigned char *entries = entries_of(thread, slot), *end = entries + slot->entry_bytes;
    thread_count_up(&thread->attributes_dropped);
    struct record_dropped *dropped = find_dropped(entries, end);
    if (!dropped) dropped = new_dropped(slot, end);
    uint32_t *count = part == SPAN_ATTRIBUTES ? &dropped->attributes
                      : part == SPAN_EVENTS   ? &dropped->events
                                              : &dropped->span_links;
    *count += *count < UINT32_MAX;
}

static uint32_t entries_tagged(struct thread_state *thread, const struct span_slot *slot, uint8_t tag)
{
    uint32_t count = 0;
    const unsigned char *at = entries_of(thread, slot), *end = at + slot->entry_bytes;
    while (at < end) {
        const struct record_entry *entry = (const void *)at;
        count += entry->tag == tag;
        at += entry->bytes;
    }
    return count;
}

/* ---- attributes of events and links ---- */

static bool write_text(struct writing *writing, const struct weir_attribute *attribute)
{
    uint32_t len = span_text_bytes(&weir_process.limits, attribute->value.text);
    struct record_entry *entry = entry_more(writing, (uint32_t)sizeof *entry + record_round(len));
    if (!entry) return false;
    *entry = (struct record_entry){.bytes = (uint16_t)(sizeof *entry + record_round(len)),
                                   .tag = RECORD_ATTRIBUTE,
                                   .type = ATTRIBUTE_STRING,
                                   .text_bytes = len,
                                   .key = attribute->key};
    memcpy(entry + 1, attribute->value.text, len);
    return true;
}

static bool write_number(struct writing *writing, const struct weir_attribute *attribute)
{
    struct record_entry *entry = entry_more(writing, (uint32_t)(sizeof *entry + sizeof attribute->value));
    if (!entry) return false;
    *entry = (struct record_entry){.bytes = (uint16_t)(sizeof *entry + sizeof attribute->value),
                                   .tag = RECORD_ATTRIBUTE,
                                   .type = (uint8_t)attribute->type,
                                   .key = attribute->key};
    memcpy(entry + 1, &attribute->value, sizeof attribute->value);
    return true;
}

/* What is no attribute is passed over: no key, no text, a type that does not exist. */
static bool is_attribute(const struct weir_attribute *attribute)
{
    if (!attribute->key) return false;
    if (attribute->type == WEIR_TYPE_STRING) return attribute->value.text != NULL;
    return attribute->type >= WEIR_TYPE_BOOL && attribute->type <= WEIR_TYPE_DOUBLE;
}

/* As many as the limit and the room let in; the rest is counted in the header. */
static void write_attributes(struct writing *writing, struct record_entry *header, uint32_t limit,
                             const struct weir_attribute *attributes, size_t count)
{
    for (size_t i = 0; attributes && i < count; i++) {
        if (!is_attribute(&attributes[i])) continue;
        bool written = header->type < limit &&
                       (attributes[i].type == WEIR_TYPE_STRING ? write_text(writing, &attributes[i])
                                                               : write_number(writing, &attributes[i]));
        header->type = (uint8_t)(header->type + written);
        header->text_bytes += !written;
        if (!written) thread_count_up(&writing->thread->attributes_dropped);
    }
}

/* ---- events ---- */

static void add_event(struct thread_state *thread, struct span_slot *slot, const char *name,
                      const struct weir_attribute *attributes, size_t count)
{
    struct record_entry header = {.tag = RECORD_EVENT, .key = name ? name : ""};
    struct writing writing;
    struct record_event *event = NULL;
    entry_begin(&writing, thread, slot);
    if (entries_tagged(thread, slot, RECORD_EVENT) < span_limit(&weir_process.limits.events))
        event = entry_more(&writing, sizeof *event);
    if (!event) {
        span_count_dropped(thread, slot, SPAN_EVENTS);
        return;
    }
    event->ticks = span_clock_ticks();
    write_attributes(&writing, &header, span_limit(&weir_process.limits.event_attributes), attributes, count);
    entry_end(&writing, header);
}

/* ---- links ---- */

/* The tracestate goes, too, where there is room for it. */
static struct record_span_link *write_link(struct writing *writing, const struct weir_context *to)
{
    struct record_span_link *link = entry_more(writing, sizeof *link);
    if (!link) return NULL;
    *link = (struct record_span_link){.trace_flags = to->flags};
    memcpy(link->trace_id, to->trace_id, sizeof link->trace_id);
    memcpy(link->span_id, to->span_id, sizeof link->span_id);
    uint32_t state_bytes = to->tracestate_bytes < sizeof to->tracestate ? to->tracestate_bytes : 0;
    char *state = entry_more(writing, record_round(state_bytes));
    if (!state) return link;
    memcpy(state, to->tracestate, state_bytes);
    link->state_bytes = state_bytes;
    return link;
}

static void add_link(struct thread_state *thread, struct span_slot *slot, const struct weir_context *to,
                     const struct weir_attribute *attributes, size_t count)
{
    struct record_entry header = {.tag = RECORD_SPAN_LINK};
    struct writing writing;
    const struct record_span_link *link = NULL;
    entry_begin(&writing, thread, slot);
    if (entries_tagged(thread, slot, RECORD_SPAN_LINK) < span_limit(&weir_process.limits.links))
        link = write_link(&writing, to);
    if (!link) {
        span_count_dropped(thread, slot, SPAN_LINKS);
        return;
    }
    write_attributes(&writing, &header, span_limit(&weir_process.limits.link_attributes), attributes, count);
    entry_end(&writing, header);
}

/* ---- the status message ---- */

static void add_message(struct thread_state *thread, struct span_slot *slot, const char *message)
{
    struct writing writing;
    uint32_t len = span_text_bytes(&weir_process.limits, message);
    if (!span_set_error(slot)) return;
    entry_begin(&writing, thread, slot);
    char *text = entry_more(&writing, record_round(len));
    if (!text) {
        span_count_dropped(thread, slot, SPAN_ATTRIBUTES);
        return;
    }
    memcpy(text, message, len);
    entry_end(&writing, (struct record_entry){.tag = RECORD_MESSAGE, .text_bytes = len});
}

/* ---- public ---- */

struct weir_attribute weir_attribute_string(const char *key, const char *value)
{
    return (struct weir_attribute){key, WEIR_TYPE_STRING, {.text = value}};
}

struct weir_attribute weir_attribute_bool(const char *key, bool value)
{
    return (struct weir_attribute){key, WEIR_TYPE_BOOL, {.integer = value}};
}

struct weir_attribute weir_attribute_int(const char *key, int64_t value)
{
    return (struct weir_attribute){key, WEIR_TYPE_INT, {.integer = value}};
}

struct weir_attribute weir_attribute_double(const char *key, double value)
{
    return (struct weir_attribute){key, WEIR_TYPE_DOUBLE, {.real = value}};
}

/* The slot entered, if there is something to add to it. */
static struct span_slot *enter(struct weir_span span, struct thread_state **thread)
{
    struct span_slot *slot = thread_enter_slot(span, thread);
    if (slot && slot->sampled) return slot;
    if (slot)
        thread_leave(*thread);
    else if (thread_slot(*thread, span)) /* a handler inside weir */
        atomic_fetch_add_explicit(&weir_process.attributes_dropped, 1, memory_order_relaxed);
    return NULL;
}

void weir_span_event(struct weir_span span, const char *name, const struct weir_attribute *attributes,
                     size_t count)
{
    struct thread_state *thread;
    struct span_slot *slot = enter(span, &thread);
    if (!slot) return;
    add_event(thread, slot, name, attributes, count);
    thread_leave(thread);
}

void weir_event(const char *name, const struct weir_attribute *attributes, size_t count)
{
    weir_span_event(weir_span_current(), name, attributes, count);
}

void weir_span_link(struct weir_span span, const struct weir_context *to,
                    const struct weir_attribute *attributes, size_t count)
{
    struct thread_state *thread;
    if (!to || !weir_context_is_valid(to)) return;
    struct span_slot *slot = enter(span, &thread);
    if (!slot) return;
    add_link(thread, slot, to, attributes, count);
    thread_leave(thread);
}

void weir_span_error_message(struct weir_span span, const char *message)
{
    struct thread_state *thread;
    if (!message) return;
    struct span_slot *slot = enter(span, &thread);
    if (!slot) return;
    add_message(thread, slot, message);
    thread_leave(thread);
}

void weir_error_message(const char *message) { weir_span_error_message(weir_span_current(), message); }
