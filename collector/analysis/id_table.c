/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/id_table.h"

#define CAPACITY_MIN 16u

static uint64_t mix(uint64_t key, uint64_t seed)
{
    key ^= seed;
    key *= 0xff51afd7ed558ccdu;
    key ^= key >> 32;
    key *= 0xc4ceb9fe1a85ec53u;
    return key ^ key >> 29;
}

static bool allocate(struct id_table *table, size_t capacity)
{
    table->entries = arena_array(table->arena, capacity, sizeof *table->entries);
    table->mask = capacity - 1;
    table->seed = (uint64_t)(uintptr_t)table->entries * 0x9e3779b97f4a7c15u;
    return table->entries != NULL;
}

bool id_table_init(struct id_table *table, struct arena *arena, size_t expected)
{
    size_t capacity = CAPACITY_MIN;
    while (capacity < expected * 2 && capacity < SIZE_MAX / 64) capacity *= 2;
    *table = (struct id_table){.arena = arena};
    return allocate(table, capacity);
}

static struct id_table_entry *slot_of(const struct id_table *table, uint64_t key)
{
    uint64_t at = mix(key, table->seed) & table->mask;
    while (table->entries[at].used && table->entries[at].key != key) at = (at + 1) & table->mask;
    return &table->entries[at];
}

static bool grow(struct id_table *table)
{
    struct id_table_entry *old = table->entries;
    size_t old_capacity = table->mask + 1;
    if (!allocate(table, old_capacity * 2)) return false;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].used) *slot_of(table, old[i].key) = old[i];
    }
    return true;
}

uint32_t *id_table_put(struct id_table *table, uint64_t key, uint32_t fresh_value, bool *fresh)
{
    struct id_table_entry *entry = slot_of(table, key);
    *fresh = !entry->used;
    if (entry->used) return &entry->value;
    if (((uint64_t)table->used_count + 1) * 2 > table->mask + 1) {
        if (!grow(table)) return NULL;
        entry = slot_of(table, key);
    }
    table->used_count++;
    *entry = (struct id_table_entry){key, fresh_value, 1};
    return &entry->value;
}

const uint32_t *id_table_find(const struct id_table *table, uint64_t key)
{
    const struct id_table_entry *entry = slot_of(table, key);
    return entry->used ? &entry->value : NULL;
}
