/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context in a request's headers and out of them: which of them there are (OTEL_PROPAGATORS), how many lines each may have.
 * Pure functions but for the one setting; any thread, nothing is allocated. Called where a request begins or a call is
 * made, never by plain spans.
 */
#ifndef WEIR_SDK_CORE_PROPAGATION_H
#define WEIR_SDK_CORE_PROPAGATION_H

#include "sdk/core/traceparent.h"

#define PROPAGATION_LINES 64 /* of one header; what comes in more is nothing */

/* What the headers of a request say, as they say it: pointers to the carrier's text. Reading calls back into the program;
 * what is done with the lines afterwards does not. */
struct header_lines {
    size_t count;
    const char *line[PROPAGATION_LINES];
};

struct incoming {
    bool has_parent;                         /* there is one valid traceparent */
    struct trace_context parent;             /* the caller's span; else zeroed */
    struct header_lines tracestate, baggage; /* no tracestate where there is no parent */
};

/* headers may be NULL. */
void incoming_read(struct incoming *incoming, const struct weir_headers *headers);

/* Empty texts are not sent; either may be NULL. */
void propagation_write(const struct trace_context *context, const char *tracestate,
                       const struct weir_baggage *baggage, const struct weir_header_writer *writer);

/* Between the public struct's bytes and the halves that spans keep. */
struct trace_context trace_context_of(const struct weir_context *context);
void trace_context_ids(const struct trace_context *from, struct weir_context *to);

#endif
