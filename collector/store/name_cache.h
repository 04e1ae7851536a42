/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What numbers of a dictionary stand for, remembered by whoever reads traces: a trace names a few operations and call sites,
 * and nearly always those of the one before. Only committed rows are put in. Bounded: a full memory is emptied and fills
 * again. Belongs to the store's thread.
 */
#ifndef WEIR_STORE_NAME_CACHE_H
#define WEIR_STORE_NAME_CACHE_H

#include "base/arena.h"

#include <stdint.h>

struct named {
    int32_t id; /* 0: free */
    uint32_t number;
    struct str first, second;
};

struct name_cache {
    struct named *entries; /* open addressing */
    uint32_t count;
    struct arena texts;
};

void name_cache_init(struct name_cache *cache);
void name_cache_fini(struct name_cache *cache);
void name_cache_clear(struct name_cache *cache);

/* Borrowed until the next put; NULL: not known. */
const struct named *name_cache_find(const struct name_cache *cache, int32_t id);
void name_cache_put(struct name_cache *cache, int32_t id, uint32_t number, struct str first,
                    struct str second);

#endif
