/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/known_attributes.h"

#define NAMES_MAX 7 /* of one thing, and a NULL */

static const struct {
    enum known_fate fate;
    const char *names[NAMES_MAX];
} table[KNOWN_COUNT] = {
#define X(thing, fate, ...) {FATE_##fate, {__VA_ARGS__}},
    KNOWN_ATTRIBUTES(X)
#undef X
};

/* All names begin with one of few letters, and most keys of others end the search at their length. */
enum known_attribute known_attribute(struct str key, unsigned *rank)
{
    for (int which = 0; which < KNOWN_COUNT; which++) {
        const char *const *names = table[which].names;
        for (unsigned i = 0; i < NAMES_MAX && names[i]; i++) {
            if (!str_is(key, names[i])) continue;
            *rank = i;
            return (enum known_attribute)which;
        }
    }
    return KNOWN_COUNT;
}

struct str known_name(enum known_attribute which) { return str_of(table[which].names[0]); }
enum known_fate known_fate(enum known_attribute which) { return table[which].fate; }

void known_attributes_find(struct known_attributes *known, const struct otlp_attributes *attributes)
{
    *known = (struct known_attributes){0};
    for (size_t i = 0; i < attributes->count; i++) {
        unsigned rank;
        enum known_attribute which = known_attribute(attributes->items[i].key, &rank);
        if (which == KNOWN_COUNT || attributes->items[i].value.type == OTLP_NONE) continue;
        if (known->found[which] && known->rank[which] <= rank) continue;
        known->found[which] = &attributes->items[i];
        known->rank[which] = (unsigned char)rank;
    }
}

static bool number_of(struct str text, int64_t *number)
{
    *number = 0;
    if (text.len == 0 || text.len > 18) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *number = *number * 10 + (text.data[i] - '0');
    }
    return true;
}

bool known_number(const struct known_attributes *known, enum known_attribute which, int64_t *number)
{
    const struct otlp_attribute *found = known->found[which];
    if (!found) return false;
    if (found->value.type == OTLP_STRING) return number_of(found->value.text, number);
    *number = found->value.integer;
    return found->value.type == OTLP_INT && *number >= 0;
}
