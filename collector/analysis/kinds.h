/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each kind of finding gets to look at, and what it adds to. Kinds run in the order of analyse.c's
 * table: one cause gives one finding, so a kind marks the calls it explains (call.in_loop, call.is_repeat)
 * for those after it.
 */
#ifndef WEIR_ANALYSIS_KINDS_H
#define WEIR_ANALYSIS_KINDS_H

#include "collector/analysis/id_table.h"
#include "collector/analysis/requests.h"
#include "collector/analysis/units.h"

#define REQUEST_FINDINGS_MAX 64 /* of one kind in one request: those that save most */

struct scene {
    struct arena *arena;
    const struct analysis_settings *settings;
    const struct trace *trace;
    const struct trace_requests *requests;
    const struct request *request;
    struct request_calls *calls;
    struct grouping grouping;
    struct id_table call_by_id; /* span id → index of the call; empty when no call links to another */
    struct analysis *analysis;
    uint32_t finding_room;
};

/* Each adds what it finds. False: out of arena. */
bool find_n_plus_one_query(struct scene *scene);
bool find_n_plus_one_http(struct scene *scene);
bool find_repeated_call(struct scene *scene);
bool find_sequential_independent(struct scene *scene);

/* A new finding of this request; NULL: out of arena. Valid until the next one. */
struct finding *scene_add_finding(struct scene *scene, enum finding_kind kind);

/* A finding's operation from one of the trace's. */
struct finding_operation scene_operation(struct scene *scene, uint32_t operation, uint32_t count,
                                         int64_t cost_ns);

void finding_add_evidence(struct finding *finding, enum evidence_fact fact, uint64_t seen, uint64_t of);

/* The call whose answer a loop walks row by row, or CALL_NONE; sought once a group. */
uint32_t loop_source(struct scene *scene, struct group *group);

/* How sure the evidence makes it that calls are independent; distinct_inputs: of requests that passed no
 * value on. Shared by the single request and the aggregate. */
enum confidence independence_confidence(const struct finding *finding, uint32_t distinct_inputs,
                                        const struct analysis_settings *settings);

/* What a call's input is known to be. */
enum input_state {
    INPUT_UNKNOWN, /* its text has places for values, and no hash came */
    INPUT_KNOWN,   /* by its hash */
    INPUT_CONSTANT /* the text says it all */
};
enum input_state call_input_state(const struct trace_operation *operation, const struct span *span);

#endif
