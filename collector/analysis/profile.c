/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/profile.h"

#include "base/hash.h"
#include "collector/analysis/analysis.h"
#include "collector/analysis/id_table.h"
#include "collector/analysis/order.h"
#include "collector/analysis/requests.h"

#include <stdlib.h>

/* Durations that grow one by one. */
struct times {
    size_t count, room;
    struct weighted *list;
};

/* What is added up, each request with its weight. Where all weights are 1, nanoseconds must come out as they went in: a
 * double would round what is longer than 104 days. */
struct sums {
    long double calls, total_ns, self_ns, rows;
    bool rows_unknown;
    long double db_calls, http_calls, cache_calls, call_ns; /* made straight from its spans */
};

/* An operation met so far; also what was called straight from its spans, if it is no call itself. */
struct met {
    struct operation operation; /* our own copy */
    bool is_request;
    struct sums sums;
    struct times times;
};

/* One request, for the split. */
struct went {
    enum cache_outcome outcome;
    bool looked_up;
    int64_t duration_ns;
    double weight;
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
    long double total_ns;
    double weight; /* of the request that is being added */
    double weight_sum;
    uint64_t span_count;
};

struct profile_note {
    uint32_t operation; /* index into met */
    uint32_t anchor;    /* the nearest span from here up that is no call; index into the trace's spans */
    int64_t children_until_ns, calls_until_ns; /* up to where they cover this span */
};

/* Room for one more element of an array that doubles; the old one stays in the arena. */
static void *grown(struct arena *arena, const void *array, size_t count, size_t room, size_t bytes)
{
    void *larger = arena_array(arena, room, bytes);
    if (larger && count) memcpy(larger, array, count * bytes);
    return larger;
}

static bool times_add(struct times *times, struct arena *arena, int64_t ns, double weight)
{
    if (times->count == times->room) {
        size_t room = times->room ? times->room * 2 : 8;
        struct weighted *larger = grown(arena, times->list, times->count, room, sizeof *larger);
        if (!larger) return false;
        times->list = larger;
        times->room = room;
    }
    times->list[times->count++] = (struct weighted){ns, weight};
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

static void count_call(struct sums *sums, enum operation_type type, double weight)
{
    if (type == OPERATION_DB) sums->db_calls += weight;
    if (type == OPERATION_HTTP) sums->http_calls += weight;
    if (type == OPERATION_CACHE) sums->cache_calls += weight;
}

static void add_under_parent(struct profile_builder *builder, const struct trace *trace,
                             struct profile_note *notes, const struct span *span)
{
    enum operation_type type = span->operation->type;
    struct profile_note *note = &notes[span - trace->spans], *parent = &notes[span->parent - trace->spans];
    builder->met[parent->operation].sums.self_ns -=
        builder->weight * (long double)cover(span->parent, span, &parent->children_until_ns);
    if (operation_is_call(type) || type == OPERATION_CONNECT) note->anchor = parent->anchor;
    if (!operation_is_call(type)) return;
    struct profile_note *anchor = &notes[note->anchor];
    struct sums *sums = &builder->met[anchor->operation].sums;
    count_call(sums, type, builder->weight);
    sums->call_ns +=
        builder->weight * (long double)cover(&trace->spans[note->anchor], span, &anchor->calls_until_ns);
}

static bool add_span(struct profile_builder *builder, const struct trace *trace, struct profile_note *notes,
                     const struct span *request, const struct span *span)
{
    struct profile_note *note = &notes[span - trace->spans];
    if (!number_operation(builder, span->operation, &note->operation)) return false;
    note->anchor = (uint32_t)(span - trace->spans);
    note->children_until_ns = note->calls_until_ns = span->start_ns;
    struct met *met = &builder->met[note->operation];
    met->sums.calls += builder->weight;
    met->sums.total_ns += builder->weight * (long double)span->duration_ns;
    met->sums.self_ns += builder->weight * (long double)span->duration_ns;
    met->sums.rows += builder->weight * (long double)span->rows;
    met->sums.rows_unknown = met->sums.rows_unknown || span->rows < 0;
    met->is_request = met->is_request || span == request;
    builder->span_count++;
    if (span != request) add_under_parent(builder, trace, notes, span);
    return times_add(&met->times, builder->arena, span->duration_ns, builder->weight);
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
    went->weight = builder->weight;
    return went;
}

bool profile_add(struct profile_builder *builder, const struct trace *trace, struct profile_note *notes,
                 const struct span *request, double weight)
{
    uint32_t hits = 0, misses = 0;
    builder->weight = weight;
    struct went *went = add_went(builder, request);
    if (!went || !times_add(&builder->durations, builder->arena, request->duration_ns, weight)) return false;
    builder->weight_sum += weight;
    builder->total_ns += weight * (long double)request->duration_ns;
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

/* A weighted sum as it would be if the weights were 1 in the mean; what no integer holds is cut off. */
static int64_t scaled(const struct profile_builder *builder, long double sum)
{
    long double value = sum * (builder->went_count / builder->weight_sum) + 0.5L;
    return value < 0 ? 0 : value < (long double)INT64_MAX ? (int64_t)value : INT64_MAX;
}

/* Of something that was there: not rounded down to nothing. */
static uint64_t scaled_count(const struct profile_builder *builder, long double sum)
{
    int64_t count = scaled(builder, sum);
    return count == 0 && sum > 0 ? 1 : (uint64_t)count;
}

static struct profile_operation end_operation(struct profile_builder *builder, struct met *met)
{
    const struct sums *sums = &met->sums;
    int64_t max_ns = percentile_weighted(met->times.list, met->times.count, 100); /* sorts */
    return (struct profile_operation){
        .operation = &met->operation,
        .label = operation_label(&met->operation, builder->arena),
        .is_request = met->is_request,
        .calls = scaled_count(builder, sums->calls),
        .total_ns = scaled(builder, sums->total_ns),
        .self_ns = scaled(builder, sums->self_ns),
        .max_ns = max_ns,
        .median_ns = percentile_of_sorted_weighted(met->times.list, met->times.count, 50),
        .p95_ns = percentile_of_sorted_weighted(met->times.list, met->times.count, 95),
        .rows = sums->rows_unknown ? -1 : scaled(builder, sums->rows),
    };
}

static struct profile_component end_component(const struct profile_builder *builder, const struct met *met,
                                              struct str label)
{
    const struct sums *sums = &met->sums;
    return (struct profile_component){
        .label = label,
        .is_request = met->is_request,
        .db_calls = scaled_count(builder, sums->db_calls),
        .http_calls = scaled_count(builder, sums->http_calls),
        .cache_calls = scaled_count(builder, sums->cache_calls),
        .call_ns = scaled(builder, sums->call_ns),
    };
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
        operations[i] = end_operation(builder, &builder->met[i]);
        struct profile_component calls = end_component(builder, &builder->met[i], operations[i].label);
        if (has_calls(&calls)) components[profile->component_count++] = calls;
        profile->db_calls += calls.db_calls;
        profile->http_calls += calls.http_calls;
        profile->cache_calls += calls.cache_calls;
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
                      struct weighted *values)
{
    size_t count = 0;
    for (uint32_t i = 0; i < builder->went_count; i++) {
        const struct went *went = &builder->went[i];
        if (went->looked_up && went->outcome == outcome)
            values[count++] = (struct weighted){went_value(went, which), went->weight};
    }
    return percentile_weighted(values, count, 50);
}

static bool end_split(const struct profile_builder *builder, struct profile *profile)
{
    struct weighted *values = arena_array(builder->arena, builder->went_count, sizeof *values);
    double weights[CACHE_OUTCOME_COUNT] = {0};
    if (!values) return false;
    for (uint32_t i = 0; i < builder->went_count; i++)
        if (builder->went[i].looked_up) weights[builder->went[i].outcome] += builder->went[i].weight;
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++) {
        struct cache_split *split = &profile->cache[i];
        split->count = scaled_count(builder, weights[i]);
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
    struct times *times = &builder->durations;
    *profile = (struct profile){.requests = builder->went_count};
    profile->total_ns = times->count ? scaled(builder, builder->total_ns) : 0;
    profile->max_ns = percentile_weighted(times->list, times->count, 100);
    profile->p50_ns = percentile_of_sorted_weighted(times->list, times->count, 50);
    profile->p95_ns = percentile_of_sorted_weighted(times->list, times->count, 95);
    return end_tables(builder, profile) && end_split(builder, profile) && !arena_exhausted(builder->arena);
}
