/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of the form "key=value,key=value", as OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS have them: blanks
 * around keys and values do not count, both may be percent-encoded, a later value of a key replaces an earlier one.
 *
 * Source: OpenTelemetry's Resource SDK, which wants a list with any mistake in it discarded as a whole.
 */
#ifndef WEIR_SDK_CORE_SETTING_PAIRS_H
#define WEIR_SDK_CORE_SETTING_PAIRS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct setting_pair {
    struct str key, value; /* each with a 0 behind it */
};

struct setting_pairs {
    struct setting_pair *pairs; /* borrowed room */
    uint32_t count, room;
};

/* Replaces the value of the key, or adds it. False: no room. */
bool setting_pairs_set(struct setting_pairs *pairs, struct str key, struct str value);

/* Sets all pairs of a list, copied into the arena, and returns NULL; or what is wrong with it, and pairs are as they
 * were. Empty elements are no mistake. */
const char *setting_pairs_read(struct setting_pairs *pairs, struct arena *arena, struct str text);

struct str setting_trim(struct str text); /* without blanks and tabs around it */

/* The part before the next comma, trimmed; *text goes on behind it. */
struct str setting_next(struct str *text);

#endif
