/* SPDX-License-Identifier: Apache-2.0 */
/* What OTLP's and Zipkin's JSON share: ids in hex, and lists that grow in the arena. */
#ifndef WEIR_COLLECTOR_JSON_VALUES_H
#define WEIR_COLLECTOR_JSON_VALUES_H

#include "collector/otlp/json_pull.h"
#include "proto/otlp.h"

/* A text of hex digits as bytes; anything else is a text of length 0 or of another length, as it must be refused then. */
bool json_hex(struct json_pull *json, struct str *bytes);

/* Room for one more element of `bytes` behind `count`; NULL: the arena is exhausted, the list stays. */
void *json_list_add(struct arena *arena, void **items, size_t count, size_t bytes);

#endif
