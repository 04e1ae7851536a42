/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace split into requests, and each request's calls laid out flat for the kinds of finding to look at. A
 * request is a server or consumer span, or a root without a parent, with everything under it in that process;
 * a server span below is a request of its own. A root that is itself a call (a query outside any request) is
 * none: there is nothing around it to explain. Nor is a span whose parent is missing, unless it is a
 * server's.
 *
 * All of it lies in the arena and borrows from the trace. Used by one thread.
 */
#ifndef WEIR_ANALYSIS_REQUESTS_H
#define WEIR_ANALYSIS_REQUESTS_H

#include "collector/analysis/analysis.h"

#define CALL_NONE UINT32_MAX

/* An operation of the trace, once, whatever fragment its spans came in. */
struct trace_operation {
    const struct operation *operation;
    bool is_call;
    bool has_values;  /* its text has places for values: without a hash the input is not known */
    unsigned effects; /* what has been read from its text already; ask the functions below */
};

/* Reading a statement costs more than all else that a small request needs, so it is read once, and only if asked. */
bool trace_operation_is_write(struct trace_operation *operation);
bool trace_operation_is_transaction(struct trace_operation *operation);

/* A call of a request. */
struct call {
    const struct span *span;
    int64_t start_ns, end_ns; /* what of it lies inside the request */
    uint32_t operation;       /* in the trace's operations */
    uint32_t anchor;          /* the nearest span above that is no call; index into trace->spans */
    uint32_t family;          /* the same for anchors with one name under one family: rounds of a loop */
    uint32_t group;           /* set by group_calls (units.h) */
    bool in_loop;             /* an N+1 finding has it */
    bool is_repeat;           /* a repeated_call finding would drop it */
};

struct request_calls {
    uint32_t count;
    struct call *calls; /* in order of start */
};

struct trace_requests {
    uint32_t operation_count;
    struct trace_operation *operations;
    uint32_t count;
    struct request *requests;    /* in order of start, counted */
    struct request_calls *calls; /* of each */
};

/* False: out of arena. */
bool split_requests(struct trace_requests *result, const struct trace *trace, struct arena *arena);

/* By what they say of themselves: service, version and instance. */
bool same_process(const struct resource *a, const struct resource *b);

/* Whether this span begins a request. Its parent must be set. */
bool starts_request(const struct span *span);

/* Whether a span under its parent belongs to the same request. */
bool continues_request(const struct span *span);

/* The next span of a subtree, parents before children, or NULL at its end; into_children false skips those.
 */
const struct span *next_in_subtree(const struct span *root, const struct span *span, bool into_children);

/* Adds what a cache call says of the keys it looked up. A look-up of one key says whether it hit
 * (weir.cache.hit), one of many how many did (weir.cache.hits, .misses); other calls say nothing. */
void count_cache_keys(const struct span *call, uint32_t *hits, uint32_t *misses);

/* May change what later reads see. A POST whose body is a list of an earlier answer's values only asks for
 * these. */
bool call_is_write(struct trace_operation *operation, const struct span *span);

#endif
