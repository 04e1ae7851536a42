/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a request put together. A group is what a loop makes: all calls of one operation under one
 * ancestor, or one wrapper span a round under it, whatever stands between. A unit is what could be moved as a
 * whole to run beside something else: a loop, or neighbouring calls of one operation, or one call.
 */
#ifndef WEIR_ANALYSIS_UNITS_H
#define WEIR_ANALYSIS_UNITS_H

#include "collector/analysis/requests.h"

struct group {
    uint32_t operation;
    uint32_t count;
    uint32_t *calls; /* indexes, in order of start */
    bool is_loop;    /* enough calls; no transaction */
    bool source_is_sought;
    uint32_t source; /* the call whose rows it walks, or CALL_NONE; valid when sought */
};

struct grouping {
    uint32_t count;
    struct group *groups;
};

/* Sets call.group. loop_calls_min from the settings. False: out of arena. */
bool group_calls(struct grouping *result, const struct trace_requests *trace, struct request_calls *calls,
                 int64_t loop_calls_min, struct arena *arena);

#define UNITS_MAX 64 /* the costliest of a request; relations between them are 64-bit masks */

struct unit {
    uint32_t operation;
    uint32_t group;
    uint32_t count;
    const uint32_t *calls; /* indexes, in order of start */
    int64_t start_ns, end_ns;
    int64_t cost_ns; /* time in which at least one of its calls ran */
};

/* The units that take at least floor_ns, in order of start, at most UNITS_MAX. Repeats and transactions are
 * in none. units has room for UNITS_MAX. False: out of arena. */
bool make_units(struct unit *units, uint32_t *unit_count, const struct trace_requests *trace,
                const struct grouping *grouping, const struct request_calls *calls, int64_t floor_ns,
                struct arena *arena);

#endif
