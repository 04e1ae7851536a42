/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/import/stream.h"

#include <string.h>

#define DEPTH_MAX 1000 /* jansson has a limit of its own; this one is for what is passed over */

static const char cut_short[] = "it ends in the middle of a value";

void stream_init(struct stream *stream, char *window, size_t window_bytes,
                 size_t (*read)(void *context, char *to, size_t bytes), void *context)
{
    *stream = (struct stream){.read = read,
                              .context = context,
                              .window = window,
                              .window_bytes = window_bytes,
                              .at = window,
                              .end = window,
                              .line = 1};
}

void stream_init_memory(struct stream *stream, struct str text, uint64_t line)
{
    *stream = (struct stream){.at = text.data, .end = text.data + text.len, .line = line};
}

/* False: nothing is left. */
static bool fill(struct stream *stream)
{
    if (stream->at < stream->end) return true;
    if (!stream->read) return false;
    size_t came = stream->read(stream->context, stream->window, stream->window_bytes);
    stream->at = stream->window;
    stream->end = stream->window + came;
    return came > 0;
}

struct str stream_look(struct stream *stream)
{
    size_t have = 0, came;
    while (stream->read && have < stream->window_bytes &&
           (came = stream->read(stream->context, stream->window + have, stream->window_bytes - have)) > 0)
        have += came;
    if (stream->read) stream->end = stream->at + have;
    return str_view(stream->at, (size_t)(stream->end - stream->at));
}

static bool fail(struct stream *stream, const char *why)
{
    if (!stream->why) stream->why = why;
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int stream_peek(struct stream *stream)
{
    while (!stream->why && fill(stream)) {
        if (!is_blank(*stream->at)) return (unsigned char)*stream->at;
        stream->line += *stream->at++ == '\n';
    }
    return STREAM_END;
}

bool stream_take(struct stream *stream, char c)
{
    if (stream_peek(stream) != (unsigned char)c) return false;
    stream->at++;
    return true;
}

/* ---- a value ---- */

struct shape {
    unsigned depth;
    bool in_string, after_backslash, is_scalar;
};

/* Whether the value goes on behind c; *whole: it ends with c, else before it. */
static bool goes_on(struct shape *shape, char c, bool *whole)
{
    *whole = true;
    if (shape->in_string) {
        bool quoted = shape->after_backslash;
        shape->after_backslash = !quoted && c == '\\';
        if (quoted || c != '"') return true;
        shape->in_string = false;
        return shape->depth > 0;
    }
    bool ends_scalar = shape->is_scalar && (is_blank(c) || c == ',' || c == ']' || c == '}');
    if (ends_scalar) {
        *whole = false;
        return false;
    }
    if (shape->is_scalar) return true;
    if (c == '"') shape->in_string = true;
    if (c == '{' || c == '[') shape->depth++;
    if (c == '}' || c == ']') shape->depth--;
    return shape->depth > 0 || shape->in_string;
}

/* Goes through the window to the value's end. False: it goes on behind the window. */
static bool run(struct stream *stream, struct shape *shape)
{
    while (stream->at < stream->end) {
        bool whole;
        char c = *stream->at;
        if (c == '\n' && shape->in_string) {
            fail(stream, "a line ends inside a text");
            return true;
        }
        bool more = goes_on(shape, c, &whole);
        if (shape->depth > DEPTH_MAX) {
            fail(stream, "it is nested too deeply");
            return true;
        }
        if (more || whole) {
            stream->line += c == '\n';
            stream->at++;
        }
        if (!more) return true;
    }
    return false;
}

bool stream_value(struct stream *stream, struct buffer *to)
{
    int first = stream_peek(stream);
    if (first == STREAM_END) return fail(stream, cut_short);
    if (strchr(",:]}", first)) return fail(stream, "a value is missing");
    struct shape shape = {.is_scalar = first != '{' && first != '[' && first != '"'};
    bool ended = false;
    while (!ended && fill(stream)) {
        const char *from = stream->at;
        ended = run(stream, &shape);
        if (to) buffer_add(to, from, (size_t)(stream->at - from));
        if (to && to->failed) return fail(stream, "a value is larger than weir import takes at once");
    }
    if (!ended && !shape.is_scalar) return fail(stream, cut_short);
    return !stream->why;
}

bool stream_line(struct stream *stream, struct buffer *to)
{
    bool any = false;
    buffer_clear(to);
    while (fill(stream)) {
        size_t left = (size_t)(stream->end - stream->at);
        const char *newline = memchr(stream->at, '\n', left);
        size_t len = newline ? (size_t)(newline - stream->at) : left;
        any = true;
        if (!to->failed) buffer_add(to, stream->at, len);
        stream->at += len + (newline != NULL);
        if (newline) {
            stream->line++;
            break;
        }
    }
    return any;
}
