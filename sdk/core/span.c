/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The span path: begin, end, attributes. A span lives in a slot of its thread while it is open and goes to the ring as one
 * record when it ends. The open spans of a thread form a stack, doubly linked by slot numbers, so that any of them may
 * end first; calls stand beside it (nothing happens inside a call).
 */
#include "sdk/core/span.h"

#include "model/span.h"
#include "proto/batch.h"
#include "sdk/core/span_clock.h"
#include "sdk/core/span_events.h"
#include "sdk/core/span_sampling.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- requests ---- */

/* What is known of answers belongs to one request. Requests may end in any order, and then leave each other's frames
 * behind: where nothing else is open, the table is empty. */
static void request_begin(struct thread_state *thread, struct span_slot *slot)
{
    slot->is_request = true;
    if (thread->free_slots == ~(1ull << thread_slot_index(thread, slot)))
        thread->evidence.frame = (struct evidence_frame){0};
    thread->outer_requests[thread_slot_index(thread, slot)] = evidence_request_begin(&thread->evidence);
}

/* Answers of this trace that nobody will look at any more. */
static void unread_clear(struct thread_state *thread, const struct span_slot *slot)
{
    uint32_t kept = 0, open = 0;
    for (uint32_t i = 0; i < thread->unread_count; i++) {
        const struct unread_answer *answer = &thread->unread[i];
        if (answer->trace_id[0] == slot->record.trace_id[0] &&
            answer->trace_id[1] == slot->record.trace_id[1])
            continue;
        open += answer->handle != NULL;
        thread->unread[kept++] = *answer;
    }
    thread->unread_count = kept;
    thread->unread_open_count = open;
}

static void request_end(struct thread_state *thread, struct span_slot *slot)
{
    evidence_request_end(&thread->evidence, thread->outer_requests[thread_slot_index(thread, slot)]);
    if (thread->unread_count) unread_clear(thread, slot);
}

/* ---- opening and closing ---- */

static void new_trace(struct thread_state *thread, struct span_slot *slot)
{
    slot->record.trace_id[0] = id_next(&thread->trace_ids);
    slot->record.trace_id[1] = id_next(&thread->trace_ids);
    slot->record.parent_id = 0;
    span_sampling_root(thread, slot);
}

static inline void child_of(struct span_slot *slot, const struct span_slot *parent)
{
    slot->record.trace_id[0] = parent->record.trace_id[0];
    slot->record.trace_id[1] = parent->record.trace_id[1];
    slot->record.parent_id = parent->record.span_id;
    span_sampling_inherit(slot, parent);
}

static inline void give_slot_back(struct thread_state *thread, uint32_t index)
{
    thread->slots[index].generation++;
    thread->free_slots |= 1ull << index;
}

/* Out of slots, the call that has been open longest gives up its own: most likely nobody will ever end it (its answer was
 * fetched by another thread, or never). Then the new span is kept, and that call is what is lost. False: no call is open. */
static bool reclaim_call(struct thread_state *thread)
{
    struct span_slot *oldest = NULL;
    for (uint32_t i = 0; i < SPAN_DEPTH; i++) {
        struct span_slot *slot = &thread->slots[i];
        if (!slot->on_stack && (!oldest || slot->record.start_ticks < oldest->record.start_ticks))
            oldest = slot;
    }
    if (!oldest) return false;
    if (oldest->is_request) request_end(thread, oldest);
    give_slot_back(thread, thread_slot_index(thread, oldest));
    return true;
}

/* Only what is read again of a slot's former life needs to be cleared. */
static inline void record_clear(struct record *record)
{
    memset(record, 0, offsetof(struct record, trace_id));
}

static inline uint32_t free_slot(const struct thread_state *thread)
{
    return (uint32_t)__builtin_ctzll(thread->free_slots);
}

/* The free slot, open: its span has an id, and no trace yet. */
static inline struct span_slot *take_free_slot(struct thread_state *thread, uint32_t index,
                                               const struct weir_site *site, uint8_t kind)
{
    thread->free_slots &= thread->free_slots - 1;
    struct span_slot *slot = &thread->slots[index];
    slot->generation++;
    slot->on_stack = slot->is_request = false;
    slot->entry_bytes = slot->attribute_count = 0;
    record_clear(&slot->record);
    slot->record.kind = kind;
    slot->record.site = site;
    slot->record.span_id = id_sequence_next(&thread->span_ids);
    return slot;
}

/* The same; NULL: too deep, counted. */
static struct span_slot *take_slot(struct thread_state *thread, const struct weir_site *site, uint8_t kind)
{
    if (thread->free_slots == 0) {
        thread_count_up(&thread->dropped_too_deep);
        if (!reclaim_call(thread)) return NULL;
    }
    return take_free_slot(thread, free_slot(thread), site, kind);
}

struct span_slot *span_open(struct thread_state *thread, const struct weir_site *site, uint8_t kind)
{
    struct span_slot *slot = take_slot(thread, site, kind);
    if (!slot) return NULL;
    if (thread->top == NO_SLOT) {
        new_trace(thread, slot);
        if (slot->sampled) request_begin(thread, slot); /* nobody asks for evidence of the others */
    } else {
        child_of(slot, &thread->slots[thread->top]);
    }
    return slot;
}

/* For a few hundred bytes, a multiple of 8. Word by word: what has just been written in words cannot be read in larger
 * pieces before it has reached the cache. */
static inline void *copy_words(void *to, const void *from, uint32_t bytes)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    for (; bytes; bytes -= 8, target += 8, source += 8) {
        memcpy(target, source, 8);
        __asm__("" : "+r"(target)); /* else the compiler sees that this is memcpy, and calls it */
    }
    return target;
}

static uint32_t parts_bytes(const struct span_slot *slot, const struct call_state *call)
{
    uint32_t bytes = slot->entry_bytes + (slot->record.is_server ? (uint32_t)sizeof slot->server : 0);
    if (slot->record.has_threshold) bytes += (uint32_t)sizeof slot->threshold;
    if (call)
        bytes += (uint32_t)(sizeof call->record + call->link_count * sizeof call->links[0] +
                            call->unread_count * sizeof call->unread[0]);
    return bytes;
}

static void parts_write(void *to, const struct thread_state *thread, const struct span_slot *slot,
                        const struct call_state *call)
{
    if (slot->record.has_threshold) to = copy_words(to, &slot->threshold, sizeof slot->threshold);
    if (slot->record.is_server) to = copy_words(to, &slot->server, sizeof slot->server);
    if (call) {
        to = copy_words(to, &call->record, sizeof call->record);
        to = copy_words(to, call->links, call->link_count * (uint32_t)sizeof call->links[0]);
        to = copy_words(to, call->unread, call->unread_count * (uint32_t)sizeof call->unread[0]);
    }
    copy_words(to, thread->entries[thread_slot_index(thread, slot)].bytes, slot->entry_bytes);
}

typedef uint64_t __attribute__((may_alias)) record_word;

/* Word by word as well, and what was written in smaller pieces since the span began comes last. */
static inline void record_write(struct record *restrict to, const struct span_slot *restrict slot,
                                uint32_t bytes)
{
    record_word *restrict target = (record_word *)to;
    const record_word *restrict source = (const record_word *)&slot->record;
#pragma GCC unroll 16
    for (uint32_t i = 0; i < sizeof *to / sizeof *target; i++) target[i] = source[i];
    to->bytes = bytes;
    to->entry_bytes = slot->entry_bytes;
    to->attribute_count = (uint8_t)slot->attribute_count;
}

/* What a span has besides its record: attributes, a call, a request's route. */
static inline bool has_parts(const struct span_slot *slot)
{
    return slot->entry_bytes || slot->record.is_server || slot->record.has_threshold;
}

static inline void record_push(struct thread_state *thread, const struct span_slot *slot,
                               const struct call_state *call)
{
    uint32_t bytes = (uint32_t)sizeof slot->record + parts_bytes(slot, call);
    struct record *to = ring_reserve(thread->ring, bytes);
    if (!to) {
        thread_count_up(&thread->dropped_ring_full);
        return;
    }
    record_write(to, slot, bytes);
    parts_write(to + 1, thread, slot, call);
    ring_commit(thread->ring, bytes);
}

static inline void stack_push(struct thread_state *thread, uint32_t at)
{
    struct span_slot *slot = &thread->slots[at];
    uint8_t index = (uint8_t)at;
    slot->on_stack = true;
    slot->below = thread->top;
    slot->above = NO_SLOT;
    if (thread->top != NO_SLOT) thread->slots[thread->top].above = index;
    thread->top = index;
}

static inline void stack_remove(struct thread_state *thread, struct span_slot *slot)
{
    if (slot->below != NO_SLOT) thread->slots[slot->below].above = slot->above;
    if (slot->above != NO_SLOT)
        thread->slots[slot->above].below = slot->below;
    else
        thread->top = slot->below;
}

void span_close(struct thread_state *thread, struct span_slot *slot, const struct call_state *call)
{
    if (call) {
        slot->record.is_call = 1;
        slot->record.link_count = (uint8_t)call->link_count;
        slot->record.unread_count = (uint8_t)call->unread_count;
    }
    if (slot->on_stack) stack_remove(thread, slot);
    if (slot->is_request) request_end(thread, slot);
    if (slot->sampled) record_push(thread, slot, call);
    give_slot_back(thread, thread_slot_index(thread, slot));
}

/* ---- public: begin, end ---- */

/*
 * Begin and end come twice: as a straight line for what nearly every span is, and for everything else out of line. The
 * straight lines call nothing, so that they need no stack frame; what they cannot do they leave, before they have touched
 * anything, to the others as their last act.
 */

static const struct weir_span no_span = {0, 0};

/* The slot becomes the thread's current span, and its clock starts. */
static struct weir_span go_on(struct thread_state *thread, struct span_slot *slot)
{
    stack_push(thread, thread_slot_index(thread, slot));
    struct weir_span span = thread_handle(thread, slot);
    if (slot->sampled) slot->record.start_ticks = span_clock_ticks();
    thread_leave(thread);
    return span;
}

static __attribute__((noinline)) struct weir_span begin_any(const struct weir_site *site)
{
    struct thread_state *thread = thread_enter();
    if (!thread) return no_span;
    struct span_slot *slot = span_open(thread, site, SPAN_KIND_INTERNAL);
    if (slot) return go_on(thread, slot);
    thread_leave(thread);
    return no_span;
}

static inline bool begins_straight(const struct thread_state *thread)
{
    return thread_is_attached(thread) && !thread->inside && thread->top != NO_SLOT &&
           thread->free_slots != 0 && span_clock_has_counter();
}

struct weir_span weir_span_begin_live_(const struct weir_site *site)
{
    struct thread_state *thread = weir_thread;
    if (__builtin_expect(!begins_straight(thread), 0)) return begin_any(site);
    thread_set_inside(thread);
    uint32_t index = free_slot(thread);
    struct span_slot *slot = take_free_slot(thread, index, site, SPAN_KIND_INTERNAL);
    child_of(slot, &thread->slots[thread->top]);
    stack_push(thread, index);
    struct weir_span span = {thread->number * SPAN_DEPTH + index, slot->generation};
    if (slot->sampled) {
        ring_prefetch(thread->ring);
        slot->record.start_ticks = span_clock_counter();
    }
    thread_leave(thread);
    return span;
}

static void take_time(struct span_slot *slot)
{
    if (slot->sampled) slot->record.duration_ticks = span_clock_ticks() - slot->record.start_ticks;
}

static __attribute__((noinline)) void end_any(struct weir_span span)
{
    struct thread_state *thread;
    struct span_slot *slot = thread_enter_slot(span, &thread);
    if (!slot) return;
    if (slot->on_stack) {
        take_time(slot);
        span_close(thread, slot, NULL);
    } else {
        call_close(thread, slot);
    }
    thread_leave(thread);
}

static __attribute__((noinline)) void push_and_leave(struct thread_state *thread,
                                                     const struct span_slot *slot)
{
    record_push(thread, slot, NULL);
    thread_leave(thread);
}

static inline bool ends_straight(const struct thread_state *thread, const struct span_slot *slot)
{
    return !thread->inside && slot->on_stack && !slot->is_request && span_clock_has_counter();
}

void weir_span_end_live_(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    struct span_slot *slot = thread_slot(thread, span);
    if (__builtin_expect(!slot, 0)) return;
    if (__builtin_expect(!ends_straight(thread, slot), 0)) {
        end_any(span);
        return;
    }
    thread_set_inside(thread);
    stack_remove(thread, slot);
    give_slot_back(thread, span.slot % SPAN_DEPTH); /* nobody can take it before thread_leave */
    if (slot->sampled) {
        struct ring *ring = thread->ring;
        slot->record.duration_ticks = span_clock_counter() - slot->record.start_ticks;
        if (__builtin_expect(has_parts(slot) || !ring_has_room(ring, sizeof(struct record)), 0)) {
            push_and_leave(thread, slot);
            return;
        }
        record_write(ring_next(ring), slot, sizeof(struct record));
        ring_commit(ring, sizeof(struct record));
    }
    thread_leave(thread);
}

/* What is attached is another thread's. */
static struct weir_span current_of(const struct thread_state *thread)
{
    if (thread->top == NO_SLOT || span_is_attached(&thread->slots[thread->top])) return no_span;
    return thread_handle(thread, &thread->slots[thread->top]);
}

struct weir_span weir_span_current(void)
{
    struct thread_state *thread = weir_thread;
    return thread_is_attached(thread) ? current_of(thread) : no_span;
}

/* ---- public: server spans ---- */

static void adopt(struct span_slot *slot, const struct trace_context *parent)
{
    slot->record.trace_id[0] = parent->trace_id[0];
    slot->record.trace_id[1] = parent->trace_id[1];
    slot->record.parent_id = parent->span_id;
    slot->record.flags = SPAN_FLAG_REMOTE_PARENT;
}

struct weir_span weir_server_begin(const struct weir_site *site, const char *method, const char *route,
                                   const struct weir_headers *headers)
{
    if (atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed) == 0) return no_span;
    struct incoming incoming;
    incoming_read(&incoming, headers); /* calls back: outside */
    struct thread_state *thread = thread_enter();
    if (!thread) return no_span;
    struct span_slot *slot = take_slot(thread, site, SPAN_KIND_SERVER);
    if (!slot) {
        thread_leave(thread);
        return no_span;
    }
    slot->record.is_server = 1;
    slot->server = (struct record_server){method ? method : "", route ? route : ""};
    if (incoming.has_parent)
        adopt(slot, &incoming.parent);
    else
        new_trace(thread, slot);
    if (incoming.has_parent || incoming.baggage.count) span_carry_incoming(thread, slot, &incoming);
    if (slot->sampled) request_begin(thread, slot);
    return go_on(thread, slot);
}

static void take_target(struct thread_state *thread, const char *target)
{
    for (const char *at = target; *at;) {
        size_t len = strcspn(at, "/?&=,;#");
        if (len) evidence_target(&thread->evidence, value_hash(&weir_process.key, str_view(at, len)));
        at += len + (at[len] != 0);
    }
}

void weir_server_target(struct weir_span span, const char *target)
{
    struct thread_state *thread;
    struct span_slot *slot = thread_enter_slot(span, &thread);
    if (!slot) return;
    if (slot->is_request && target && thread->evidence_on) take_target(thread, target);
    thread_leave(thread);
}

void weir_traceparent(struct weir_span span, char to[WEIR_TRACEPARENT_BYTES])
{
    const struct span_slot *slot = thread_slot(weir_thread, span);
    if (!to) return;
    to[0] = 0;
    if (!slot) return;
    struct trace_context context = {{slot->record.trace_id[0], slot->record.trace_id[1]},
                                    slot->record.span_id,
                                    slot->sampled,
                                    carried_is_random(carried_of(weir_thread, slot))};
    traceparent_format(&context, to);
}

/* ---- what is attached ---- */

struct span_slot *span_attach(struct thread_state *thread, const struct trace_context *context)
{
    struct span_slot *slot = take_slot(thread, NULL, SPAN_KIND_UNSPECIFIED);
    if (!slot) return NULL;
    slot->record.trace_id[0] = context->trace_id[0];
    slot->record.trace_id[1] = context->trace_id[1];
    slot->record.span_id = context->span_id;
    slot->record.parent_id = 0;
    request_begin(thread, slot);
    thread->evidence.frame.is_part = true;
    stack_push(thread, thread_slot_index(thread, slot));
    return slot;
}

void span_detach(struct thread_state *thread, struct span_slot *slot)
{
    slot->sampled = SPAN_SAMPLED_NOT; /* nothing of it is sent */
    span_close(thread, slot, NULL);
}

/* ---- what goes on elsewhere ---- */

void span_lift(struct thread_state *thread, struct span_slot *slot, struct lifted_span *lifted)
{
    uint32_t index = thread_slot_index(thread, slot);
    lifted->sampled = slot->sampled;
    lifted->threshold = slot->threshold;
    lifted->record = slot->record;
    lifted->server = slot->server;
    lifted->entry_bytes = slot->entry_bytes;
    lifted->attribute_count = slot->attribute_count;
    memcpy(lifted->entries, thread->entries[index].bytes, slot->entry_bytes);
    if (lifted->is_call) lifted->call = thread->calls[index].record;
    slot->sampled = SPAN_SAMPLED_NOT;
    span_close(thread, slot, NULL);
}

struct span_slot *span_put(struct thread_state *thread, const struct lifted_span *lifted)
{
    if (thread->free_slots == 0) return NULL;
    uint32_t index = free_slot(thread);
    struct span_slot *slot = take_free_slot(thread, index, NULL, 0);
    slot->sampled = lifted->sampled;
    slot->threshold = lifted->threshold;
    slot->record = lifted->record;
    slot->server = lifted->server;
    slot->entry_bytes = lifted->entry_bytes;
    slot->attribute_count = lifted->attribute_count;
    memcpy(thread->entries[index].bytes, lifted->entries, lifted->entry_bytes);
    struct call_state *call = &thread->calls[index];
    if (!lifted->is_call) return slot;
    call->record = lifted->call;
    call->link_count = call->unread_count = 0;
    return slot;
}

/* ---- attributes and status ---- */

void *span_entry_new(struct thread_state *thread, struct span_slot *slot, struct record_entry header,
                     uint32_t body_bytes)
{
    header.bytes = (uint16_t)(sizeof header + body_bytes);
    if (__builtin_expect(slot->entry_bytes + sizeof header + body_bytes > SPAN_ATTRIBUTES_BYTES, 0)) {
        span_count_dropped(thread, slot, SPAN_ATTRIBUTES);
        return NULL;
    }
    unsigned char *to = thread->entries[thread_slot_index(thread, slot)].bytes + slot->entry_bytes;
    slot->entry_bytes = (uint16_t)(slot->entry_bytes + header.bytes);
    memcpy(to, &header, sizeof header);
    return to + sizeof header;
}

struct target { /* the span that an attribute is for */
    struct thread_state *thread;
    struct span_slot *slot;
};

/* Nothing to set it on; or this is a handler inside weir. */
static __attribute__((cold, noinline)) void not_found(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    if (thread_slot(thread, span) && thread->inside)
        atomic_fetch_add_explicit(&weir_process.attributes_dropped, 1, memory_order_relaxed);
}

/* What is not sampled needs no attributes: false as well. */
static inline bool find(struct weir_span span, struct target *target)
{
    target->slot = thread_enter_slot(span, &target->thread);
    if (__builtin_expect(!target->slot, 0)) {
        not_found(span);
        return false;
    }
    if (target->slot->sampled) return true;
    thread_leave(target->thread);
    return false;
}

static inline bool find_current(struct target *target)
{
    struct thread_state *thread = target->thread = weir_thread;
    if (!thread_is_attached(thread)) return false;
    if (__builtin_expect(thread->inside, 0)) {
        not_found(current_of(thread));
        return false;
    }
    if (thread->top == NO_SLOT) return false;
    target->slot = &thread->slots[thread->top];
    if (!target->slot->sampled) return false;
    thread_set_inside(thread);
    return true;
}

/* At the limit: whether the key is there already, so that the new value takes the place of its former one. */
static __attribute__((cold, noinline)) bool replaces(const struct target *target, const char *key)
{
    const unsigned char *at = target->thread->entries[thread_slot_index(target->thread, target->slot)].bytes;
    const unsigned char *end = at + target->slot->entry_bytes;
    if (target->slot->attribute_count == BATCH_ATTRIBUTES_MAX) return false;
    while (at < end) {
        const struct record_entry *entry = (const void *)at;
        if (entry->tag == RECORD_ATTRIBUTE && strcmp(entry->key, key) == 0) return true;
        at += entry->bytes;
    }
    return false;
}

static inline void *attribute_new(const struct target *target, const char *key, uint8_t type,
                                  uint32_t text_bytes, uint32_t body_bytes)
{
    struct span_slot *slot = target->slot;
    if (!key) return NULL;
    if (__builtin_expect(slot->attribute_count >= span_limit(&weir_process.limits.attributes), 0) &&
        !replaces(target, key)) {
        span_count_dropped(target->thread, slot, SPAN_ATTRIBUTES);
        return NULL;
    }
    void *body = span_entry_new(
        target->thread, target->slot,
        (struct record_entry){.tag = RECORD_ATTRIBUTE, .type = type, .text_bytes = text_bytes, .key = key},
        body_bytes);
    slot->attribute_count = (uint16_t)(slot->attribute_count + (body != NULL));
    return body;
}

static inline void set_number(const struct target *target, const char *key, uint8_t type, int64_t value)
{
    void *body = attribute_new(target, key, type, 0, sizeof value);
    if (body) memcpy(body, &value, sizeof value);
    thread_leave(target->thread);
}

/* Text is short as a rule: a few overlapping moves. */
static inline void copy_text(unsigned char *to, const char *from, uint32_t bytes)
{
    if (bytes > 128) {
        memcpy(to, from, bytes);
    } else if (bytes >= 16) {
        for (uint32_t at = 0; at < bytes - 16; at += 16) {
            memcpy(to + at, from + at, 16);
            __asm__("" : "+r"(to)); /* as in copy_words */
        }
        memcpy(to + bytes - 16, from + bytes - 16, 16);
    } else if (bytes >= 8) {
        memcpy(to, from, 8);
        memcpy(to + bytes - 8, from + bytes - 8, 8);
    } else if (bytes >= 4) {
        memcpy(to, from, 4);
        memcpy(to + bytes - 4, from + bytes - 4, 4);
    } else {
        for (uint32_t i = 0; i < bytes; i++) to[i] = (unsigned char)from[i];
    }
}

static inline void set_text(const struct target *target, const char *key, const char *value, uint32_t len)
{
    void *body = attribute_new(target, key, ATTRIBUTE_STRING, len, record_round(len));
    if (body) copy_text(body, value, len);
    thread_leave(target->thread);
}

static uint32_t text_bytes(const char *text) { return span_text_bytes(&weir_process.limits, text); }

/* Whether it is worth while to look how long a text is, which is done outside. */
static inline bool wants_text(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    const struct span_slot *slot = thread_slot(thread, span);
    return slot && slot->sampled;
}

static inline bool current_wants_text(void)
{
    const struct thread_state *thread = weir_thread;
    return thread_is_attached(thread) && thread->top != NO_SLOT && thread->slots[thread->top].sampled;
}

/* Borrowed, unless it has to be cut. */
static inline void set_error(const struct target *target, const char *error_type)
{
    target->slot->record.status = SPAN_STATUS_ERROR;
    if (!error_type)
        thread_leave(target->thread);
    else if (span_limit(&weir_process.limits.characters) < SPAN_TEXT_MAX)
        set_text(target, "error.type", error_type, text_bytes(error_type));
    else
        set_number(target, "error.type", ATTRIBUTE_STRING | RECORD_TEXT_BORROWED,
                   (int64_t)(intptr_t)error_type);
}

/* The status is what is known of the error, unless somebody has said more. */
static void set_error_number(struct weir_span span, int status_code)
{
    char number[16];
    snprintf(number, sizeof number, "%d", status_code);
    weir_span_error(span, NULL);
    weir_span_string(span, "error.type", number);
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- public: attributes and status ---- */

void weir_span_int(struct weir_span span, const char *key, int64_t value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_INT, value);
}

void weir_span_double(struct weir_span span, const char *key, double value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_DOUBLE, bits_of(value));
}

void weir_span_bool(struct weir_span span, const char *key, bool value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_BOOL, value);
}

void weir_span_string(struct weir_span span, const char *key, const char *value)
{
    struct target target;
    if (!value || !wants_text(span)) return;
    uint32_t len = text_bytes(value);
    if (find(span, &target)) set_text(&target, key, value, len);
}

void weir_span_error(struct weir_span span, const char *error_type)
{
    struct target target;
    if (find(span, &target)) set_error(&target, error_type);
}

void weir_span_ok(struct weir_span span)
{
    struct target target;
    if (!find(span, &target)) return;
    target.slot->record.status = SPAN_STATUS_OK;
    thread_leave(target.thread);
}

/* On the current span, which is where most are set, as straight a line as begin and end. */

static __attribute__((noinline)) void current_number(const char *key, uint8_t type, int64_t value)
{
    struct target target;
    if (find_current(&target)) set_number(&target, key, type, value);
}

static __attribute__((noinline)) void current_text(const char *key, const char *value, uint32_t len)
{
    struct target target;
    if (find_current(&target)) set_text(&target, key, value, len);
}

/* Writes the header of an attribute to the current span, the thread entered, and returns its body. NULL: nothing is done. */
static inline unsigned char *straight_attribute(struct thread_state *thread, const char *key, uint8_t type,
                                                uint32_t text_len, uint32_t body_bytes)
{
    struct record_entry header = {.bytes = (uint16_t)(sizeof header + body_bytes),
                                  .tag = RECORD_ATTRIBUTE,
                                  .type = type,
                                  .text_bytes = text_len,
                                  .key = key};
    if (!thread_is_attached(thread) || thread->inside || thread->top == NO_SLOT || !key) return NULL;
    struct span_slot *slot = &thread->slots[thread->top];
    if (!slot->sampled || slot->entry_bytes + sizeof header + body_bytes > SPAN_ATTRIBUTES_BYTES ||
        slot->attribute_count >= span_limit(&weir_process.limits.attributes))
        return NULL;
    thread_set_inside(thread);
    unsigned char *to = thread->entries[thread->top].bytes + slot->entry_bytes;
    slot->entry_bytes = (uint16_t)(slot->entry_bytes + header.bytes);
    slot->attribute_count++;
    memcpy(to, &header, sizeof header);
    return to + sizeof header;
}

static inline void straight_number(const char *key, uint8_t type, int64_t value)
{
    struct thread_state *thread = weir_thread;
    void *body = straight_attribute(thread, key, type, 0, sizeof value);
    if (__builtin_expect(body == NULL, 0)) {
        current_number(key, type, value);
        return;
    }
    memcpy(body, &value, sizeof value);
    thread_leave(thread);
}

void weir_int(const char *key, int64_t value) { straight_number(key, ATTRIBUTE_INT, value); }
void weir_double(const char *key, double value) { straight_number(key, ATTRIBUTE_DOUBLE, bits_of(value)); }
void weir_bool(const char *key, bool value) { straight_number(key, ATTRIBUTE_BOOL, value); }

void weir_string(const char *key, const char *value)
{
    if (!value || !current_wants_text()) return;
    uint32_t len = text_bytes(value);
    struct thread_state *thread = weir_thread;
    void *body = straight_attribute(thread, key, ATTRIBUTE_STRING, len, record_round(len));
    if (__builtin_expect(body == NULL, 0)) {
        current_text(key, value, len);
        return;
    }
    copy_text(body, value, len);
    thread_leave(thread);
}

void weir_error(const char *error_type)
{
    struct target target;
    if (find_current(&target)) set_error(&target, error_type);
}

void weir_server_response(struct weir_span span, int status_code)
{
    struct target target;
    if (!find(span, &target)) return;
    bool is_error = status_code >= 500 && target.slot->record.status != SPAN_STATUS_ERROR;
    set_number(&target, "http.response.status_code", ATTRIBUTE_INT, status_code);
    if (is_error) set_error_number(span, status_code);
}
