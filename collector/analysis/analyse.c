/* SPDX-License-Identifier: Apache-2.0 */
/* One trace, from requests to findings: a request at a time, a row of the table a kind. */
#include "collector/analysis/kinds.h"
#include "collector/analysis/order.h"

#include <stdlib.h>

/* The order matters: one cause is one finding, and the earlier kind has it. */
static bool (*const kinds[])(struct scene *scene) = {
    find_n_plus_one_query,
    find_n_plus_one_http,
    find_repeated_call,
    find_sequential_independent,
};

#define TRACE_FINDINGS_MAX 4096 /* a trace of a million spans may hold any number of requests */

struct finding *scene_add_finding(struct scene *scene, enum finding_kind kind)
{
    struct analysis *analysis = scene->analysis;
    if (analysis->finding_count == scene->finding_room) {
        uint32_t room = scene->finding_room ? scene->finding_room * 2 : 4;
        struct finding *grown = arena_alloc(scene->arena, room * sizeof *grown);
        if (!grown) return NULL;
        if (analysis->finding_count)
            memcpy(grown, analysis->findings, analysis->finding_count * sizeof *grown);
        analysis->findings = grown;
        scene->finding_room = room;
    }
    struct finding *finding = &analysis->findings[analysis->finding_count++];
    *finding = (struct finding){
        .kind = kind,
        .service = scene->request->service,
        .service_version = scene->request->service_version,
        .endpoint = scene->request->endpoint,
        .requests = 1,
        .requests_seen = 1,
        .sampling_threshold = scene->request->sampling_threshold,
        .request_ns = scene->request->duration_ns,
        .trace_count = 1,
    };
    memcpy(finding->trace_ids[0], scene->trace->id, sizeof finding->trace_ids[0]);
    return finding;
}

struct finding_operation scene_operation(struct scene *scene, uint32_t operation, uint32_t count,
                                         int64_t cost_ns)
{
    const struct operation *of = scene->requests->operations[operation].operation;
    return (struct finding_operation){
        of->type, operation_label(of, scene->arena), of->system, of->text, count, cost_ns};
}

void finding_add_evidence(struct finding *finding, enum evidence_fact fact, uint64_t seen, uint64_t of)
{
    if (finding->evidence_count == FINDING_EVIDENCE_MAX) return;
    finding->evidence[finding->evidence_count++] = (struct evidence){fact, seen, of};
}

enum input_state call_input_state(const struct trace_operation *operation, const struct span *span)
{
    if (span->input_hash) return INPUT_KNOWN;
    bool has_body =
        operation->operation->type == OPERATION_HTTP && !str_starts(operation->operation->text, "GET ");
    return operation->has_values || has_body ? INPUT_UNKNOWN : INPUT_CONSTANT;
}

/* Ids are looked up only where a call speaks of another. */
static bool index_calls(struct scene *scene)
{
    const struct request_calls *calls = scene->calls;
    bool any = false;
    for (uint32_t i = 0; i < calls->count && !any; i++) {
        any = calls->calls[i].span->link_count || calls->calls[i].span->unread_count;
    }
    if (!id_table_init(&scene->call_by_id, scene->arena, any ? calls->count : 0)) return false;
    for (uint32_t i = 0; i < calls->count && any; i++) {
        bool fresh;
        if (!id_table_put(&scene->call_by_id, calls->calls[i].span->id, i, &fresh)) return false;
    }
    return true;
}

static bool analyse_request(struct scene *scene)
{
    if (scene->calls->count < 2) return true;
    if (!index_calls(scene) || !group_calls(&scene->grouping, scene->requests, scene->calls,
                                            scene->settings->loop_calls_min, scene->arena)) {
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i](scene)) return false;
    }
    return true;
}

static int largest_saving_first(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->saving_ns != y->saving_ns) return x->saving_ns > y->saving_ns ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int order = order_of_texts(x->endpoint, y->endpoint);
    return order ? order : order_of_texts(x->operations[0].text, y->operations[0].text);
}

bool analyse_trace(struct analysis *analysis, const struct trace *trace,
                   const struct analysis_settings *settings, struct arena *arena)
{
    struct trace_requests requests;
    *analysis = (struct analysis){0};
    if (!split_requests(&requests, trace, arena)) return false;
    analysis->request_count = requests.count;
    analysis->requests = requests.requests;
    struct scene scene = {
        .arena = arena,
        .settings = settings,
        .trace = trace,
        .requests = &requests,
        .analysis = analysis,
    };
    for (uint32_t r = 0; r < requests.count && analysis->finding_count < TRACE_FINDINGS_MAX; r++) {
        scene.request = &requests.requests[r];
        scene.calls = &requests.calls[r];
        if (!analyse_request(&scene)) return false;
    }
    if (analysis->finding_count > 1) {
        qsort(analysis->findings, analysis->finding_count, sizeof *analysis->findings, largest_saving_first);
    }
    return true;
}
