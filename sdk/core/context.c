/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread's own context, of weir/context.h: what its current span is and carries, said to others (capture, inject), and
 * others' spans put under its own (attach). What is read of headers is in propagation.c.
 *
 * Whatever calls back into the program does so with a copy, outside of the thread's state.
 */
#include "sdk/core/baggage.h"
#include "sdk/core/carried.h"
#include "sdk/core/propagation.h"
#include "sdk/core/span.h"
#include "sdk/core/span_sampling.h"
#include "sdk/core/tracestate.h"

#include <stddef.h>
#include <string.h>

/* ---- looking ---- */

static void context_clear(struct weir_context *to)
{
    memset(to, 0, offsetof(struct weir_context, tracestate) + 1);
}

static bool is_entered(struct thread_state *thread)
{
    if (!thread_is_attached(thread) || thread->inside) return false;
    thread_set_inside(thread);
    return true;
}

/* The current span's slot, or that of what is attached; entered. NULL: there is none. */
static struct span_slot *enter_current(struct thread_state **thread)
{
    *thread = weir_thread;
    if (!is_entered(*thread)) return NULL;
    if ((*thread)->top != NO_SLOT) return &(*thread)->slots[(*thread)->top];
    thread_leave(*thread);
    return NULL;
}

void span_describe(const struct thread_state *thread, const struct span_slot *slot, struct weir_context *to,
                   struct weir_baggage *baggage)
{
    const struct record *record = &slot->record;
    const struct carried *carried = carried_of(thread, slot);
    struct trace_context ids = {{record->trace_id[0], record->trace_id[1]},
                                record->span_id,
                                slot->sampled,
                                carried_is_random(carried)};
    trace_context_ids(&ids, to);
    to->remote = false;
    to->tracestate_bytes =
        carried ? carried->tracestate_bytes : (uint16_t)span_sampling_own_state(slot, to->tracestate);
    if (carried) memcpy(to->tracestate, carried->tracestate, carried->tracestate_bytes);
    to->tracestate[to->tracestate_bytes] = 0;
    if (baggage) baggage_copy(baggage, carried ? &carried->baggage : NULL);
}

bool weir_context_capture(struct weir_context *to, struct weir_baggage *baggage)
{
    struct thread_state *thread;
    if (!to) return false;
    const struct span_slot *slot = enter_current(&thread);
    if (!slot) {
        context_clear(to);
        if (baggage) baggage_copy(baggage, NULL);
        return false;
    }
    span_describe(thread, slot, to, baggage);
    thread_leave(thread);
    return true;
}

static bool handle_describe(struct weir_span span, struct weir_context *to, struct weir_baggage *baggage)
{
    struct thread_state *thread;
    const struct span_slot *slot = thread_enter_slot(span, &thread);
    if (!slot) return false;
    span_describe(thread, slot, to, baggage);
    thread_leave(thread);
    return true;
}

bool weir_span_context(struct weir_span span, struct weir_context *to)
{
    if (!to) return false;
    if (handle_describe(span, to, NULL)) return true;
    context_clear(to);
    return false;
}

void weir_span_inject(struct weir_span span, const struct weir_header_writer *writer)
{
    struct weir_context context;
    struct weir_baggage baggage;
    if (handle_describe(span, &context, &baggage)) weir_context_inject(&context, &baggage, writer);
}

/* ---- attaching ---- */

static const struct weir_attachment no_attachment = {0, 0};

static struct carried *carry(struct thread_state *thread, const struct span_slot *slot,
                             const struct weir_context *context, const struct weir_baggage *baggage)
{
    struct carried *carried = carried_new(thread, slot, context->flags & WEIR_CONTEXT_RANDOM);
    size_t bytes = strnlen(context->tracestate, WEIR_TRACESTATE_BYTES - 1);
    memcpy(carried->tracestate, context->tracestate, bytes);
    carried->tracestate[bytes] = 0;
    carried->tracestate_bytes = (uint16_t)bytes;
    baggage_copy(&carried->baggage, baggage);
    return carried;
}

struct weir_attachment weir_context_attach(const struct weir_context *context,
                                           const struct weir_baggage *baggage)
{
    if (!weir_context_is_valid(context)) return no_attachment;
    struct thread_state *thread = thread_enter();
    if (!thread) return no_attachment;
    struct weir_attachment attachment = no_attachment;
    struct trace_context ids = trace_context_of(context);
    struct span_slot *slot = span_attach(thread, &ids);
    if (slot) {
        struct carried *carried = carry(thread, slot, context, baggage);
        if (context->remote)
            span_sampling_adopt(thread, slot, carried, ids.sampled);
        else
            span_sampling_go_on(slot, carried, ids.sampled);
        struct weir_span handle = thread_handle(thread, slot);
        attachment = (struct weir_attachment){handle.slot, handle.generation};
    }
    thread_leave(thread);
    return attachment;
}

void weir_context_detach(struct weir_attachment attachment)
{
    struct thread_state *thread;
    struct span_slot *slot =
        thread_enter_slot((struct weir_span){attachment.slot, attachment.generation}, &thread);
    if (!slot) return;
    if (span_is_attached(slot)) span_detach(thread, slot);
    thread_leave(thread);
}

void span_carry_incoming(struct thread_state *thread, struct span_slot *slot, const struct incoming *incoming)
{
    const struct header_lines *states = &incoming->tracestate, *baggage = &incoming->baggage;
    bool is_random = !incoming->has_parent || incoming->parent.random;
    struct carried *carried = carried_new(thread, slot, is_random);
    carried->tracestate_bytes = (uint16_t)tracestate_read(carried->tracestate, states->line, states->count);
    if (incoming->has_parent)
        span_sampling_adopt(thread, slot, carried, incoming->parent.sampled);
    else
        carried->tracestate_bytes = (uint16_t)span_sampling_own_state(slot, carried->tracestate);
    if (baggage->count) baggage_read(&carried->baggage, baggage->line, baggage->count);
}

/* ---- baggage ---- */

bool weir_baggage_current(struct weir_baggage *to)
{
    struct thread_state *thread;
    if (!to) return false;
    baggage_copy(to, NULL);
    const struct span_slot *slot = enter_current(&thread);
    if (!slot) return false;
    const struct carried *carried = carried_of(thread, slot);
    if (carried) baggage_copy(to, &carried->baggage);
    thread_leave(thread);
    return to->members > 0;
}

void weir_baggage_use(const struct weir_baggage *baggage)
{
    struct thread_state *thread;
    const struct span_slot *slot = enter_current(&thread);
    if (!slot) return;
    baggage_copy(&carried_own(thread, slot)->baggage, baggage);
    thread_leave(thread);
}
