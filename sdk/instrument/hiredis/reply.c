/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/hiredis/reply.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <weir/call.h>

#define INTEGER_TEXT_BYTES 24
#define OTHER              "_OTHER"

/* ---- errors ---- */

/* The words that Redis's error replies begin with. */
#define ERROR_WORDS(X)                                                                                       \
    X(ERR)                                                                                                   \
    X(WRONGTYPE)                                                                                             \
    X(ASK)                                                                                                   \
    X(BUSY)                                                                                                  \
    X(BUSYGROUP)                                                                                             \
    X(BUSYKEY)                                                                                               \
    X(CLUSTERDOWN)                                                                                           \
    X(CROSSSLOT)                                                                                             \
    X(DENIED)                                                                                                \
    X(EXECABORT)                                                                                             \
    X(INPROG)                                                                                                \
    X(IOERR)                                                                                                 \
    X(LOADING)                                                                                               \
    X(MASTERDOWN)                                                                                            \
    X(MISCONF)                                                                                               \
    X(MOVED)                                                                                                 \
    X(NOAUTH)                                                                                                \
    X(NOGROUP)                                                                                               \
    X(NOPERM)                                                                                                \
    X(NOPROTO)                                                                                               \
    X(NOREPLICAS)                                                                                            \
    X(NOSCRIPT)                                                                                              \
    X(NOTBUSY)                                                                                               \
    X(OOM)                                                                                                   \
    X(READONLY)                                                                                              \
    X(STALE)                                                                                                 \
    X(TRYAGAIN)                                                                                              \
    X(UNBLOCKED)                                                                                             \
    X(UNKILLABLE)                                                                                            \
    X(WRONGPASS)

const char *reply_error(const redisReply *reply)
{
    static const char *const words[] = {
#define X(word) #word,
        ERROR_WORDS(X)
#undef X
    };
    const char *space = memchr(reply->str, ' ', reply->len);
    size_t len = space ? (size_t)(space - reply->str) : reply->len;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == len && memcmp(words[i], reply->str, len) == 0) return words[i];
    return OTHER;
}

const char *reply_context_error(const redisContext *context)
{
    switch (context->err) {
    case REDIS_ERR_IO:
        return "REDIS_ERR_IO";
    case REDIS_ERR_EOF:
        return "REDIS_ERR_EOF";
    case REDIS_ERR_PROTOCOL:
        return "REDIS_ERR_PROTOCOL";
    case REDIS_ERR_OOM:
        return "REDIS_ERR_OOM";
    default:
        return OTHER;
    }
}

/* ---- values ---- */

/* What read_cell reads from: the elements of an array, or one reply, and room for an integer as text. */
struct cells {
    redisReply *const *elements;
    size_t columns;
    char integer[INTEGER_TEXT_BYTES];
};

static const char *read_cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    struct cells *cells = (struct cells *)(uintptr_t)from;
    const redisReply *reply = cells->elements[row * cells->columns + column];
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        *bytes = reply->len;
        return reply->str;
    case REDIS_REPLY_INTEGER:
        *bytes = (size_t)snprintf(cells->integer, sizeof(cells->integer), "%lld", reply->integer);
        return cells->integer;
    default: /* nil, an error, an array in the array */
        return NULL;
    }
}

static void add_rows(struct weir_span call, redisReply *const *elements, size_t count, size_t columns)
{
    struct cells cells = {.elements = elements, .columns = columns};
    weir_call_table(call, count / columns, columns, read_cell, &cells);
}

static bool looks_like_json(const redisReply *reply)
{
    return reply->len > 1 && (reply->str[0] == '{' || reply->str[0] == '[');
}

static void add_value(struct weir_span call, const struct command *command, const redisReply *reply)
{
    redisReply *const one[] = {(redisReply *)(uintptr_t)reply};
    switch (reply->type) {
    case REDIS_REPLY_STRING:
        if (looks_like_json(reply)) {
            weir_call_body(call, reply->str, reply->len);
            weir_call_rows(call, 1);
        } else {
            add_rows(call, one, 1, 1);
        }
        break;
    case REDIS_REPLY_INTEGER:
        add_rows(call, one, 1, 1);
        break;
    case REDIS_REPLY_NIL:
        add_rows(call, NULL, 0, 1);
        break;
    case REDIS_REPLY_ARRAY:
        add_rows(call, reply->element, reply->elements, command->answer == ANSWER_PAIRS ? 2 : 1);
        break;
    default: /* OK, an error */
        break;
    }
}

/* ---- hit or miss ---- */

static bool is_found(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer != 0 : reply->type != REDIS_REPLY_NIL;
}

static struct hits hits_of(size_t found, size_t asked) { return (struct hits){found, asked - found}; }

static struct hits each(const redisReply *array)
{
    size_t found = 0;
    for (size_t i = 0; i < array->elements; i++) found += is_found(array->element[i]);
    return hits_of(found, array->elements);
}

static struct hits count(long long found, size_t asked)
{
    return found >= 0 && (size_t)found <= asked ? hits_of((size_t)found, asked) : (struct hits){0, 0};
}

struct hits reply_hits(const struct command *command, const redisReply *reply)
{
    bool is_array = reply->type == REDIS_REPLY_ARRAY, is_nil = reply->type == REDIS_REPLY_NIL;
    switch (command->answer) {
    case ANSWER_VALUE:
        if (is_nil || reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_INTEGER)
            return hits_of(!is_nil, 1);
        break;
    case ANSWER_SOME:
    case ANSWER_PAIRS:
        if (is_array) return hits_of(reply->elements > 0, 1);
        break;
    case ANSWER_COUNT:
        if (reply->type == REDIS_REPLY_INTEGER) return count(reply->integer, command->key_count);
        break;
    case ANSWER_EACH:
        if (is_array) return each(reply);
        break;
    case ANSWER_OTHER:
        break;
    }
    return (struct hits){0, 0};
}

void reply_add_hits(struct weir_span call, struct hits hits)
{
    weir_span_int(call, "weir.cache.hits", (int64_t)hits.found);
    weir_span_int(call, "weir.cache.misses", (int64_t)hits.missed);
}

static bool looks_one_up(const struct command *command)
{
    return command->answer != ANSWER_EACH && (command->answer != ANSWER_COUNT || command->key_count == 1);
}

static void add_outcome(struct weir_span call, const struct command *command, const redisReply *reply)
{
    struct hits hits = reply_hits(command, reply);
    if (hits.found + hits.missed == 0) return;
    if (looks_one_up(command))
        weir_span_bool(call, "weir.cache.hit", hits.found > 0);
    else
        reply_add_hits(call, hits);
}

void reply_add(struct weir_span call, const struct command *command, const redisContext *context,
               const redisReply *reply)
{
    if (!reply) {
        weir_span_error(call, reply_context_error(context));
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) weir_span_error(call, reply_error(reply));
    add_outcome(call, command, reply);
    if (command->keys != KEYS_SECRET) add_value(call, command, reply);
}

void reply_add_row(struct weir_span call, const redisReply *reply)
{
    redisReply *const one[] = {(redisReply *)(uintptr_t)reply};
    struct cells cells = {.elements = one, .columns = 1};
    weir_call_row(call, 1, read_cell, &cells);
}
