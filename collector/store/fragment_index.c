/* SPDX-License-Identifier: Apache-2.0 */
/* Which spans of a batch belong together: those of one trace. */
#include "collector/store/fragment.h"
#include "collector/store/numbering.h"

#include <stdlib.h>

static uint32_t *offsets_of(const uint32_t *counts, uint32_t owners, struct arena *arena)
{
    if (!counts) return NULL;
    uint32_t *offsets = arena_alloc(arena, owners * sizeof *offsets);
    uint32_t at = 0;
    for (uint32_t i = 0; offsets && i < owners; i++) {
        offsets[i] = at;
        at += counts[i];
    }
    return offsets;
}

static int compare_traces(const void *a, const void *b, void *context)
{
    const unsigned char *ids = context;
    return memcmp(ids + (size_t) * (const uint32_t *)a * 16, ids + (size_t) * (const uint32_t *)b * 16, 16);
}

static uint32_t trace_of(const struct batch *batch, uint32_t span)
{
    return batch->span_trace ? batch->span_trace[span] : 0;
}

/*
 * A sender may name one trace id twice in its table: both are one fragment. canonical[t] is the position of trace t among
 * the sorted, distinct ids that have spans.
 */
static bool number_traces(struct fragment_index *index, const struct batch *batch, uint32_t *canonical,
                          struct arena *arena)
{
    uint32_t used = 0;
    uint32_t *sorted = arena_array(arena, batch->trace_count, sizeof *sorted);
    bool *seen = arena_array(arena, batch->trace_count, sizeof *seen);
    if (!sorted || !seen) return false;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        uint32_t trace = trace_of(batch, i);
        if (!seen[trace]) sorted[used++] = trace;
        seen[trace] = true;
    }
    qsort_r(sorted, used, sizeof *sorted, compare_traces, batch->trace_ids);
    index->trace = sorted;
    index->fragment_count = 0;
    for (uint32_t i = 0; i < used; i++) {
        uint32_t trace = sorted[i];
        bool same = index->fragment_count &&
                    compare_traces(&trace, &sorted[index->fragment_count - 1], batch->trace_ids) == 0;
        if (!same) sorted[index->fragment_count++] = trace;
        canonical[trace] = index->fragment_count - 1;
    }
    return true;
}

static bool order_spans(struct fragment_index *index, const struct batch *batch, const uint32_t *canonical,
                        struct arena *arena)
{
    index->first = arena_array(arena, (size_t)index->fragment_count + 2, sizeof *index->first);
    index->order = arena_array(arena, batch->span_count, sizeof *index->order);
    if (!index->first || !index->order) return false;
    uint32_t *next = index->first + 1; /* after the second loop, first[f] is where fragment f begins */
    for (uint32_t i = 0; i < batch->span_count; i++) next[canonical[trace_of(batch, i)] + 1]++;
    for (uint32_t f = 1; f <= index->fragment_count; f++) next[f] += next[f - 1];
    for (uint32_t i = 0; i < batch->span_count; i++) index->order[next[canonical[trace_of(batch, i)]]++] = i;
    return true;
}

static bool add_up_starts(struct fragment_index *index, const struct batch *batch, struct arena *arena)
{
    index->start_ns = arena_alloc(arena, batch->span_count * sizeof *index->start_ns);
    if (!index->start_ns) return false;
    uint64_t start = batch->base_time_unix_ns;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        start += batch->start_delta_ns ? (uint64_t)batch->start_delta_ns[i] : 0;
        index->start_ns[i] = (int64_t)start;
    }
    return true;
}

bool fragment_index_make(struct fragment_index *index, const struct batch *batch, struct arena *arena)
{
    memset(index, 0, sizeof *index);
    uint32_t *canonical = arena_array(arena, batch->trace_count, sizeof *canonical);
    if (!canonical || !number_traces(index, batch, canonical, arena) ||
        !order_spans(index, batch, canonical, arena) || !add_up_starts(index, batch, arena))
        return false;
    index->strings = numbering_make(batch->string_count + 1, arena);
    index->sites = numbering_make(batch->site_count, arena);
    index->scopes = numbering_make(batch->scope_count, arena);
    index->samplings = numbering_make(batch->sampling_count, arena);
    index->unread_at = offsets_of(batch->unread_count, batch->span_count, arena);
    index->link_at = offsets_of(batch->link_count, batch->span_count, arena);
    index->attribute_at = offsets_of(batch->attribute_count, batch->span_count, arena);
    index->event_at = offsets_of(batch->event_count, batch->span_count, arena);
    index->event_attribute_at = offsets_of(batch->event_attribute_count, batch->event_total, arena);
    index->span_link_at = offsets_of(batch->span_link_count, batch->span_count, arena);
    index->span_link_attribute_at =
        offsets_of(batch->span_link_attribute_count, batch->span_link_total, arena);
    return !arena_exhausted(arena);
}
