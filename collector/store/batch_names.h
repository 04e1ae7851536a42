/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of a batch as numbers of the dictionaries: its resource, operations and call sites. Names that are new are
 * committed here, before any row refers to them, so this stands outside the transaction that stores the batch. Belongs to
 * the store's thread; results lie in the store's scratch arena.
 */
#ifndef WEIR_STORE_BATCH_NAMES_H
#define WEIR_STORE_BATCH_NAMES_H

#include "collector/store/store.h"

struct batch_names {
    int32_t resource_id;
    int32_t *operation_ids, *site_ids; /* by index of the batch's tables */
};

enum store_result batch_names_resolve(struct store *store, const struct batch *batch,
                                      struct batch_names *names);

#endif
