/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings of many requests → findings of an endpoint. One pass puts them into bundles of the same kind,
 * operations and source; then each bundle becomes one finding: medians of what was measured, sums of what was
 * seen, and a confidence that the sums decide. The newest request gives words and place.
 */
#include "collector/analysis/kinds.h"
#include "collector/analysis/order.h"

#include "base/hash.h"

#include <stdlib.h>

struct bundle {
    const struct finding *newest;
    uint32_t count;
    const struct finding **members; /* as given: newest first */
};

struct bundles {
    struct arena *arena;
    uint32_t count;
    uint32_t *bundle_of; /* of each finding */
    struct bundle *list;
};

/* ---- which findings are one ---- */

static uint64_t hash_text(struct str text) { return hash_bytes(text.data, text.len); }

static uint64_t hash_operation(const struct finding_operation *operation)
{
    return hash_combine(hash_combine(operation->type, hash_text(operation->system)),
                        hash_text(operation->text));
}

/* The operations in whatever order: two calls may change places and stay one finding. */
static uint64_t hash_finding(const struct finding *finding)
{
    uint64_t operations = 0;
    for (uint32_t i = 0; i < finding->operation_count; i++)
        operations += hash_operation(&finding->operations[i]);
    uint64_t hash = hash_combine(finding->kind, operations);
    hash = hash_combine(hash, finding->has_source ? hash_operation(&finding->source) : 0);
    hash = hash_combine(hash, hash_text(finding->endpoint));
    hash = hash_combine(hash, hash_text(finding->service));
    return hash_combine(hash, hash_text(finding->service_version));
}

static bool same_operation(const struct finding_operation *a, const struct finding_operation *b)
{
    return a->type == b->type && str_equal(a->text, b->text) && str_equal(a->system, b->system);
}

static const struct finding_operation *operation_like(const struct finding *finding,
                                                      const struct finding_operation *operation)
{
    for (uint32_t i = 0; i < finding->operation_count; i++) {
        if (same_operation(&finding->operations[i], operation)) return &finding->operations[i];
    }
    return NULL;
}

static bool same_finding(const struct finding *a, const struct finding *b)
{
    if (a->kind != b->kind || a->operation_count != b->operation_count || a->has_source != b->has_source)
        return false;
    if (a->has_source && !same_operation(&a->source, &b->source)) return false;
    for (uint32_t i = 0; i < a->operation_count; i++) {
        if (!operation_like(b, &a->operations[i])) return false;
    }
    return str_equal(a->endpoint, b->endpoint) && str_equal(a->service, b->service) &&
           str_equal(a->service_version, b->service_version);
}

/* The number of the finding's bundle, newest being the finding's index the first time; CALL_NONE: out of
 * arena. */
static uint32_t find_bundle(struct bundles *bundles, struct id_table *table, const struct finding *finding)
{
    for (uint64_t key = hash_finding(finding);; key++) {
        bool fresh;
        uint32_t *at = id_table_put(table, key, bundles->count, &fresh);
        if (!at) return CALL_NONE;
        if (fresh) {
            bundles->list[bundles->count] = (struct bundle){.newest = finding};
            return bundles->count++;
        }
        if (same_finding(bundles->list[*at].newest, finding)) return *at;
    }
}

static bool bundle_findings(struct bundles *bundles, const struct finding *const *findings, size_t count)
{
    struct id_table table;
    bundles->list = arena_alloc(bundles->arena, count * sizeof *bundles->list);
    bundles->bundle_of = arena_alloc(bundles->arena, count * sizeof *bundles->bundle_of);
    const struct finding **room = arena_alloc(bundles->arena, count * sizeof *room);
    if (!bundles->list || !bundles->bundle_of || !room || !id_table_init(&table, bundles->arena, 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = bundles->bundle_of[i] = find_bundle(bundles, &table, findings[i]);
        if (at == CALL_NONE) return false;
        bundles->list[at].count++;
    }
    for (uint32_t i = 0; i < bundles->count; i++) {
        bundles->list[i].members = room;
        room += bundles->list[i].count;
        bundles->list[i].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct bundle *bundle = &bundles->list[bundles->bundle_of[i]];
        bundle->members[bundle->count++] = findings[i];
    }
    return true;
}

/* ---- medians ---- */

static int64_t count_of(const struct finding *finding, const struct finding_operation *operation)
{
    (void)operation;
    return finding->count;
}

#define MEASURE(name)                                                                                        \
    static int64_t name##_of(const struct finding *finding, const struct finding_operation *operation)       \
    {                                                                                                        \
        (void)operation;                                                                                     \
        return finding->name##_ns;                                                                           \
    }
MEASURE(request)
MEASURE(cost)
MEASURE(repaired)
MEASURE(saving)
#undef MEASURE

static int64_t operation_count_of(const struct finding *finding, const struct finding_operation *operation)
{
    const struct finding_operation *own = operation_like(finding, operation);
    return own ? own->count : 0;
}

static int64_t operation_cost_of(const struct finding *finding, const struct finding_operation *operation)
{
    const struct finding_operation *own = operation_like(finding, operation);
    return own ? own->cost_ns : 0;
}

static int64_t source_cost_of(const struct finding *finding, const struct finding_operation *operation)
{
    (void)operation;
    return finding->source.cost_ns;
}

static int64_t median(const struct bundle *bundle, struct weighted *values,
                      int64_t (*of)(const struct finding *finding, const struct finding_operation *operation),
                      const struct finding_operation *operation)
{
    for (uint32_t i = 0; i < bundle->count; i++)
        values[i] = (struct weighted){of(bundle->members[i], operation),
                                      sampling_weight(bundle->members[i]->sampling_threshold)};
    return percentile_weighted(values, bundle->count, 50);
}

static void take_medians(struct finding *result, const struct bundle *bundle, struct weighted *values)
{
    result->count = (uint32_t)median(bundle, values, count_of, NULL);
    result->request_ns = median(bundle, values, request_of, NULL);
    result->cost_ns = median(bundle, values, cost_of, NULL);
    result->repaired_ns = median(bundle, values, repaired_of, NULL);
    result->saving_ns = median(bundle, values, saving_of, NULL);
    result->source.cost_ns = median(bundle, values, source_cost_of, NULL);
    for (uint32_t i = 0; i < result->operation_count; i++) {
        struct finding_operation *operation = &result->operations[i];
        operation->count = (uint32_t)median(bundle, values, operation_count_of, operation);
        operation->cost_ns = median(bundle, values, operation_cost_of, operation);
    }
}

/* ---- sums ---- */

/* Facts that are seen of a request, not of its calls: a request that does not show one counts against it. */
static bool is_of_request(enum evidence_fact fact)
{
    return fact == EVIDENCE_sent_before_read || fact == EVIDENCE_no_value_passed ||
           fact == EVIDENCE_inputs_from_source || fact == EVIDENCE_same_connection ||
           fact == EVIDENCE_write_between;
}

static void sum_evidence(struct finding *result, const struct bundle *bundle)
{
    uint64_t seen[EVIDENCE_FACT_COUNT] = {0}, of[EVIDENCE_FACT_COUNT] = {0};
    for (uint32_t i = 0; i < bundle->count; i++) {
        const struct finding *member = bundle->members[i];
        for (uint32_t k = 0; k < member->evidence_count; k++) {
            seen[member->evidence[k].fact] += member->evidence[k].seen;
            of[member->evidence[k].fact] += member->evidence[k].of;
        }
    }
    result->evidence_count = 0;
    for (int fact = 0; fact < EVIDENCE_FACT_COUNT; fact++) {
        if (of[fact])
            finding_add_evidence(result, (enum evidence_fact)fact, seen[fact],
                                 is_of_request((enum evidence_fact)fact) ? result->recorded : of[fact]);
    }
}

static void add_trace(struct finding *result, const unsigned char id[16])
{
    if (result->trace_count == FINDING_TRACES_MAX) return;
    for (uint32_t i = 0; i < result->trace_count; i++) {
        if (memcmp(result->trace_ids[i], id, 16) == 0) return;
    }
    memcpy(result->trace_ids[result->trace_count++], id, 16);
}

static void collect_traces(struct finding *result, const struct bundle *bundle)
{
    result->trace_count = 0;
    for (uint32_t i = 0; i < bundle->count && result->trace_count < FINDING_TRACES_MAX; i++) {
        for (uint32_t k = 0; k < bundle->members[i]->trace_count; k++)
            add_trace(result, bundle->members[i]->trace_ids[k]);
    }
}

static bool same_site(const struct call_site *a, const struct call_site *b)
{
    return a->line == b->line && str_equal(a->file, b->file) && str_equal(a->function, b->function);
}

static void agree_on_site(struct finding *result, const struct bundle *bundle)
{
    for (uint32_t i = 1; i < bundle->count; i++) {
        if (!same_site(&result->site, &bundle->members[i]->site)) result->site = (struct call_site){0};
    }
}

/* ---- confidence ---- */

static bool count_inputs(const struct bundle *bundle, struct arena *arena, uint32_t *distinct)
{
    struct id_table table;
    *distinct = 0;
    if (!id_table_init(&table, arena, 0)) return false;
    for (uint32_t i = 0; i < bundle->count; i++) {
        bool fresh = false;
        uint64_t hash = bundle->members[i]->input_hash;
        if (hash && !id_table_put(&table, hash, i, &fresh)) return false;
        *distinct += fresh;
    }
    return true;
}

/* What was counted is as sure as the least sure of the requests. */
static enum confidence least_confidence(const struct bundle *bundle)
{
    enum confidence least = CONFIDENCE_PROVEN;
    for (uint32_t i = 0; i < bundle->count; i++) {
        if (bundle->members[i]->confidence < least) least = bundle->members[i]->confidence;
    }
    return least;
}

static bool decide(struct finding *result, const struct bundle *bundle,
                   const struct analysis_settings *settings, struct arena *arena)
{
    result->confidence = least_confidence(bundle);
    if (result->kind != FINDING_sequential_independent) return true;
    uint32_t distinct;
    if (!count_inputs(bundle, arena, &distinct)) return false;
    result->confidence = independence_confidence(result, distinct, settings);
    return true;
}

/* ---- all of it ---- */

static void count_requests(struct finding *result, const struct bundle *bundle, double weight_seen)
{
    double weight = 0;
    result->recorded = 0;
    for (uint32_t i = 0; i < bundle->count; i++) {
        const struct finding *member = bundle->members[i];
        result->recorded += member->requests;
        weight += (double)member->requests * sampling_weight(member->sampling_threshold);
    }
    result->requests = count_of_weight(weight, result->recorded);
    result->requests_seen = count_of_weight(weight_seen, result->requests);
}

static bool merge(struct finding *result, const struct bundle *bundle, struct weighted *values,
                  double weight_seen, const struct analysis_settings *settings, struct arena *arena)
{
    *result = *bundle->newest;
    result->input_hash = 0;
    result->sampling_threshold = 0;
    count_requests(result, bundle, weight_seen);
    take_medians(result, bundle, values);
    sum_evidence(result, bundle);
    collect_traces(result, bundle);
    agree_on_site(result, bundle);
    return decide(result, bundle, settings, arena);
}

static bool is_shown(const struct finding *finding)
{
    return finding->kind != FINDING_sequential_independent || finding->confidence > CONFIDENCE_POSSIBLE;
}

/* Over all requests: what few have comes behind what all have, if those save more together. */
static int largest_saving_first(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    int64_t x_total_ns = finding_saving_total_ns(x, x->requests_seen);
    int64_t y_total_ns = finding_saving_total_ns(y, y->requests_seen);
    if (x_total_ns != y_total_ns) return x_total_ns > y_total_ns ? -1 : 1;
    if (x->saving_ns != y->saving_ns) return x->saving_ns > y->saving_ns ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int order = order_of_texts(x->endpoint, y->endpoint);
    if (!order) order = order_of_texts(x->operations[0].text, y->operations[0].text);
    return order ? order : order_of_texts(x->source.text, y->source.text);
}

struct finding *aggregate_findings(const struct finding *const *findings, size_t finding_count,
                                   double weight_seen, const struct analysis_settings *settings,
                                   struct arena *arena, uint32_t *count)
{
    struct bundles bundles = {.arena = arena};
    *count = 0;
    if (finding_count == 0 || !bundle_findings(&bundles, findings, finding_count)) return NULL;
    struct finding *results = arena_alloc(arena, bundles.count * sizeof *results);
    struct weighted *values = arena_alloc(arena, finding_count * sizeof *values);
    if (!results || !values) return NULL;
    for (uint32_t i = 0; i < bundles.count; i++) {
        struct finding *result = &results[*count];
        if (!merge(result, &bundles.list[i], values, weight_seen, settings, arena)) {
            *count = 0;
            return NULL;
        }
        *count += is_shown(result);
    }
    if (*count > 1) qsort(results, *count, sizeof *results, largest_saving_first);
    return results;
}
