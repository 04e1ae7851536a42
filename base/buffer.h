/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer for what is written once and sent: report text, COPY data, frames. Running out of
 * memory sets `failed` and drops further writes, so that a writer checks once at the end. Used by one thread
 * at a time.
 */
#ifndef WEIR_BASE_BUFFER_H
#define WEIR_BASE_BUFFER_H

#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct buffer {
    char *data; /* owned; always 0-terminated behind len when not NULL */
    size_t len;
    size_t room_bytes;
    size_t max_bytes; /* of len; 0: any. Set after buffer_init; more is as if there were no memory */
    bool failed;
};

void buffer_init(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);  /* keeps the memory */
void buffer_shrink(struct buffer *buffer); /* gives back what is not used */

/* Makes room for `bytes` more and returns where they go (the caller then adds to len); NULL when out of
 * memory. */
char *buffer_reserve(struct buffer *buffer, size_t bytes);

void buffer_add(struct buffer *buffer, const void *data, size_t bytes);
void buffer_add_str(struct buffer *buffer, struct str text);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_char(struct buffer *buffer, char c, size_t count);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Big-endian (network order), for Postgres' binary COPY and SP frames. */
void buffer_add_u16be(struct buffer *buffer, uint16_t value);
void buffer_add_u32be(struct buffer *buffer, uint32_t value);
void buffer_add_u64be(struct buffer *buffer, uint64_t value);

static inline struct str buffer_str(const struct buffer *buffer)
{
    return str_view(buffer->data, buffer->len);
}

#endif
