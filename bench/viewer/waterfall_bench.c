/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a waterfall of the dashboard's first stage costs, 3,805 spans of 3,604 calls: the goal is 10 ms (design, section
 * 10). The floor is one pass over the spans that reads what a row needs, the operation's text included.
 */
#include "base/clock.h"
#include "tests/viewer/samples.h"

#include <stdio.h>

#define ROUNDS  200 /* the best counts: other work on the machine only ever slows one down */
#define GOAL_NS (10 * NS_PER_MS)

static volatile uint64_t sink; /* so that the pass is not left out */

static uint64_t read_once(const struct trace *trace)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < trace->span_count; i++) {
        const struct span *span = &trace->spans[i];
        sum += (uint64_t)span->start_ns + (uint64_t)span->duration_ns + (uint64_t)span->rows;
        for (size_t at = 0; at < span->operation->text.len; at++)
            sum += (unsigned char)span->operation->text.data[at];
    }
    return sum;
}

int main(void)
{
    struct scene scene;
    struct trace_view trace;
    struct buffer out;
    struct view view = sample_view(120, false, true);
    int64_t render_ns = INT64_MAX, floor_ns = INT64_MAX;
    sample_dashboard(&scene, &trace);
    buffer_init(&out);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t begin = clock_monotonic_ns();
        sink += read_once(trace.trace);
        int64_t between = clock_monotonic_ns();
        buffer_clear(&out);
        text_trace(&out, &view, &trace);
        int64_t end = clock_monotonic_ns();
        if (between - begin < floor_ns) floor_ns = between - begin;
        if (end - between < render_ns) render_ns = end - between;
    }
    printf(
        "waterfall of %zu spans: %.3f ms, goal 10 ms; %.1f × the floor (one pass over the spans, %.3f ms)\n",
        trace.trace->span_count, (double)render_ns / 1e6, (double)render_ns / (double)floor_ns,
        (double)floor_ns / 1e6);
    buffer_fini(&out);
    scene_fini(&scene);
    return render_ns <= GOAL_NS ? 0 : 1;
}
