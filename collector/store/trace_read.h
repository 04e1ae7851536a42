/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All stored fragments of a trace as the spans of model/span.h, in an arena: what a claim hands to the analysis and what
 * read_trace hands to the reader. Spans of one fragment keep their order; doubles are kept (trace_assemble drops them).
 */
#ifndef WEIR_STORE_TRACE_READ_H
#define WEIR_STORE_TRACE_READ_H

#include "collector/store/store.h"

/* The statement that reads the fragments of several traces, one after another: $1 is an array of trace ids. One of its columns
 * is the trace id. */
extern const char trace_read_several_sql[];
#define TRACE_READ_ID_COLUMN 13

/* STORE_REFUSED: a fragment is corrupt, or the trace does not fit the arena; fragment_count is set then, too. */
enum store_result trace_read(struct store *store, const unsigned char trace_id[16], struct arena *arena,
                             struct trace *trace);

#endif
