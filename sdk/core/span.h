/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What spans and calls share: taking a slot and giving it back as a record in the ring. Each takes the thread's state,
 * which the caller has entered (thread.h), so that the thread is looked up once a public call.
 */
#ifndef WEIR_SDK_CORE_SPAN_H
#define WEIR_SDK_CORE_SPAN_H

#include "model/span.h"
#include "sdk/core/propagation.h"
#include "sdk/core/thread.h"

/* A slot for a child of the thread's current span (a root, which is a request of its own, when there is none), its
 * ids set and its clock not started. NULL: too deep, counted. */
struct span_slot *span_open(struct thread_state *thread, const struct weir_site *site, uint8_t kind);

/* Puts the slot's span behind everything that is ending now: record to the ring, slot to the free ones. call may be
 * NULL. */
void span_close(struct thread_state *thread, struct span_slot *slot, const struct call_state *call);

/* Another's span as the thread's current one, so that what begins from here on is a child of it; never sent. NULL: too
 * deep. Whether it is sampled is left to the caller. */
struct span_slot *span_attach(struct thread_state *thread, const struct trace_context *context);
void span_detach(struct thread_state *thread, struct span_slot *slot);

/* No span of this thread has this kind. */
static inline bool span_is_attached(const struct span_slot *slot)
{
    return slot->record.kind == SPAN_KIND_UNSPECIFIED;
}

/* The handle of a thread's current span; what is attached is another thread's, and has none here. */
static inline struct weir_span span_current(const struct thread_state *thread)
{
    if (thread->top == NO_SLOT || span_is_attached(&thread->slots[thread->top]))
        return (struct weir_span){0, 0};
    return thread_handle(thread, &thread->slots[thread->top]);
}

/* A span taken out of its slot, to go on outside of any thread (task.c). */
struct lifted_span {
    uint8_t sampled; /* enum span_sampled */
    bool is_call;
    uint16_t entry_bytes, attribute_count;
    uint64_t threshold; /* as in a slot */
    struct record record;
    struct record_server server;
    struct record_call call;
    _Alignas(8) unsigned char entries[sizeof(struct span_entries)];
};

/* The slot is free again, as if nothing had been begun; a call's evidence stays behind. */
void span_lift(struct thread_state *thread, struct span_slot *slot, struct lifted_span *lifted);
/* Into a slot again, beside the stack. NULL: there is none. */
struct span_slot *span_put(struct thread_state *thread, const struct lifted_span *lifted);

/* context.c: what an open span is and carries, for others; baggage may be NULL. */
void span_describe(const struct thread_state *thread, const struct span_slot *slot, struct weir_context *to,
                   struct weir_baggage *baggage);

/* context.c: what came with a server span's request beside the ids; with a parent, also whether it is sampled. */
void span_carry_incoming(struct thread_state *thread, struct span_slot *slot,
                         const struct incoming *incoming);

/* weir_server_response, with the least status code that is an error. */
void span_response(struct weir_span span, int status_code, int least_error);

/* A new entry of an open span, its header filled in: returns the body, body_bytes long (a multiple of 8). NULL: it does not
 * fit, and is counted as a dropped attribute. */
void *span_entry_new(struct thread_state *thread, struct span_slot *slot, struct record_entry header,
                     uint32_t body_bytes);

/* OpenTelemetry: ok is the last word. False: it has been said, and the error is not taken. */
static inline bool span_set_error(struct span_slot *slot)
{
    if (slot->record.status == SPAN_STATUS_OK) return false;
    slot->record.status = SPAN_STATUS_ERROR;
    return true;
}

/* call.c: ends a call, its slot entered. */
void call_close(struct thread_state *thread, struct span_slot *slot);

#endif
