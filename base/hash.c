/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include "base/hash.h"

#include "base/id.h"

#include <string.h>
#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t bytes) { return XXH3_64bits(data, bytes); }

void hash_key_random(struct hash_key *key) { id_random_bytes(key->secret, sizeof key->secret); }

void hash_key_derive(struct hash_key *key, const void *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof key->secret / 16; i++) {
        XXH128_hash_t part = XXH3_128bits_withSeed(text, bytes, i);
        memcpy(key->secret + i * 16, &part, 16);
    }
}

uint64_t hash_keyed(const struct hash_key *key, const void *data, size_t bytes)
{
    return XXH3_64bits_withSecret(data, bytes, key->secret, sizeof key->secret);
}
