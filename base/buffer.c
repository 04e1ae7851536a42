/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_init(struct buffer *buffer) { memset(buffer, 0, sizeof *buffer); }

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    buffer->failed = false;
    if (buffer->data) buffer->data[0] = 0;
}

void buffer_shrink(struct buffer *buffer)
{
    char *data = buffer->data ? realloc(buffer->data, buffer->len + 1) : NULL;
    if (!data) return;
    buffer->data = data;
    buffer->room_bytes = buffer->len + 1;
}

char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
    size_t max_bytes = buffer->max_bytes ? buffer->max_bytes : SIZE_MAX / 2 - 1;
    if (buffer->failed || buffer->len > max_bytes || bytes > max_bytes - buffer->len) {
        buffer->failed = true;
        return NULL;
    }
    size_t need = buffer->len + bytes + 1;
    if (need > buffer->room_bytes) {
        size_t room = buffer->room_bytes ? buffer->room_bytes * 2 : 256;
        if (room < need) room = need;
        char *data = realloc(buffer->data, room);
        if (!data) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->room_bytes = room;
    }
    return buffer->data + buffer->len;
}

void buffer_add(struct buffer *buffer, const void *data, size_t bytes)
{
    char *to = buffer_reserve(buffer, bytes);
    if (!to) return;
    if (bytes) memcpy(to, data, bytes);
    buffer->len += bytes;
    buffer->data[buffer->len] = 0;
}

void buffer_add_str(struct buffer *buffer, struct str text) { buffer_add(buffer, text.data, text.len); }
void buffer_add_text(struct buffer *buffer, const char *text) { buffer_add(buffer, text, strlen(text)); }

void buffer_add_char(struct buffer *buffer, char c, size_t count)
{
    char *to = buffer_reserve(buffer, count);
    if (!to) return;
    memset(to, c, count);
    buffer->len += count;
    buffer->data[buffer->len] = 0;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = len < 0 ? NULL : buffer_reserve(buffer, (size_t)len);
    if (to) {
        vsnprintf(to, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
}

void buffer_add_u16be(struct buffer *buffer, uint16_t value)
{
    value = htobe16(value);
    buffer_add(buffer, &value, sizeof value);
}

void buffer_add_u32be(struct buffer *buffer, uint32_t value)
{
    value = htobe32(value);
    buffer_add(buffer, &value, sizeof value);
}

void buffer_add_u64be(struct buffer *buffer, uint64_t value)
{
    value = htobe64(value);
    buffer_add(buffer, &value, sizeof value);
}
