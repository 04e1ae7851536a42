/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mapped batch → the body of a POST: protobuf, and gzip over that when it is asked for. Keeps its memory, up to a bound,
 * for the next one. Belongs to the exporter thread.
 */
#ifndef WEIR_SDK_OTLP_HTTP_REQUEST_H
#define WEIR_SDK_OTLP_HTTP_REQUEST_H

#include "base/buffer.h"
#include "sdk/otlp/mapping.h"

struct z_stream_s;

struct request {
    struct arena scratch;
    struct buffer spans, scopes, body, packed;
    struct z_stream_s *deflate; /* NULL: no gzip */
};

/* False: no memory. */
bool request_init(struct request *request, bool is_gzip);
void request_fini(struct request *request);

/* False: no memory. *body lives until the next call. */
bool request_make(struct request *request, struct mapping *mapping, struct str *body);

#endif
