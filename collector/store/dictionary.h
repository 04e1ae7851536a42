/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that many rows share lie once in a dictionary table and are referred to by number: operations, resources,
 * endpoints, call sites. A store remembers which number a name has, by a 128-bit hash keyed at random (so that nobody can
 * make two names that collide), bounded: a full memory is emptied and fills again.
 *
 * Outside a transaction each look-up commits the rows it adds by itself, before any row refers to them: a number in the
 * cache is always a committed one. Inside a transaction (a claim) the numbers count once it commits; dictionary_forget
 * drops them when it does not.
 *
 * Each service may bring so many names of a kind and no more (STORE_LIMITS): what is beyond is folded into one row that is
 * named so, "(other operations)", which is counted and logged. Rows say on which day they were last used: what is
 * remembered is asked for again each day, and what was not used for long is forgotten (forget.h).
 */
#ifndef WEIR_STORE_DICTIONARY_H
#define WEIR_STORE_DICTIONARY_H

#include "collector/store/store.h"

#include <stdint.h>

enum dictionary_kind {
    DICTIONARY_OPERATION, /* type (as decimal text), system, text */
    DICTIONARY_RESOURCE,  /* service name, service version, instance id, attributes as JSON */
    DICTIONARY_ENDPOINT,  /* service name, service version, "METHOD route" */
    DICTIONARY_SITE,      /* file, function, line (as decimal text) */
    DICTIONARY_COUNT
};

#define DICTIONARY_CELLS_MAX   4
#define DICTIONARY_ENTRIES_MAX 65536 /* remembered; 24 bytes each at a load of 3/4 */

struct dictionary_entry {
    uint64_t hash[2]; /* both 0: free */
    int32_t id;
};

struct dictionary {
    struct dictionary_entry *entries; /* open addressing; room is a power of 2 */
    uint32_t count, room;
    int64_t day;   /* since 1970, in which what is here was asked for */
    bool folds;    /* has said so today */
    bool in_doubt; /* has numbers of a transaction that has not committed */
};

void dictionary_init(struct dictionary *dictionary);
void dictionary_fini(struct dictionary *dictionary);
void dictionary_clear(struct dictionary *dictionary);

/* After a commit, and after a rollback. */
void dictionary_keep(struct dictionary *dictionary);
void dictionary_forget(struct dictionary *dictionary);

/* One name: its cells, in the order above, and the service that brings it. */
struct dictionary_name {
    struct str cells[DICTIONARY_CELLS_MAX], service;
};

/* Finds or makes the number of each name. Names may hold any bytes. */
enum store_result dictionary_resolve(struct store *store, enum dictionary_kind kind,
                                     const struct dictionary_name *names, uint32_t count, int32_t *ids);

/* Whether this resource stands for services beyond the limit, and the name of that service. */
bool dictionary_is_other_services(const struct store *store, int32_t resource_id);
struct str dictionary_other_services(void);

#endif
