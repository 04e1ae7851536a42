/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sequential_independent: units (units.h) that ran one after another although none needed another's answer. B
 * needs A if an input of B repeats A's answer, also by way of others. That it does not is proven     if B was
 * sent before anything of A's answer was read; likely     if the whole of B's input is an earlier answer that
 * was there before A began; possible   if only no value was seen to pass; over enough requests with differing
 * inputs the aggregate says likely. One connection for both lowers it by a level, as does a write or a
 * transaction among or between them.
 *
 * What is reported is a set: units of different operations, each pair of them one after another and
 * independent.
 */
#include "collector/analysis/kinds.h"
#include "collector/analysis/replay.h"

#include "base/clock.h"
#include "base/hash.h"

#define SPEAKS_FOR_LOOP 32 /* calls of a loop whose unread answers are looked at */
#define FLOOR_PERCENT   1  /* of the request: cheaper units are not considered */
#define NO_UNIT         UINT8_MAX

/* What is known of one unit beside its calls. */
struct profile {
    uint64_t needs;      /* units whose answers it needs, as bits */
    bool from_source;    /* its whole input is the answer of source */
    uint32_t source;     /* call, or CALL_NONE */
    uint32_t connection; /* 0: several, or not known */
    uint64_t input_hash; /* of all its inputs; 0: not known */
};

struct relations {
    struct scene *scene;
    uint32_t unit_count;
    struct unit units[UNITS_MAX];
    struct profile profiles[UNITS_MAX];
    uint8_t *unit_of;        /* of each call of the request */
    uint64_t *needs;         /* of each call: units, as bits */
    uint32_t *writes_before; /* writes and transactions among the calls before each call */
    bool *removed;           /* of each call; room for set_saving_ns */
    int64_t covered_ns;      /* time in which any call ran */
};

enum level { LEVEL_NONE = -1, LEVEL_POSSIBLE, LEVEL_LIKELY, LEVEL_PROVEN };

/* What was seen of a pair, and of a set: the weakest of its pairs. */
struct verdict {
    enum level level; /* lowered */
    enum level base;
    bool same_connection, write_between;
};

static const struct call *call_at(const struct relations *relations, uint32_t call)
{
    return &relations->scene->calls->calls[call];
}

static struct trace_operation *operation_at(const struct relations *relations, uint32_t operation)
{
    return &relations->scene->requests->operations[operation];
}

/* ---- whose answer a call needs ---- */

/* A list link that covers the input; of at most 32 values were compared. */
static bool list_is_whole(const struct span *span, const struct link *link)
{
    return link->kind == LINK_LIST && link->row >= (span->input_count < 32 ? span->input_count : 32);
}

/* The call whose answer is the whole input of this one, or CALL_NONE; the earliest: later ones repeat it. */
static uint32_t whole_source(const struct relations *relations, const struct span *span)
{
    uint32_t source = CALL_NONE;
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct link *link = &span->links[i];
        bool whole = list_is_whole(span, link) || (link->kind == LINK_VALUE && span->input_count == 1);
        const uint32_t *from = whole ? id_table_find(&relations->scene->call_by_id, link->span_id) : NULL;
        if (from && *from < source) source = *from;
    }
    return source;
}

static bool takes_list(const struct span *span, uint64_t from, uint32_t column)
{
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct link *link = &span->links[i];
        if (link->kind == LINK_LIST && link->span_id == from && link->column == column) return true;
    }
    return false;
}

/* A's answer only echoes the list it was asked with, and span was asked with the same list. */
static bool is_echo(const struct span *span, const struct span *a)
{
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct link *link = &span->links[i];
        if (link->kind == LINK_LIST && link->span_id != a->id && takes_list(a, link->span_id, link->column))
            return true;
    }
    return false;
}

static void need(struct relations *relations, uint32_t index, uint32_t from)
{
    if (from >= index) return; /* an answer cannot come from what was sent later */
    if (relations->unit_of[from] != NO_UNIT)
        relations->needs[index] |= UINT64_C(1) << relations->unit_of[from];
    relations->needs[index] |= relations->needs[from];
}

/* Values that match by accident are common, so a single matched value counts only where nothing explains the
 * input better: then it is a doubt, and a doubt is a need. */
static void find_needs_of_call(struct relations *relations, uint32_t index)
{
    struct scene *scene = relations->scene;
    const struct call *call = call_at(relations, index);
    struct group *group = &scene->grouping.groups[call->group];
    if (call->span->link_count == 0) return;
    uint32_t walked = group->is_loop ? loop_source(scene, group) : CALL_NONE;
    if (walked != CALL_NONE) need(relations, index, walked);
    bool explained = walked != CALL_NONE || whole_source(relations, call->span) != CALL_NONE;
    for (uint32_t i = 0; i < call->span->link_count; i++) {
        const struct link *link = &call->span->links[i];
        const uint32_t *from = id_table_find(&scene->call_by_id, link->span_id);
        if (!from || (explained && link->kind == LINK_SEQUENCE)) continue;
        if (link->kind == LINK_LIST && is_echo(call->span, call_at(relations, *from)->span)) continue;
        need(relations, index, *from);
    }
}

/* ---- what is known of a unit ---- */

static uint32_t source_of_call(const struct relations *relations, uint32_t index)
{
    return whole_source(relations, call_at(relations, index)->span);
}

static void find_source(struct relations *relations, const struct unit *unit, struct profile *profile)
{
    struct scene *scene = relations->scene;
    struct group *group = &scene->grouping.groups[unit->group];
    profile->source = group->is_loop ? loop_source(scene, group) : CALL_NONE;
    bool walks = profile->source != CALL_NONE;
    if (!walks) {
        profile->source = source_of_call(relations, unit->calls[0]);
        for (uint32_t i = 1; i < unit->count && profile->source != CALL_NONE; i++) {
            if (source_of_call(relations, unit->calls[i]) != profile->source) profile->source = CALL_NONE;
        }
    }
    /* A loop that walks rows may have further inputs, of which nothing is known. */
    profile->from_source = profile->source != CALL_NONE &&
                           (!walks || call_at(relations, unit->calls[0])->span->input_count <= 1);
}

static void find_profile(struct relations *relations, uint32_t index)
{
    const struct unit *unit = &relations->units[index];
    struct profile *profile = &relations->profiles[index];
    profile->connection = call_at(relations, unit->calls[0])->span->connection;
    bool inputs_known = true;
    for (uint32_t i = 0; i < unit->count; i++) {
        const struct span *span = call_at(relations, unit->calls[i])->span;
        if (span->connection != profile->connection) profile->connection = 0;
        profile->input_hash = hash_combine(profile->input_hash, span->input_hash);
        inputs_known = inputs_known && span->input_hash && !span->partial_evidence;
        profile->needs |= relations->needs[unit->calls[i]];
    }
    if (!inputs_known) profile->input_hash = 0;
    find_source(relations, unit, profile);
}

/* B needs C, C needs A: B needs A. */
static void close_needs(struct relations *relations)
{
    for (uint32_t through = 0; through < relations->unit_count; through++) {
        for (uint32_t unit = 0; unit < relations->unit_count; unit++) {
            if (relations->profiles[unit].needs >> through & 1) {
                relations->profiles[unit].needs |= relations->profiles[through].needs;
            }
        }
    }
}

static void count_writes(struct relations *relations)
{
    const struct request_calls *calls = relations->scene->calls;
    for (uint32_t i = 0; i < calls->count; i++) {
        struct trace_operation *operation = operation_at(relations, calls->calls[i].operation);
        bool orders =
            trace_operation_is_transaction(operation) || call_is_write(operation, calls->calls[i].span);
        relations->writes_before[i + 1] = relations->writes_before[i] + orders;
    }
}

static bool find_relations(struct relations *relations)
{
    const struct request_calls *calls = relations->scene->calls;
    struct arena *arena = relations->scene->arena;
    relations->unit_of = arena_alloc(arena, calls->count);
    relations->needs = arena_array(arena, calls->count, sizeof *relations->needs);
    relations->writes_before = arena_array(arena, (size_t)calls->count + 1, sizeof *relations->writes_before);
    relations->removed = arena_alloc(arena, calls->count * sizeof *relations->removed);
    if (!relations->unit_of || !relations->needs || !relations->writes_before || !relations->removed)
        return false;
    relations->covered_ns = replay_covered_ns(calls, NULL);
    memset(relations->unit_of, NO_UNIT, calls->count);
    for (uint8_t unit = 0; unit < relations->unit_count; unit++) {
        for (uint32_t i = 0; i < relations->units[unit].count; i++)
            relations->unit_of[relations->units[unit].calls[i]] = unit;
    }
    for (uint32_t i = 0; i < calls->count; i++) find_needs_of_call(relations, i);
    for (uint32_t unit = 0; unit < relations->unit_count; unit++) find_profile(relations, unit);
    close_needs(relations);
    count_writes(relations);
    return true;
}

/* ---- a pair ---- */

static bool is_unread(const struct span *span, uint64_t id)
{
    for (uint32_t i = 0; i < span->unread_count; i++) {
        if (span->unread[i] == id) return true;
    }
    return false;
}

/* All of B was sent while none of A's answers had been looked at. */
static bool sent_before_read(const struct relations *relations, const struct unit *a, const struct unit *b)
{
    for (uint32_t j = 0; j < b->count && j < SPEAKS_FOR_LOOP; j++) {
        const struct span *span = call_at(relations, b->calls[j])->span;
        if (span->unread_count < a->count) return false;
        for (uint32_t i = 0; i < a->count; i++) {
            if (!is_unread(span, call_at(relations, a->calls[i])->span->id)) return false;
        }
    }
    return true;
}

static enum level base_level(const struct relations *relations, uint32_t a, uint32_t b)
{
    const struct unit *first = &relations->units[a], *second = &relations->units[b];
    const struct profile *profile = &relations->profiles[b];
    if (sent_before_read(relations, first, second)) return LEVEL_PROVEN;
    if (profile->needs >> a & 1) return LEVEL_NONE;
    if (profile->from_source && call_at(relations, profile->source)->end_ns <= first->start_ns)
        return LEVEL_LIKELY;
    return LEVEL_POSSIBLE;
}

static struct verdict judge(const struct relations *relations, uint32_t x, uint32_t y)
{
    uint32_t a = relations->units[x].start_ns <= relations->units[y].start_ns ? x : y, b = a == x ? y : x;
    const struct unit *first = &relations->units[a], *second = &relations->units[b];
    struct verdict verdict = {.level = LEVEL_NONE, .base = LEVEL_NONE};
    if (first->end_ns > second->start_ns || first->operation == second->operation) return verdict;
    verdict.base = base_level(relations, a, b);
    if (verdict.base == LEVEL_NONE) return verdict;
    uint32_t connection = relations->profiles[a].connection;
    verdict.same_connection = connection && connection == relations->profiles[b].connection;
    uint32_t last = second->calls[second->count - 1];
    verdict.write_between = relations->writes_before[last + 1] > relations->writes_before[first->calls[0]];
    int level = (int)verdict.base - verdict.same_connection - verdict.write_between;
    verdict.level = level < LEVEL_POSSIBLE ? LEVEL_POSSIBLE : (enum level)level;
    return verdict;
}

/* ---- sets ---- */

struct unit_set {
    uint32_t count;
    uint32_t units[UNITS_MAX]; /* costliest first */
    struct verdict verdict;
};

static const struct verdict surest = {LEVEL_PROVEN, LEVEL_PROVEN, false, false};

static struct verdict weaker(struct verdict a, struct verdict b)
{
    return (struct verdict){
        .level = a.level < b.level ? a.level : b.level,
        .base = a.base < b.base ? a.base : b.base,
        .same_connection = a.same_connection || b.same_connection,
        .write_between = a.write_between || b.write_between,
    };
}

static bool fits(const struct relations *relations, const struct unit_set *set, uint32_t unit,
                 enum level least, struct verdict *verdict)
{
    struct verdict all = set->verdict;
    for (uint32_t i = 0; i < set->count; i++) {
        struct verdict pair = judge(relations, set->units[i], unit);
        if (pair.level < least) return false;
        all = weaker(all, pair);
    }
    *verdict = all;
    return true;
}

/* Adds to by_cost[first] every free unit that costs less and fits what is there, the costliest first. */
static void grow_set(const struct relations *relations, const uint32_t *by_cost, uint32_t first,
                     uint64_t free_units, enum level least, struct unit_set *set)
{
    *set = (struct unit_set){.count = 1, .units = {by_cost[first]}, .verdict = surest};
    for (uint32_t i = first + 1; i < relations->unit_count; i++) {
        uint32_t unit = by_cost[i];
        if (free_units >> unit & 1 && fits(relations, set, unit, least, &set->verdict))
            set->units[set->count++] = unit;
    }
}

/* What the set must save. */
static int64_t threshold_ns(const struct scene *scene)
{
    int64_t fixed_ns = scene->settings->sequential_saving_min_ms * NS_PER_MS;
    int64_t share_ns = scene->request->duration_ns / 100 * scene->settings->sequential_saving_min_percent;
    return fixed_ns > share_ns ? fixed_ns : share_ns;
}

/* Where some members are worth it by themselves, the small ones beside them would be noise. */
static void drop_small(const struct relations *relations, struct unit_set *set, int64_t least_ns)
{
    if (set->count < 2 || relations->units[set->units[1]].cost_ns < least_ns) return;
    while (relations->units[set->units[set->count - 1]].cost_ns < least_ns) set->count--;
    set->verdict = surest;
    for (uint32_t i = 0; i < set->count; i++) {
        for (uint32_t j = i + 1; j < set->count; j++) {
            set->verdict = weaker(set->verdict, judge(relations, set->units[i], set->units[j]));
        }
    }
}

/* All members at once take as long as the longest. */
static int64_t set_saving_ns(const struct relations *relations, const struct unit_set *set)
{
    const struct request_calls *calls = relations->scene->calls;
    bool *removed = relations->removed;
    memset(removed, 0, calls->count * sizeof *removed);
    for (uint32_t i = 1; i < set->count; i++) {
        const struct unit *unit = &relations->units[set->units[i]];
        for (uint32_t k = 0; k < unit->count; k++) removed[unit->calls[k]] = true;
    }
    return relations->covered_ns - replay_covered_ns(calls, removed);
}

/* ---- the finding ---- */

enum confidence independence_confidence(const struct finding *finding, uint32_t distinct_inputs,
                                        const struct analysis_settings *settings)
{
    uint64_t seen[EVIDENCE_FACT_COUNT] = {0}, of[EVIDENCE_FACT_COUNT] = {0};
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        seen[finding->evidence[i].fact] = finding->evidence[i].seen;
        of[finding->evidence[i].fact] = finding->evidence[i].of;
    }
    int level = CONFIDENCE_POSSIBLE;
    bool never_passed =
        seen[EVIDENCE_no_value_passed] && seen[EVIDENCE_no_value_passed] == of[EVIDENCE_no_value_passed];
    if (seen[EVIDENCE_inputs_from_source]) level = CONFIDENCE_LIKELY;
    if (never_passed && distinct_inputs >= settings->independent_requests_min) level = CONFIDENCE_LIKELY;
    if (seen[EVIDENCE_sent_before_read]) level = CONFIDENCE_PROVEN;
    level -= (seen[EVIDENCE_same_connection] > 0) + (seen[EVIDENCE_write_between] > 0);
    return level < CONFIDENCE_POSSIBLE ? CONFIDENCE_POSSIBLE : (enum confidence)level;
}

static void sort_by_start(struct unit_set *set)
{
    for (uint32_t i = 1; i < set->count; i++) {
        for (uint32_t j = i; j > 0 && set->units[j - 1] > set->units[j]; j--) {
            uint32_t swapped = set->units[j];
            set->units[j] = set->units[j - 1];
            set->units[j - 1] = swapped;
        }
    }
}

/* Units are numbered in order of start. */
static void add_evidence(const struct relations *relations, const struct unit_set *set,
                         struct finding *finding)
{
    bool inputs_known = true;
    for (uint32_t i = 1; i < set->count; i++) {
        const struct profile *profile = &relations->profiles[set->units[i]];
        inputs_known = inputs_known && profile->input_hash;
        finding->input_hash = hash_combine(finding->input_hash, profile->input_hash);
    }
    if (!inputs_known) finding->input_hash = 0;
    if (set->verdict.base == LEVEL_PROVEN) finding_add_evidence(finding, EVIDENCE_sent_before_read, 1, 1);
    if (set->verdict.base == LEVEL_LIKELY) finding_add_evidence(finding, EVIDENCE_inputs_from_source, 1, 1);
    if (inputs_known) finding_add_evidence(finding, EVIDENCE_no_value_passed, 1, 1);
    if (set->verdict.same_connection) finding_add_evidence(finding, EVIDENCE_same_connection, 1, 1);
    if (set->verdict.write_between) finding_add_evidence(finding, EVIDENCE_write_between, 1, 1);
}

/* The answer that all members wait for, if it is one and the same. */
static void add_source(const struct relations *relations, const struct unit_set *set, struct finding *finding)
{
    uint32_t source = relations->profiles[set->units[0]].source;
    for (uint32_t i = 1; i < set->count; i++) {
        if (relations->profiles[set->units[i]].source != source) return;
    }
    if (source == CALL_NONE) return;
    const struct call *call = call_at(relations, source);
    finding->source = scene_operation(relations->scene, call->operation, 1, call->span->duration_ns);
    finding->has_source = true;
}

static struct str set_advice(struct scene *scene, const struct unit_set *set)
{
    const char *how = set->verdict.same_connection ? " (on a second connection, or in pipeline mode)" : "";
    if (set->count == 2) return arena_printf(scene->arena, "start both, then wait for both%s", how);
    return arena_printf(scene->arena, "start all %u, then wait for all of them%s", set->count, how);
}

static bool report_set(struct relations *relations, struct unit_set *set, int64_t saving_ns)
{
    struct scene *scene = relations->scene;
    struct finding *finding = scene_add_finding(scene, FINDING_sequential_independent);
    if (!finding) return false;
    sort_by_start(set);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct unit *unit = &relations->units[set->units[i]];
        finding->count += unit->count;
        finding->cost_ns += unit->cost_ns;
        if (finding->operation_count == FINDING_OPERATIONS_MAX) continue;
        finding->operations[finding->operation_count++] =
            scene_operation(scene, unit->operation, unit->count, unit->cost_ns);
    }
    finding->saving_ns = saving_ns;
    finding->repaired_ns = finding->cost_ns > saving_ns ? finding->cost_ns - saving_ns : 0;
    add_evidence(relations, set, finding);
    add_source(relations, set, finding);
    finding->confidence = independence_confidence(finding, 1, scene->settings);
    finding->advice = set_advice(scene, set);
    finding->site = call_at(relations, relations->units[set->units[0]].calls[0])->span->site;
    return !arena_exhausted(scene->arena);
}

static void order_by_cost(const struct relations *relations, uint32_t *by_cost)
{
    for (uint32_t i = 0; i < relations->unit_count; i++) {
        uint32_t at = i;
        while (at > 0 && relations->units[by_cost[at - 1]].cost_ns < relations->units[i].cost_ns) {
            by_cost[at] = by_cost[at - 1];
            at--;
        }
        by_cost[at] = i;
    }
}

/* Each unit is in one finding at most: the first, and so the costliest, set that it fits. */
static bool report_sets(struct relations *relations, const uint32_t *by_cost, enum level least,
                        uint64_t *free_units)
{
    int64_t least_ns = threshold_ns(relations->scene);
    for (uint32_t i = 0; i < relations->unit_count; i++) {
        if (!(*free_units >> by_cost[i] & 1)) continue;
        struct unit_set set;
        grow_set(relations, by_cost, i, *free_units, least, &set);
        drop_small(relations, &set, least_ns);
        if (set.count < 2) continue;
        int64_t saving_ns = set_saving_ns(relations, &set);
        if (saving_ns < least_ns) continue;
        for (uint32_t k = 0; k < set.count; k++) *free_units &= ~(UINT64_C(1) << set.units[k]);
        if (!report_set(relations, &set, saving_ns)) return false;
    }
    return true;
}

bool find_sequential_independent(struct scene *scene)
{
    struct relations relations = {.scene = scene};
    if (scene->request->operation_count < 2 || scene->request->call_ns < threshold_ns(scene)) return true;
    int64_t floor_ns = scene->request->duration_ns / 100 * FLOOR_PERCENT;
    if (!make_units(relations.units, &relations.unit_count, scene->requests, &scene->grouping, scene->calls,
                    floor_ns, scene->arena)) {
        return false;
    }
    if (relations.unit_count < 2) return true;
    if (!find_relations(&relations)) return false;
    uint32_t by_cost[UNITS_MAX] = {0};
    uint64_t free_units = UINT64_MAX;
    order_by_cost(&relations, by_cost);
    return report_sets(&relations, by_cost, LEVEL_LIKELY, &free_units) &&
           report_sets(&relations, by_cost, LEVEL_POSSIBLE, &free_units);
}
