/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A span as the collector, the analysis and the reader speak of it, and the trace it stands in. Stored
 * fragments are read back into these (collector/store), analysis/ hangs them into a tree, viewer/ shows them.
 * Everything lies in one arena with the trace; nothing is owned here. One thread at a time.
 */
#ifndef WEIR_MODEL_SPAN_H
#define WEIR_MODEL_SPAN_H

#include "base/str.h"
#include "model/operation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum span_kind { /* OpenTelemetry's SpanKind */
                 SPAN_KIND_UNSPECIFIED,
                 SPAN_KIND_INTERNAL,
                 SPAN_KIND_SERVER,
                 SPAN_KIND_CLIENT,
                 SPAN_KIND_PRODUCER,
                 SPAN_KIND_CONSUMER
};

enum span_status { SPAN_STATUS_UNSET, SPAN_STATUS_OK, SPAN_STATUS_ERROR };

/* How a call's input repeats an earlier call's answer; the numbers are on the wire. Not OpenTelemetry's links: those are
 * struct span_link. */
enum link_kind {
    LINK_SEQUENCE =
        1, /* one input value of the call stands in the answer at (column, row); of use in loops, where */
           /* call k of the operation has row k: sent for the first 32 calls, several candidates a call */
    LINK_LIST = 2, /* the call's input is a list: its first 32 values are the column's first 32, and as many
                      as rows */
    LINK_VALUE = 3 /* one value with enough entropy to be no accident, not in the inbound request */
};

struct link {
    uint64_t span_id; /* the earlier call, of the same trace */
    enum link_kind kind;
    uint32_t column, row; /* row: for LINK_LIST how many values */
};

struct call_site {
    struct str file, function;
    uint32_t line; /* 0: not known */
};

struct attribute {
    struct str key;
    int type;        /* enum attribute_type of proto/batch.h */
    struct str text; /* a string; bytes in base64; an array or a map as the sender's JSON, not checked */
    int64_t integer; /* bool, int */
    double real;
};

struct span_event {
    int64_t time_ns; /* since 1970-01-01 UTC; may lie outside its span */
    struct str name;
    uint32_t attribute_count, dropped_attributes;
    const struct attribute *attributes;
};

/* OpenTelemetry's link: another span, of any trace, that a span has to do with. */
struct span_link {
    unsigned char trace_id[16]; /* zero, as the span's id: not known */
    uint64_t span_id;
    struct str trace_state;
    uint8_t trace_flags; /* W3C's */
    uint32_t attribute_count, dropped_attributes;
    const struct attribute *attributes;
};

struct scope { /* what made a span: an instrumentation library */
    struct str name, version;
};

struct resource {
    struct str service_name;    /* never empty: "unknown_service" */
    struct str service_version; /* may be empty */
    struct str instance_id;
};

struct span {
    uint64_t id, parent_id; /* parent 0: none */
    enum span_kind kind;
    enum span_status status;
    bool remote_parent;
    bool partial_evidence; /* a call: that it has no link to another says nothing */
    uint8_t trace_flags; /* W3C's; 0: not told */
    const struct operation *operation;
    const struct resource *resource;
    struct call_site site;
    int64_t start_ns; /* since 1970-01-01 UTC */
    int64_t duration_ns;

    int64_t rows;        /* -1: not known */
    uint32_t connection; /* of this process; 0: not known */
    uint32_t input_count;
    uint64_t input_hash, answer_hash; /* 0: none */
    uint32_t unread_count, link_count, attribute_count;
    const uint64_t *unread;
    const struct link *links;
    const struct attribute *attributes;

    /* A span sampled with a threshold stands for span_weight(it) like it. */
    uint64_t sampling_threshold;

    /* What few spans have. Dropped: how many there were beyond those that are here. */
    uint32_t event_count, span_link_count;
    const struct span_event *events; /* in order of time */
    const struct span_link *span_links;
    uint32_t dropped_attributes, dropped_events, dropped_span_links;
    struct str status_message, trace_state;
    const struct scope *scope; /* NULL: not told */

    /* The tree; set by trace_assemble (collector/analysis/assemble.h). Children are in order of start. */
    struct span *parent, *first_child, *last_child, *next_sibling;
};

struct trace {
    unsigned char id[16];
    size_t span_count;
    struct span *spans; /* in order of start after trace_assemble */
    size_t root_count;
    struct span **roots;     /* spans without a parent here, in order of start */
    uint32_t fragment_count; /* stored fragments it was read from */
    bool complete;           /* no span names a parent that is missing */
};

/* How many spans each one stands for that was kept with this threshold (2^56 is out of range). 1 for 0. */
static inline double sampling_weight(uint64_t threshold)
{
    const double all = 72057594037927936.0; /* 2^56 */
    return all / (all - (double)threshold);
}

static inline double span_weight(const struct span *span)
{
    return sampling_weight(span->sampling_threshold);
}

static inline int64_t span_end_ns(const struct span *span) { return span->start_ns + span->duration_ns; }

#endif
