/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/http/request.h"

#include <stdlib.h>

#include <zlib.h>

#define SCRATCH_BYTES_MAX ((size_t)32 << 20)
#define KEEP_BYTES        ((size_t)1 << 20) /* of each buffer, from batch to batch */
#define GZIP_WINDOW       (15 + 16)         /* gzip's header instead of zlib's */
#define GZIP_LEVEL        1 /* a batch repeats itself so much that higher ones cost more than they save */
#define GZIP_MEMORY       8

bool request_init(struct request *request, bool is_gzip)
{
    *request = (struct request){0};
    arena_init(&request->scratch, SCRATCH_BYTES_MAX);
    if (!is_gzip) return true;
    request->deflate = calloc(1, sizeof *request->deflate);
    if (!request->deflate) return false;
    if (deflateInit2(request->deflate, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) == Z_OK)
        return true;
    free(request->deflate);
    request->deflate = NULL;
    return false;
}

void request_fini(struct request *request)
{
    if (request->deflate) deflateEnd(request->deflate);
    free(request->deflate);
    buffer_fini(&request->spans);
    buffer_fini(&request->scopes);
    buffer_fini(&request->body);
    buffer_fini(&request->packed);
    arena_fini(&request->scratch);
}

static void empty(struct buffer *buffer)
{
    if (buffer->room_bytes > KEEP_BYTES || buffer->failed)
        buffer_fini(buffer);
    else
        buffer_clear(buffer);
}

static bool add_scope(struct request *request, struct mapping *mapping, uint32_t number)
{
    struct otlp_span span;
    empty(&request->spans);
    mapping_begin(mapping, number);
    while (mapping_next(mapping, &span))
        if (!otlp_span_pack(&request->spans, &span, &request->scratch)) return false;
    if (mapping->failed) return false;
    if (request->spans.len == 0) return true;
    struct otlp_scope scope = mapping_scope(mapping, number);
    if (!otlp_scope_head_pack(&request->scopes, &scope, request->spans.len, &request->scratch)) return false;
    buffer_add(&request->scopes, request->spans.data, request->spans.len);
    return !request->scopes.failed;
}

static bool add_resource(struct request *request, struct mapping *mapping)
{
    struct otlp_attributes resource = mapping_resource(mapping);
    if (mapping->failed || !otlp_request_head_pack(&request->body, &resource, str_of(MAPPING_SCHEMA_URL),
                                                   request->scopes.len, &request->scratch))
        return false;
    buffer_add(&request->body, request->scopes.data, request->scopes.len);
    return !request->body.failed;
}

static bool gzip(struct request *request)
{
    z_stream *stream = request->deflate;
    deflateReset(stream);
    size_t most = deflateBound(stream, request->body.len);
    stream->next_out = (unsigned char *)buffer_reserve(&request->packed, most);
    stream->avail_out = (unsigned)most;
    stream->next_in = (unsigned char *)request->body.data;
    stream->avail_in = (unsigned)request->body.len;
    if (!stream->next_out || deflate(stream, Z_FINISH) != Z_STREAM_END) return false;
    request->packed.len = most - stream->avail_out;
    return true;
}

bool request_make(struct request *request, struct mapping *mapping, struct str *body)
{
    empty(&request->scopes);
    empty(&request->body);
    empty(&request->packed);
    for (uint32_t scope = 0; scope <= mapping->batch->scope_count; scope++)
        if (!add_scope(request, mapping, scope)) return false;
    if (!add_resource(request, mapping)) return false;
    if (request->deflate && !gzip(request)) return false;
    *body = buffer_str(request->deflate ? &request->packed : &request->body);
    return true;
}
