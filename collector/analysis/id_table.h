/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from 64-bit keys to 32-bit numbers, for the many "have I seen this before" of the analysis:
 * span ids, pairs of indexes, hashes of inputs. Open addressing, doubles when half full, lies in the arena,
 * nothing is removed. The mixing is keyed by where the table lies, so that nobody can choose span ids that
 * collide. Used by one thread.
 */
#ifndef WEIR_ANALYSIS_ID_TABLE_H
#define WEIR_ANALYSIS_ID_TABLE_H

#include "base/arena.h"

#include <stdint.h>

struct id_table_entry {
    uint64_t key;
    uint32_t value;
    uint32_t used;
};

struct id_table {
    struct arena *arena;
    struct id_table_entry *entries;
    uint32_t used_count;
    uint64_t mask, seed;
};

/* Room for expected entries without growing; it may be wrong. False: out of arena. */
bool id_table_init(struct id_table *table, struct arena *arena, size_t expected);

/* Where the key's number lies, put there as fresh_value if it was not; NULL: out of arena. Valid until the
 * next id_table_put. */
uint32_t *id_table_put(struct id_table *table, uint64_t key, uint32_t fresh_value, bool *fresh);

/* NULL: not there. */
const uint32_t *id_table_find(const struct id_table *table, uint64_t key);

static inline uint64_t id_table_pair(uint32_t a, uint32_t b) { return (uint64_t)a << 32 | b; }

#endif
