/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/propagation.h"

#include "sdk/core/baggage.h"
#include "sdk/core/process.h"
#include "sdk/core/tracestate.h"

#include <endian.h>
#include <string.h>

#define LINES_MAX 64 /* of one header; what comes in more is nothing */

static bool is_on(enum propagator propagator)
{
    return atomic_load_explicit(&weir_process.propagators, memory_order_relaxed) & propagator;
}

/* ---- reading ---- */

struct lines {
    size_t count;
    const char *line[LINES_MAX];
};

static bool read_lines(const struct weir_headers *headers, const char *name, struct lines *lines)
{
    lines->count = 0;
    if (headers && headers->all)
        lines->count = headers->all(headers->from, name, lines->line, LINES_MAX);
    else if (headers && headers->get && (lines->line[0] = headers->get(headers->from, name)))
        lines->count = 1;
    return lines->count > 0 && lines->count <= LINES_MAX;
}

/* A field's value without the blanks around it (RFC 9110 section 5.5); NULL when it is longer than any traceparent that
 * we would look at to its end. */
static const char *trimmed(const char *value, char *to, size_t room)
{
    value += strspn(value, " \t");
    size_t len = strnlen(value, room);
    if (len == room) return value; /* of a higher version; blanks at its end make no difference */
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t')) len--;
    memcpy(to, value, len);
    to[len] = 0;
    return to;
}

bool propagation_read_parent(const struct weir_headers *headers, struct trace_context *context)
{
    struct lines lines;
    char copy[2 * WEIR_TRACEPARENT_BYTES];
    return is_on(PROPAGATOR_TRACE_CONTEXT) && read_lines(headers, "traceparent", &lines) &&
           lines.count == 1 && traceparent_parse(trimmed(lines.line[0], copy, sizeof copy), context);
}

size_t propagation_read_tracestate(const struct weir_headers *headers, char to[WEIR_TRACESTATE_BYTES])
{
    struct lines lines;
    to[0] = 0;
    if (!is_on(PROPAGATOR_TRACE_CONTEXT) || !read_lines(headers, "tracestate", &lines)) return 0;
    return tracestate_read(to, lines.line, lines.count);
}

bool propagation_read_baggage(const struct weir_headers *headers, struct weir_baggage *to)
{
    struct lines lines;
    baggage_copy(to, NULL);
    if (!is_on(PROPAGATOR_BAGGAGE) || !read_lines(headers, "baggage", &lines)) return false;
    baggage_read(to, lines.line, lines.count);
    return to->members > 0;
}

bool weir_context_extract(const struct weir_headers *headers, struct weir_context *to,
                          struct weir_baggage *baggage)
{
    struct trace_context context = {{0, 0}, 0, false, false};
    if (!to) return false;
    bool is_there = propagation_read_parent(headers, &context);
    trace_context_ids(&context, to);
    to->remote = is_there;
    to->tracestate[0] = 0;
    to->tracestate_bytes = is_there ? (uint16_t)propagation_read_tracestate(headers, to->tracestate) : 0;
    if (baggage) propagation_read_baggage(headers, baggage);
    return is_there;
}

/* ---- writing ---- */

void propagation_write(const struct trace_context *context, const char *tracestate,
                       const struct weir_baggage *baggage, const struct weir_header_writer *writer)
{
    char traceparent[WEIR_TRACEPARENT_BYTES];
    if (!writer || !writer->set) return;
    if (is_on(PROPAGATOR_TRACE_CONTEXT)) {
        traceparent_format(context, traceparent);
        writer->set(writer->to, "traceparent", traceparent);
        if (tracestate && *tracestate) writer->set(writer->to, "tracestate", tracestate);
    }
    if (is_on(PROPAGATOR_BAGGAGE) && baggage && baggage->bytes)
        writer->set(writer->to, "baggage", baggage->text);
}

void weir_context_inject(const struct weir_context *context, const struct weir_baggage *baggage,
                         const struct weir_header_writer *writer)
{
    if (!weir_context_is_valid(context)) return;
    struct trace_context ids = trace_context_of(context);
    propagation_write(&ids, context->tracestate, baggage, writer);
}

/* ---- ids ---- */

bool weir_context_is_valid(const struct weir_context *context)
{
    static const unsigned char zero[sizeof context->trace_id];
    return context && memcmp(context->trace_id, zero, sizeof context->trace_id) != 0 &&
           memcmp(context->span_id, zero, sizeof context->span_id) != 0;
}

static uint64_t from_bytes(const unsigned char *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return be64toh(number);
}

static void to_bytes(uint64_t number, unsigned char *bytes)
{
    number = htobe64(number);
    memcpy(bytes, &number, sizeof number);
}

struct trace_context trace_context_of(const struct weir_context *context)
{
    return (struct trace_context){{from_bytes(context->trace_id), from_bytes(context->trace_id + 8)},
                                  from_bytes(context->span_id),
                                  context->flags & WEIR_CONTEXT_SAMPLED,
                                  context->flags & WEIR_CONTEXT_RANDOM};
}

void trace_context_ids(const struct trace_context *from, struct weir_context *to)
{
    to_bytes(from->trace_id[0], to->trace_id);
    to_bytes(from->trace_id[1], to->trace_id + 8);
    to_bytes(from->span_id, to->span_id);
    to->flags =
        (uint8_t)((from->sampled ? WEIR_CONTEXT_SAMPLED : 0) | (from->random ? WEIR_CONTEXT_RANDOM : 0));
}
