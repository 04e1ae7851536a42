/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/carried.h"

#include "sdk/core/baggage.h"
#include "sdk/core/span_sampling.h"

struct carried *carried_new(struct thread_state *thread, const struct span_slot *slot, bool random)
{
    struct carried *carried = &thread->carried[thread_slot_index(thread, slot)];
    carried->span_id = slot->record.span_id;
    carried->trace_id[0] = slot->record.trace_id[0];
    carried->trace_id[1] = slot->record.trace_id[1];
    carried->random = random;
    carried->tracestate_bytes = 0;
    carried->tracestate[0] = 0;
    baggage_copy(&carried->baggage, NULL);
    thread->carries = true;
    return carried;
}

static bool is_of(const struct carried *carried, const struct span_slot *slot)
{
    return carried->span_id == slot->record.span_id && carried->trace_id[0] == slot->record.trace_id[0] &&
           carried->trace_id[1] == slot->record.trace_id[1];
}

/* The span that this one was begun under, if it is still open: somewhere on the stack, below. */
static const struct span_slot *parent_of(const struct thread_state *thread, const struct span_slot *slot)
{
    uint8_t at = slot->on_stack ? slot->below : thread->top;
    for (; at != NO_SLOT; at = thread->slots[at].below)
        if (thread->slots[at].record.span_id == slot->record.parent_id) return &thread->slots[at];
    return NULL;
}

static const struct carried *of_same_trace(const struct thread_state *thread, const struct span_slot *slot)
{
    for (uint32_t i = 0; i < SPAN_DEPTH; i++) {
        const struct carried *carried = &thread->carried[i];
        if (carried->span_id && carried->trace_id[0] == slot->record.trace_id[0] &&
            carried->trace_id[1] == slot->record.trace_id[1])
            return carried;
    }
    return NULL;
}

const struct carried *carried_of(const struct thread_state *thread, const struct span_slot *slot)
{
    if (!thread->carries) return NULL;
    for (const struct span_slot *at = slot; at; at = parent_of(thread, at)) {
        const struct carried *carried = &thread->carried[thread_slot_index(thread, at)];
        if (is_of(carried, at)) return carried;
        if (at->record.parent_id == 0) return NULL; /* the trace began here */
    }
    return of_same_trace(thread, slot);
}

struct carried *carried_own(struct thread_state *thread, const struct span_slot *slot)
{
    struct carried *own = &thread->carried[thread_slot_index(thread, slot)];
    const struct carried *inherited = carried_of(thread, slot);
    if (inherited == own) return own;
    carried_new(thread, slot, carried_is_random(inherited));
    if (!inherited) own->tracestate_bytes = (uint16_t)span_sampling_own_state(slot, own->tracestate);
    if (!inherited) return own;
    own->tracestate_bytes = inherited->tracestate_bytes;
    memcpy(own->tracestate, inherited->tracestate, inherited->tracestate_bytes + 1u);
    baggage_copy(&own->baggage, &inherited->baggage);
    return own;
}
