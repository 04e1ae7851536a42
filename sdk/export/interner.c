/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/interner.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void interner_fini(struct interner *interner)
{
    free(interner->slots);
    *interner = (struct interner){0};
}

void interner_clear(struct interner *interner)
{
    if (interner->slots) memset(interner->slots, 0, interner->size * sizeof interner->slots[0]);
    interner->count = 0;
}

bool interner_next(const struct interner *interner, uint64_t hash, uint32_t *at, uint32_t *number)
{
    if (interner->size == 0) return false;
    for (;;) {
        const struct interner_slot *slot = &interner->slots[(*at)++ & (interner->size - 1)];
        if (slot->number_plus_1 == 0) return false;
        if (slot->hash != hash) continue;
        *number = slot->number_plus_1 - 1;
        return true;
    }
}

static void put(struct interner *interner, struct interner_slot slot)
{
    uint32_t at = (uint32_t)slot.hash;
    while (interner->slots[at & (interner->size - 1)].number_plus_1) at++;
    interner->slots[at & (interner->size - 1)] = slot;
}

static bool grow(struct interner *interner)
{
    struct interner larger = {.size = interner->size ? 2 * interner->size : FIRST_SIZE,
                              .count = interner->count};
    larger.slots = calloc(larger.size, sizeof larger.slots[0]);
    if (!larger.slots) return false;
    for (uint32_t i = 0; i < interner->size; i++)
        if (interner->slots[i].number_plus_1) put(&larger, interner->slots[i]);
    free(interner->slots);
    *interner = larger;
    return true;
}

bool interner_add(struct interner *interner, uint64_t hash, uint32_t *number)
{
    if (2 * (interner->count + 1) > interner->size && !grow(interner)) return false;
    *number = interner->count++;
    put(interner, (struct interner_slot){hash, *number + 1});
    return true;
}
