/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From model values to jansson's, and from those to bytes. Running out of memory anywhere gives NULL, which
 * jansson's setters pass on as failures; json_write then marks the buffer failed, so that nobody serves half
 * a document.
 */
#ifndef WEIR_JSON_VALUES_H
#define WEIR_JSON_VALUES_H

#include "viewer/view.h"

#include <jansson.h>

/* A string that is valid whatever the bytes are: what is no UTF-8, and NUL, becomes U+FFFD. */
json_t *json_name(struct str name);

/* Sets a member under a name from outside. */
void json_set_named(json_t *object, struct str key, json_t *value);

json_t *json_ms(int64_t ns);        /* milliseconds, to the nanosecond */
json_t *json_count(uint64_t count); /* up to INT64_MAX */
json_t *json_span_id(uint64_t id);  /* 16 hex digits; null for 0 */
json_t *json_trace_id(const unsigned char id[16]);
json_t *json_call_site(const struct call_site *site); /* or null */

const char *json_type_word(enum operation_type type);

/* Parts that several documents share. */
json_t *json_calls(uint64_t db, uint64_t http, uint64_t cache);
json_t *json_cache_split(const struct cache_split split[CACHE_OUTCOME_COUNT]); /* or null */
json_t *json_finding_array(const struct finding *findings, uint32_t count);
json_t *json_status_object(const struct status_view *status);

/* Writes a part of a document, and frees it. NULL: marks the buffer failed. */
void json_add(struct buffer *out, json_t *value);

/* Writes the document and a newline, and frees it. NULL: marks the buffer failed. */
void json_write(struct buffer *out, json_t *document);

#endif
