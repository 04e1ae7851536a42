/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace carries through this process beside its ids: tracestate, baggage, whether its id is random. Kept once, with
 * the span that brought it in (a server span, an attached context, a span under which baggage was set), in the
 * place that goes with that span's slot; spans beneath it find it by their ancestors when they need it, which is when a
 * request goes out. So a plain span neither stores nor clears anything for it: an entry is its span's for as long as the
 * ids match, and forgotten when the slot's next span brings one of its own.
 *
 * A trace that began here has no entry until something is set, and its id is random.
 *
 * Belongs to the thread; the caller has entered (thread.h), or only looks.
 */
#ifndef WEIR_SDK_CORE_CARRIED_H
#define WEIR_SDK_CORE_CARRIED_H

#include <weir/context.h>

struct span_slot;
struct thread_state;

struct carried {
    uint64_t span_id; /* whose it is; 0: nobody's */
    uint64_t trace_id[2];
    bool random;
    uint16_t tracestate_bytes;
    char tracestate[WEIR_TRACESTATE_BYTES]; /* 0-terminated, as all of its text */
    struct weir_baggage baggage;
};

/* A new entry for an open span, empty, in place of one that it had. */
struct carried *carried_new(struct thread_state *thread, const struct span_slot *slot, bool random);

/* What an open span carries: its own entry, else that of its nearest ancestor; when that has ended before it, any of the
 * same trace. NULL: none. */
const struct carried *carried_of(const struct thread_state *thread, const struct span_slot *slot);

/* The span's own entry, made with what it inherits where it has none yet. */
struct carried *carried_own(struct thread_state *thread, const struct span_slot *slot);

static inline bool carried_is_random(const struct carried *carried) { return !carried || carried->random; }

#endif
