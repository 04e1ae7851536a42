/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of an open span beside its attributes: events, links to other spans, the status message, and what did
 * not fit. All lie in the slot's own entries (record.h). The caller has entered the thread.
 */
#ifndef WEIR_SDK_CORE_SPAN_EVENTS_H
#define WEIR_SDK_CORE_SPAN_EVENTS_H

#include "sdk/core/thread.h"

enum span_part { SPAN_ATTRIBUTES, SPAN_EVENTS, SPAN_LINKS };

/* One more that the span had and that is not kept: counted in the span, and by weir_stats. */
void span_count_dropped(struct thread_state *thread, struct span_slot *slot, enum span_part part);

#endif
