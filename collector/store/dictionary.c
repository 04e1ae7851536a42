/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/dictionary.h"

#include "base/hash.h"
#include "collector/store/connection.h"
#include "collector/store/text.h"

#include <pthread.h>
#include <stdlib.h>

#define ROOM_FIRST   1024u
#define ROOM_MAX     (DICTIONARY_ENTRIES_MAX / 3 * 4)
#define ATTEMPTS_MAX 5
#define ROWS_MAX     1024 /* names a statement */

/*
 * Names in, numbers out, in order. What is known is looked up, only what is new is inserted (an INSERT that conflicts
 * would burn a number). When another collector inserts the same name at the same moment this statement does not see its
 * row yet: the number is NULL and the caller asks again. Rows go in in the order of their hash, so that two collectors
 * with the same new names wait for each other instead of deadlocking.
 *
 * added holds only rows of given, so FULL JOIN means LEFT JOIN here; but it cannot be a nested loop, which the planner,
 * who takes an array for 10 rows, would make of the other: a million comparisons for 1,024 new names.
 */
#define RESOLVE(table, id, columns, given_columns, values)                                                   \
    "WITH given AS MATERIALIZED (SELECT n, " given_columns ","                                               \
    "   sha256(convert_to(ROW(" columns ")::text, 'UTF8')) AS hash FROM unnest(" values ") WITH ORDINALITY"  \
    "   AS cells(" columns ", n)),"                                                                          \
    " added AS (INSERT INTO weir." table " (" columns ", hash)"                                              \
    "   SELECT DISTINCT ON (hash) " given_columns ", hash FROM given"                                        \
    "   WHERE NOT EXISTS (SELECT FROM weir." table " k WHERE k.hash = given.hash) ORDER BY hash"             \
    "   ON CONFLICT (hash) DO NOTHING RETURNING " id " AS id, hash)"                                         \
    " SELECT coalesce(added.id, k." id ") FROM given FULL JOIN added USING (hash)"                           \
    " LEFT JOIN weir." table " k USING (hash) ORDER BY n"

static const struct {
    int cells;
    size_t bytes_max[DICTIONARY_CELLS_MAX];
    const char *resolve;
} kinds[DICTIONARY_COUNT] = {
    [DICTIONARY_OPERATION] = {3,
                              {16, TEXT_NAME_BYTES_MAX, OPERATION_TEXT_MAX},
                              RESOLVE("operation", "operation_id", "type, system, text",
                                      "type::smallint, system, text", "$1, $2, $3")},
    [DICTIONARY_RESOURCE] = {4,
                             {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, (size_t)1 << 22},
                             RESOLVE("resource", "resource_id",
                                     "service_name, service_version, instance_id, attributes",
                                     "service_name, service_version, instance_id, attributes::jsonb",
                                     "$1, $2, $3, $4")},
    [DICTIONARY_ENDPOINT] = {3,
                             {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, OPERATION_TEXT_MAX},
                             RESOLVE("endpoint", "endpoint_id", "service_name, service_version, name",
                                     "service_name, service_version, name", "$1, $2, $3")},
    [DICTIONARY_SITE] = {3,
                         {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, 16},
                         RESOLVE("site", "site_id", "file, function, line", "file, function, line::bigint",
                                 "$1, $2, $3")},
};

/* ---- what is remembered ---- */

static struct hash_key keys[2];
static pthread_once_t keys_once = PTHREAD_ONCE_INIT;

static void make_keys(void)
{
    hash_key_random(&keys[0]);
    hash_key_random(&keys[1]);
}

void dictionary_init(struct dictionary *dictionary)
{
    pthread_once(&keys_once, make_keys);
    memset(dictionary, 0, sizeof *dictionary);
}

void dictionary_fini(struct dictionary *dictionary)
{
    free(dictionary->entries);
    memset(dictionary, 0, sizeof *dictionary);
}

void dictionary_clear(struct dictionary *dictionary)
{
    if (dictionary->count) memset(dictionary->entries, 0, dictionary->room * sizeof *dictionary->entries);
    dictionary->count = 0;
    dictionary->in_doubt = false;
}

void dictionary_keep(struct dictionary *dictionary) { dictionary->in_doubt = false; }

void dictionary_forget(struct dictionary *dictionary)
{
    if (dictionary->in_doubt) dictionary_clear(dictionary);
}

static void hash_name(const struct dictionary_name *name, int cells, uint64_t hash[2])
{
    for (int k = 0; k < 2; k++) {
        hash[k] = 0;
        for (int i = 0; i < cells; i++) {
            struct str cell = name->cells[i];
            hash[k] = hash_combine(hash[k], hash_keyed(&keys[k], cell.data ? cell.data : "", cell.len));
        }
    }
    if (!hash[0] && !hash[1]) hash[0] = 1;
}

/* The entry of this hash, or the free one where it belongs. There is always a free one. */
static struct dictionary_entry *entry_of(const struct dictionary *dictionary, const uint64_t hash[2])
{
    uint32_t mask = dictionary->room - 1;
    for (uint32_t at = (uint32_t)hash[0] & mask;; at = (at + 1) & mask) {
        struct dictionary_entry *entry = &dictionary->entries[at];
        if (entry->hash[0] == hash[0] && entry->hash[1] == hash[1]) return entry;
        if (!entry->hash[0] && !entry->hash[1]) return entry;
    }
}

static bool grow(struct dictionary *dictionary)
{
    struct dictionary larger = {.room = dictionary->room ? dictionary->room * 2 : ROOM_FIRST};
    larger.entries = calloc(larger.room, sizeof *larger.entries);
    if (!larger.entries) return false;
    for (uint32_t i = 0; i < dictionary->room; i++) {
        const struct dictionary_entry *entry = &dictionary->entries[i];
        if (entry->hash[0] || entry->hash[1]) *entry_of(&larger, entry->hash) = *entry;
    }
    larger.count = dictionary->count;
    larger.in_doubt = dictionary->in_doubt;
    free(dictionary->entries);
    *dictionary = larger;
    return true;
}

/* A number that does not fit, or for which there is no memory, is asked for again next time. */
static void remember(struct dictionary *dictionary, const uint64_t hash[2], int32_t id)
{
    if ((uint64_t)(dictionary->count + 1) * 4 > (uint64_t)dictionary->room * 3) {
        if (dictionary->room >= ROOM_MAX) {
            dictionary_clear(dictionary);
        } else if (!grow(dictionary)) {
            return;
        }
    }
    struct dictionary_entry *entry = entry_of(dictionary, hash);
    if (!entry->hash[0] && !entry->hash[1]) dictionary->count++;
    *entry = (struct dictionary_entry){{hash[0], hash[1]}, id};
}

static int32_t recall(const struct dictionary *dictionary, const uint64_t hash[2])
{
    return dictionary->room ? entry_of(dictionary, hash)->id : 0;
}

/* ---- what Postgres knows ---- */

struct missing {
    uint32_t count;
    uint32_t at[ROWS_MAX]; /* index into names and ids */
    struct dictionary_name cleaned[ROWS_MAX];
};

static enum store_result ask_once(struct store *store, enum dictionary_kind kind,
                                  const struct missing *missing, int32_t *ids, bool *complete)
{
    struct sql_parameters parameters;
    sql_parameters_init(&parameters);
    for (int cell = 0; cell < kinds[kind].cells; cell++) {
        parameter_text_array(&parameters, &missing->cleaned[0].cells[cell], missing->count,
                             DICTIONARY_CELLS_MAX);
    }
    PGresult *result;
    enum store_result outcome = store_query(store, kinds[kind].resolve, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    *complete = PQntuples(result) == (int)missing->count;
    for (int i = 0; *complete && i < (int)missing->count; i++) {
        ids[missing->at[i]] = binary_i32(result, i, 0);
        if (PQgetisnull(result, i, 0)) *complete = false;
    }
    PQclear(result);
    return STORE_OK;
}

static enum store_result ask(struct store *store, enum dictionary_kind kind, const struct missing *missing,
                             int32_t *ids)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        bool complete;
        enum store_result outcome = ask_once(store, kind, missing, ids, &complete);
        if (outcome != STORE_OK || complete) return outcome;
    }
    store_refuse(store, "another collector keeps adding the same names");
    return STORE_AWAY;
}

static bool clean_name(struct arena *arena, enum dictionary_kind kind, const struct dictionary_name *name,
                       struct dictionary_name *cleaned)
{
    for (int cell = 0; cell < kinds[kind].cells; cell++) {
        cleaned->cells[cell] = text_clean(arena, name->cells[cell], kinds[kind].bytes_max[cell]);
        if (!cleaned->cells[cell].data) return false;
    }
    return true;
}

static enum store_result ask_and_remember(struct store *store, enum dictionary_kind kind,
                                          const struct dictionary_name *names, const struct missing *missing,
                                          int32_t *ids)
{
    struct dictionary *dictionary = &store->dictionaries[kind];
    enum store_result outcome = ask(store, kind, missing, ids);
    if (outcome != STORE_OK) return outcome;
    if (store->claims.open) dictionary->in_doubt = true;
    for (uint32_t i = 0; i < missing->count; i++) {
        uint64_t hash[2];
        hash_name(&names[missing->at[i]], kinds[kind].cells, hash);
        remember(dictionary, hash, ids[missing->at[i]]);
    }
    return STORE_OK;
}

enum store_result dictionary_resolve(struct store *store, enum dictionary_kind kind,
                                     const struct dictionary_name *names, uint32_t count, int32_t *ids)
{
    struct missing *missing = NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash[2];
        hash_name(&names[i], kinds[kind].cells, hash);
        ids[i] = recall(&store->dictionaries[kind], hash);
        if (ids[i]) continue;
        if (!missing) missing = arena_array(&store->scratch, 1, sizeof *missing);
        if (!missing || !clean_name(&store->scratch, kind, &names[i], &missing->cleaned[missing->count])) {
            return store_refuse(store, "names take more memory than is allowed");
        }
        missing->at[missing->count++] = i;
        if (missing->count < ROWS_MAX) continue;
        enum store_result outcome = ask_and_remember(store, kind, names, missing, ids);
        if (outcome != STORE_OK) return outcome;
        missing->count = 0;
    }
    if (!missing || missing->count == 0) return STORE_OK;
    return ask_and_remember(store, kind, names, missing, ids);
}
