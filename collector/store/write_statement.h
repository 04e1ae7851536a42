/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement that stores a group of batches: one simple query
 *
 *     INSERT INTO batch …; INSERT INTO producer …; INSERT INTO arrival …; COPY fragment FROM STDIN
 *
 * which is one implicit transaction, ended by the end of the COPY. The batch rows come first, so that a batch that was
 * stored before fails there, on the primary key, and nothing else happens. The text holds numbers and hexadecimal only;
 * names went to the dictionaries before. Pure; out of memory shows in the buffer.
 */
#ifndef WEIR_STORE_WRITE_STATEMENT_H
#define WEIR_STORE_WRITE_STATEMENT_H

#include "base/buffer.h"
#include "collector/store/fragment.h"
#include "collector/store/store.h"

/* A batch, or several of one producer that were joined, ready to become rows. */
struct write_unit {
    const struct batch *batch;
    int64_t received_unix_ns;
    int32_t resource_id;
    const int32_t *operation_ids, *site_ids; /* by index of the batch's tables */
    struct fragment_index index;
    int64_t *days;                       /* of each fragment: its partition, or PARTITION_LATE */
    uint32_t late_spans, late_fragments; /* of days that were dropped: they are not stored */
};

/* What goes into batch: the batches as they came. */
struct write_batch_row {
    uint64_t producer, sequence;
    int64_t received_unix_ns;
};

/* Rows and units are in the order of their producers (and sequences), so that two writers with some in common wait for
 * each other instead of deadlocking. The text ends in the COPY when there is any fragment. */
void write_statement_compose(struct buffer *sql, const struct write_batch_row *rows, size_t row_count,
                             const struct write_unit *units, size_t unit_count);

#endif
