/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the requests of a plan and measures them: `concurrency` users, each with one request under way at a
 * time, over libcurl's multi interface in the calling thread. Redirects are not followed and no proxy is used,
 * so that nothing is asked but what the user named. A repeat is held back until the id it asks again has been
 * answered (requests behind it, up to `concurrency` of them, may overtake), so that it can be a hit. Ends
 * early when interrupted() says so; what is under way then is not measured.
 */
#ifndef WEIR_CLI_LOAD_RUN_H
#define WEIR_CLI_LOAD_RUN_H

#include "viewer/cli/load_plan.h"
#include "viewer/cli/load_times.h"

#define LOAD_CONCURRENCY_MAX 10000u
#define LOAD_STATUSES        600
#define LOAD_ERROR_KINDS     128 /* more than libcurl has */

struct load_settings {
    struct load_mix mix;
    size_t concurrency;
    int64_t ramp_up_ns; /* user k of C begins at k/C of it */
    int64_t think_ns;   /* a user asks again so long after an answer */
    int64_t timeout_ns; /* of one request, connecting included */
    bool reconnects;    /* each request on a connection of its own, so that it goes to whoever is free */
    bool (*before_fresh)(void *context); /* before a request to a fresh id; false: give up. NULL is fine */
    void (*progress)(void *context, size_t done, size_t of, size_t failed); /* NULL is fine */
    void *context;
};

struct load_result {
    struct load_times first, repeats; /* of answers below 400 to fresh ids and to ids asked before */
    size_t done, failed;              /* failed: no answer in time, or 400 and above; among done */
    size_t statuses[LOAD_STATUSES];   /* by HTTP status; 0: others */
    size_t errors[LOAD_ERROR_KINDS];  /* by CURLcode, of requests without an answer */
    uint64_t body_bytes;
    int64_t elapsed_ns;
    bool is_interrupted;
};

/* False: it could not be done, or warming failed, and error says why. Failed requests are results. */
bool load_run(const struct load_targets *targets, const struct load_settings *settings,
              struct load_result *result, char error[LOAD_ERROR_BYTES]);
void load_result_fini(struct load_result *result);

/* What an index of `errors` means. */
const char *load_error_words(size_t kind);

#endif
