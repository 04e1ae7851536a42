/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a companion library knows of another library's objects, by their address: entries embed a
 * pointer_entry as their first member, are owned by who added them, and hang in a fixed number of chains.
 * Objects are connections and handles, a pool's worth, so the chains stay short. No lock inside: each
 * companion has one mutex for its table, which it never holds while the other library works.
 */
#ifndef WEIR_INSTRUMENT_POINTER_TABLE_H
#define WEIR_INSTRUMENT_POINTER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define POINTER_TABLE_CHAINS 256

struct pointer_entry {
    struct pointer_entry *next;
    const void *key;
};

struct pointer_table {
    struct pointer_entry *chains[POINTER_TABLE_CHAINS];
};

/* Where the pointer to the entry is, or the end of its chain. */
static inline struct pointer_entry **pointer_table_at(struct pointer_table *table, const void *key)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u;
    struct pointer_entry **at = &table->chains[mixed >> 56];
    while (*at && (*at)->key != key) at = &(*at)->next;
    return at;
}

/* NULL when there is none. */
static inline void *pointer_table_find(struct pointer_table *table, const void *key)
{
    return *pointer_table_at(table, key);
}

/* Takes the entry out and returns it, for its owner to free; NULL when there is none. */
static inline void *pointer_table_take(struct pointer_table *table, const void *key)
{
    struct pointer_entry **at = pointer_table_at(table, key), *entry = *at;
    if (entry) *at = entry->next;
    return entry;
}

/* There must be none of that key. */
static inline void pointer_table_add(struct pointer_table *table, struct pointer_entry *entry,
                                     const void *key)
{
    struct pointer_entry **at = pointer_table_at(table, key);
    entry->key = key;
    entry->next = NULL;
    *at = entry;
}

#endif
