/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as it is counted: one server or consumer span (or root) with everything under it in that process.
 * And what reports show of an endpoint over many requests. Plain values in an arena.
 */
#ifndef WEIR_MODEL_REQUEST_H
#define WEIR_MODEL_REQUEST_H

#include "model/finding.h"

struct operation_total {
    const struct operation *operation;
    uint32_t count;
    int64_t total_ns; /* sum of durations */
    int64_t rows;     /* sum; -1: not known */
};

struct request {
    const struct span *span;
    struct str service, service_version, endpoint; /* endpoint: "METHOD route" */
    int64_t start_ns, duration_ns;
    bool error;
    uint64_t sampling_threshold; /* of its span: it stands for sampling_weight(it) like it */
    uint32_t db_calls, http_calls, cache_calls;
    uint32_t cache_hits, cache_misses; /* keys looked up; 0 where the calls do not say */
    int64_t db_ns;                     /* time in which at least one database call ran */
    int64_t call_ns;                   /* time in which at least one call of any type ran */
    uint32_t operation_count;
    struct operation_total *operations; /* most time first */
};

/* What was drawn from one trace: one contribution row. */
struct analysis {
    uint32_t request_count;
    struct request *requests; /* in order of start */
    uint32_t finding_count;
    struct finding *findings; /* each names service and endpoint; largest saving first */
};

/* Requests of one endpoint that went alike at its cache. */
enum cache_outcome { CACHE_ALL_HIT, CACHE_SOME_MISSED, CACHE_ALL_MISSED, CACHE_OUTCOME_COUNT };

struct cache_split {
    uint64_t count;
    int64_t p50_ns;
    uint32_t db_calls, http_calls, cache_calls; /* median a request */
};

/* One line of `weir report` and `weir requests`: an endpoint of one version of a service, over the requests
 * of a time span. Versions are kept apart, so that a repair is never averaged with what it repaired. */
struct endpoint_summary {
    struct str service, service_version, endpoint;
    bool name_is_shared; /* several services have an endpoint of this name: write service:METHOD route */
    /* Of so many that were recorded; 0: of all. Where others were sampled away, count, errors, percentiles, medians and what
     * the cache had are estimates: each that was recorded counts with its weight. */
    uint64_t recorded;
    uint64_t count, errors;
    int64_t p50_ns, p95_ns, p99_ns, max_ns;     /* nearest rank; the maximum of those recorded */
    uint32_t db_calls, http_calls, cache_calls; /* median a request */
    uint32_t calls_min, calls_max;              /* of all calls together */
    int64_t db_ns;                              /* median a request */
    int64_t last_start_ns;
    uint32_t finding_count;
    const struct finding *findings; /* aggregated, largest saving first */
    int64_t saving_ns;              /* of the findings, each alone, the largest */
    int64_t saving_total_ns;        /* what one finding would save over all requests; of those the largest */
    struct cache_split cache[CACHE_OUTCOME_COUNT]; /* count 0 for all: no request says whether it hit */
};

static inline uint64_t endpoint_recorded(const struct endpoint_summary *endpoint)
{
    return endpoint->recorded ? endpoint->recorded : endpoint->count;
}

static inline bool endpoint_is_estimate(const struct endpoint_summary *endpoint)
{
    return endpoint_recorded(endpoint) < endpoint->count;
}

#define PERCENTILE_SAMPLES_MIN 20 /* under so many the report prints the maximum, named so, not a p95 */

#endif
