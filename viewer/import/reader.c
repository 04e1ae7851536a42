/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/import/reader.h"

#include <stdio.h>
#include <string.h>

#define NESTED_MAX 4 /* lists in lists: Zipkin has two */
#define WHY_BYTES  200

struct reader {
    struct stream *stream; /* that is being read: the file, or a line of it */
    const struct reader_visitor *visitor;
    struct reader_result result;
    struct buffer key, value, object;
    char why[WHY_BYTES];
};

/* For this document; the stream stays where it is. */
static bool fail(struct reader *reader, const char *why)
{
    if (!reader->stream->why) reader->stream->why = why;
    return false;
}

/* ---- parts ---- */

/* NULL: it is no JSON, and reader->stream->why says so. */
static json_t *parse(struct reader *reader, struct str text)
{
    json_error_t error;
    json_t *value = json_loadb(text.data, text.len, JSON_ALLOW_NUL, &error);
    if (value) return value;
    snprintf(reader->why, sizeof reader->why, "%.120s (at byte %d of the part that begins here)", error.text,
             error.position);
    fail(reader, reader->why);
    return NULL;
}

static bool hand_over(struct reader *reader, struct part part)
{
    if (!json_is_object(part.value)) return fail(reader, "what should be an object is none");
    reader->result.parts++;
    reader->result.stopped = !reader->visitor->part(reader->visitor->context, &part);
    return !reader->result.stopped;
}

/* One element of resourceSpans. */
static bool read_resource(struct reader *reader)
{
    stream_peek(reader->stream);
    uint64_t line = reader->stream->line;
    buffer_clear(&reader->value);
    if (!stream_value(reader->stream, &reader->value)) return false;
    struct str text = buffer_str(&reader->value);
    json_t *value = parse(reader, text);
    if (!value) {
        reader->stream->line = line;
        return false;
    }
    bool goes_on = hand_over(reader, (struct part){PART_OTLP, text, value, line});
    json_decref(value);
    return goes_on;
}

/* Which of them an object is that has no list of others in it. */
static bool hand_over_object(struct reader *reader, uint64_t line)
{
    struct str text = buffer_str(&reader->object);
    bool goes_on = false;
    json_t *value = parse(reader, text);
    if (!value) {
        reader->stream->line = line;
        return false;
    }
    if (json_is_array(json_object_get(value, "spans")))
        goes_on = hand_over(reader, (struct part){PART_JAEGER, text, value, line});
    else if (json_object_get(value, "traceId") && json_object_get(value, "id"))
        goes_on = hand_over(reader, (struct part){PART_ZIPKIN, text, value, line});
    else
        fail(reader, "this object is of none of the formats: OTLP has \"resourceSpans\", Jaeger \"data\" or "
                     "\"spans\", a span of Zipkin \"traceId\" and \"id\"");
    json_decref(value);
    return goes_on;
}

/* ---- documents ---- */

static bool read_document(struct reader *reader, unsigned nested);

/* Its elements are read by `element`, which takes one. */
static bool read_list(struct reader *reader, unsigned nested,
                      bool (*element)(struct reader *reader, unsigned nested))
{
    if (!stream_take(reader->stream, '[')) return fail(reader, "what should be a list is none");
    if (stream_take(reader->stream, ']')) return true;
    do {
        if (!element(reader, nested)) return false;
    } while (stream_take(reader->stream, ','));
    return stream_take(reader->stream, ']') || fail(reader, "a list does not end");
}

static bool read_resource_element(struct reader *reader, unsigned nested)
{
    (void)nested;
    return read_resource(reader);
}

static bool key_is(const struct reader *reader, const char *name)
{
    return str_is(buffer_str(&reader->key), name);
}

/* A member of no list that we know is kept with the object, in case it turns out to be a span or a trace. */
static bool keep_member(struct reader *reader, size_t *members)
{
    struct buffer *object = &reader->object;
    buffer_add_text(object, *members ? "," : "{");
    buffer_add_str(object, buffer_str(&reader->key));
    buffer_add_text(object, ":");
    ++*members;
    return stream_value(reader->stream, object);
}

static bool read_key(struct reader *reader)
{
    buffer_clear(&reader->key);
    if (stream_peek(reader->stream) != '"') return fail(reader, "a member has no name");
    if (!stream_value(reader->stream, &reader->key)) return false;
    return stream_take(reader->stream, ':') || fail(reader, "a colon is missing");
}

enum member_meaning { MEMBER_KEPT, MEMBER_LIST, MEMBER_OTHER };

/* Reads a member's value. */
static bool read_member(struct reader *reader, unsigned nested, size_t *members, enum member_meaning *meaning)
{
    *meaning = MEMBER_LIST;
    if (key_is(reader, "\"resourceSpans\"")) return read_list(reader, nested, read_resource_element);
    if (key_is(reader, "\"data\"") && stream_peek(reader->stream) == '[')
        return read_list(reader, nested + 1, read_document);
    *meaning = MEMBER_OTHER;
    if (key_is(reader, "\"resourceMetrics\"") || key_is(reader, "\"resourceLogs\""))
        return stream_value(reader->stream, NULL);
    *meaning = MEMBER_KEPT;
    return keep_member(reader, members);
}

static bool read_object(struct reader *reader, unsigned nested)
{
    uint64_t line = reader->stream->line;
    size_t members = 0;
    bool had_list = false, had_other = false;
    buffer_clear(&reader->object);
    stream_take(reader->stream, '{');
    if (!stream_take(reader->stream, '}')) {
        do {
            enum member_meaning meaning;
            if (!read_key(reader) || !read_member(reader, nested, &members, &meaning)) return false;
            had_list = had_list || meaning == MEMBER_LIST;
            had_other = had_other || meaning == MEMBER_OTHER;
            if (had_list) { /* nothing else of it is of use */
                buffer_clear(&reader->object);
                members = 0;
            }
        } while (stream_take(reader->stream, ','));
        if (!stream_take(reader->stream, '}')) return fail(reader, "an object does not end");
    }
    reader->result.others += had_other;
    if (had_list || had_other) return true;
    buffer_add_text(&reader->object, members ? "}" : "{}");
    /* an empty request is what an exporter without spans writes */
    return members == 0 || hand_over_object(reader, line);
}

static bool read_document(struct reader *reader, unsigned nested)
{
    int first = stream_peek(reader->stream);
    if (nested > NESTED_MAX) return fail(reader, "lists are nested too deeply for a format of traces");
    if (first == '{') return read_object(reader, nested);
    if (first == '[') return read_list(reader, nested + 1, read_document);
    if (first == STREAM_END) return fail(reader, "it ends in the middle of a value");
    return fail(reader, "this is no JSON of traces: it begins with neither { nor [");
}

static void note_problem(struct reader *reader, struct stream *stream)
{
    if (!stream->why || reader->result.stopped) return;
    reader->result.problems++;
    reader->visitor->problem(reader->visitor->context, stream->line, stream->why, stream->read != NULL);
}

static void read_documents(struct reader *reader, struct stream *stream)
{
    reader->stream = stream;
    while (!reader->result.stopped && stream_peek(stream) != STREAM_END && read_document(reader, 0)) continue;
    note_problem(reader, stream);
}

/* ---- lines ---- */

/* Whether its lines are documents: the first begins an object, and so does the next, without a comma or a bracket before it
 * by which it would be an element of a list. */
static bool has_lines(struct str text)
{
    const char *at = text.data, *end = text.data + text.len;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    if (at == end || *at != '{') return false;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (!newline || newline + 1 == end || newline[1] != '{') return false;
    const char *last = newline - 1;
    while (last > at && (*last == ' ' || *last == '\t' || *last == '\r')) last--;
    return *last != ',' && *last != '[' && *last != ':';
}

static void read_lines(struct reader *reader, struct stream *file)
{
    struct buffer line;
    buffer_init(&line);
    line.max_bytes = 2 * PART_BYTES_MAX;
    for (uint64_t number = file->line; !reader->result.stopped && stream_line(file, &line);
         number = file->line) {
        struct stream of_line;
        stream_init_memory(&of_line, line.failed ? str_view("", 0) : buffer_str(&line), number);
        if (line.failed) of_line.why = "a line is larger than the 64 MiB that weir import takes";
        read_documents(reader, &of_line);
    }
    buffer_fini(&line);
}

struct reader_result reader_read(struct stream *stream, const struct reader_visitor *visitor)
{
    struct reader reader = {.visitor = visitor};
    buffer_init(&reader.key);
    buffer_init(&reader.value);
    buffer_init(&reader.object);
    reader.key.max_bytes = reader.value.max_bytes = reader.object.max_bytes = PART_BYTES_MAX;
    if (has_lines(stream_look(stream)))
        read_lines(&reader, stream);
    else
        read_documents(&reader, stream);
    buffer_fini(&reader.key);
    buffer_fini(&reader.value);
    buffer_fini(&reader.object);
    return reader.result;
}
