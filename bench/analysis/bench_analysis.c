/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast spans become findings on one core: assembling and analysing, from spans in the order in which a service sends
 * them (each at its end) to requests and findings. Prints spans a second, the ratio to the goal of 1 M, and whether it
 * stays linear: a trace ten and a hundred times as long. bench_analysis [SECONDS EACH]
 */
#include "tests/analysis/case_studies.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GOAL_SPANS_PER_S 1e6

struct input {
    struct build build;
    uint32_t trace_count;
    struct trace *traces; /* not assembled */
};

static int by_end(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int64_t x_ns = span_end_ns(x), y_ns = span_end_ns(y);
    return (x_ns > y_ns) - (x_ns < y_ns);
}

/* One trace of what was built. */
static struct trace take_trace(struct build *build)
{
    struct trace trace = {.id = {1}, .span_count = build->count, .fragment_count = 1};
    trace.spans = arena_alloc(&build->arena, build->count * sizeof *trace.spans);
    if (!trace.spans) abort();
    for (size_t i = 0; i < build->count; i++) trace.spans[i] = *build->spans[i];
    qsort(trace.spans, trace.span_count, sizeof *trace.spans, by_end);
    build->count = 0;
    return trace;
}

static void input_init(struct input *input, uint32_t traces)
{
    build_init(&input->build);
    input->trace_count = traces;
    input->traces = arena_array(&input->build.arena, traces, sizeof *input->traces);
    if (!input->traces) abort();
}

static void dashboards(struct input *input, uint32_t times)
{
    input_init(input, 1);
    struct span *all = open_span(&input->build, NULL, "all");
    for (uint32_t i = 0; i < times; i++) case_dashboard_before(&input->build, i + 1);
    span_close(&input->build, all);
    input->traces[0] = take_trace(&input->build);
}

static void one_loop(struct input *input, uint32_t calls)
{
    input_init(input, 1);
    struct span *request = open_server(&input->build, NULL, "GET /loop");
    loop_db(&input->build, request, "SELECT a FROM b WHERE c = ?", 100, calls, NULL, 0, 1);
    span_close(&input->build, request);
    input->traces[0] = take_trace(&input->build);
}

static void small_traces(struct input *input)
{
    input_init(input, 1000);
    for (uint32_t i = 0; i < input->trace_count; i++) {
        case_small(&input->build, i + 1);
        input->traces[i] = take_trace(&input->build);
    }
}

static size_t analyse_all(const struct input *input, struct arena *arena)
{
    struct analysis_settings settings = analysis_settings_default();
    size_t spans = 0;
    for (uint32_t i = 0; i < input->trace_count; i++) {
        struct trace trace = input->traces[i];
        struct analysis analysis;
        arena_reset(arena);
        if (!trace_assemble(&trace, arena) || !analyse_trace(&analysis, &trace, &settings, arena)) abort();
        spans += trace.span_count;
    }
    return spans;
}

/* Of this thread: the goal is for a core, whoever else uses it. */
static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void measure(const char *what, struct input *input, double seconds)
{
    struct arena arena;
    arena_init(&arena, (size_t)8 << 30);
    analyse_all(input, &arena);
    size_t spans = 0;
    int64_t began_ns = cpu_ns(), took_ns;
    do {
        spans += analyse_all(input, &arena);
        took_ns = cpu_ns() - began_ns;
    } while ((double)took_ns < seconds * 1e9);
    double rate = (double)spans / ((double)took_ns / 1e9);
    printf("%-44s %8.2f M spans/s   %5.1f x the goal   %7.1f MiB\n", what, rate / 1e6,
           rate / GOAL_SPANS_PER_S, (double)arena.total_bytes / (1 << 20));
    arena_fini(&arena);
    build_fini(&input->build);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.5;
    struct input input;
    small_traces(&input);
    measure("traces of 8 spans", &input, seconds);
    dashboards(&input, 1);
    measure("the dashboard, 3,609 spans", &input, seconds);
    dashboards(&input, 10);
    measure("10 dashboards in one trace", &input, seconds);
    dashboards(&input, 100);
    measure("100 dashboards in one trace", &input, seconds);
    one_loop(&input, 1000000);
    measure("one loop of 1,000,000 calls", &input, seconds);
    return 0;
}
