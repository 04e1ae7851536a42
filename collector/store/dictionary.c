/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/dictionary.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/store/connection.h"
#include "collector/store/text.h"

#include <pthread.h>
#include <stdlib.h>

#define ROOM_FIRST   1024u
#define ROOM_MAX     (DICTIONARY_ENTRIES_MAX / 3 * 4)
#define ATTEMPTS_MAX 5
#define ROWS_MAX     1024 /* names a statement */
#define UNLIMITED    INT32_MAX
#define NS_PER_DAY   (86400 * NS_PER_S)

#define CELL(text)                                                                                           \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }
static const struct str other_services = CELL("(other services)");

/*
 * Names in, numbers out, in order. What is known is looked up, only what is new is inserted (an INSERT that conflicts
 * would burn a number). When another collector inserts the same name at the same moment this statement does not see its
 * row yet: the number is NULL and the caller asks again. Rows go in in the order of their hash, so that two collectors
 * with the same new names wait for each other instead of deadlocking.
 *
 * A row that was last used on an earlier day is marked as used today, which keeps it from being forgotten (forget.c). That
 * takes the row's lock: where it is being forgotten at this moment it is gone then, its number is NULL, and the caller asks
 * again.
 *
 * Of what is new, each service may bring as many names as it has room for; those beyond are marked as folded.
 *
 * made holds only rows of given, so FULL JOIN means LEFT JOIN here; but it cannot be a nested loop, which the planner,
 * who takes an array for 10 rows, would make of the other: a million comparisons for 1,024 new names.
 */
#define RESOLVE(table, id, columns, given_columns, values, room, added_columns, added_values)                \
    "WITH given AS MATERIALIZED (SELECT n, " given_columns ", service,"                                      \
    "   sha256(convert_to(ROW(" columns ")::text, 'UTF8')) AS hash FROM unnest(" values ") WITH ORDINALITY"  \
    "   AS cells(" columns ", service, n)),"                                                                 \
    " old AS MATERIALIZED (SELECT k." id " AS id FROM weir." table " k JOIN given USING (hash)"              \
    "   WHERE k.used_on < current_date ORDER BY k.hash FOR NO KEY UPDATE OF k),"                             \
    " used AS (UPDATE weir." table " k SET used_on = current_date FROM old WHERE k." id " = old.id"          \
    "   RETURNING k." id " AS id, k.hash),"                                                                  \
    " new AS MATERIALIZED (SELECT DISTINCT ON (hash) " given_columns ", service, hash FROM given"            \
    "   WHERE NOT EXISTS (SELECT FROM weir." table " k WHERE k.hash = given.hash) ORDER BY hash),"           \
    " room AS MATERIALIZED (SELECT service, " room " AS room FROM (SELECT DISTINCT service FROM new) s),"    \
    " numbered AS MATERIALIZED (SELECT new.*,"                                                               \
    "   row_number() OVER (PARTITION BY service ORDER BY hash) <= room AS fits FROM new JOIN room USING "    \
    "(service)),"                                                                                            \
    " added AS (INSERT INTO weir." table " (" added_columns ", hash)"                                        \
    "   SELECT " added_values ", hash FROM numbered WHERE fits ORDER BY hash"                                \
    "   ON CONFLICT (hash) DO NOTHING RETURNING " id " AS id, hash),"                                        \
    " made AS (SELECT id, hash, false AS folded FROM added UNION ALL SELECT id, hash, false FROM used"       \
    "   UNION ALL SELECT NULL, hash, true FROM numbered WHERE NOT fits)"                                     \
    " SELECT coalesce(made.id, CASE WHEN k.used_on >= current_date THEN k." id                               \
    " END), coalesce(folded, false)"                                                                         \
    " FROM given FULL JOIN made USING (hash) LEFT JOIN weir." table " k USING (hash) ORDER BY n"

/* Room for a service's names: the limit, less those it has brought. */
#define ROOM(table, owner, limit)                                                                            \
    limit " - (SELECT count(*) FROM weir." table " k WHERE k." owner " = s.service)"

/* Names have cells and then the service that brings them; then come the limits. */
static const struct {
    int cells;
    size_t bytes_max[DICTIONARY_CELLS_MAX];
    const char *resolve;
    struct dictionary_name folded; /* what stands for the names beyond the limit; NULL: as in the name */
    const char *words, *as;        /* how they are told of */
} kinds[DICTIONARY_COUNT] = {
    [DICTIONARY_OPERATION] = {3,
                              {16, TEXT_NAME_BYTES_MAX, OPERATION_TEXT_MAX},
                              RESOLVE("operation", "operation_id", "type, system, text",
                                      "type::smallint, system, text", "$1, $2, $3, $4",
                                      ROOM("operation", "brought_by", "$5"), "type, system, text, brought_by",
                                      "type, system, text, service"),
                              {.cells = {{NULL, 0}, CELL(""), CELL("(other operations)")}},
                              "operations",
                              "(other operations)"},
    [DICTIONARY_RESOURCE] =
        {4,
         {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, (size_t)1 << 22},
         RESOLVE("resource", "resource_id", "service_name, service_version, instance_id, attributes",
                 "service_name, service_version, instance_id, attributes::jsonb", "$1, $2, $3, $4, $5",
                 "CASE WHEN EXISTS (SELECT FROM weir.resource k WHERE k.service_name = s.service)"
                 " OR (SELECT count(DISTINCT k.service_name) FROM weir.resource k) < $7 THEN " ROOM(
                     "resource", "service_name", "$6") " ELSE 0 END",
                 "service_name, service_version, instance_id, attributes",
                 "service_name, service_version, instance_id, attributes"),
         {.cells = {{NULL, 0}, CELL(""), CELL("(other instances)"), CELL("{}")}},
         "instances",
         "(other instances)"},
    [DICTIONARY_ENDPOINT] = {3,
                             {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, OPERATION_TEXT_MAX},
                             RESOLVE("endpoint", "endpoint_id", "service_name, service_version, name",
                                     "service_name, service_version, name", "$1, $2, $3, $4",
                                     ROOM("endpoint", "service_name", "$5"),
                                     "service_name, service_version, name",
                                     "service_name, service_version, name"),
                             {.cells = {{NULL, 0}, CELL(""), CELL("(other endpoints)")}},
                             "endpoints",
                             "(other endpoints)"},
    [DICTIONARY_SITE] = {3,
                         {TEXT_NAME_BYTES_MAX, TEXT_NAME_BYTES_MAX, 16},
                         RESOLVE("site", "site_id", "file, function, line", "file, function, line::bigint",
                                 "$1, $2, $3, $4", ROOM("site", "brought_by", "$5"),
                                 "file, function, line, brought_by", "file, function, line, service"),
                         {.cells = {CELL("(other call sites)"), CELL(""), CELL("0")}},
                         "call sites",
                         "(other call sites)"},
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
    bool folded[ROWS_MAX]; /* no number: its service has brought too many */
    struct dictionary_name cleaned[ROWS_MAX];
};

/* How many names a service may have brought, and how many services there may be. */
struct room {
    int64_t names, services;
};

static struct store_limits limits = {
#define X(name, standard, meaning) .name = standard,
    STORE_LIMITS(X)
#undef X
};

void store_set_limits(const struct store_limits *to) { limits = *to; }

static struct room room_of(enum dictionary_kind kind)
{
    const uint64_t names[DICTIONARY_COUNT] = {[DICTIONARY_OPERATION] = limits.operations_max,
                                              [DICTIONARY_RESOURCE] = limits.instances_max,
                                              [DICTIONARY_ENDPOINT] = limits.endpoints_max,
                                              [DICTIONARY_SITE] = limits.sites_max};
    return (struct room){(int64_t)names[kind], (int64_t)limits.services_max};
}

static enum store_result ask_once(struct store *store, enum dictionary_kind kind, const struct room *room,
                                  struct missing *missing, int32_t *ids, bool *complete)
{
    struct sql_parameters parameters;
    sql_parameters_init(&parameters);
    const size_t stride = sizeof *missing->cleaned / sizeof(struct str);
    for (int cell = 0; cell < kinds[kind].cells; cell++)
        parameter_text_array(&parameters, &missing->cleaned[0].cells[cell], missing->count, stride);
    parameter_text_array(&parameters, &missing->cleaned[0].service, missing->count, stride);
    parameter_i64(&parameters, room->names);
    if (kind == DICTIONARY_RESOURCE) parameter_i64(&parameters, room->services);
    PGresult *result;
    enum store_result outcome = store_query(store, kinds[kind].resolve, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    *complete = PQntuples(result) == (int)missing->count;
    for (int i = 0; *complete && i < (int)missing->count; i++) {
        ids[missing->at[i]] = binary_i32(result, i, 0);
        missing->folded[i] = binary_bool(result, i, 1);
        if (PQgetisnull(result, i, 0) && !missing->folded[i]) *complete = false;
    }
    PQclear(result);
    return STORE_OK;
}

static enum store_result ask(struct store *store, enum dictionary_kind kind, const struct room *room,
                             struct missing *missing, int32_t *ids)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        bool complete;
        enum store_result outcome = ask_once(store, kind, room, missing, ids, &complete);
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
    cleaned->service = text_clean(arena, name->service, TEXT_NAME_BYTES_MAX);
    return cleaned->service.data != NULL;
}

/* ---- names beyond the limit ---- */

static enum store_result resolve_within(struct store *store, enum dictionary_kind kind,
                                        const struct room *room, const struct dictionary_name *names,
                                        uint32_t count, int32_t *ids);

/* The number of what stands for this name and others. An instance stands for others of its service; of a service for which
 * there is no room either, for all such. */
static enum store_result fold(struct store *store, enum dictionary_kind kind, const struct room *room,
                              const struct dictionary_name *name, int32_t *id)
{
    struct dictionary_name folded = kinds[kind].folded;
    bool whole_service = room->names == UNLIMITED;
    for (int cell = 0; cell < kinds[kind].cells; cell++)
        if (!folded.cells[cell].data) folded.cells[cell] = name->cells[cell];
    folded.service = name->service;
    if (whole_service) folded.cells[0] = folded.service = other_services;
    struct room wider = {UNLIMITED, whole_service ? UNLIMITED : room->services};
    enum store_result outcome = resolve_within(store, kind, &wider, &folded, 1, id);
    if (outcome == STORE_OK && whole_service) store->other_services_id = *id;
    return outcome;
}

static void note_folded(struct dictionary *dictionary, enum dictionary_kind kind, uint32_t count,
                        struct str service)
{
    _Atomic uint64_t *const counts[DICTIONARY_COUNT] = {[DICTIONARY_OPERATION] = &counters.operations_folded,
                                                        [DICTIONARY_RESOURCE] = &counters.instances_folded,
                                                        [DICTIONARY_ENDPOINT] = &counters.endpoints_folded,
                                                        [DICTIONARY_SITE] = &counters.sites_folded};
    if (count == 0) return;
    atomic_fetch_add_explicit(counts[kind], count, memory_order_relaxed);
    if (!dictionary->folds)
        log_warn("service %.*s has too many %s: further ones are shown as %s", (int)service.len, service.data,
                 kinds[kind].words, kinds[kind].as);
    dictionary->folds = true;
}

static enum store_result fold_all(struct store *store, enum dictionary_kind kind, const struct room *room,
                                  const struct missing *missing, int32_t *ids)
{
    uint32_t count = 0, last = 0;
    for (uint32_t i = 0; i < missing->count; i++) {
        if (!missing->folded[i]) continue;
        enum store_result outcome = fold(store, kind, room, &missing->cleaned[i], &ids[missing->at[i]]);
        if (outcome != STORE_OK) return outcome;
        count++;
        last = i;
    }
    if (room->names != UNLIMITED)
        note_folded(&store->dictionaries[kind], kind, count, missing->cleaned[last].service);
    return STORE_OK;
}

/* ---- the whole ---- */

static enum store_result ask_and_remember(struct store *store, enum dictionary_kind kind,
                                          const struct room *room, const struct dictionary_name *names,
                                          struct missing *missing, int32_t *ids)
{
    struct dictionary *dictionary = &store->dictionaries[kind];
    enum store_result outcome = ask(store, kind, room, missing, ids);
    if (outcome == STORE_OK) outcome = fold_all(store, kind, room, missing, ids);
    if (outcome != STORE_OK) return outcome;
    if (store->claims.open) dictionary->in_doubt = true;
    for (uint32_t i = 0; i < missing->count; i++) {
        uint64_t hash[2];
        hash_name(&names[missing->at[i]], kinds[kind].cells, hash);
        remember(dictionary, hash, ids[missing->at[i]]);
    }
    return STORE_OK;
}

static enum store_result resolve_within(struct store *store, enum dictionary_kind kind,
                                        const struct room *room, const struct dictionary_name *names,
                                        uint32_t count, int32_t *ids)
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
        enum store_result outcome = ask_and_remember(store, kind, room, names, missing, ids);
        if (outcome != STORE_OK) return outcome;
        missing->count = 0;
    }
    if (!missing || missing->count == 0) return STORE_OK;
    return ask_and_remember(store, kind, room, names, missing, ids);
}

/* Once a day everything is asked for again, which marks it as used (forget.c). */
static void begin_day(struct dictionary *dictionary)
{
    int64_t day = clock_unix_ns() / NS_PER_DAY;
    if (dictionary->day == day) return;
    dictionary_clear(dictionary);
    dictionary->day = day;
    dictionary->folds = false;
}

enum store_result dictionary_resolve(struct store *store, enum dictionary_kind kind,
                                     const struct dictionary_name *names, uint32_t count, int32_t *ids)
{
    struct room room = room_of(kind);
    begin_day(&store->dictionaries[kind]);
    return resolve_within(store, kind, &room, names, count, ids);
}

bool dictionary_is_other_services(const struct store *store, int32_t resource_id)
{
    return store->other_services_id && resource_id == store->other_services_id;
}

struct str dictionary_other_services(void) { return other_services; }
