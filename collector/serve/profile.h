/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles, made while someone waits: from the traces of an endpoint's newest requests, so many that the answer
 * comes within a second or two, or from one trace, request by request. Runs on a worker thread; the result lies
 * in the request's arena, the traces in one that goes at once.
 */
#ifndef WEIR_SERVE_PROFILE_H
#define WEIR_SERVE_PROFILE_H

#include "collector/serve/pages.h"
#include "model/profile.h"

#define PROFILE_REQUESTS_MAX  200    /* of each version of an endpoint, … */
#define PROFILE_SPANS_MAX     800000 /* … or so many spans: then over fewer requests, and it says so */
#define PROFILE_ENDPOINTS_MAX 4      /* versions and services of one name, those last asked for */

struct profiles {
    struct profile *at;
    uint32_t count, left_out;
};

/* STORE_REFUSED also when the arena is exhausted. */
enum store_result profile_newest(const struct page_request *request, const struct request_filter *filter,
                                 struct profiles *profiles);

/* Each endpoint of the trace, the most time first; the trace is assembled here. False: out of arena. */
bool profile_trace(struct arena *arena, struct trace *trace, struct profiles *profiles);

#endif
