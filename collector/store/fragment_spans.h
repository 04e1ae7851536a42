/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a blob holds of its spans, as model/span.h has it: ids, hashes and the lists (value links, attributes, events, links
 * to other spans). The arrays of the row are the caller's. The batch has been checked by fragment_decode. One thread.
 */
#ifndef WEIR_STORE_FRAGMENT_SPANS_H
#define WEIR_STORE_FRAGMENT_SPANS_H

#include "base/arena.h"
#include "model/span.h"
#include "proto/batch.h"

struct fragment_spans {
    const struct batch *batch;
    struct arena *arena;
    const struct scope *scopes;
    size_t next; /* the span to be read */
    struct {     /* where its elements begin in the batch's lists */
        uint32_t unread, link, attribute, event, event_attribute, span_link, span_link_attribute;
    } at;
};

/* False: out of arena. */
bool fragment_spans_begin(struct fragment_spans *reading, const struct batch *batch, struct arena *arena);

/* The next span; its start_ns must be set. False: out of arena, or an event is out of the range of times. */
bool fragment_spans_next(struct fragment_spans *reading, struct span *span);

#endif
