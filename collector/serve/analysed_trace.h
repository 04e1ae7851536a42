/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trace, analysed while someone waits: its requests, and its findings merged as those of many traces are, so that what
 * stays only possible is not shown here either. Runs on a worker thread; everything lies in the arena.
 */
#ifndef WEIR_SERVE_ANALYSED_TRACE_H
#define WEIR_SERVE_ANALYSED_TRACE_H

#include "collector/analysis/analysis.h"

struct analysed_trace {
    struct trace trace;
    struct analysis analysis; /* its findings: those of each endpoint over its requests in this trace */
};

/* to->trace is as it was stored. False: out of arena. */
bool analysed_trace_make(struct analysed_trace *to, const struct analysis_settings *settings,
                         struct arena *arena);

/* Largest saving first. */
void findings_sort(struct finding *findings, uint32_t count);

#endif
