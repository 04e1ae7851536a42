/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/profile.h"

#include "base/hash.h"
#include "collector/analysis/analysis.h"
#include "collector/analysis/id_table.h"
#include "collector/analysis/order.h"
#include "collector/analysis/requests.h"

#include <stdlib.h>

/* Numbers that grow one by one. */
struct times {
    size_t count, room;
    int64_t *ns;
};

/* An operation met so far; also what was called straight from its spans, if it is no call itself. */
struct met {
    struct operation operation; /* our own copy */
    struct profile_operation sums;
    struct profile_component calls;
    struct times times;
};

/* One request, for the split. */
struct went {
    enum cache_outcome outcome;
    bool looked_up;
    int64_t duration_ns;
    uint32_t calls[OPERATION_TYPE_COUNT];
};

struct profile_builder {
    struct arena *arena;
    uint32_t met_count, met_room;
    struct met *met;
    struct id_table by_content;
    uint32_t went_count, went_room;
    struct went *went;
    struct times durations;
    int64_t total_ns;
    uint64_t span_count;
};

struct profile_note {
    uint32_t operation; /* index into met */
    uint32_t anchor;    /* the nearest span from here up that is no call; index into the trace's spans */
    int64_t children_until_ns, calls_until_ns; /* up to where they cover this span */
};

static int64_t add_ns(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Room for one more element of an array that doubles; the old one stays in the arena. */
static void *grown(struct arena *arena, const void *array, size_t count, size_t room, size_t bytes)
{
    void *larger = arena_array(arena, room, bytes);
    if (larger && count) memcpy(larger, array, count * bytes);
    return larger;
}

static bool times_add(struct times *times, struct arena *arena, int64_t ns)
{
    if (times->count == times->room) {
        size_t room = times->room ? times->room * 2 : 8;
        int64_t *larger = grown(arena, times->ns, times->count, room, sizeof *larger);
        if (!larger) return false;
        times->ns = larger;
        times->room = room;
    }
    times->ns[times->count++] = ns;
    return true;
}

struct profile_builder *profile_begin(struct arena *arena)
{
    struct profile_builder *builder = arena_array(arena, 1, sizeof *builder);
    if (!builder || !id_table_init(&builder->by_content, arena, 0)) return NULL;
    builder->arena = arena;
    return builder;
}

struct profile_note *profile_notes(const struct trace *trace, struct arena *arena)
{
    return arena_array(arena, trace->span_count, sizeof(struct profile_note));
}

uint64_t profile_span_count(const struct profile_builder *builder) { return builder->span_count; }

/* ---- operations: the same in every trace ---- */

static bool same_operation(const struct operation *a, const struct operation *b)
{
    return a->type == b->type && str_equal(a->text, b->text) && str_equal(a->system, b->system);
}

static uint64_t operation_key(const struct operation *operation)
{
    uint64_t key = hash_combine(operation->type, hash_bytes(operation->text.data, operation->text.len));
    return hash_combine(key, hash_bytes(operation->system.data, operation->system.len));
}

static bool meet(struct profile_builder *builder, const struct operation *operation)
{
    if (builder->met_count == builder->met_room) {
        uint32_t room = builder->met_room ? builder->met_room * 2 : 16;
        struct met *larger = grown(builder->arena, builder->met, builder->met_count, room, sizeof *larger);
        if (!larger) return false;
        builder->met = larger;
        builder->met_room = room;
    }
    builder->met[builder->met_count++].operation = (struct operation){
        .type = operation->type,
        .system = arena_str(builder->arena, operation->system),
        .text = arena_str(builder->arena, operation->text),
    };
    return !arena_exhausted(builder->arena);
}

static bool number_operation(struct profile_builder *builder, const struct operation *operation,
                             uint32_t *number)
{
    for (uint64_t key = operation_key(operation);; key++) {
        bool fresh;
        uint32_t *found = id_table_put(&builder->by_content, key, builder->met_count, &fresh);
        if (!found) return false;
        *number = *found;
        if (fresh) return meet(builder, operation);
        if (same_operation(&builder->met[*number].operation, operation)) return true;
    }
}

/* ---- spans, parents before children, children in order of start ---- */

/* What of a span lies in its surroundings and behind *until_ns, which moves on. */
static int64_t cover(const struct span *around, const struct span *span, int64_t *until_ns)
{
    int64_t from_ns = span->start_ns > *until_ns ? span->start_ns : *until_ns;
    int64_t end_ns = span_end_ns(span) < span_end_ns(around) ? span_end_ns(span) : span_end_ns(around);
    if (end_ns <= from_ns) return 0;
    *until_ns = end_ns;
    return end_ns - from_ns;
}

static void add_rows(struct profile_operation *sums, int64_t rows)
{
    if (rows < 0 || sums->rows < 0 || __builtin_add_overflow(sums->rows, rows, &sums->rows)) sums->rows = -1;
}

static void count_call(struct profile_component *calls, enum operation_type type)
{
    calls->db_calls += type == OPERATION_DB;
    calls->http_calls += type == OPERATION_HTTP;
    calls->cache_calls += type == OPERATION_CACHE;
}

static void add_under_parent(struct profile_builder *builder, const struct trace *trace,
                             struct profile_note *notes, const struct span *span)
{
    enum operation_type type = span->operation->type;
    struct profile_note *note = &notes[span - trace->spans], *parent = &notes[span->parent - trace->spans];
    builder->met[parent->operation].sums.self_ns -= cover(span->parent, span, &parent->children_until_ns);
    if (operation_is_call(type) || type == OPERATION_CONNECT) note->anchor = parent->anchor;
    if (!operation_is_call(type)) return;
    struct profile_note *anchor = &notes[note->anchor];
    struct profile_component *calls = &builder->met[anchor->operation].calls;
    count_call(calls, type);
    calls->call_ns =
        add_ns(calls->call_ns, cover(&trace->spans[note->anchor], span, &anchor->calls_until_ns));
}

static bool add_span(struct profile_builder *builder, const struct trace *trace, struct profile_note *notes,
                     const struct span *request, const struct span *span)
{
    struct profile_note *note = &notes[span - trace->spans];
    if (!number_operation(builder, span->operation, &note->operation)) return false;
    note->anchor = (uint32_t)(span - trace->spans);
    note->children_until_ns = note->calls_until_ns = span->start_ns;
    struct met *met = &builder->met[note->operation];
    met->sums.calls++;
    met->sums.total_ns = add_ns(met->sums.total_ns, span->duration_ns);
    met->sums.self_ns = add_ns(met->sums.self_ns, span->duration_ns);
    add_rows(&met->sums, span->rows);
    met->sums.is_request = met->sums.is_request || span == request;
    met->calls.is_request = met->sums.is_request;
    builder->span_count++;
    if (span != request) add_under_parent(builder, trace, notes, span);
    return times_add(&met->times, builder->arena, span->duration_ns);
}

/* ---- requests ---- */

static struct went *add_went(struct profile_builder *builder, const struct span *request)
{
    if (builder->went_count == builder->went_room) {
        uint32_t room = builder->went_room ? builder->went_room * 2 : 8;
        struct went *larger = grown(builder->arena, builder->went, builder->went_count, room, sizeof *larger);
        if (!larger) return NULL;
        builder->went = larger;
        builder->went_room = room;
    }
    struct went *went = &builder->went[builder->went_count++];
    went->duration_ns = request->duration_ns;
    return went;
}

bool profile_add(struct profile_builder *builder, const struct trace *trace, struct profile_note *notes,
                 const struct span *request)
{
    uint32_t hits = 0, misses = 0;
    struct went *went = add_went(builder, request);
    if (!went || !times_add(&builder->durations, builder->arena, request->duration_ns)) return false;
    builder->total_ns = add_ns(builder->total_ns, request->duration_ns);
    for (const struct span *span = request; span;) {
        bool is_ours = span == request || continues_request(span);
        if (is_ours && !add_span(builder, trace, notes, request, span)) return false;
        if (is_ours) went->calls[span->operation->type]++;
        if (is_ours && span->operation->type == OPERATION_CACHE) count_cache_keys(span, &hits, &misses);
        span = next_in_subtree(request, span, is_ours);
    }
    went->looked_up = hits || misses;
    went->outcome = misses == 0 ? CACHE_ALL_HIT : hits ? CACHE_SOME_MISSED : CACHE_ALL_MISSED;
    return true;
}

/* ---- the end ---- */

static int most_self_first(const void *a, const void *b)
{
    const struct profile_operation *x = a, *y = b;
    if (x->self_ns != y->self_ns) return x->self_ns > y->self_ns ? -1 : 1;
    int order = order_of_texts(x->operation->text, y->operation->text);
    return order ? order : order_of_texts(x->operation->system, y->operation->system);
}

static int most_time_first(const void *a, const void *b)
{
    const struct profile_component *x = a, *y = b;
    if (x->call_ns != y->call_ns) return x->call_ns > y->call_ns ? -1 : 1;
    return order_of_texts(x->label, y->label);
}

static void end_operation(struct profile_builder *builder, struct met *met)
{
    struct profile_operation *sums = &met->sums;
    sums->operation = &met->operation;
    sums->label = operation_label(&met->operation, builder->arena);
    met->calls.label = sums->label;
    if (sums->self_ns < 0) sums->self_ns = 0; /* sums that were cut off */
    sums->max_ns = percentile(met->times.ns, met->times.count, 100);
    sums->median_ns = percentile_of_sorted(met->times.ns, met->times.count, 50);
    sums->p95_ns = percentile_of_sorted(met->times.ns, met->times.count, 95);
}

static bool has_calls(const struct profile_component *calls)
{
    return calls->db_calls || calls->http_calls || calls->cache_calls;
}

static bool end_tables(struct profile_builder *builder, struct profile *profile)
{
    uint32_t count = builder->met_count;
    struct profile_operation *operations = arena_array(builder->arena, count, sizeof *operations);
    struct profile_component *components = arena_array(builder->arena, count, sizeof *components);
    if (!operations || !components) return false;
    profile->operation_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct met *met = &builder->met[i];
        end_operation(builder, met);
        operations[i] = met->sums;
        if (has_calls(&met->calls)) components[profile->component_count++] = met->calls;
        profile->db_calls += met->calls.db_calls;
        profile->http_calls += met->calls.http_calls;
        profile->cache_calls += met->calls.cache_calls;
    }
    if (count > 1) qsort(operations, count, sizeof *operations, most_self_first);
    if (profile->component_count > 1)
        qsort(components, profile->component_count, sizeof *components, most_time_first);
    profile->operations = operations;
    profile->components = components;
    return true;
}

static int64_t went_value(const struct went *went, unsigned which)
{
    return which == OPERATION_TYPE_COUNT ? went->duration_ns : went->calls[which];
}

/* The median of one value over the requests of one outcome. */
static int64_t median(const struct profile_builder *builder, enum cache_outcome outcome, unsigned which,
                      int64_t *values)
{
    size_t count = 0;
    for (uint32_t i = 0; i < builder->went_count; i++) {
        const struct went *went = &builder->went[i];
        if (went->looked_up && went->outcome == outcome) values[count++] = went_value(went, which);
    }
    return percentile(values, count, 50);
}

static bool end_split(const struct profile_builder *builder, struct profile *profile)
{
    int64_t *values = arena_array(builder->arena, builder->went_count, sizeof *values);
    if (!values) return false;
    for (uint32_t i = 0; i < builder->went_count; i++)
        if (builder->went[i].looked_up) profile->cache[builder->went[i].outcome].count++;
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++) {
        struct cache_split *split = &profile->cache[i];
        if (split->count == 0) continue;
        enum cache_outcome outcome = (enum cache_outcome)i;
        split->p50_ns = median(builder, outcome, OPERATION_TYPE_COUNT, values);
        split->db_calls = (uint32_t)median(builder, outcome, OPERATION_DB, values);
        split->http_calls = (uint32_t)median(builder, outcome, OPERATION_HTTP, values);
        split->cache_calls = (uint32_t)median(builder, outcome, OPERATION_CACHE, values);
    }
    return true;
}

bool profile_end(struct profile_builder *builder, struct profile *profile)
{
    *profile = (struct profile){.requests = builder->went_count, .total_ns = builder->total_ns};
    profile->max_ns = percentile(builder->durations.ns, builder->durations.count, 100);
    profile->p50_ns = percentile_of_sorted(builder->durations.ns, builder->durations.count, 50);
    profile->p95_ns = percentile_of_sorted(builder->durations.ns, builder->durations.count, 95);
    return end_tables(builder, profile) && end_split(builder, profile) && !arena_exhausted(builder->arena);
}
