/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the ticks of span_clock.h to wall time. The counter and the kernel's clock run apart by some parts in a million,
 * and NTP changes by how many; so the two are compared about each second, and a line of straight pieces leads from ticks
 * to monotonic nanoseconds: each piece begins where the former one has come to, and its slope is what was measured last,
 * with so much added that the error found is gone by the next comparison. So the line
 *
 *   - never jumps and never falls, whatever the clocks do (but for an error of more than a second: the machine slept);
 *   - gives a tick the same time whenever it is asked: a span that began an hour ago begins where its children,
 *     sent long since, say it did. Of pieces far back only some ends are kept: every second one goes when room is needed.
 *
 * Wall time is this and the distance between the kernel's two clocks, which changes only when the wall clock is set.
 *
 * Pure: readings in, nanoseconds out. Belongs to the exporter thread.
 */
#ifndef WEIR_SDK_CORE_SPAN_TIMELINE_H
#define WEIR_SDK_CORE_SPAN_TIMELINE_H

#include "sdk/core/span_clock.h"

#define TIMELINE_KNOTS 2048 /* a second apart: all of a quarter of an hour, then ever fewer */

struct timeline_knot {
    uint64_t ticks;
    int64_t ns;
    double ns_per_tick; /* from here on */
};

struct span_timeline {
    uint32_t count;                             /* at least 1 */
    struct timeline_knot knots[TIMELINE_KNOTS]; /* ascending */
    struct clock_reading compared;              /* when the clocks were last compared */
    bool has_slope;                             /* after the first comparison */
    int64_t wall_offset_ns;                     /* unix - monotonic */
};

/* Begins at a reading; until the next one a tick counts as a nanosecond. */
void span_timeline_init(struct span_timeline *timeline, const struct clock_reading *origin);

/* A later reading: cheap and often; compares the clocks when a second has passed (and the first time). */
void span_timeline_update(struct span_timeline *timeline, const struct clock_reading *now);

/* Ticks from before the first knot, too. */
int64_t span_timeline_monotonic_ns(const struct span_timeline *timeline, uint64_t ticks);

static inline int64_t span_timeline_unix_ns(const struct span_timeline *timeline, uint64_t ticks)
{
    return span_timeline_monotonic_ns(timeline, ticks) + timeline->wall_offset_ns;
}

#endif
