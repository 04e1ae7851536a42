/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct batch in the making, of one resource: columns that grow, and tables in which each string, operation, trace … stands
 * once. Whoever fills it adds a span (all of its columns are zero then) and sets what it has in builder->batch; lists are
 * added for the span added last. When it is full or the resource ends it is packed, and used again.
 *
 * One thread. Out of memory sets `failed`, and the batch is not to be packed; functions go on without harm.
 */
#ifndef WEIR_COLLECTOR_BATCH_BUILDER_H
#define WEIR_COLLECTOR_BATCH_BUILDER_H

#include "base/buffer.h"
#include "base/hash.h"
#include "model/operation.h"
#include "proto/batch.h"

#define BUILDER_SPANS_MAX 8192
#define BUILDER_BYTES_MAX ((size_t)4 << 20) /* of strings and lists, about; then it is full */

struct builder_entry;

struct batch_builder {
    struct batch batch; /* strings aside, which are in `strings` until it is packed */
    struct buffer strings;
    uint32_t room[16]; /* of each group of columns */
    struct builder_entry *entries;
    uint32_t entry_count, entry_room;
    uint32_t *slots; /* of entries, plus 1; a power of two of them */
    uint32_t slot_count;
    struct hash_key key; /* the sender must not know which strings meet in a slot */
    int64_t last_start_ns;
    size_t list_bytes;
    bool failed;
};

enum builder_list { BUILDER_OF_SPAN, BUILDER_OF_EVENT, BUILDER_OF_SPAN_LINK };

void builder_init(struct batch_builder *builder);
void builder_fini(struct batch_builder *builder);
/* Empties it, resource included. */
void builder_clear(struct batch_builder *builder);
bool builder_is_full(const struct batch_builder *builder);

/* Indexes into the batch's tables; those of sites, scopes and thresholds plus 1, as the columns have them. */
uint32_t builder_string(struct batch_builder *builder, struct str text);
uint32_t builder_trace(struct batch_builder *builder, const unsigned char id[16]);
uint32_t builder_operation(struct batch_builder *builder, const struct operation *operation);
uint32_t builder_site(struct batch_builder *builder, struct str file, struct str function, uint32_t line);
uint32_t builder_scope(struct batch_builder *builder, struct str name, struct str version);
uint32_t builder_threshold(struct batch_builder *builder, uint64_t threshold);

void builder_resource(struct batch_builder *builder, struct str key, struct str value);

/* Its index; start_ns is not negative. False: no memory. */
bool builder_span(struct batch_builder *builder, int64_t start_ns, uint32_t *index);

/* To the newest span, event or span link; value: the number, the double's bits, or a string's index. */
void builder_attribute(struct batch_builder *builder, enum builder_list list, struct str key, uint32_t type,
                       int64_t value);
void builder_unread(struct batch_builder *builder, uint64_t span_id);
void builder_link(struct batch_builder *builder, uint64_t span_id, uint32_t kind, uint32_t column,
                  uint32_t row);
void builder_event(struct batch_builder *builder, int64_t delta_ns, struct str name, uint32_t dropped);
void builder_span_link(struct batch_builder *builder, const unsigned char trace_id[16], uint64_t span_id,
                       struct str trace_state, uint32_t flags, uint32_t dropped);

/* Packs it; *to is malloc'd and the caller's. False: no memory. */
bool builder_pack(struct batch_builder *builder, uint64_t producer, uint64_t sequence, unsigned char **to,
                  size_t *bytes);

#endif
