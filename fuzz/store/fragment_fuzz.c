/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a stored blob: an error with a sentence, or spans of which everything can be read. The first two bytes are
 * how many spans the row's arrays have, and the bits of the start they have.
 */
#include "collector/store/fragment.h"
#include "collector/store/fragment_spans.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static uint64_t use_text(struct str text)
{
    uint64_t sum = text.len;
    for (size_t i = 0; i < text.len; i++) sum += (unsigned char)text.data[i];
    return sum;
}

static uint64_t use_attributes(const struct attribute *attributes, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += use_text(attributes[i].key) + use_text(attributes[i].text) + (uint64_t)attributes[i].integer;
    return sum;
}

/* Reads everything that the analysis and the reader may read without looking. */
static uint64_t use(const struct span *span)
{
    uint64_t sum = span->id + use_text(span->status_message) + use_text(span->trace_state);
    if (span->scope) sum += use_text(span->scope->name) + use_text(span->scope->version);
    for (uint32_t i = 0; i < span->unread_count; i++) sum += span->unread[i];
    for (uint32_t i = 0; i < span->link_count; i++) sum += span->links[i].span_id + span->links[i].row;
    sum += use_attributes(span->attributes, span->attribute_count);
    for (uint32_t i = 0; i < span->event_count; i++) {
        if (i && span->events[i].time_ns < span->events[i - 1].time_ns) abort();
        sum += use_text(span->events[i].name);
        sum += use_attributes(span->events[i].attributes, span->events[i].attribute_count);
    }
    for (uint32_t i = 0; i < span->span_link_count; i++) {
        sum += span->span_links[i].trace_id[15] + use_text(span->span_links[i].trace_state);
        sum += use_attributes(span->span_links[i].attributes, span->span_links[i].attribute_count);
    }
    if (!(span_weight(span) >= 1)) abort();
    return sum;
}

static void read_spans(const struct batch *batch, int64_t start_ns, struct arena *arena)
{
    uint64_t sum = 0;
    struct fragment_spans reading;
    if (!fragment_spans_begin(&reading, batch, arena)) return;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        struct span span = {.start_ns = start_ns};
        if (!fragment_spans_next(&reading, &span)) break;
        sum += use(&span);
    }
    __asm__ volatile("" : : "r"(sum)); /* what is read is used */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct batch batch;
    struct arena arena;
    const char *why = NULL;
    if (bytes < 2) return 0;
    int64_t start_ns = (int64_t)(UINT64_MAX >> (1 + data[1] % 63));
    struct str blob = str_view((const char *)data + 2, bytes - 2);
    arena_init(&arena, ARENA_BYTES);
    if (fragment_decode(&batch, blob, data[0], &arena, &why))
        read_spans(&batch, start_ns, &arena);
    else if (!why)
        abort();
    if (arena.total_bytes > ARENA_BYTES) abort();
    arena_fini(&arena);
    return 0;
}
