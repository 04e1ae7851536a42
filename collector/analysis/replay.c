/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/replay.h"

#include "collector/analysis/order.h"

#include <stdlib.h>

/* ---- one repair ---- */

int64_t replay_covered_ns(const struct request_calls *calls, const bool *removed)
{
    int64_t end_ns = INT64_MIN, total_ns = 0;
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct call *call = &calls->calls[i];
        if (removed && removed[i]) continue;
        int64_t from_ns = call->start_ns > end_ns ? call->start_ns : end_ns;
        if (call->end_ns <= from_ns) continue;
        total_ns += call->end_ns - from_ns;
        end_ns = call->end_ns;
    }
    return total_ns;
}

/* ---- many repairs in one sweep ---- */

struct sweep {
    const struct request_calls *calls;
    const uint32_t *labels;
    uint32_t *running;       /* calls of each label that run now */
    uint32_t labels_running; /* how many labels have one */
    uint64_t label_sum;      /* of those labels: with one running, the label itself */
    int64_t now_ns;
    int64_t *won_ns;
};

static void advance(struct sweep *sweep, int64_t to_ns)
{
    if (sweep->labels_running == 1 && sweep->label_sum)
        sweep->won_ns[sweep->label_sum] += to_ns - sweep->now_ns;
    sweep->now_ns = to_ns;
}

static void begin_call(struct sweep *sweep, uint32_t call)
{
    uint32_t label = sweep->labels[call];
    advance(sweep, sweep->calls->calls[call].start_ns);
    if (sweep->running[label]++) return;
    sweep->labels_running++;
    sweep->label_sum += label;
}

static void end_call(struct sweep *sweep, uint32_t call)
{
    uint32_t label = sweep->labels[call];
    advance(sweep, sweep->calls->calls[call].end_ns);
    if (--sweep->running[label]) return;
    sweep->labels_running--;
    sweep->label_sum -= label;
}

static bool one_after_another(const struct request_calls *calls)
{
    for (uint32_t i = 1; i < calls->count; i++) {
        if (calls->calls[i].start_ns < calls->calls[i - 1].end_ns) return false;
    }
    return true;
}

static void sum_each(const struct request_calls *calls, const uint32_t *labels, int64_t *won_ns)
{
    for (uint32_t i = 0; i < calls->count; i++) {
        if (labels[i]) won_ns[labels[i]] += calls->calls[i].end_ns - calls->calls[i].start_ns;
    }
}

static bool sweep_all(struct sweep *sweep, struct arena *arena)
{
    uint32_t count = sweep->calls->count;
    struct order_key *ends = arena_alloc(arena, 2 * (size_t)count * sizeof *ends);
    if (!ends) return false;
    for (uint32_t i = 0; i < count; i++) {
        ends[i] = (struct order_key){.time_ns = sweep->calls->calls[i].end_ns, .index = i};
    }
    ends = order_sort(ends, ends + count, count);
    uint32_t begun = 0;
    for (uint32_t ended = 0; ended < count;) {
        if (begun < count && sweep->calls->calls[begun].start_ns <= ends[ended].time_ns) {
            begin_call(sweep, begun++);
        } else {
            end_call(sweep, ends[ended++].index);
        }
    }
    return true;
}

bool replay_repairs(const struct request_calls *calls, const uint32_t *labels, uint32_t label_count,
                    int64_t *won_ns, struct arena *arena)
{
    memset(won_ns, 0, ((size_t)label_count + 1) * sizeof *won_ns);
    if (one_after_another(calls)) {
        sum_each(calls, labels, won_ns);
        return true;
    }
    struct sweep sweep = {.calls = calls, .labels = labels, .won_ns = won_ns};
    sweep.running = arena_array(arena, (size_t)label_count + 1, sizeof *sweep.running);
    return sweep.running && sweep_all(&sweep, arena);
}

/* ---- from the outside: a request by its spans ---- */

static bool is_in_request(const struct request *request, const struct span *span)
{
    return span == request->span || continues_request(span);
}

static size_t collect_calls(const struct request *request, struct call *to)
{
    size_t count = 0;
    bool inside = true;
    int64_t end_ns = request->start_ns + request->duration_ns;
    for (const struct span *span = request->span; span; span = next_in_subtree(request->span, span, inside)) {
        inside = is_in_request(request, span);
        if (!inside || !operation_is_call(span->operation->type)) continue;
        if (to) {
            int64_t from_ns = span->start_ns > request->start_ns ? span->start_ns : request->start_ns;
            int64_t to_ns = span_end_ns(span) < end_ns ? span_end_ns(span) : end_ns;
            to[count] =
                (struct call){.span = span, .start_ns = from_ns, .end_ns = to_ns > from_ns ? to_ns : from_ns};
        }
        count++;
    }
    return count;
}

static int by_start(const void *a, const void *b)
{
    int64_t x = ((const struct call *)a)->start_ns, y = ((const struct call *)b)->start_ns;
    return (x > y) - (x < y);
}

int64_t replay_without(const struct request *request,
                       bool (*removed)(const struct span *span, const void *context), const void *context)
{
    size_t count = collect_calls(request, NULL);
    if (count == 0 || count >= CALL_NONE) return request->duration_ns;
    struct call *calls = malloc(count * sizeof *calls);
    bool *gone = malloc(count * sizeof *gone);
    int64_t result_ns = request->duration_ns;
    if (calls && gone) {
        struct request_calls all = {(uint32_t)count, calls};
        collect_calls(request, calls);
        qsort(calls, count, sizeof *calls, by_start);
        for (size_t i = 0; i < count; i++) gone[i] = removed(calls[i].span, context);
        result_ns -= replay_covered_ns(&all, NULL) - replay_covered_ns(&all, gone);
    }
    free(calls);
    free(gone);
    return result_ns;
}
