/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fragments of the next traces of a claim, read by one statement: for small traces a statement each costs several times
 * what reading them costs. What is kept is bounded: of traces that are too large together the later ones are left out, and
 * read by themselves. Belongs to the store's thread; ends with the claim.
 */
#ifndef WEIR_STORE_PREFETCH_H
#define WEIR_STORE_PREFETCH_H

#include "collector/store/store.h"

#include <libpq-fe.h>

struct claimed;

#define PREFETCH_TRACES 128

struct prefetch {
    unsigned char ids[PREFETCH_TRACES][16]; /* of which all rows are here; sorted */
    unsigned count, next;
    PGresult **rows; /* a row each, in the order of trace ids */
    size_t row_count, row_room, next_row, bytes;
    bool full;      /* what comes on is not kept */
    unsigned alone; /* so many traces behind those that were kept are read by themselves */
};

void prefetch_clear(struct prefetch *prefetch);
void prefetch_fini(struct prefetch *prefetch);

/* The rows of these traces, which are sorted. STORE_OK also when not all of them could be kept. */
enum store_result prefetch_read(struct store *store, const struct claimed *traces, unsigned count);

/* The rows of the trace in their order, each one once, into `take`; false: they are not here. Traces are asked for in their
 * order. */
bool prefetch_take(struct prefetch *prefetch, const unsigned char trace_id[16],
                   void (*take)(void *context, const PGresult *row), void *context);

#endif
