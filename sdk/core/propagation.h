/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context in a request's headers and out of them: which of them there are (OTEL_PROPAGATORS), how many lines each may have.
 * Pure functions but for the one setting; any thread, nothing is allocated. Called where a request begins or a call is
 * made, never by plain spans.
 */
#ifndef WEIR_SDK_CORE_PROPAGATION_H
#define WEIR_SDK_CORE_PROPAGATION_H

#include "sdk/core/traceparent.h"

/* Bits of weir_process.propagators. */
enum propagator { PROPAGATOR_TRACE_CONTEXT = 1, PROPAGATOR_BAGGAGE = 2 };
#define PROPAGATORS_STANDARD (PROPAGATOR_TRACE_CONTEXT | PROPAGATOR_BAGGAGE)

/* The caller's span, by traceparent; false (and *context untouched) when there is no valid one, or more than one. */
bool propagation_read_parent(const struct weir_headers *headers, struct trace_context *context);

/* tracestate, to be read only where there is a parent. Returns its length. */
size_t propagation_read_tracestate(const struct weir_headers *headers, char to[WEIR_TRACESTATE_BYTES]);

/* Whether anything came. Only the part of *to that is in use is written. */
bool propagation_read_baggage(const struct weir_headers *headers, struct weir_baggage *to);

/* Empty texts are not sent; either may be NULL. */
void propagation_write(const struct trace_context *context, const char *tracestate,
                       const struct weir_baggage *baggage, const struct weir_header_writer *writer);

/* Between the public struct's bytes and the halves that spans keep. */
struct trace_context trace_context_of(const struct weir_context *context);
void trace_context_ids(const struct trace_context *from, struct weir_context *to);

#endif
