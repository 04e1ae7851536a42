/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the spool holds, stored: the oldest batches of it, unpacked again and stored as one group. The writer's, and of its
 * thread. A batch that is in Postgres already (the collector died after storing and before forgetting, or its sender sent
 * it again) is known by its number and stored once. A batch that Postgres refuses, or that is damaged, is counted and
 * said, and does not stop those behind it.
 */
#ifndef WEIR_COLLECTOR_DRAIN_H
#define WEIR_COLLECTOR_DRAIN_H

#include "collector/ingest/ingest.h"
#include "collector/store/store.h"

struct drain;

struct drain *drain_new(const struct ingest_options *options); /* NULL: no memory */
void drain_free(struct drain *drain);                          /* NULL is fine */

bool drain_is_empty(struct drain *drain);
/* One group. STORE_AWAY: it stays in the spool. */
enum store_result drain_group(struct drain *drain, struct store *store);

#endif
