/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/operations.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define TABLE_SLOTS (2 * OPERATIONS_MAX) /* a power of two: at most half full, so that probing ends */
#define HOST_MAX    256

static struct {
    _Atomic(struct operation_entry *) slots[TABLE_SLOTS];
    _Atomic uint32_t count;
    _Atomic uint64_t overflowed;
    unsigned char *memory; /* OPERATIONS_BYTES, for ever */
    _Atomic size_t used_bytes;
} table;

#define TOO_MANY(type_)                                                                                      \
    {                                                                                                        \
        {type_, STR(""), STR("(too many operations)")}, 0x746f6f206d616e79u + (type_)                        \
    }
static const struct operation_entry too_many[OPERATION_TYPE_COUNT] = {
    [OPERATION_DB] = TOO_MANY(OPERATION_DB),
    [OPERATION_HTTP] = TOO_MANY(OPERATION_HTTP),
    [OPERATION_CACHE] = TOO_MANY(OPERATION_CACHE),
    [OPERATION_CONNECT] = TOO_MANY(OPERATION_CONNECT),
};

bool operations_setup(void)
{
    if (table.memory) return true;
    void *memory = mmap(NULL, OPERATIONS_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    table.memory = memory;
    return true;
}

uint64_t operations_overflowed(void) { return atomic_load_explicit(&table.overflowed, memory_order_relaxed); }

/* ---- the table ---- */

static const struct operation_entry *overflow(enum operation_type type)
{
    atomic_fetch_add_explicit(&table.overflowed, 1, memory_order_relaxed);
    return &too_many[type];
}

static void *memory_take(size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (atomic_load_explicit(&table.used_bytes, memory_order_relaxed) + bytes > OPERATIONS_BYTES) return NULL;
    size_t at = atomic_fetch_add_explicit(&table.used_bytes, bytes, memory_order_relaxed);
    return at + bytes <= OPERATIONS_BYTES ? table.memory + at : NULL;
}

static struct operation_entry *entry_new(const struct operation *operation, uint64_t hash)
{
    if (atomic_load_explicit(&table.count, memory_order_relaxed) >= OPERATIONS_MAX) return NULL;
    size_t system_len = operation->system.len, text_len = operation->text.len;
    struct operation_entry *entry = memory_take(sizeof *entry + system_len + text_len);
    if (!entry) return NULL;
    char *strings = (char *)(entry + 1);
    if (system_len) memcpy(strings, operation->system.data, system_len);
    if (text_len) memcpy(strings + system_len, operation->text.data, text_len);
    entry->operation =
        (struct operation){operation->type, {strings, system_len}, {strings + system_len, text_len}};
    entry->hash = hash;
    return entry;
}

static bool entry_is(const struct operation_entry *entry, const struct operation *operation, uint64_t hash)
{
    return entry->hash == hash && entry->operation.type == operation->type &&
           str_equal(entry->operation.text, operation->text) &&
           str_equal(entry->operation.system, operation->system);
}

static const struct operation_entry *intern(const struct hash_key *key, const struct operation *operation)
{
    uint64_t hash = hash_combine(hash_keyed(key, operation->text.data, operation->text.len),
                                 hash_keyed(key, operation->system.data, operation->system.len));
    hash = hash_combine(hash, operation->type);
    struct operation_entry *made = NULL;
    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        _Atomic(struct operation_entry *) *slot = &table.slots[(hash + i) % TABLE_SLOTS];
        struct operation_entry *entry = atomic_load_explicit(slot, memory_order_acquire);
        if (!entry) {
            if (!made && !(made = entry_new(operation, hash))) return overflow(operation->type);
            if (atomic_compare_exchange_strong_explicit(slot, &entry, made, memory_order_acq_rel,
                                                        memory_order_acquire)) {
                atomic_fetch_add_explicit(&table.count, 1, memory_order_relaxed);
                return made;
            }
        }
        if (entry_is(entry, operation, hash)) return entry;
    }
    return overflow(operation->type);
}

/* ---- a call's text ---- */

/* Literals are hashed before the operation is known: the inputs begin with the operation's hash. */
struct literals {
    const struct hash_key *key;
    struct inputs *inputs;
    struct operation_cache_entry *cached; /* gets the first of them; may be NULL */
};

static void add_literal(void *context, struct str value)
{
    struct literals *literals = context;
    uint64_t hash = value_hash(literals->key, value);
    bool strong = value_is_strong(value);
    struct operation_cache_entry *cached = literals->cached;
    if (cached->literal_count < CACHE_LITERALS) {
        cached->literals[cached->literal_count] = hash;
        cached->strong |= (uint32_t)strong << cached->literal_count;
    }
    cached->literal_count++;
    inputs_add_literal(literals->inputs, hash, strong);
}

/* An entry that was cached when the table was full already is shown, and counted, each time. */
static const struct operation_entry *count_overflow(const struct operation_entry *entry)
{
    return entry == &too_many[OPERATION_DB] ? overflow(OPERATION_DB) : entry;
}

static const struct operation_entry *from_cache(const struct operation_cache_entry *cached,
                                                const struct hash_key *key, struct inputs *inputs)
{
    inputs_reset(inputs, key, 0);
    for (uint32_t i = 0; i < cached->literal_count; i++)
        inputs_add_literal(inputs, cached->literals[i], cached->strong >> i & 1);
    return count_overflow(cached->operation);
}

/* The hash of the whole input begins with literals and ends up with the operation's. */
static const struct operation_entry *with_hash(const struct operation_entry *entry, struct inputs *inputs)
{
    inputs->whole = hash_combine(inputs->whole, entry->hash);
    return entry;
}

const struct operation_entry *operation_of_db(struct operation_cache *cache, const struct hash_key *key,
                                              const char *system, struct str sql, struct inputs *inputs)
{
    uint64_t text_hash = hash_keyed(key, sql.data, sql.len);
    struct operation_cache_entry *cached = &cache->entries[text_hash % CACHE_ENTRIES];
    if (cached->operation && cached->text_hash == text_hash && cached->text_bytes == sql.len &&
        cached->system == system)
        return with_hash(from_cache(cached, key, inputs), inputs);

    char text[OPERATION_TEXT_MAX];
    *cached = (struct operation_cache_entry){.text_hash = text_hash, .text_bytes = sql.len, .system = system};
    struct literals literals = {key, inputs, cached};
    inputs_reset(inputs, key, 0);
    size_t len = normalise_sql(sql, text, add_literal, &literals);
    struct operation operation = {OPERATION_DB, str_of(system), {text, len}};
    const struct operation_entry *entry = intern(key, &operation);
    if (cached->literal_count <= CACHE_LITERALS) cached->operation = entry;
    return with_hash(entry, inputs);
}

static void add_value(void *context, struct str value) { inputs_add(context, value.data, value.len); }

const struct operation_entry *operation_of_http(const struct hash_key *key, const char *method,
                                                struct str url, struct inputs *inputs)
{
    char template[OPERATION_TEXT_MAX], text[OPERATION_TEXT_MAX + 64], host[HOST_MAX];
    size_t host_len = 0;
    inputs_reset(inputs, key, 0);
    size_t len = normalise_url(url, template, host, sizeof host, &host_len, add_value, inputs);
    struct str name = str_of(method ? method : "GET");
    if (name.len > 32) name.len = 32;
    memcpy(text, name.data, name.len);
    text[name.len] = ' ';
    size_t text_len = name.len + 1;
    len = len < OPERATION_TEXT_MAX - text_len ? len : OPERATION_TEXT_MAX - text_len;
    memcpy(text + text_len, template, len);
    struct operation operation = {OPERATION_HTTP, {host, host_len}, {text, text_len + len}};
    return with_hash(intern(key, &operation), inputs);
}

/* The values of keys are one list, as a statement's literals are: MGET may repeat a whole column. */
static void add_key_value(void *context, struct str value)
{
    struct inputs *inputs = context;
    inputs_add_literal(inputs, value_hash(inputs->key, value), value_is_strong(value));
}

const struct operation_entry *operation_of_cache(const struct hash_key *key, const char *system,
                                                 struct str command, struct inputs *inputs)
{
    char text[OPERATION_TEXT_MAX];
    inputs_reset(inputs, key, 0);
    size_t len = normalise_key(command, text, add_key_value, inputs);
    struct operation operation = {OPERATION_CACHE, str_of(system), {text, len}};
    return with_hash(intern(key, &operation), inputs);
}

const struct operation_entry *operation_of_connect(const struct hash_key *key, const char *system,
                                                   struct inputs *inputs)
{
    inputs_reset(inputs, key, 0);
    struct operation operation = {OPERATION_CONNECT, str_of(system), STR("connect")};
    return with_hash(intern(key, &operation), inputs);
}
