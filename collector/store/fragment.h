/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fragment: the spans of one trace in one batch, and one row of weir.fragment. What SQL filters on are arrays of the
 * row; the rest is the blob: a packed batch (proto/batch.h) of these spans alone with the array-held columns left out, in
 *
 *     1 byte form · 1 to 5 bytes length of what follows once unpacked (LEB128) · lz4 block        form 1
 *     1 byte form · packed batch                                                                  form 0, where lz4 gains nothing
 *
 * Inside the blob, strings are only those that its columns use; a call site is a number of weir.site, written as the line of a
 * site without file and function. rows_plus_1 is in the blob only if a value does not fit the array.
 *
 * Encoding trusts its batch (batch_unpack has checked it). Decoding trusts nothing: a corrupt blob is an error.
 */
#ifndef WEIR_STORE_FRAGMENT_H
#define WEIR_STORE_FRAGMENT_H

#include "base/buffer.h"
#include "proto/batch.h"

/* The columns of one row, as written. Arrays have span_count elements. */
struct fragment {
    unsigned char trace_id[16];
    uint32_t span_count;
    int64_t start_ns;
    int32_t *operation_id;
    int64_t *start_offset_ns;
    int64_t *duration_ns;
    int16_t *status; /* NULL: all unset */
    int32_t *rows;   /* NULL: none known */
    struct str blob;
};

/* The spans of a batch in order of their traces. */
struct fragment_index {
    uint32_t fragment_count;
    uint32_t *trace;   /* of each fragment: index into trace_ids; sorted by trace id */
    uint32_t *first;   /* fragment_count + 1: where its spans begin in order */
    uint32_t *order;   /* span_count: indexes of spans, by fragment, else as in the batch */
    int64_t *start_ns; /* of each span of the batch */
    uint32_t *unread_at, *link_at, *attribute_at, *event_at,
        *span_link_at;                                     /* of each span: where its elements begin */
    uint32_t *event_attribute_at, *span_link_attribute_at; /* of each event, of each span link */
    struct numbering *strings, *sites, *scopes,
        *samplings; /* what the fragment being encoded uses of the batch's tables */
};

/* One thread encodes with an index. False: out of arena. */
bool fragment_index_make(struct fragment_index *index, const struct batch *batch, struct arena *arena);

/* Fills the row of fragment number `which`. operation_ids and site_ids: by index of the batch's tables. False: out of
 * arena. */
bool fragment_encode(struct fragment *fragment, const struct batch *batch, const struct fragment_index *index,
                     uint32_t which, const int32_t *operation_ids, const int32_t *site_ids,
                     struct arena *arena);

#define FRAGMENT_RAW_BYTES_MAX (BATCH_BYTES_MAX * 2) /* an unpacked blob; more is corrupt */

/* The blob's batch, in the arena. False: *why says what is wrong with it. */
bool fragment_decode(struct batch *batch, struct str blob, uint32_t span_count, struct arena *arena,
                     const char **why);

#endif
