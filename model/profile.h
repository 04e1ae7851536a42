/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of one endpoint goes, operation by operation, over some of its requests. analysis/ makes it
 * from their traces, viewer/ shows it. Plain values in an arena. Sums are over all requests of the profile;
 * where these stand for differently many (sampling), each counts with its weight, and the weights are scaled so that they add
 * up to the number of requests.
 */
#ifndef WEIR_MODEL_PROFILE_H
#define WEIR_MODEL_PROFILE_H

#include "model/request.h"

/* Spans of one operation. Self is what of total ran while no child of the span did. Children that run at the
 * same time have each their own self, so the selfs of a request may add up to more than it took. */
struct profile_operation {
    const struct operation *operation;
    struct str label;
    bool is_request; /* the span of the request itself: its self is the service's own code */
    uint64_t calls;
    int64_t total_ns, self_ns;
    int64_t median_ns, p95_ns, max_ns; /* of one call, nearest rank */
    int64_t rows;                      /* -1: not known of every call */
};

/* The calls made straight from spans of one name, which are no calls themselves: a part of the service. */
struct profile_component {
    struct str label;
    bool is_request; /* calls made straight from the request */
    uint64_t db_calls, http_calls, cache_calls;
    int64_t call_ns; /* time in which at least one of them ran */
};

struct profile {
    struct str service, service_version, endpoint;
    bool name_is_shared;              /* as in endpoint_summary */
    uint64_t requests, requests_seen; /* over how many, the newest, of how many that were recorded */
    uint64_t requests_estimated;    /* how many there were with those sampled away; requests_seen: none was */
    int64_t total_ns;               /* what the requests took */
    int64_t p50_ns, p95_ns, max_ns; /* of one request */
    uint64_t db_calls, http_calls, cache_calls;
    uint32_t operation_count, component_count;
    const struct profile_operation *operations; /* the most self first */
    const struct profile_component *components; /* the most time first; only those with calls */
    struct cache_split cache[CACHE_OUTCOME_COUNT];
};

#endif
