/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sampler decides, for a span that begins a request: its slot is told, what was refused is counted, and tracestate
 * says `ot=th:…` to those whom this process calls. Asked where a trace begins or comes in, never by spans beneath. The
 * thread that owns the slot has entered.
 */
#ifndef WEIR_SDK_CORE_SPAN_SAMPLING_H
#define WEIR_SDK_CORE_SPAN_SAMPLING_H

#include "sdk/core/carried.h"
#include "sdk/core/thread.h"

/* Tells the slot. */
void span_sampling_set(struct thread_state *thread, struct span_slot *slot, struct sampling sampling);

/* A trace that begins here; its id is there. */
static inline void span_sampling_root(struct thread_state *thread, struct span_slot *slot)
{
    slot->sampled = SPAN_SAMPLED_PLAIN;
    if (__builtin_expect(sampler_is_asked(&weir_process.sampler), 0))
        span_sampling_set(thread, slot, sampler_ask_root(&weir_process.sampler, slot->record.trace_id[1]));
}

/* A span begun under this one. */
static inline void span_sampling_inherit(struct span_slot *slot, const struct span_slot *parent)
{
    slot->sampled = parent->sampled;
    if (__builtin_expect(parent->sampled == SPAN_SAMPLED_SOME, 0)) {
        slot->threshold = parent->threshold;
        slot->record.has_threshold = 1;
    }
}

/* A trace that comes in from outside: carried is what came with it, and goes on as decided. */
void span_sampling_adopt(struct thread_state *thread, struct span_slot *slot, struct carried *carried,
                         bool parent_sampled);

/* A request of this process, in another thread: decided already. */
void span_sampling_go_on(struct span_slot *slot, const struct carried *carried, bool sampled);

/* tracestate of a trace that began here and carries none yet. Returns its length. */
size_t span_sampling_own_state(const struct span_slot *slot, char to[WEIR_TRACESTATE_BYTES]);

#endif
