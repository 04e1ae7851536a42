/* SPDX-License-Identifier: Apache-2.0 */
/* What a server answers. Responses are two messages deep at most, so protobuf-c may unpack what a stranger sent. */
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

/* ---- ours ---- */

static ProtobufCBinaryData bytes_of(struct str text)
{
    ProtobufCBinaryData data = {text.len, (uint8_t *)(uintptr_t)text.data};
    return data;
}

static void add_message(struct buffer *to, const ProtobufCMessage *message)
{
    size_t bytes = protobuf_c_message_get_packed_size(message);
    char *room = buffer_reserve(to, bytes);
    if (room) to->len += protobuf_c_message_pack(message, (unsigned char *)room);
}

void otlp_response_pack(struct buffer *to, const struct otlp_response *response)
{
    Weir__Otlp__Response message = WEIR__OTLP__RESPONSE__INIT;
    Weir__Otlp__PartialSuccess partial = WEIR__OTLP__PARTIAL_SUCCESS__INIT;
    partial.rejected_spans = response->rejected_spans;
    partial.error_message = bytes_of(response->error_message);
    if (response->rejected_spans || response->error_message.len) message.partial_success = &partial;
    add_message(to, &message.base);
}

void otlp_failure_pack(struct buffer *to, int32_t code, struct str text)
{
    Weir__Otlp__Failure message = WEIR__OTLP__FAILURE__INIT;
    message.code = code;
    message.message = bytes_of(text);
    add_message(to, &message.base);
}
