/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The span path: begin and end; span_attributes.c has what is set between them. A span lives in a slot of its thread while
 * it is open and goes to the ring as one record when it ends. The open spans of a thread form a stack, doubly linked by
 * slot numbers, so that any of them may end first; calls stand beside it (nothing happens inside a call).
 */
#include "sdk/core/span.h"

#include "model/span.h"
#include "proto/batch.h"
#include "sdk/core/span_clock.h"
#include "sdk/core/span_sampling.h"

#include <stddef.h>
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

static inline void give_slot_back(struct thread_state *thread, uint32_t index)
{
    thread->slots[index].generation++;
    thread->free_slots |= 1ull << index;
}

/* The call that has been open longest; NULL: no call is open. */
static struct span_slot *oldest_call(struct thread_state *thread)
{
    struct span_slot *oldest = NULL;
    for (uint32_t i = 0; i < SPAN_DEPTH; i++) {
        struct span_slot *slot = &thread->slots[i];
        if (!slot->on_stack && (!oldest || slot->record.start_ticks < oldest->record.start_ticks))
            oldest = slot;
    }
    return oldest;
}

/* Of the spans on the stack that the current one does not descend from, the lowest: left by a longjmp, or forgotten. NULL:
 * they are one line, as in a deep recursion. */
static struct span_slot *lowest_stranger(struct thread_state *thread)
{
    struct span_slot *lowest = NULL;
    uint64_t wanted = thread->slots[thread->top].record.span_id;
    for (uint8_t at = thread->top; at != NO_SLOT; at = thread->slots[at].below) {
        struct span_slot *slot = &thread->slots[at];
        if (slot->record.span_id != wanted)
            lowest = slot;
        else if (!span_is_attached(slot)) /* else the span itself may be open, too, further below */
            wanted = slot->record.parent_id;
    }
    return lowest;
}

/* Out of slots, one that most likely nobody will ever end is given up: a call whose answer was fetched by another thread, or
 * never, or a span that was left by a longjmp. Then the new span is kept, and that one is what is lost. False: there is
 * none such. */
static bool reclaim_slot(struct thread_state *thread)
{
    struct span_slot *slot = oldest_call(thread);
    if (!slot) slot = lowest_stranger(thread);
    if (!slot) return false;
    if (slot->on_stack) stack_remove(thread, slot);
    if (slot->is_request) request_end(thread, slot);
    if (slot->sampled && !span_is_attached(slot)) thread_count_up(&thread->dropped_too_deep);
    give_slot_back(thread, thread_slot_index(thread, slot));
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

/* Whether what finds no slot is a span that would have been sent: as its parent is, if it takes after one. All 64 are on the
 * stack. */
static bool is_missed(const struct thread_state *thread, uint8_t kind)
{
    if (kind == SPAN_KIND_UNSPECIFIED) return false; /* attached: what begins under it will be */
    return kind == SPAN_KIND_SERVER || thread->slots[thread->top].sampled;
}

/* The same; NULL: too deep, counted if it is missed. */
static struct span_slot *take_slot(struct thread_state *thread, const struct weir_site *site, uint8_t kind)
{
    if (thread->free_slots == 0 && !reclaim_slot(thread)) {
        if (is_missed(thread, kind)) thread_count_up(&thread->dropped_too_deep);
        return NULL;
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

struct weir_span weir_span_current(void)
{
    struct thread_state *thread = weir_thread;
    return thread_is_attached(thread) ? span_current(thread) : no_span;
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
