/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the scalars of a JSON text and the names they stand under, in one pass, without building anything. The text
 * comes from outside: at most JSON_SCAN_DEPTH levels and JSON_SCAN_BYTES bytes are looked at, and what is no JSON ends
 * the scan there; what was found before counts. Pure; any thread. Source: RFC 8259.
 */
#ifndef WEIR_SDK_CORE_JSON_SCAN_H
#define WEIR_SDK_CORE_JSON_SCAN_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH 64
#define JSON_SCAN_BYTES (256u << 10)
#define JSON_TEXT_MAX                                                                                        \
    1024 /* a string with escapes is given unescaped, up to so many bytes; else as written */

struct json_scalar {
    struct str text; /* strings unquoted; lives until the callback returns */
    bool is_null;
    struct str name; /* of the member that holds it or the array it stands in; empty at the top; as written */
    uint32_t depth;  /* how many objects and arrays are around it */
    uint32_t array;  /* number of the array that holds it directly, from 1; 0: an object does, or nothing */
};

/* Returns false to end the scan. */
typedef bool (*json_scalar_fn)(void *context, const struct json_scalar *scalar);

/* True when the whole text (or its first JSON_SCAN_BYTES) was JSON. */
bool json_scan(struct str text, json_scalar_fn scalar, void *context);

/* Begins like an object or an array. */
bool json_looks_like(struct str text);

#endif
