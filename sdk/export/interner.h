/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for keys: the first key seen is 0, the next new one 1, … One a batch table (strings, sites, operations,
 * traces). Holds hashes and numbers only; whoever owns the table compares keys. Grows by doubling; used by one thread.
 */
#ifndef WEIR_SDK_EXPORT_INTERNER_H
#define WEIR_SDK_EXPORT_INTERNER_H

#include <stdbool.h>
#include <stdint.h>

struct interner_slot {
    uint64_t hash;
    uint32_t number_plus_1; /* 0: free */
};

struct interner {
    struct interner_slot *slots; /* owned */
    uint32_t size;               /* a power of two, or 0 */
    uint32_t count;
};

void interner_fini(struct interner *interner);
void interner_clear(struct interner *interner); /* keeps the memory */

/* Walks the numbers that have this hash: start with *at = (uint32_t)hash. False: no further one. */
bool interner_next(const struct interner *interner, uint64_t hash, uint32_t *at, uint32_t *number);

/* Gives the hash the next number. False: no memory. */
bool interner_add(struct interner *interner, uint64_t hash, uint32_t *number);

#endif
