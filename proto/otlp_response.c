/* SPDX-License-Identifier: Apache-2.0 */
/* What a server has answered. Responses are two messages deep at most, so protobuf-c may unpack what a stranger sent. */
#include "proto/otlp.h"

#include "proto/arena_allocator.h"
#include "weir/otlp/otlp.pb-c.h"

static struct str text_of(ProtobufCBinaryData data) { return str_view((const char *)data.data, data.len); }

bool otlp_response_unpack(struct otlp_response *response, struct arena *arena, const void *data, size_t bytes)
{
    ProtobufCAllocator allocator = arena_allocator(arena);
    *response = (struct otlp_response){0};
    if (bytes == 0) return true;
    const Weir__Otlp__Response *message = weir__otlp__response__unpack(&allocator, bytes, data);
    if (!message) return false;
    if (!message->partial_success) return true;
    response->rejected_spans = message->partial_success->rejected_spans;
    response->error_message = text_of(message->partial_success->error_message);
    return true;
}

struct str otlp_failure_unpack(struct arena *arena, const void *data, size_t bytes)
{
    ProtobufCAllocator allocator = arena_allocator(arena);
    const Weir__Otlp__Failure *message = bytes ? weir__otlp__failure__unpack(&allocator, bytes, data) : NULL;
    return message ? text_of(message->message) : str_view("", 0);
}
