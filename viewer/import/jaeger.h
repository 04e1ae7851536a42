/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as Jaeger's page and API export it, made into OTLP's JSON:
 *
 *     Jaeger                                        OTLP
 *     traceID, spanID                               traceId, spanId, with the zeros that Jaeger leaves out
 *     references, the first CHILD_OF of the trace   parentSpanId; without one the first FOLLOWS_FROM, or parentSpanID
 *     all other references                          links
 *     operationName                                 name
 *     startTime, duration (µs)                      startTimeUnixNano, endTimeUnixNano
 *     tags                                          attributes; those of the table in jaeger.c are the span's own fields
 *     logs                                          events, named by their field "event", else "message"
 *     processes                                     resources: serviceName is service.name, tags are attributes
 *
 * Pure; the result is the caller's. What is hostile in a span costs that span or that part of it, never the trace.
 */
#ifndef WEIR_IMPORT_JAEGER_H
#define WEIR_IMPORT_JAEGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define JAEGER_SPANS_A_RESOURCE                                                                              \
    2000 /* more make another element of resourceSpans, so that each stays small */

struct jaeger_result {
    uint64_t spans, refused; /* of these, and those that are no spans: without ids or times */
    const char *why;         /* the first of them; static */
};

/* Elements of resourceSpans, as a list; NULL: no memory. */
json_t *jaeger_convert(const json_t *trace, struct jaeger_result *result);

#endif
