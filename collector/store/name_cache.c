/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/name_cache.h"

#include <stdlib.h>

#define ROOM            8192u
#define COUNT_MAX       (ROOM / 4 * 3)
#define TEXTS_CAP_BYTES ((size_t)16 << 20)

void name_cache_init(struct name_cache *cache)
{
    memset(cache, 0, sizeof *cache);
    arena_init(&cache->texts, TEXTS_CAP_BYTES);
}

void name_cache_fini(struct name_cache *cache)
{
    free(cache->entries);
    arena_fini(&cache->texts);
    memset(cache, 0, sizeof *cache);
}

void name_cache_clear(struct name_cache *cache)
{
    if (cache->count) memset(cache->entries, 0, ROOM * sizeof *cache->entries);
    cache->count = 0;
    arena_reset(&cache->texts);
}

/* The entry of this number, or the free one where it belongs. */
static struct named *entry_of(const struct name_cache *cache, int32_t id)
{
    uint32_t at = (uint32_t)id * 2654435761u % ROOM;
    while (cache->entries[at].id && cache->entries[at].id != id) at = (at + 1) % ROOM;
    return &cache->entries[at];
}

const struct named *name_cache_find(const struct name_cache *cache, int32_t id)
{
    if (!cache->entries || id == 0) return NULL;
    const struct named *entry = entry_of(cache, id);
    return entry->id ? entry : NULL;
}

/* Without memory it is asked for again next time. */
void name_cache_put(struct name_cache *cache, int32_t id, uint32_t number, struct str first,
                    struct str second)
{
    if (!cache->entries) cache->entries = calloc(ROOM, sizeof *cache->entries);
    if (!cache->entries || id == 0) return;
    if (cache->count == COUNT_MAX || arena_exhausted(&cache->texts)) name_cache_clear(cache);
    struct named *entry = entry_of(cache, id);
    if (entry->id) return;
    struct named named = {id, number, arena_str(&cache->texts, first), arena_str(&cache->texts, second)};
    if (!named.first.data || !named.second.data) return;
    *entry = named;
    cache->count++;
}
