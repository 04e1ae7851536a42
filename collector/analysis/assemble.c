/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans in any order, some of them twice → a tree. Three passes, none recursive: keep one span of each id,
 * put them in order of start, hang each under its parent. What order the spans came in changes nothing:
 * doubles are decided by their content, ties by id. Times are kept as they are: a child of another process
 * may well start before its parent.
 */
#include "collector/analysis/analysis.h"
#include "collector/analysis/id_table.h"
#include "collector/analysis/order.h"
#include "collector/analysis/peers.h"

#define NONE UINT32_MAX

static int compare_number(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Some total order of what two spans of one id may differ in. Doubles are equal; this decides between
 * forgeries. */
static int compare_content(const struct span *a, const struct span *b)
{
    if (a->start_ns != b->start_ns) return a->start_ns < b->start_ns ? -1 : 1;
    if (a->duration_ns != b->duration_ns) return a->duration_ns > b->duration_ns ? -1 : 1;
    const uint64_t numbers[][2] = {
        {a->parent_id, b->parent_id},
        {a->kind, b->kind},
        {a->status, b->status},
        {a->operation->type, b->operation->type},
        {a->input_hash, b->input_hash},
        {a->answer_hash, b->answer_hash},
        {(uint64_t)a->rows, (uint64_t)b->rows},
        {a->connection, b->connection},
        {a->link_count, b->link_count},
        {a->unread_count, b->unread_count},
        {a->attribute_count, b->attribute_count},
        {a->site.line, b->site.line},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int order = compare_number(numbers[i][0], numbers[i][1]);
        if (order) return order;
    }
    int order = order_of_texts(a->operation->text, b->operation->text);
    return order ? order : order_of_texts(a->operation->system, b->operation->system);
}

/* An end before the start, or past the end of time, would spoil every sum. */
static void mend_duration(struct span *span)
{
    int64_t room_ns = span->start_ns > 0 ? INT64_MAX - span->start_ns : INT64_MAX;
    if (span->duration_ns < 0) span->duration_ns = 0;
    if (span->duration_ns > room_ns) span->duration_ns = room_ns;
}

/* Keeps one span of each id: by_id has its index, and places[i] is NONE for those dropped. */
static bool drop_doubles(struct trace *trace, struct id_table *by_id, uint32_t *places)
{
    for (uint32_t i = 0; i < trace->span_count; i++) {
        bool fresh;
        mend_duration(&trace->spans[i]);
        uint32_t *kept = id_table_put(by_id, trace->spans[i].id, i, &fresh);
        if (!kept) return false;
        places[i] = i;
        if (fresh) continue;
        bool better = compare_content(&trace->spans[i], &trace->spans[*kept]) < 0;
        places[better ? *kept : i] = NONE;
        if (better) *kept = i;
    }
    return true;
}

/* Replaces trace->spans by the count kept, in order of start; places[i] becomes where the i-th went. */
static bool put_in_order(struct trace *trace, uint32_t *places, size_t count, struct arena *arena)
{
    size_t at = 0;
    struct order_key *keys = arena_alloc(arena, 2 * count * sizeof *keys);
    struct span *ordered = arena_alloc(arena, count * sizeof *ordered);
    if (!keys || !ordered) return false;
    for (uint32_t i = 0; i < trace->span_count; i++) {
        const struct span *span = &trace->spans[i];
        if (places[i] != NONE)
            keys[at++] = (struct order_key){span->start_ns, -span->duration_ns, span->id, i};
    }
    keys = order_sort(keys, keys + count, count);
    for (uint32_t i = 0; i < count; i++) {
        ordered[i] = trace->spans[keys[i].index];
        ordered[i].parent = ordered[i].first_child = ordered[i].last_child = ordered[i].next_sibling = NULL;
        places[keys[i].index] = i;
    }
    trace->spans = ordered;
    trace->span_count = count;
    return true;
}

/* NONE: not in the trace. */
static uint32_t find_span(const struct id_table *by_id, const uint32_t *places, uint64_t id)
{
    const uint32_t *kept = id_table_find(by_id, id);
    return kept ? places[*kept] : NONE;
}

static void find_parents(struct trace *trace, const struct id_table *by_id, const uint32_t *places,
                         uint32_t *parents)
{
    uint64_t last_id = 0;
    uint32_t last = NONE; /* neighbours mostly have one parent */
    trace->complete = true;
    for (uint32_t i = 0; i < trace->span_count; i++) {
        uint64_t parent_id = trace->spans[i].parent_id;
        if (parent_id && parent_id != last_id) {
            last = find_span(by_id, places, parent_id);
            last_id = parent_id;
        }
        if (parent_id && last == NONE) trace->complete = false;
        parents[i] = parent_id ? last : NONE;
    }
}

/* Walks up from every span, marking what it passes with its own number; to meet its own mark again is a
 * cycle, whose earliest span (the smallest index) becomes a root. Each span is passed once. */
static void break_cycles(uint32_t *parents, uint32_t *walks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        while (at != NONE && !walks[at]) {
            walks[at] = i + 1;
            at = parents[at];
        }
        if (at == NONE || walks[at] != i + 1) continue;
        uint32_t earliest = at;
        for (uint32_t member = parents[at]; member != at; member = parents[member]) {
            if (member < earliest) earliest = member;
        }
        parents[earliest] = NONE;
    }
}

static void hang(struct trace *trace, const uint32_t *parents)
{
    trace->root_count = 0;
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct span *span = &trace->spans[i];
        if (parents[i] == NONE) {
            trace->roots[trace->root_count++] = span;
            continue;
        }
        struct span *parent = &trace->spans[parents[i]];
        span->parent = parent;
        if (parent->last_child) {
            parent->last_child->next_sibling = span;
        } else {
            parent->first_child = span;
        }
        parent->last_child = span;
    }
}

static size_t count_roots(const uint32_t *parents, size_t count)
{
    size_t roots = 0;
    for (size_t i = 0; i < count; i++) roots += parents[i] == NONE;
    return roots;
}

bool trace_assemble(struct trace *trace, struct arena *arena)
{
    if (trace->span_count >= NONE) return false;
    struct id_table by_id;
    size_t bytes = trace->span_count * sizeof(uint32_t);
    uint32_t *places = arena_alloc(arena, bytes), *parents = arena_alloc(arena, bytes);
    uint32_t *walks = arena_array(arena, trace->span_count, sizeof *walks);
    if (!places || !parents || !walks || !id_table_init(&by_id, arena, trace->span_count) ||
        !drop_doubles(trace, &by_id, places) || !put_in_order(trace, places, by_id.used_count, arena))
        return false;
    find_parents(trace, &by_id, places, parents);
    break_cycles(parents, walks, (uint32_t)trace->span_count);
    trace->roots = arena_alloc(arena, count_roots(parents, trace->span_count) * sizeof(struct span *));
    if (!trace->roots) return false;
    hang(trace, parents);
    return name_peers(trace, arena);
}
