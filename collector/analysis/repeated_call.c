/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repeated_call: the same call with the same input again, and nothing written in between. A call whose answer
 * is known to differ from the earlier one's is no repeat (somebody polls), nor is one after a call that failed
 * (somebody tries again: there was no answer to keep), nor a write, nor what an N+1 finding explains.
 */
#include "collector/analysis/kinds.h"
#include "collector/analysis/replay.h"

#include "base/hash.h"

#include <stdlib.h>

/* What was asked last under one (operation, input). */
struct asked {
    uint32_t call;
    uint32_t writes_before;
    bool counted; /* in its repeat's count */
};

/* The repeats of one operation. */
struct repeat {
    uint32_t operation, first_call;
    uint32_t count, repeats, same_answers;
    int64_t cost_ns, repaired_ns, won_ns;
    uint32_t label;
};

struct repeats {
    struct scene *scene;
    uint32_t count, asked_count, writes;
    struct repeat *list;
    struct asked *asked;
    uint32_t *labels;
    struct id_table by_operation, by_input;
};

static void add_ns(int64_t *sum_ns, int64_t value_ns)
{
    if (__builtin_add_overflow(*sum_ns, value_ns, sum_ns)) *sum_ns = INT64_MAX;
}

static struct repeat *repeat_of(struct repeats *repeats, uint32_t operation, uint32_t first_call)
{
    bool fresh;
    uint32_t *at = id_table_put(&repeats->by_operation, operation, repeats->count, &fresh);
    if (!at) return NULL;
    if (fresh) {
        repeats->list[repeats->count] =
            (struct repeat){.operation = operation, .first_call = first_call, .label = repeats->count + 1};
        repeats->count++;
    }
    return &repeats->list[*at];
}

static bool has_comparable_input(const struct trace_operation *operation, const struct call *call)
{
    if (call->in_loop) return false;
    switch (call_input_state(operation, call->span)) {
    case INPUT_KNOWN:
        return true;
    case INPUT_CONSTANT:
        return call->span->answer_hash != 0; /* only an equal answer shows that it is no ping */
    case INPUT_UNKNOWN:
        break;
    }
    return false;
}

static uint64_t input_key(const struct call *call)
{
    return hash_combine(call->operation, call->span->input_hash);
}

static bool answers_differ(const struct span *a, const struct span *b)
{
    return a->answer_hash && b->answer_hash && a->answer_hash != b->answer_hash;
}

/* An answer to keep, until something is written or another one comes. */
static bool answer_stands(const struct repeats *repeats, const struct asked *asked, const struct span *again)
{
    const struct span *earlier = repeats->scene->calls->calls[asked->call].span;
    return asked->writes_before == repeats->writes && earlier->status != SPAN_STATUS_ERROR &&
           !answers_differ(earlier, again);
}

static bool count_repeat(struct repeats *repeats, struct asked *asked, uint32_t index)
{
    struct call *calls = repeats->scene->calls->calls;
    const struct span *earlier = calls[asked->call].span, *span = calls[index].span;
    struct repeat *repeat = repeat_of(repeats, calls[index].operation, asked->call);
    if (!repeat) return false;
    if (!asked->counted) {
        asked->counted = true;
        repeat->count++;
        add_ns(&repeat->cost_ns, earlier->duration_ns);
        add_ns(&repeat->repaired_ns, earlier->duration_ns);
    }
    repeat->count++;
    repeat->repeats++;
    repeat->same_answers += span->answer_hash && span->answer_hash == earlier->answer_hash;
    add_ns(&repeat->cost_ns, span->duration_ns);
    calls[index].is_repeat = true;
    repeats->labels[index] = repeat->label;
    return true;
}

static bool look_at(struct repeats *repeats, uint32_t index)
{
    struct call *call = &repeats->scene->calls->calls[index];
    struct trace_operation *operation = &repeats->scene->requests->operations[call->operation];
    if (call_is_write(operation, call->span)) {
        repeats->writes++;
        return true;
    }
    if (!has_comparable_input(operation, call) || trace_operation_is_write(operation) ||
        trace_operation_is_transaction(operation))
        return true;
    bool fresh;
    uint64_t key = input_key(call);
    uint32_t *at = id_table_put(&repeats->by_input, key, repeats->asked_count, &fresh);
    if (!at) return false;
    struct asked *asked = &repeats->asked[*at];
    repeats->asked_count += fresh;
    if (!fresh && answer_stands(repeats, asked, call->span)) return count_repeat(repeats, asked, index);
    *asked = (struct asked){.call = index, .writes_before = repeats->writes};
    return true;
}

static bool report_repeat(struct scene *scene, const struct repeat *repeat)
{
    struct finding *finding = scene_add_finding(scene, FINDING_repeated_call);
    if (!finding) return false;
    finding->operation_count = 1;
    finding->operations[0] = scene_operation(scene, repeat->operation, repeat->count, repeat->cost_ns);
    finding->count = repeat->count;
    finding->cost_ns = repeat->cost_ns;
    finding->repaired_ns = repeat->repaired_ns;
    finding->saving_ns = repeat->won_ns;
    finding->confidence = repeat->same_answers == repeat->repeats ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
    finding_add_evidence(finding, EVIDENCE_same_input, repeat->repeats, repeat->count);
    if (repeat->same_answers) {
        finding_add_evidence(finding, EVIDENCE_same_answer, repeat->same_answers, repeat->repeats);
    }
    finding->advice =
        arena_str(scene->arena, str_of("ask once and keep the answer for the rest of the request"));
    finding->site = scene->calls->calls[repeat->first_call].span->site;
    return !arena_exhausted(scene->arena);
}

static int most_won_first(const void *a, const void *b)
{
    const struct repeat *x = a, *y = b;
    if (x->won_ns != y->won_ns) return x->won_ns > y->won_ns ? -1 : 1;
    return (x->first_call > y->first_call) - (x->first_call < y->first_call);
}

static bool report_repeats(struct repeats *repeats)
{
    struct scene *scene = repeats->scene;
    int64_t *won_ns = arena_alloc(scene->arena, ((size_t)repeats->count + 1) * sizeof *won_ns);
    if (!won_ns || !replay_repairs(scene->calls, repeats->labels, repeats->count, won_ns, scene->arena))
        return false;
    for (uint32_t i = 0; i < repeats->count; i++) repeats->list[i].won_ns = won_ns[repeats->list[i].label];
    qsort(repeats->list, repeats->count, sizeof *repeats->list, most_won_first);
    for (uint32_t i = 0; i < repeats->count && i < REQUEST_FINDINGS_MAX; i++) {
        if (!report_repeat(scene, &repeats->list[i])) return false;
    }
    return true;
}

/* Most requests ask nothing twice; they are done with here. */
static bool asks_anything_twice(struct scene *scene, bool *twice)
{
    struct id_table seen;
    *twice = false;
    if (!id_table_init(&seen, scene->arena, 0)) return false;
    for (uint32_t i = 0; i < scene->calls->count && !*twice; i++) {
        const struct call *call = &scene->calls->calls[i];
        bool fresh;
        if (!has_comparable_input(&scene->requests->operations[call->operation], call)) continue;
        if (!id_table_put(&seen, input_key(call), i, &fresh)) return false;
        *twice = !fresh;
    }
    return true;
}

bool find_repeated_call(struct scene *scene)
{
    size_t count = scene->calls->count;
    struct repeats repeats = {.scene = scene};
    bool twice;
    if (!asks_anything_twice(scene, &twice)) return false;
    if (!twice) return true;
    repeats.list = arena_alloc(scene->arena, scene->request->operation_count * sizeof *repeats.list);
    repeats.asked = arena_alloc(scene->arena, count * sizeof *repeats.asked);
    repeats.labels = arena_array(scene->arena, count, sizeof *repeats.labels);
    if (!repeats.list || !repeats.asked || !repeats.labels ||
        !id_table_init(&repeats.by_operation, scene->arena, 0) ||
        !id_table_init(&repeats.by_input, scene->arena, 0)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!look_at(&repeats, i)) return false;
    }
    return repeats.count == 0 || report_repeats(&repeats);
}
