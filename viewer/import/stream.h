/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of any size, taken value by value as it comes: only one value lies in memory at a time, and only up to the limit of
 * the buffer that takes it. What a value says inside is not looked at beyond strings and brackets: who takes it parses it.
 * The first error stays in `why`; all functions then return false. Belongs to one thread.
 */
#ifndef WEIR_IMPORT_STREAM_H
#define WEIR_IMPORT_STREAM_H

#include "base/buffer.h"

struct stream {
    /* Puts up to `bytes` bytes there; 0: no more come (the source remembers why, if it is not the end). NULL: none ever. */
    size_t (*read)(void *context, char *to, size_t bytes);
    void *context;
    char *window; /* where read puts them; borrowed */
    size_t window_bytes;
    const char *at, *end;
    uint64_t line; /* where `at` is, from 1 */
    const char *why;
};

#define STREAM_END (-1)

void stream_init(struct stream *stream, char *window, size_t window_bytes,
                 size_t (*read)(void *context, char *to, size_t bytes), void *context);
/* All of it is there; borrowed. */
void stream_init_memory(struct stream *stream, struct str text, uint64_t line);

/* Fills the window as far as it goes, once, at the start: what it shows is not taken. */
struct str stream_look(struct stream *stream);

/* The next character that is no blank, which is not taken; STREAM_END: nothing is left, or there was an error. */
int stream_peek(struct stream *stream);

/* Takes this character. False: another one stands there, which is no error. */
bool stream_take(struct stream *stream, char c);

/* Adds a whole value as it is written to `to`; NULL: passes over it. */
bool stream_value(struct stream *stream, struct buffer *to);

/* Adds a line without its end to `to`, which is cleared first; false: nothing is left. One beyond the buffer's limit is
 * passed over, and to->failed says so. */
bool stream_line(struct stream *stream, struct buffer *to);

#endif
