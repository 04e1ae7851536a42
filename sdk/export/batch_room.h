/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a batch under construction: its arrays grow by tables, and strings lie in it once. Private to
 * batch_builder.c and batch_entries.c. False from any of these: no memory.
 */
#ifndef WEIR_SDK_EXPORT_BATCH_ROOM_H
#define WEIR_SDK_EXPORT_BATCH_ROOM_H

#include "sdk/export/batch_builder.h"

/* Each string once. string_offset, which is not packed, is kept to compare them: whoever chooses a text may choose its hash. */
bool builder_string(struct builder *builder, struct str text, uint32_t *index);

/* Room for `more` elements beyond `count` in all arrays of a table. */
#define BUILDER_ROOMS(X)                                                                                     \
    X(strings)                                                                                               \
    X(resource)                                                                                              \
    X(traces)                                                                                                \
    X(operations)                                                                                            \
    X(sites)                                                                                                 \
    X(samplings)                                                                                             \
    X(spans)                                                                                                 \
    X(unread)                                                                                                \
    X(links)                                                                                                 \
    X(attributes)                                                                                            \
    X(events)                                                                                                \
    X(event_attributes)                                                                                      \
    X(span_links)                                                                                            \
    X(span_link_attributes)

#define X(table) bool room_for_##table(struct builder *builder, uint32_t count, uint32_t more);
BUILDER_ROOMS(X)
#undef X

#endif
