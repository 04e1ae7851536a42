/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/span_limits.h"

#include "base/utf8.h"
#include "proto/batch.h"

static void set(_Atomic uint32_t *limit, uint32_t value, uint32_t most)
{
    atomic_store_explicit(limit, value < most ? value : most, memory_order_relaxed);
}

void span_limits_set(struct span_limits *limits, const struct settings *settings)
{
    set(&limits->attributes, settings->attribute_count_limit, BATCH_ATTRIBUTES_MAX);
    set(&limits->events, settings->event_count_limit, BATCH_EVENTS_MAX);
    set(&limits->links, settings->link_count_limit, BATCH_SPAN_LINKS_MAX);
    set(&limits->event_attributes, settings->event_attribute_count_limit, BATCH_ATTRIBUTES_MAX);
    set(&limits->link_attributes, settings->link_attribute_count_limit, BATCH_ATTRIBUTES_MAX);
    set(&limits->characters, settings->attribute_value_length_limit, SPAN_TEXT_MAX);
}

uint32_t span_text_cut(const char *text, size_t len, uint32_t characters)
{
    size_t whole = utf8_cut(str_view(text, len), SPAN_TEXT_MAX), at = 0;
    for (; at < whole && characters > 0; characters--) {
        at++;
        while (at < whole && ((unsigned char)text[at] & 0xc0) == 0x80) at++;
    }
    return (uint32_t)at;
}
