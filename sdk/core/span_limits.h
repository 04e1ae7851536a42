/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a span may have: OpenTelemetry's limits, within libweir's own. Set by weir_init, read by all threads; one that
 * still looks at the former ones is no harm.
 */
#ifndef WEIR_SDK_CORE_SPAN_LIMITS_H
#define WEIR_SDK_CORE_SPAN_LIMITS_H

#include "sdk/core/settings.h"

#include <stdatomic.h>
#include <stdint.h>

#define SPAN_TEXT_MAX 1024 /* bytes of a value */

/* None is above what the wire has room for. */
struct span_limits {
    _Atomic uint32_t attributes, events, links, event_attributes, link_attributes;
    _Atomic uint32_t characters; /* of a text; at most SPAN_TEXT_MAX, since a character has a byte at least */
};

void span_limits_set(struct span_limits *limits, const struct settings *settings);

static inline uint32_t span_limit(const _Atomic uint32_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed);
}

/* How many bytes of a text are taken that is longer than the limit has characters; len is at most SPAN_TEXT_MAX + 1. Never
 * half a UTF-8 character. */
uint32_t span_text_cut(const char *text, size_t len, uint32_t characters);

/* How many bytes of a text are taken. */
static inline uint32_t span_text_bytes(const struct span_limits *limits, const char *text)
{
    size_t len = strnlen(text, SPAN_TEXT_MAX + 1);
    uint32_t characters = span_limit(&limits->characters);
    return __builtin_expect(len <= characters, 1) ? (uint32_t)len : span_text_cut(text, len, characters);
}

#endif
