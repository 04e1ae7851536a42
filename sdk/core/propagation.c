/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/propagation.h"

#include "sdk/core/baggage.h"
#include "sdk/core/process.h"
#include "sdk/core/settings.h"
#include "sdk/core/tracestate.h"

#include <endian.h>
#include <string.h>

static bool is_on(uint32_t propagator)
{
    return atomic_load_explicit(&weir_process.propagators, memory_order_relaxed) & propagator;
}

/* ---- reading ---- */

static void read_lines(struct header_lines *lines, const struct weir_headers *headers, const char *name)
{
    lines->count = 0;
    if (headers->all)
        lines->count = headers->all(headers->from, name, lines->line, PROPAGATION_LINES);
    else if (headers->get && (lines->line[0] = headers->get(headers->from, name)))
        lines->count = 1;
    if (lines->count > PROPAGATION_LINES) lines->count = 0;
    for (size_t i = 0; i < lines->count; i++)
        if (!lines->line[i]) lines->line[i] = "";
}

/* A field's value without the blanks around it (RFC 9110 section 5.5). One that has no room stays: it is of a higher
 * version or malformed, and how it ends makes no difference. */
static const char *trimmed(const char *value, char *to, size_t room)
{
    value += strspn(value, " \t");
    size_t len = strnlen(value, room);
    if (len == room) return value;
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t')) len--;
    memcpy(to, value, len);
    to[len] = 0;
    return to;
}

static bool read_parent(struct trace_context *parent, const struct weir_headers *headers)
{
    struct header_lines lines;
    char copy[2 * WEIR_TRACEPARENT_BYTES];
    read_lines(&lines, headers, "traceparent");
    return lines.count == 1 && traceparent_parse(trimmed(lines.line[0], copy, sizeof copy), parent);
}

void incoming_read(struct incoming *incoming, const struct weir_headers *headers)
{
    incoming->has_parent = false;
    incoming->parent = (struct trace_context){{0, 0}, 0, false, false};
    incoming->tracestate.count = incoming->baggage.count = 0;
    if (!headers) return;
    incoming->has_parent = is_on(PROPAGATE_TRACE_CONTEXT) && read_parent(&incoming->parent, headers);
    if (incoming->has_parent) read_lines(&incoming->tracestate, headers, "tracestate");
    if (is_on(PROPAGATE_BAGGAGE)) read_lines(&incoming->baggage, headers, "baggage");
}

bool weir_context_extract(const struct weir_headers *headers, struct weir_context *to,
                          struct weir_baggage *baggage)
{
    struct incoming incoming;
    incoming_read(&incoming, headers);
    if (baggage) baggage_read(baggage, incoming.baggage.line, incoming.baggage.count);
    if (!to) return incoming.has_parent;
    trace_context_ids(&incoming.parent, to);
    to->remote = incoming.has_parent;
    to->tracestate_bytes =
        (uint16_t)tracestate_read(to->tracestate, incoming.tracestate.line, incoming.tracestate.count);
    return incoming.has_parent;
}

/* ---- writing ---- */

void propagation_write(const struct trace_context *context, const char *tracestate,
                       const struct weir_baggage *baggage, const struct weir_header_writer *writer)
{
    char traceparent[WEIR_TRACEPARENT_BYTES];
    if (!writer || !writer->set) return;
    if (is_on(PROPAGATE_TRACE_CONTEXT)) {
        traceparent_format(context, traceparent);
        writer->set(writer->to, "traceparent", traceparent);
        if (tracestate && *tracestate) writer->set(writer->to, "tracestate", tracestate);
    }
    if (is_on(PROPAGATE_BAGGAGE) && baggage && baggage->bytes)
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
