/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request would take without some of its calls. Only time in which nothing else of the request ran is
 * won; time of the application between calls stays. Pure; temporary memory from the arena given.
 */
#ifndef WEIR_ANALYSIS_REPLAY_H
#define WEIR_ANALYSIS_REPLAY_H

#include "collector/analysis/requests.h"

/*
 * One sweep for many repairs: labels[i] says which repair would take call i away (0: none, else up to
 * label_count), and won_ns[label] becomes the time won by that repair alone. False: out of arena.
 */
bool replay_repairs(const struct request_calls *calls, const uint32_t *labels, uint32_t label_count,
                    int64_t *won_ns, struct arena *arena);

/* Time covered by the calls that are not removed; removed NULL: by all. */
int64_t replay_covered_ns(const struct request_calls *calls, const bool *removed);

#endif
