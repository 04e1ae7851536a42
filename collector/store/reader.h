/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that the HTTP side asks the store. Results lie in the arena. Names may be hostile: they are shown escaped by
 * viewer/, and go to Postgres as parameters only.
 */
#ifndef WEIR_STORE_READER_H
#define WEIR_STORE_READER_H

#include "collector/analysis/analysis.h"
#include "collector/store/store.h"

/* Which requests are meant; empty or 0: all. */
struct request_filter {
    struct str service;
    struct str service_version;
    struct str endpoint;        /* "GET /x", or "service:GET /x" */
    int64_t since_ns, until_ns; /* start of the request, unix ns */
};

/* Endpoints with their findings aggregated, the most time a request first. */
enum store_result read_endpoints(struct store *store, const struct request_filter *filter,
                                 const struct analysis_settings *settings, struct arena *arena,
                                 struct endpoint_summary **endpoints, uint32_t *count);

/* The newest requests of one endpoint, of one version of its service. */
struct request_place {
    unsigned char trace_id[16];
    uint64_t span_id;
};
struct newest_requests {
    struct str service, service_version, endpoint;
    bool name_is_shared;
    uint64_t recorded;     /* of all that the filter lets through */
    uint64_t count;        /* with those sampled away, an estimate */
    uint32_t newest_count; /* at most newest_max */
    struct request_place *newest;
};

/* The newest requests of each endpoint that the filter lets through; the endpoint last asked for first. */
enum store_result read_newest(struct store *store, const struct request_filter *filter, uint32_t newest_max,
                              struct arena *arena, struct newest_requests **endpoints, uint32_t *count);

/* A trace as stored now, quiet or not, not assembled. *found false: unknown id. */
enum store_result read_trace(struct store *store, const unsigned char trace_id[16], struct arena *arena,
                             struct trace *trace, bool *found);

/* The trace of the slowest request the filter lets through, and that request's span. */
enum store_result read_slowest(struct store *store, const struct request_filter *filter,
                               unsigned char trace_id[16], uint64_t *span_id, bool *found);

/* For `weir status`. */
struct producer_status {
    uint64_t producer;
    struct str service_name, service_version, instance_id;
    uint64_t created, acknowledged, stored;
    uint64_t dropped[DROP_REASON_COUNT];
    uint64_t sampled_away[SAMPLED_AWAY_COUNT];
    int64_t last_seen_ns;
    bool clock_known;
    int64_t
        clock_ahead_ns; /* end of the newest span of the last batch by its clock, less when that came by ours */
};

struct store_status {
    uint64_t spans, traces_pending, requests, database_bytes;
    int64_t oldest_pending_ns; /* 0: none */
    uint32_t producer_count;
    struct producer_status *producers; /* last seen first, at most 100 */
};
enum store_result read_status(struct store *store, struct arena *arena, struct store_status *status);

#endif
