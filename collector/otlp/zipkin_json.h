/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zipkin v2 JSON: a list of spans, each with the service that made it, handed over service by service as if it were OTLP; the
 * same visitor, arena and limits. Times are microseconds, tags are text, annotations are events, an `error` tag is a status.
 *
 * A server's span that shares its caller's id (`shared`) gets an id of its own and the caller's as its parent, and so do the
 * spans of its service under it in the same body.
 *
 * Source: Zipkin's API v2 (zipkin2-api.yaml).
 */
#ifndef WEIR_COLLECTOR_ZIPKIN_JSON_H
#define WEIR_COLLECTOR_ZIPKIN_JSON_H

#include "proto/otlp.h"

#define ZIPKIN_SERVICES_MAX 64 /* in one body; it is gone through once for each */

bool zipkin_json_read(const void *data, size_t bytes, struct arena *arena, const struct otlp_visitor *visitor,
                      const char **why);

#endif
