/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call was asked with: the scalars of its inputs, as hashes. A bind parameter, a literal, an id in a URL is one
 * value; a Postgres array "{1,2}", a list "1,2,3" and a JSON text are as many as they hold. The first INPUTS_KEPT are
 * kept in order; a Bloom filter remembers all that were counted, so that an answer which only echoes its question is
 * known as such. Belongs to one thread; nothing is allocated; bytes may be hostile and cost at most
 * INPUT_SCALARS_MAX values and INPUT_SCAN_BYTES each, past the hash of the whole.
 */
#ifndef WEIR_SDK_CORE_VALUES_H
#define WEIR_SDK_CORE_VALUES_H

#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define INPUTS_KEPT       64
#define INPUT_LISTS       8
#define INPUT_LIST_MIN    5            /* shorter lists match by accident */
#define INPUT_SCALARS_MAX 4096         /* counted in one call */
#define INPUT_SCAN_BYTES  (256u << 10) /* looked at in one input */

struct bloom { /* 4096 bits, two a value: 1 % false at 200 values */
    uint64_t bits[64];
};

struct input_list {
    uint32_t start, count; /* of the values; start < INPUTS_KEPT */
    bool literals;         /* the values of a statement's text: may begin and end with others */
};

struct inputs {
    const struct hash_key *key; /* borrowed */
    uint64_t whole;             /* running hash of all inputs as they were written */
    uint32_t count;             /* values in all */
    uint32_t list_count;
    struct input_list lists[INPUT_LISTS];
    uint64_t strong; /* bit i: value i is no accident when met again */
    uint64_t hash[INPUTS_KEPT];
    struct bloom seen;
};

void inputs_reset(struct inputs *inputs, const struct hash_key *key, uint64_t operation_hash);

static inline uint32_t inputs_kept(const struct inputs *inputs)
{
    return inputs->count < INPUTS_KEPT ? inputs->count : INPUTS_KEPT;
}

/* A bind parameter, a body, a value of a URL: split into its scalars. data NULL: SQL NULL. */
void inputs_add(struct inputs *inputs, const char *data, size_t bytes);

/* A literal of a statement, hashed before (value_hash, value_is_strong), not split. */
void inputs_add_literal(struct inputs *inputs, uint64_t hash, bool strong);

/* In-process identity of a value; never 0, which stands for NULL. */
uint64_t value_hash(const struct hash_key *key, struct str value);

/* An integer from 2^32, or 16 characters and more of hexadecimal, UUID or base64 kind. */
bool value_is_strong(struct str value);

static inline bool bloom_has(const struct bloom *bloom, uint64_t hash)
{
    return bloom->bits[hash >> 6 & 63] >> (hash & 63) & 1 &&
           bloom->bits[hash >> 18 & 63] >> (hash >> 12 & 63) & 1;
}

#endif
