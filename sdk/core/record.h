/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished span as it lies in a ring: flat, a multiple of 8 bytes long, written by the span's thread and read once by
 * the exporter. Strings are borrowed pointers where the program's own strings live for ever, else inline.
 *
 *     struct record            every span
 *     struct record_call       when is_call
 *     struct record_link  ×link_count
 *     uint64_t            ×unread_count      span ids
 *     struct record_attribute, its text, …   attribute_bytes in all
 */
#ifndef WEIR_SDK_CORE_RECORD_H
#define WEIR_SDK_CORE_RECORD_H

#include "model/operation.h"

#include <weir/weir.h>

#include <stdint.h>

struct record {
    uint32_t bytes; /* of the whole; the ring's frame length */
    uint8_t kind;   /* enum span_kind */
    uint8_t status; /* enum span_status */
    uint8_t flags;  /* SPAN_FLAG_… of proto/batch.h */
    uint8_t is_call;
    uint16_t attribute_bytes;
    uint8_t attribute_count, link_count;
    uint8_t unread_count;
    uint8_t unused[3];
    uint64_t trace_id[2];
    uint64_t span_id, parent_id;
    int64_t start_ns; /* span_clock_ns */
    int64_t duration_ns;
    const struct weir_site *site;      /* NULL: not known */
    const char *method, *route;        /* of a server span, else NULL */
    const struct operation *operation; /* of a call, else NULL; interned */
};

struct record_call {
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

enum { RECORD_TEXT_BORROWED = 0x100 }; /* in type: value is a pointer to text that lives for ever */

struct record_attribute {
    const char *key;
    uint32_t type;       /* enum attribute_type of proto/batch.h */
    uint32_t text_bytes; /* of a string, behind this struct, filled up to a multiple of 8 */
    int64_t value;       /* bool, int, double's bits, or the pointer */
};

static inline uint32_t record_round(uint32_t bytes) { return (bytes + 7) & ~7u; }

#endif
