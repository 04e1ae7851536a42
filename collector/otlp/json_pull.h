/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) read as it lies, member by member, without a tree: a document takes no memory but for texts with escapes. A
 * reader that wants an order the sender has not kept marks a place and comes back to it. jansson's tree would be up to 40 times
 * the bytes ("[[],[],…"), and be thrown away after one look.
 *
 *     if (pull_object(json))
 *         while (pull_member(json, &key))
 *             if (str_is(key, "name")) pull_text(json, &name); else pull_skip(json);
 *
 * Every member's and element's value must be read or skipped. An error stays: all functions then return false. Bytes may be
 * hostile; depth is bounded by PULL_DEPTH_MAX. Belongs to one thread.
 */
#ifndef WEIR_COLLECTOR_JSON_PULL_H
#define WEIR_COLLECTOR_JSON_PULL_H

#include "base/arena.h"

#include <stdint.h>

#define PULL_DEPTH_MAX 128

enum pull_type {
    PULL_NONE,
    PULL_OBJECT,
    PULL_ARRAY,
    PULL_STRING,
    PULL_NUMBER,
    PULL_TRUE,
    PULL_FALSE,
    PULL_NULL
};

struct json_pull {
    const char *at, *end;
    struct arena *arena; /* of texts with escapes */
    const char *why;     /* the first error, static; NULL: none */
    uint32_t depth;
    uint64_t is_fresh[PULL_DEPTH_MAX / 64]; /* a bit a level: no member has been read yet */
};

void pull_init(struct json_pull *json, const void *data, size_t bytes, struct arena *arena);

/* What value stands next; PULL_NONE: none does, which is an error. */
enum pull_type pull_peek(struct json_pull *json);

/* Enters an object or an array; false, and nothing is read, if the value is something else (which is no error). */
bool pull_object(struct json_pull *json);
bool pull_array(struct json_pull *json);
/* The next member or element; false at the end, which leaves the object or array, or at an error. */
bool pull_member(struct json_pull *json, struct str *key);
bool pull_element(struct json_pull *json);

/* False, and the value is skipped, if it is no string. The text lies in the document or in the arena. */
bool pull_text(struct json_pull *json, struct str *text);
/* A number as it is written, or one in a string ("12", as protobuf's JSON has 64-bit numbers). */
bool pull_number(struct json_pull *json, struct str *text);
bool pull_u64(struct json_pull *json, uint64_t *value);
bool pull_i64(struct json_pull *json, int64_t *value);
bool pull_bool(struct json_pull *json, bool *value);

bool pull_skip(struct json_pull *json);

/* Nothing but blanks is left. */
bool pull_end(struct json_pull *json);

/* A place to come back to. */
static inline struct json_pull pull_mark(const struct json_pull *json) { return *json; }

/* For text that is not JSON itself: whole numbers, as they are written ("12", "1.2e1" is none). */
bool pull_text_to_u64(struct str text, uint64_t *value);
bool pull_text_to_i64(struct str text, int64_t *value);

#endif
