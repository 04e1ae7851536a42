/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/span_timeline.h"

#include "base/clock.h"

#define COMPARE_NS    NS_PER_S
#define STEP_NS       NS_PER_MS /* a smaller change of the wall clock's distance is noise */
#define LOST_NS       NS_PER_S  /* an error that is not steered away but jumped over */
#define SLOPE_STRETCH 2.0       /* no piece is steeper or flatter than this times what was measured */

static const struct timeline_knot *knot_of(const struct span_timeline *timeline, uint64_t ticks)
{
    uint32_t i = timeline->count - 1;
    while (i > 0 && ticks < timeline->knots[i].ticks) i--;
    return &timeline->knots[i];
}

/* Doubles are exact to a nanosecond over pieces of weeks, and a product with one factor fixed never falls. */
int64_t span_timeline_monotonic_ns(const struct span_timeline *timeline, uint64_t ticks)
{
    const struct timeline_knot *knot = knot_of(timeline, ticks);
    return knot->ns + (int64_t)((double)(int64_t)(ticks - knot->ticks) * knot->ns_per_tick);
}

void span_timeline_init(struct span_timeline *timeline, const struct clock_reading *origin)
{
    timeline->count = 1;
    timeline->knots[0] = (struct timeline_knot){origin->ticks, origin->monotonic_ns, 1.0};
    timeline->compared = *origin;
    timeline->has_slope = false;
    timeline->wall_offset_ns = origin->unix_ns - origin->monotonic_ns;
}

/* The older half keeps every second of its ends, and straight lines between them. */
static void make_room(struct span_timeline *timeline)
{
    struct timeline_knot *knots = timeline->knots;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < timeline->count; i++)
        if (i >= TIMELINE_KNOTS / 2 || i % 2 == 0) knots[kept++] = knots[i];
    timeline->count = kept;
    for (uint32_t i = 0; i + 1 < kept && i < TIMELINE_KNOTS / 4; i++)
        knots[i].ns_per_tick =
            (double)(knots[i + 1].ns - knots[i].ns) / (double)(knots[i + 1].ticks - knots[i].ticks);
}

/* What came before has nothing to do with what comes. */
static void begin_again(struct span_timeline *timeline, const struct clock_reading *now)
{
    double slope = timeline->knots[timeline->count - 1].ns_per_tick;
    timeline->knots[0] = (struct timeline_knot){now->ticks, now->monotonic_ns, slope};
    timeline->count = 1;
}

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static void compare(struct span_timeline *timeline, const struct clock_reading *now)
{
    double ticks = (double)(int64_t)(now->ticks - timeline->compared.ticks);
    double ns = (double)(now->monotonic_ns - timeline->compared.monotonic_ns);
    timeline->compared = *now;
    if (ticks <= 0 || ns <= 0) { /* the counter was set back */
        begin_again(timeline, now);
        return;
    }
    double measured = ns / ticks;
    if (!timeline->has_slope) {
        timeline->knots[0].ns_per_tick = measured;
        timeline->has_slope = true;
        return;
    }
    int64_t at_ns = span_timeline_monotonic_ns(timeline, now->ticks);
    double error_ns = (double)(now->monotonic_ns - at_ns);
    if (error_ns > LOST_NS || error_ns < -LOST_NS) {
        begin_again(timeline, now);
        timeline->knots[0].ns_per_tick = measured;
        return;
    }
    if (timeline->count == TIMELINE_KNOTS) make_room(timeline);
    double slope = clamp(measured * (1 + error_ns / ns), measured / SLOPE_STRETCH, measured * SLOPE_STRETCH);
    timeline->knots[timeline->count++] = (struct timeline_knot){now->ticks, at_ns, slope};
}

void span_timeline_update(struct span_timeline *timeline, const struct clock_reading *now)
{
    int64_t offset = now->unix_ns - now->monotonic_ns, change = offset - timeline->wall_offset_ns;
    if (change > STEP_NS || change < -STEP_NS) timeline->wall_offset_ns = offset;
    if (!timeline->has_slope || now->monotonic_ns - timeline->compared.monotonic_ns >= COMPARE_NS)
        compare(timeline, now);
}
