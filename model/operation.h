/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation is what a span did with its literals gone: all calls that differ only in their values are one
 * operation. The SDK makes its text inside the service (normalise_sql, normalise_url, normalise_key), so that literals never
 * leave it; the collector keeps a dictionary of operations; reports show an operation by its label.
 *
 * Pure functions on bytes that may be hostile; nothing is allocated unless an arena is passed.
 */
#ifndef WEIR_MODEL_OPERATION_H
#define WEIR_MODEL_OPERATION_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order is on the wire and on disk: append only. */
#define OPERATION_TYPES(X)                                                                                   \
    X(SPAN, "span")         /* an internal span: text is its name */                                         \
    X(ENDPOINT, "endpoint") /* a server span: text is "METHOD route" */                                      \
    X(DB, "db")             /* text is the normalised statement, system is db.system.name */                 \
    X(HTTP, "http")         /* text is "METHOD /template", system is host[:port] */                          \
    X(CACHE, "cache")       /* text is "GET price:{}", system is db.system.name */                           \
    X(CONNECT, "connect")   /* opening a connection: text is "connect", system as for the calls on it */

enum operation_type {
#define X(name, word) OPERATION_##name,
    OPERATION_TYPES(X)
#undef X
        OPERATION_TYPE_COUNT
};

struct operation {
    enum operation_type type;
    struct str system;
    struct str text;
};

/* DB, HTTP and CACHE are calls: what reports count. */
static inline bool operation_is_call(enum operation_type type)
{
    return type == OPERATION_DB || type == OPERATION_HTTP || type == OPERATION_CACHE;
}

bool operation_is_write(const struct operation *operation);       /* may change what later reads see */
bool operation_is_transaction(const struct operation *operation); /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT … */

/*
 * The short name that reports show: "orders by customer" (SELECT … FROM orders WHERE customer_id = ?),
 * "insert into orders", "POST inventory /stock/bulk", the span's own name. Falls back to the text, cut to 60
 * characters.
 */
struct str operation_label(const struct operation *operation, struct arena *arena);

/* db.query.summary as OpenTelemetry words it: "SELECT orders". */
struct str operation_summary(const struct operation *operation, struct arena *arena);

/* Called for each value that normalising took out, in order, unquoted but otherwise as written. */
typedef void (*value_fn)(void *context, struct str value);

#define OPERATION_TEXT_MAX 4096 /* bytes of a normalised text; a longer one is cut and ends in "…" */

/*
 * SQL of any dialect → one line: literals and placeholders of every style become ?, lists of them (?),
 * repeated VALUES rows one, comments go, white space is one space, quoted identifiers and keywords' case stay
 * as written. Writes at most OPERATION_TEXT_MAX bytes and returns their number. One pass; a statement of 1 MB
 * costs one pass.
 * The dialect is guessed: "..." is an identifier until the statement has shown that it is MySQL's (a backtick, 'it\'s'),
 * so a MySQL string in double quotes without such a sign before it stays in the text.
 */
size_t normalise_sql(struct str sql, char to[OPERATION_TEXT_MAX], value_fn literal, void *context);

/*
 * "http://inventory:8081/stock/17?full=1" → system "inventory:8081" (into host, cut at host_room), text
 * "/stock/{id}?full={}": numbers, UUIDs, hashes, long tokens become {id}, query values {}; fragment, userinfo
 * and default ports go. Returns the text's length.
 */
size_t normalise_url(struct str url, char to[OPERATION_TEXT_MAX], char *host, size_t host_room,
                     size_t *host_len, value_fn value, void *context);

/*
 * A cache command and its keys, separated by spaces: "get price:17:eur" → "GET price:{}:eur", "MGET price:1 price:2" →
 * "MGET price:{}". Numbers, UUIDs, hashes, e-mail addresses and whatever else holds a digit become {}; a key whose pattern stands
 * there already is left out, and so are patterns beyond 16. Output is printable ASCII but for the mark of a cut text. Returns the text's length.
 */
size_t normalise_key(struct str command, char to[OPERATION_TEXT_MAX], value_fn value, void *context);

#endif
