/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for the values that one fragment uses of a table of the batch, in the order in which they are first seen. The
 * memory is shared by all fragments of the batch: an entry counts only if its stamp is the present fragment's, so that
 * starting anew costs nothing, however long the table. Private to collector/store/fragment_*.c.
 */
#ifndef WEIR_STORE_NUMBERING_H
#define WEIR_STORE_NUMBERING_H

#include "base/arena.h"

#include <stdint.h>

struct numbering {
    uint32_t *stamp, *number; /* by value */
    uint32_t *value;          /* by number */
    uint32_t count, present;
};

/* For values below limit. NULL: out of arena. */
static inline struct numbering *numbering_make(uint32_t limit, struct arena *arena)
{
    struct numbering *numbering = arena_array(arena, 1, sizeof *numbering);
    if (!numbering) return NULL;
    numbering->stamp = arena_array(arena, limit, sizeof *numbering->stamp);
    numbering->number = arena_array(arena, limit, sizeof *numbering->number);
    numbering->value = arena_array(arena, limit, sizeof *numbering->value);
    return arena_exhausted(arena) ? NULL : numbering;
}

static inline void numbering_begin(struct numbering *numbering)
{
    numbering->present++;
    numbering->count = 0;
}

static inline uint32_t number_of(struct numbering *numbering, uint32_t value)
{
    if (numbering->stamp[value] != numbering->present) {
        numbering->stamp[value] = numbering->present;
        numbering->number[value] = numbering->count;
        numbering->value[numbering->count++] = value;
    }
    return numbering->number[value];
}

#endif
