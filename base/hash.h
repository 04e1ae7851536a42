/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes (XXH3, from xxhash). hash_bytes is for tables inside one process. A hash_key makes hashes that leave
 * the process (a call's whole input, its whole answer) useless to whoever has not the key for looking up
 * guessed values; XXH3 is no cryptographic MAC, and docs say so. Any thread; nothing is allocated.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t bytes);

struct hash_key {
    unsigned char secret[192];
};

/* A random key (getrandom), or one derived from text that several processes share. */
void hash_key_random(struct hash_key *key);
void hash_key_derive(struct hash_key *key, const void *text, size_t bytes);

uint64_t hash_keyed(const struct hash_key *key, const void *data, size_t bytes);

/* Adds one value to a running hash; order matters. Good enough to combine hashes, not to hash text. */
static inline uint64_t hash_combine(uint64_t running, uint64_t value)
{
    running ^= value + 0x9e3779b97f4a7c15u + (running << 6) + (running >> 2);
    running *= 0xff51afd7ed558ccdu;
    return running ^ (running >> 32);
}

#endif
