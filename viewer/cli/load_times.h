/* SPDX-License-Identifier: Apache-2.0 */
/* Times of requests, and percentiles of them by nearest rank: a time that was measured, never one between two.
 * Owns its memory; one thread. */
#ifndef WEIR_CLI_LOAD_TIMES_H
#define WEIR_CLI_LOAD_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_times {
    int64_t *ns;
    size_t count, room;
    bool is_sorted;
};

/* False: out of memory. */
bool load_times_add(struct load_times *times, int64_t ns);

/* Adds all of the other's. False: out of memory. */
bool load_times_join(struct load_times *times, const struct load_times *other);

/* The smallest time that `percent` (1 to 100) of all do not exceed; 100 is the maximum. 0 without times. */
int64_t load_times_percentile(struct load_times *times, unsigned percent);

/* 0 without times */
double load_times_mean_ns(const struct load_times *times);

void load_times_fini(struct load_times *times);

#endif
