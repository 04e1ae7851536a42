/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds up requests of one endpoint, trace by trace, into a profile (model/profile.h). What is kept of a trace
 * is copied, so its memory may go once its requests are added. Pure; everything lies in the builder's arena.
 * Used by one thread.
 */
#ifndef WEIR_ANALYSIS_PROFILE_H
#define WEIR_ANALYSIS_PROFILE_H

#include "base/arena.h"
#include "model/profile.h"

struct profile_builder;

/* NULL: out of arena; so with the functions below, which return false. */
struct profile_builder *profile_begin(struct arena *arena);

/* What profile_add notes of the spans of one trace; lies in the arena with the trace. */
struct profile_note;
struct profile_note *profile_notes(const struct trace *trace, struct arena *arena);

/* A request of an assembled trace, by its span, that stands for `weight` (above 0) like it; each at most once for the same
 * notes. */
bool profile_add(struct profile_builder *builder, const struct trace *trace, struct profile_note *notes,
                 const struct span *request, double weight);

uint64_t profile_span_count(const struct profile_builder *builder); /* added so far */

/* Fills all but service, version, endpoint, name_is_shared, requests_seen and requests_estimated. The builder is done then. */
bool profile_end(struct profile_builder *builder, struct profile *profile);

#endif
