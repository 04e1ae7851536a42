/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/batch.h"

#include "base/utf8.h"
#include "proto/arena_allocator.h"
#include "weir/v1/weir.pb-c.h"

/* What is left for the reason beside two tags, a status, a length of two bytes and 32 bits. */
#define REASON_BYTES_MAX (REPLY_BYTES_MAX - 16)

size_t reply_pack(const struct reply *reply, unsigned char to[REPLY_BYTES_MAX])
{
    Weir__V1__Reply message = WEIR__V1__REPLY__INIT;
    char reason[REASON_BYTES_MAX + 1];
    size_t len = utf8_cut(reply->reason, REASON_BYTES_MAX);
    if (len) memcpy(reason, reply->reason.data, len);
    reason[len] = 0;
    utf8_repair(reason, len); /* other languages' decoders refuse a string that is not UTF-8 */
    message.status = (Weir__V1__Reply__Status)reply->status;
    message.reason = reason;
    message.retry_after_ms = reply->retry_after_ms;
    return weir__v1__reply__pack(&message, to);
}

bool reply_unpack(struct reply *reply, struct arena *arena, const void *data, size_t bytes)
{
    ProtobufCAllocator allocator = arena_allocator(arena);
    memset(reply, 0, sizeof *reply);
    const Weir__V1__Reply *message = weir__v1__reply__unpack(&allocator, bytes, data);
    if (!message) return false;
    bool known = message->status >= WEIR__V1__REPLY__STATUS__STORED &&
                 message->status <= WEIR__V1__REPLY__STATUS__RETRY;
    reply->status = known ? (enum reply_status)message->status : REPLY_UNKNOWN;
    reply->reason = str_of(message->reason);
    reply->retry_after_ms = message->retry_after_ms;
    return true;
}
