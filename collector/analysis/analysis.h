/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analysis, from the outside: pure functions from spans to a tree, from a tree to requests and findings,
 * from many findings to those of an endpoint. No clock, no database, no settings but arguments. Each finding
 * kind has a file of its own. All results lie in the arena given; names and texts in them are borrowed from
 * what was passed in.
 */
#ifndef WEIR_ANALYSIS_ANALYSIS_H
#define WEIR_ANALYSIS_ANALYSIS_H

#include "base/arena.h"
#include "model/request.h"

/* One table: name, default, what it means; from it come defaults, `--help` and the manual. */
#define ANALYSIS_SETTINGS(X)                                                                                 \
    X(loop_calls_min, 5, "calls of one operation that make a loop")                                          \
    X(sequential_saving_min_ms, 10, "least saving for calls that could run at once")                         \
    X(sequential_saving_min_percent, 10, "the same, as a share of the request")                              \
    X(independent_requests_min, 3,                                                                           \
      "requests with differing inputs that must pass no value on before "                                    \
      "calls count as likely independent")

struct analysis_settings {
#define X(name, standard, meaning) int64_t name;
    ANALYSIS_SETTINGS(X)
#undef X
};

struct analysis_settings analysis_settings_default(void);

/* Orders spans by start, drops doubles (same id), links parents and children; breaks cycles and self-parents
 * by making the earliest span of each a root. Never recursive: a chain of 10,000 is fine. HTTP calls whose
 * server span is in the trace get that service's name for their operation's system. False: out of arena. */
bool trace_assemble(struct trace *trace, struct arena *arena);

/* Requests and findings of an assembled trace. False: out of arena. */
bool analyse_trace(struct analysis *analysis, const struct trace *trace,
                   const struct analysis_settings *settings, struct arena *arena);

/*
 * Merges findings of single requests of one endpoint: same kind, operations and source are one. weight_seen
 * is the weight of all its requests that were looked at: how many there were, if none was sampled away. Medians and the
 * number of requests are weighted; evidence, and with it the confidence, are of what was recorded. Sums evidence, takes medians, decides the confidence,
 * drops what stays only possible among sequential_independent. Largest saving first. *count is set; NULL with
 * *count 0 is no failure unless arena_exhausted.
 */
struct finding *aggregate_findings(const struct finding *const *findings, size_t finding_count,
                                   double weight_seen, const struct analysis_settings *settings,
                                   struct arena *arena, uint32_t *count);

/* Nearest rank: the smallest value with at least percent of the values at or below it. Sorts values. 0 if
 * none. */
int64_t percentile(int64_t *values, size_t count, unsigned percent);
int64_t percentile_of_sorted(const int64_t *values, size_t count, unsigned percent);

/* The same of values that stand for weight like them each: the smallest value with at least percent of the whole weight at
 * or below it. Weights are above 0, and need not be whole. */
struct weighted {
    int64_t value;
    double weight;
};
int64_t percentile_weighted(struct weighted *values, size_t count, unsigned percent);
int64_t percentile_of_sorted_weighted(const struct weighted *values, size_t count, unsigned percent);

/* A sum of weights as a number of things, at least those that were seen. */
uint64_t count_of_weight(double weight, uint64_t seen);

/* What the request would take if these of its calls were gone (replay: only time in which nothing else of the
 * request ran is won). `removed` says for each call of the request's subtree whether it goes. */
int64_t replay_without(const struct request *request,
                       bool (*removed)(const struct span *span, const void *context), const void *context);

/* The critical path of a subtree, for the waterfall: marks[i] for spans[i] of the trace. */
void mark_critical_path(const struct trace *trace, const struct span *root, bool *marks);

#endif
