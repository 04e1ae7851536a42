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
#include "sdk/core/traceparent.h"

#include <weir/call.h>

#define STRING_MAX 1024

/* ---- requests ---- */

/* What is known of answers belongs to one request. Requests may end in any order, and then leave each other's frames
 * behind: where nothing else is open, the table is empty. */
static void request_begin(struct thread_state *thread, struct span_slot *slot)
{
    slot->is_request = true;
    if (thread->free_slots == ~(1ull << thread_slot_index(thread, slot)))
        thread->evidence.frame = (struct evidence_frame){0};
    slot->outer_request = evidence_request_begin(&thread->evidence);
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
    evidence_request_end(&thread->evidence, slot->outer_request);
    if (thread->unread_count) unread_clear(thread, slot);
}

/* ---- opening and closing ---- */

void span_lost(void)
{
    if (atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed) == 0) return;
    atomic_fetch_add_explicit(&weir_process.created, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&weir_process.dropped[DROP_no_memory], 1, memory_order_relaxed);
}

static void new_trace(struct thread_state *thread, struct span_slot *slot)
{
    slot->record.trace_id[0] = id_next(&thread->ids);
    slot->record.trace_id[1] = id_next(&thread->ids);
    slot->record.parent_id = 0;
    slot->sampled = true;
}

static void child_of(struct span_slot *slot, const struct span_slot *parent)
{
    slot->record.trace_id[0] = parent->record.trace_id[0];
    slot->record.trace_id[1] = parent->record.trace_id[1];
    slot->record.parent_id = parent->record.span_id;
    slot->sampled = parent->sampled;
}

/* Out of slots, the call that has been open longest gives up its own: most likely nobody will ever end it (its answer was
 * fetched by another thread, or never). Then the new span is kept, and that call is what is lost. False: no call is open. */
static bool reclaim_call(struct thread_state *thread)
{
    struct span_slot *oldest = NULL;
    for (uint32_t i = 0; i < SPAN_DEPTH; i++) {
        struct span_slot *slot = &thread->slots[i];
        if (!slot->on_stack && (!oldest || slot->record.start_ns < oldest->record.start_ns)) oldest = slot;
    }
    if (!oldest) return false;
    if (oldest->is_request) request_end(thread, oldest);
    oldest->generation++;
    thread->free_slots |= 1ull << thread_slot_index(thread, oldest);
    return true;
}

struct span_slot *span_open(struct thread_state *thread, const struct weir_site *site, uint8_t kind)
{
    if (__builtin_expect(thread->free_slots == 0, 0)) {
        thread_count_up(&thread->created);
        thread_count_up(&thread->dropped_too_deep);
        if (!reclaim_call(thread)) return NULL;
    }
    uint32_t index = (uint32_t)__builtin_ctzll(thread->free_slots);
    thread->free_slots &= thread->free_slots - 1;
    struct span_slot *slot = &thread->slots[index];
    slot->generation++;
    slot->on_stack = slot->is_request = false;
    slot->record = (struct record){.kind = kind, .site = site};
    if (thread->top == NO_SLOT) {
        new_trace(thread, slot);
        request_begin(thread, slot);
    } else {
        child_of(slot, &thread->slots[thread->top]);
    }
    slot->record.span_id = id_next(&thread->ids);
    return slot;
}

static void *copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return (unsigned char *)to + bytes;
}

static void record_write(void *to, const struct span_slot *slot, const struct call_state *call)
{
    to = copy(to, &slot->record, sizeof slot->record);
    if (call) {
        to = copy(to, &call->record, sizeof call->record);
        to = copy(to, call->links, call->link_count * sizeof call->links[0]);
        to = copy(to, call->unread, call->unread_count * sizeof call->unread[0]);
    }
    copy(to, slot->attributes, slot->record.attribute_bytes);
}

static void record_push(struct thread_state *thread, struct span_slot *slot, const struct call_state *call)
{
    struct record *record = &slot->record;
    record->bytes = (uint32_t)sizeof *record + record->attribute_bytes;
    if (call) {
        record->is_call = 1;
        record->link_count = (uint8_t)call->link_count;
        record->unread_count = (uint8_t)call->unread_count;
        record->bytes += (uint32_t)(sizeof call->record + call->link_count * sizeof call->links[0] +
                                    call->unread_count * sizeof call->unread[0]);
    }
    thread_count_up(&thread->created);
    void *to = ring_reserve(&thread->ring, record->bytes);
    if (__builtin_expect(to == NULL, 0)) {
        thread_count_up(&thread->dropped_ring_full);
        return;
    }
    record_write(to, slot, call);
    ring_commit(&thread->ring, record->bytes);
}

static void stack_push(struct thread_state *thread, struct span_slot *slot)
{
    uint8_t index = (uint8_t)thread_slot_index(thread, slot);
    slot->on_stack = true;
    slot->below = thread->top;
    slot->above = NO_SLOT;
    if (thread->top != NO_SLOT) thread->slots[thread->top].above = index;
    thread->top = index;
}

static void stack_remove(struct thread_state *thread, struct span_slot *slot)
{
    if (slot->below != NO_SLOT) thread->slots[slot->below].above = slot->above;
    if (slot->above != NO_SLOT)
        thread->slots[slot->above].below = slot->below;
    else
        thread->top = slot->below;
}

void span_close(struct thread_state *thread, struct span_slot *slot, const struct call_state *call)
{
    if (slot->on_stack) stack_remove(thread, slot);
    if (slot->is_request) request_end(thread, slot);
    if (slot->sampled) record_push(thread, slot, call);
    slot->generation++;
    thread->free_slots |= 1ull << thread_slot_index(thread, slot);
}

/* ---- public: begin, end ---- */

struct weir_span weir_span_begin(const struct weir_site *site)
{
    struct thread_state *thread = thread_here();
    if (!thread) {
        span_lost();
        return (struct weir_span){0, 0};
    }
    struct span_slot *slot = span_open(thread, site, SPAN_KIND_INTERNAL);
    if (!slot) return (struct weir_span){0, 0};
    stack_push(thread, slot);
    slot->record.start_ns = span_clock_ns();
    return thread_handle(thread, slot);
}

void weir_span_end(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    struct span_slot *slot = thread_slot(thread, span);
    if (!slot) return;
    if (!slot->on_stack) {
        weir_call_end(span);
        return;
    }
    slot->record.duration_ns = span_clock_ns() - slot->record.start_ns;
    span_close(thread, slot, NULL);
}

struct weir_span weir_span_current(void)
{
    struct thread_state *thread = weir_thread;
    if (!thread_is_attached(thread) || thread->top == NO_SLOT) return (struct weir_span){0, 0};
    return thread_handle(thread, &thread->slots[thread->top]);
}

/* ---- public: server spans ---- */

static void adopt_parent(struct thread_state *thread, struct span_slot *slot,
                         const struct weir_headers *headers)
{
    struct trace_context parent;
    if (!headers || !headers->get ||
        !traceparent_parse(headers->get(headers->from, "traceparent"), &parent)) {
        new_trace(thread, slot);
        return;
    }
    slot->record.trace_id[0] = parent.trace_id[0];
    slot->record.trace_id[1] = parent.trace_id[1];
    slot->record.parent_id = parent.span_id;
    slot->record.flags = SPAN_FLAG_REMOTE_PARENT;
    slot->sampled = parent.sampled;
}

struct weir_span weir_server_begin(const struct weir_site *site, const char *method, const char *route,
                                   const struct weir_headers *headers)
{
    struct thread_state *thread = thread_here();
    if (!thread) {
        span_lost();
        return (struct weir_span){0, 0};
    }
    struct span_slot *slot = span_open(thread, site, SPAN_KIND_SERVER);
    if (!slot) return (struct weir_span){0, 0};
    slot->record.method = method ? method : "";
    slot->record.route = route ? route : "";
    adopt_parent(thread, slot, headers);
    if (!slot->is_request) request_begin(thread, slot);
    stack_push(thread, slot);
    slot->record.start_ns = span_clock_ns();
    return thread_handle(thread, slot);
}

void weir_server_target(struct weir_span span, const char *target)
{
    struct thread_state *thread = weir_thread;
    struct span_slot *slot = thread_slot(thread, span);
    if (!slot || !slot->is_request || !target || !thread->evidence_on) return;
    for (const char *at = target; *at;) {
        size_t len = strcspn(at, "/?&=,;#");
        if (len) evidence_target(&thread->evidence, value_hash(&weir_process.key, str_view(at, len)));
        at += len + (at[len] != 0);
    }
}

void weir_server_response(struct weir_span span, int status_code)
{
    weir_span_int(span, "http.response.status_code", status_code);
    struct span_slot *slot = thread_slot(weir_thread, span);
    if (slot && status_code >= 500) slot->record.status = SPAN_STATUS_ERROR;
}

void weir_traceparent(struct weir_span span, char to[WEIR_TRACEPARENT_BYTES])
{
    const struct span_slot *slot = thread_slot(weir_thread, span);
    if (!to) return;
    to[0] = 0;
    if (!slot) return;
    struct trace_context context = {
        {slot->record.trace_id[0], slot->record.trace_id[1]}, slot->record.span_id, slot->sampled, false};
    traceparent_format(&context, to);
}

/* ---- public: attributes and status ---- */

/* Room for one attribute with so many bytes of text, header filled in; NULL when it does not fit, counted. */
static unsigned char *attribute_new(struct weir_span span, const char *key, uint32_t type,
                                    uint32_t text_bytes, int64_t value)
{
    struct thread_state *thread = weir_thread;
    struct span_slot *slot = thread_slot(thread, span);
    if (!slot || !key) return NULL;
    struct record_attribute attribute = {key, type, text_bytes, value};
    uint32_t bytes = (uint32_t)sizeof attribute + record_round(text_bytes);
    if (slot->record.attribute_bytes + bytes > SPAN_ATTRIBUTES_BYTES ||
        slot->record.attribute_count == BATCH_ATTRIBUTES_MAX) {
        thread_count_up(&thread->attributes_dropped);
        return NULL;
    }
    unsigned char *to = slot->attributes + slot->record.attribute_bytes;
    slot->record.attribute_bytes = (uint16_t)(slot->record.attribute_bytes + bytes);
    slot->record.attribute_count++;
    return copy(to, &attribute, sizeof attribute);
}

void weir_span_int(struct weir_span span, const char *key, int64_t value)
{
    attribute_new(span, key, ATTRIBUTE_INT, 0, value);
}

void weir_span_double(struct weir_span span, const char *key, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    attribute_new(span, key, ATTRIBUTE_DOUBLE, 0, bits);
}

void weir_span_bool(struct weir_span span, const char *key, bool value)
{
    attribute_new(span, key, ATTRIBUTE_BOOL, 0, value);
}

/* At most STRING_MAX bytes, never half a UTF-8 character. */
static uint32_t cut(const char *text)
{
    size_t len = strnlen(text, STRING_MAX + 1);
    if (len <= STRING_MAX) return (uint32_t)len;
    for (len = STRING_MAX; len > STRING_MAX - 4 && ((unsigned char)text[len] & 0xc0) == 0x80;) len--;
    return (uint32_t)len;
}

void weir_span_string(struct weir_span span, const char *key, const char *value)
{
    if (!value) return;
    uint32_t len = cut(value);
    unsigned char *to = attribute_new(span, key, ATTRIBUTE_STRING, len, 0);
    if (to) memcpy(to, value, len);
}

void weir_span_error(struct weir_span span, const char *error_type)
{
    struct span_slot *slot = thread_slot(weir_thread, span);
    if (!slot) return;
    slot->record.status = SPAN_STATUS_ERROR;
    if (error_type)
        attribute_new(span, "error.type", ATTRIBUTE_STRING | RECORD_TEXT_BORROWED, 0,
                      (int64_t)(intptr_t)error_type);
}

void weir_span_ok(struct weir_span span)
{
    struct span_slot *slot = thread_slot(weir_thread, span);
    if (slot) slot->record.status = SPAN_STATUS_OK;
}

void weir_int(const char *key, int64_t value) { weir_span_int(weir_span_current(), key, value); }
void weir_double(const char *key, double value) { weir_span_double(weir_span_current(), key, value); }
void weir_bool(const char *key, bool value) { weir_span_bool(weir_span_current(), key, value); }
void weir_string(const char *key, const char *value) { weir_span_string(weir_span_current(), key, value); }
void weir_error(const char *error_type) { weir_span_error(weir_span_current(), error_type); }
