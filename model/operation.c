/* SPDX-License-Identifier: Apache-2.0 */
#include "model/operation.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "model/sql_outline.h"
#include "model/words.h"

#define LABEL_CHARS_MAX   60
#define LABEL_COLUMNS_MAX 3
#define LABEL_TABLES_MAX  3
#define SUMMARY_BYTES_MAX 255 /* as OpenTelemetry asks */

static const char *const safe_methods[] = {"GET", "HEAD", "OPTIONS", "TRACE"}; /* RFC 9110, 9.2.1 */
static const char *const cache_reads[] = {
    "GET",   "GETS",    "MGET",     "EXISTS",    "TTL",      "PTTL",   "STRLEN", "TYPE",
    "HGET",  "HGETALL", "HMGET",    "HEXISTS",   "HLEN",     "HKEYS",  "HVALS",  "LRANGE",
    "LLEN",  "LINDEX",  "SMEMBERS", "SISMEMBER", "SCARD",    "ZRANGE", "ZSCORE", "ZRANK",
    "ZCARD", "ZCOUNT",  "GETRANGE", "GETBIT",    "BITCOUNT", "SCAN",   "PING"};

static struct str first_word(struct str text)
{
    const char *space = text.len ? memchr(text.data, ' ', text.len) : NULL;
    return str_view(text.data, space ? (size_t)(space - text.data) : text.len);
}

/* How a pipeline's commands are written; a key in capitals alone is taken for one. */
static bool is_upper_word(struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!(word.data[i] >= 'A' && word.data[i] <= 'Z') && word.data[i] != '.' && word.data[i] != '_')
            return false;
    return word.len > 0;
}

/* A pipeline, "PIPELINE GET price:{} SET", is a write if one of its commands is, or may be, where it was cut. */
static bool cache_writes(struct str text)
{
    struct str verb = first_word(text);
    if (!word_is(verb, "PIPELINE")) return !words_have(cache_reads, WORDS_COUNT(cache_reads), verb);
    if (text.len >= 3 && memcmp(text.data + text.len - 3, "…", 3) == 0) return true;
    while (verb.len < text.len) {
        text = str_view(text.data + verb.len + 1, text.len - verb.len - 1);
        verb = first_word(text);
        if (is_upper_word(verb) && !words_have(cache_reads, WORDS_COUNT(cache_reads), verb)) return true;
    }
    return false;
}

bool operation_is_write(const struct operation *operation)
{
    struct sql_outline outline;
    switch (operation->type) {
    case OPERATION_DB:
        sql_outline_read(&outline, operation->text);
        return outline.writes;
    case OPERATION_HTTP:
        return !words_have(safe_methods, WORDS_COUNT(safe_methods), first_word(operation->text));
    case OPERATION_CACHE:
        return cache_writes(operation->text);
    default:
        return false;
    }
}

bool operation_is_transaction(const struct operation *operation)
{
    struct sql_outline outline;
    if (operation->type != OPERATION_DB) return false;
    sql_outline_read(&outline, operation->text);
    return outline.is_transaction;
}

/* ---- labels ---- */

/* customer_id and customerId are read as the customer. */
static struct str column_words(struct str name)
{
    size_t len = name.len;
    if (len > 3 && (memcmp(name.data + len - 3, "_id", 3) == 0 || memcmp(name.data + len - 3, "_ID", 3) == 0))
        len -= 3;
    else if (len > 2 && memcmp(name.data + len - 2, "Id", 2) == 0)
        len -= 2;
    return str_view(name.data, len);
}

/* What stands between item i and the one before it: "a, b and c". */
static const char *between(uint32_t i, uint32_t count)
{
    return i == 0 ? "" : i + 1 == count ? " and " : ", ";
}

static void add_tables(struct buffer *out, const struct sql_outline *outline)
{
    uint32_t count = outline->table_count < LABEL_TABLES_MAX ? outline->table_count : LABEL_TABLES_MAX;
    buffer_add_str(out, outline->tables[0]);
    if (count > 1) buffer_add_text(out, " with ");
    for (uint32_t i = 1; i < count; i++) {
        buffer_add_text(out, between(i - 1, count - 1));
        buffer_add_str(out, outline->tables[i]);
    }
    if (outline->table_count > count) buffer_add_text(out, " …");
}

static void add_columns(struct buffer *out, const struct sql_outline *outline)
{
    uint32_t count = outline->column_count < LABEL_COLUMNS_MAX ? outline->column_count : LABEL_COLUMNS_MAX;
    if (count) buffer_add_text(out, " by ");
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_text(out, between(i, count));
        buffer_add_str(out, column_words(outline->columns[i].name));
        if (outline->columns[i].is_list) buffer_add_text(out, " list");
    }
    if (outline->column_count > count) buffer_add_text(out, " …");
}

/* In parentheses behind the label, where the line still has room for them. */
static void add_aggregates(struct buffer *out, const struct sql_outline *outline)
{
    size_t before = out->len;
    if (outline->aggregate_count == 0) return;
    buffer_add_text(out, " (");
    for (uint32_t i = 0; i < outline->aggregate_count; i++) {
        if (i) buffer_add_text(out, ", ");
        for (size_t c = 0; c < outline->aggregates[i].len; c++) {
            char letter = outline->aggregates[i].data[c];
            buffer_add_char(out, letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter, 1);
        }
    }
    buffer_add_text(out, ")");
    if (out->len > LABEL_CHARS_MAX) out->len = before;
}

/* How a label begins, by verb; others are shown as their text. */
static const struct {
    const char *verb, *words;
} label_verbs[] = {{"SELECT", ""},
                   {"TABLE", ""},
                   {"INSERT", "insert into "},
                   {"REPLACE", "replace into "},
                   {"UPDATE", "update "},
                   {"MERGE", "merge into "},
                   {"DELETE", "delete from "}};

static bool label_sql(struct buffer *out, struct str text)
{
    struct sql_outline outline;
    sql_outline_read(&outline, text);
    if (outline.table_count == 0) return false;
    for (size_t i = 0; i < WORDS_COUNT(label_verbs); i++) {
        if (!word_is(outline.verb, label_verbs[i].verb)) continue;
        bool inserts = word_is(outline.verb, "INSERT") || word_is(outline.verb, "REPLACE");
        buffer_add_text(out, label_verbs[i].words);
        if (inserts)
            buffer_add_str(out, outline.tables[0]);
        else
            add_tables(out, &outline);
        if (!inserts) add_columns(out, &outline);
        if (word_is(outline.verb, "SELECT")) add_aggregates(out, &outline);
        return true;
    }
    return false;
}

/* A host's name without its port; an address (or localhost) says nothing without it. */
static struct str host_words(struct str host)
{
    const char *colon = host.len ? memchr(host.data, ':', host.len) : NULL;
    if (!colon) return host;
    struct str name = str_view(host.data, (size_t)(colon - host.data));
    bool has_letter = false;
    for (size_t i = 0; i < name.len; i++) has_letter = has_letter || word_upper(name.data[i]) >= 'A';
    bool is_address = !has_letter || name.data[0] == '[' || str_is(name, "localhost");
    return is_address ? host : name;
}

static bool label_http(struct buffer *out, const struct operation *operation)
{
    struct str method = first_word(operation->text);
    if (operation->system.len == 0 || method.len == operation->text.len) return false;
    buffer_add_str(out, method);
    buffer_add_text(out, " ");
    buffer_add_str(out, host_words(operation->system));
    buffer_add(out, operation->text.data + method.len, operation->text.len - method.len);
    return true;
}

static bool label_connect(struct buffer *out, const struct operation *operation)
{
    if (operation->system.len == 0) return false;
    buffer_add_text(out, "connect to ");
    buffer_add_str(out, operation->system);
    return true;
}

static const char *type_word(enum operation_type type)
{
    static const char *const words[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    return words[type];
}

/* At most so many characters, a malformed byte counting as one; a cut text ends in "…". */
static struct str cut_chars(struct arena *arena, struct str text, size_t chars_max)
{
    size_t chars = 0, keep = 0;
    for (size_t i = 0; i < text.len; chars++) {
        if (chars == chars_max - 1) keep = i;
        if (chars == chars_max) {
            char *cut = arena_alloc(arena, keep + sizeof "…");
            if (!cut) return str_view(NULL, 0);
            memcpy(cut, text.data, keep);
            memcpy(cut + keep, "…", sizeof "…");
            return str_view(cut, keep + sizeof "…" - 1);
        }
        size_t bytes = utf8_char_bytes(str_view(text.data + i, text.len - i));
        i += bytes ? bytes : 1;
    }
    return arena_str(arena, text);
}

struct str operation_label(const struct operation *operation, struct arena *arena)
{
    struct buffer out;
    bool done = false;
    buffer_init(&out);
    if (operation->type == OPERATION_DB) done = label_sql(&out, operation->text);
    if (operation->type == OPERATION_HTTP) done = label_http(&out, operation);
    if (operation->type == OPERATION_CONNECT) done = label_connect(&out, operation);
    if (!done || out.failed) {
        buffer_clear(&out);
        buffer_add_str(&out, operation->text);
    }
    if (out.len == 0) buffer_add_text(&out, type_word(operation->type));
    struct str label = cut_chars(arena, buffer_str(&out), LABEL_CHARS_MAX);
    buffer_fini(&out);
    return label;
}

struct str operation_summary(const struct operation *operation, struct arena *arena)
{
    struct sql_outline outline;
    struct buffer out;
    if (operation->type != OPERATION_DB) return arena_str(arena, operation->text);
    sql_outline_read(&outline, operation->text);
    buffer_init(&out);
    buffer_add_str(&out, outline.verb);
    for (uint32_t i = 0; i < outline.table_count; i++) {
        if (out.len + 1 + outline.tables[i].len > SUMMARY_BYTES_MAX) break;
        buffer_add_text(&out, " ");
        buffer_add_str(&out, outline.tables[i]);
    }
    struct str whole = buffer_str(&out);
    struct str summary = arena_str(arena, str_view(whole.data, utf8_cut(whole, SUMMARY_BYTES_MAX)));
    buffer_fini(&out);
    return summary;
}
