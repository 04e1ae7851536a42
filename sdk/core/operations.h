/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of this process's calls. Each distinct one is kept once, for the life of the process, in a bounded table
 * that is looked up and added to without locks; when OPERATIONS_MAX or OPERATIONS_BYTES are used up, further ones become
 * "(too many operations)", counted. In front of it each thread has a small cache from a statement's text to its
 * operation and literals, so that a statement that comes again costs one hash of its text.
 *
 * A table slot's release store (compare and swap) pairs with the acquire load of a look-up: whoever sees an entry sees
 * its text.
 */
#ifndef WEIR_SDK_CORE_OPERATIONS_H
#define WEIR_SDK_CORE_OPERATIONS_H

#include "model/operation.h"
#include "sdk/core/values.h"

#define OPERATIONS_MAX   4096
#define OPERATIONS_BYTES (8u << 20) /* reserved, not used, at the start */
#define CACHE_ENTRIES    256
#define CACHE_LITERALS   6 /* statements with more are normalised each time */

struct operation_entry {
    struct operation operation;
    uint64_t hash; /* by content; keyed */
};

struct operation_cache_entry {
    uint64_t text_hash;
    size_t text_bytes;
    const struct operation_entry *operation; /* NULL: empty */
    const char *system;                      /* by address: borrowed strings stay where they are */
    uint32_t literal_count, strong;          /* bit i of strong: literal i */
    uint64_t literals[CACHE_LITERALS];
};

struct operation_cache {
    struct operation_cache_entry entries[CACHE_ENTRIES];
};

/* Once in a process. False: no memory. */
bool operations_setup(void);

/* The operation of a call, its inputs reset and filled with the literals of its text. Never NULL. */
const struct operation_entry *operation_of_db(struct operation_cache *cache, const struct hash_key *key,
                                              const char *system, struct str sql, struct inputs *inputs);
const struct operation_entry *operation_of_http(const struct hash_key *key, const char *method,
                                                struct str url, struct inputs *inputs);
const struct operation_entry *operation_of_cache(const struct hash_key *key, const char *system,
                                                 struct str command, struct inputs *inputs);
const struct operation_entry *operation_of_connect(const struct hash_key *key, const char *system,
                                                   struct inputs *inputs);

/* How many calls were shown as "(too many operations)". */
uint64_t operations_overflowed(void);

#endif
