/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches for tests, benchmark and golden vectors: one fixed and readable, any number random. They own no memory but
 * the arena's. Both are complete and valid.
 */
#ifndef WEIR_TESTS_PROTO_SAMPLE_BATCH_H
#define WEIR_TESTS_PROTO_SAMPLE_BATCH_H

#include "base/id.h"
#include "proto/batch.h"

/* One request with a query, an HTTP call and a loop's first query: every column and table is in use. */
void sample_batch_fixed(struct batch *batch, struct arena *arena);

/* Anything that the wire allows, up to max_spans spans. */
void sample_batch_random(struct batch *batch, struct arena *arena, struct id_generator *random,
                         uint32_t max_spans);

/* What the dashboard's service sends: one request of so many spans, a query each. */
void sample_batch_realistic(struct batch *batch, struct arena *arena, struct id_generator *random,
                            uint32_t spans);

#endif
