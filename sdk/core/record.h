/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished span as it lies in a ring: flat, a multiple of 8 bytes long, written by the span's thread and read once by
 * the exporter. Strings are borrowed pointers where the program's own strings live for ever, else inline. A span without
 * call and attributes takes 72 bytes.
 *
 *     struct record            every span
 *     uint64_t                 when has_threshold: of its sampling, 0 < T < 2^56
 *     struct record_server     when is_server
 *     struct record_call       when is_call
 *     struct record_link  ×link_count
 *     uint64_t            ×unread_count      span ids
 *     struct record_entry, its body, …       entry_bytes in all
 *
 * Entries are what a span gathers while it is open, in the order in which it came; each begins with its own length and a
 * tag, so that who does not know a tag can pass over it.
 */
#ifndef WEIR_SDK_CORE_RECORD_H
#define WEIR_SDK_CORE_RECORD_H

#include "model/operation.h"

#include <weir/weir.h>

#include <stdint.h>

struct record {
    uint32_t bytes;       /* of the whole; the ring's frame length */
    uint16_t entry_bytes; /* of the entries */
    uint8_t kind;         /* enum span_kind */
    uint8_t status;       /* enum span_status */
    uint8_t flags;        /* SPAN_FLAG_… of proto/batch.h */
    uint8_t is_server, is_call;
    uint8_t link_count, unread_count;
    uint8_t attribute_count; /* entries tagged so */
    uint8_t has_threshold;
    uint8_t unused;
    uint64_t trace_id[2];
    uint64_t span_id, parent_id;
    uint64_t start_ticks, duration_ticks; /* of span_clock.h */
    const struct weir_site *site;         /* NULL: not known */
};

struct record_server {
    const char *method, *route; /* borrowed; never NULL */
};

struct record_call {
    const struct operation *operation; /* interned */
    uint64_t rows_plus_1;
    uint64_t input_hash, answer_hash;
    uint32_t input_count, connection;
};

struct record_link {
    uint64_t span_id;
    uint32_t kind; /* enum link_kind */
    uint32_t column, row;
    uint32_t unused;
};

enum record_tag {
    RECORD_ATTRIBUTE = 1,
    RECORD_EVENT, /* type: how many attributes, text_bytes: how many were dropped; body: record_event, attributes */
    RECORD_SPAN_LINK, /* the same; body: record_span_link, its tracestate, attributes */
    RECORD_MESSAGE,   /* of the status; body: the text; the last one counts */
    RECORD_DROPPED    /* body: record_dropped; at most one */
};
enum { RECORD_TEXT_BORROWED = 0x80 }; /* in type: the value is a pointer to text that lives for ever */

struct record_entry {
    uint16_t bytes; /* with this header and the body; a multiple of 8 */
    uint8_t tag;    /* enum record_tag */
    uint8_t type;   /* of an attribute: enum attribute_type of proto/batch.h */
    uint32_t text_bytes;
    const char *key; /* borrowed */
    /* the body: text_bytes of text, filled up to a multiple of 8; or an int64_t: integer, truth, double's bits, pointer */
};

struct record_event {
    uint64_t ticks; /* of span_clock.h */
};

struct record_span_link {
    unsigned char trace_id[16], span_id[8];
    uint32_t trace_flags;
    uint32_t state_bytes; /* of tracestate, behind this, filled up to a multiple of 8 */
};

struct record_dropped { /* how many more the span had */
    uint32_t attributes, events, span_links, unused;
};

static inline uint32_t record_round(uint32_t bytes) { return (bytes + 7) & ~7u; }

#endif
