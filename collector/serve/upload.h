/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A POST of spans, between libmicrohttpd's connection and the receiver (collector/otlp): its body as it comes, then the
 * connection is suspended until the receiver has an answer. Only server.c uses it, on the connection's thread.
 */
#ifndef WEIR_SERVE_UPLOAD_H
#define WEIR_SERVE_UPLOAD_H

#include "collector/otlp/receiver.h"

#include <microhttpd.h>

struct upload;

/* Spans are posted to /v1/traces (OTLP) and /api/v2/spans (Zipkin). */
bool upload_is_for(const char *url);

/* The headers are there. NULL: no memory. *answered: it has an answer already, which has been queued; the connection closes
 * with it, as its body is not read. */
struct upload *upload_begin(struct receiver *receiver, struct MHD_Connection *connection, const char *url,
                            bool *answered);

/* A piece of the body, or its end (bytes 0), or its connection goes on with an answer. MHD_NO: the connection is closed. */
enum MHD_Result upload_continue(struct upload *upload, const char *data, size_t *bytes);

/* The collector stops: a suspended connection goes on and is closed, and it is not suspended any more. Any thread. */
void upload_abandon(struct upload *upload);

/* NULL is fine. */
void upload_free(struct upload *upload);

#endif
