/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns records from the rings into one struct batch: strings, operations, sites and traces each once, spans as columns.
 * Owns all the memory that the batch points to and keeps it for the next one. Belongs to the exporter thread. Out of
 * memory means that a record is not taken, and nothing else.
 */
#ifndef WEIR_SDK_EXPORT_BATCH_BUILDER_H
#define WEIR_SDK_EXPORT_BATCH_BUILDER_H

#include "base/str.h"
#include "proto/batch.h"
#include "sdk/core/record.h"
#include "sdk/core/settings.h"
#include "sdk/core/span_timeline.h"
#include "sdk/export/interner.h"

#define BUILDER_SPANS_MAX BATCH_SPANS_MOST
#define BUILDER_BYTES_MAX (6u << 20) /* of what goes into a batch, roughly; far below BATCH_BYTES_MAX */

#define BUILDER_INTERNERS(X)                                                                                 \
    X(strings)                                                                                               \
    X(sites)                                                                                                 \
    X(operations)                                                                                            \
    X(traces)                                                                                                \
    X(samplings)

struct builder {
    struct batch batch;  /* its columns are owned here; valid until builder_clear */
    size_t bytes;        /* estimate */
    uint32_t span_limit; /* of a batch, at most BUILDER_SPANS_MAX; 0: that */
    int64_t last_start_ns;
    struct interner strings, sites, operations, traces, samplings; /* BUILDER_INTERNERS */
    struct {                                                       /* elements that there is room for */
        size_t string_data;
        uint32_t strings, resource, traces, operations, sites, samplings, spans, unread, links, attributes,
            events, event_attributes, span_links, span_link_attributes;
    } room;
    const struct weir_site **site_keys; /* of sites, by number */
};

void builder_fini(struct builder *builder); /* zeroed memory is a valid builder */
void builder_clear(struct builder *builder);

/* Whether the batch takes no further span. */
bool builder_is_full(const struct builder *builder);

/* False: no memory. */
bool builder_resource(struct builder *builder, struct str key, struct str value);

/* Whether a record's own lengths agree: else something has written over it. */
bool builder_record_is_whole(const struct record *record);

/* Takes one record, whose ticks timeline makes wall time of. False: the batch is full, or there is no memory; the batch is
 * as it was before. */
bool builder_add(struct builder *builder, const struct record *record, const struct span_timeline *timeline);

#endif
