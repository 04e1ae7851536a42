/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span gathered while it was open (record_entry): attributes, events, links to other spans, its status message, what
 * a limit dropped. Private to batch_builder.c.
 */
#ifndef WEIR_SDK_EXPORT_BATCH_ENTRIES_H
#define WEIR_SDK_EXPORT_BATCH_ENTRIES_H

#include "sdk/export/batch_builder.h"

/* Whether the entries make up the record's entry_bytes, and each its own length. */
bool batch_entries_are_whole(const unsigned char *entries, const struct record *record);

/* Into the columns of the span that is about to be added, number batch.span_count. False: no memory; the lists are as they
 * were before. */
bool batch_entries_add(struct builder *builder, const unsigned char *entries, const struct record *record,
                       const struct span_timeline *timeline);

#endif
