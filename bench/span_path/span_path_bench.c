/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span costs: in the thread that makes it, through the shared library as a service calls it, with the exporter
 * running and a peer in another process acknowledging; and, in CPU time, in the whole process.
 *
 *     bench_span_path [URL of a collector]
 *
 * Rounds of the floor and of spans take turns (rounds.h); between them the ring is emptied by the exporter, so that its
 * memory is as warm or cold as a ring in use is. Were anything dropped meanwhile, the figures would be too good: then the
 * benchmark fails.
 */
#include "bench/span_path/peer_process.h"
#include "bench/span_path/rounds.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <weir/call.h>
#include <weir/weir.h>

#define WHOLE_SPANS   1000000
#define WHOLE_REQUEST 8    /* spans of each */
#define WHOLE_AT_ONCE 2000 /* then the exporter catches up */
#define INTERVAL_MS   5
#define UNSAMPLED     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

static char text_24[] = "a shop of twenty-four c.",
            text_56[] = "a text of fifty-six characters, as an address would be..";

/* ---- what is measured ---- */

static void span_round(void)
{
    for (int i = 0; i < ROUND_SPANS; i++) {
        WEIR_SPAN("bench");
    }
}

static void attributes_round(void)
{
    for (int i = 0; i < ROUND_SPANS; i++) {
        WEIR_SPAN("bench");
        weir_int("shop.products", i);
        weir_string("shop.name", text_24);
        weir_string("shop.address", text_56);
    }
}

static const char *cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    (void)row, (void)column;
    *bytes = 4;
    return from;
}

static void call_round(void)
{
    static const char sql[] = "SELECT id, name FROM products WHERE merchant_id = $1";
    for (int i = 0; i < ROUND_SPANS; i++) {
        struct weir_span call = weir_call_begin(
            &(struct weir_call){WEIR_SITE("q"), WEIR_CALL_DB, "postgresql", NULL, sql, sizeof sql - 1, 1});
        weir_call_input(call, "1742", 4);
        weir_call_send(call);
        weir_call_answered(call);
        weir_call_table(call, 3, 2, cell, "1742");
        weir_call_end(call);
    }
}

/* ---- the state of the library ---- */

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats;
}

static void rest(void) { nanosleep(&(struct timespec){0, 500000}, NULL); }

static void until_acknowledged(void)
{
    while (stats_now().in_flight) rest();
}

static void start(const char *url)
{
    struct weir_config config = {.endpoint = url, .service_name = "bench", .export_interval_ms = INTERVAL_MS};
    if (weir_init(&config) == WEIR_OK) return;
    fputs("weir_init failed\n", stderr);
    exit(1);
}

static const char *unsampled_header(const void *from, const char *name)
{
    return strcmp(name, "traceparent") ? NULL : from;
}

/* ---- one thread ---- */

struct measurement {
    round_fn round;
    const struct weir_headers *headers; /* of the request around the rounds */
    pthread_barrier_t *together;        /* NULL: alone */
    struct rounds rounds;
};

static _Thread_local pthread_barrier_t *together;

static void between(void)
{
    until_acknowledged();
    if (together) pthread_barrier_wait(together);
}

static void *measure(void *argument)
{
    struct measurement *measurement = argument;
    together = measurement->together;
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/bench", measurement->headers);
    rounds_run(&measurement->rounds, measurement->round, between);
    weir_span_end(request);
    return NULL;
}

static void title(void) { printf("%-40s %9s %9s   %8s %8s\n", "", "ns", "p95", "x floor", "p95"); }

static void line(const char *what, const struct rounds *rounds)
{
    struct spread ns = rounds_ns(rounds), ratio = rounds_ratio(rounds);
    printf("%-40s %9.1f %9.1f   %8.2f %8.2f\n", what, ns.median, ns.p95, ratio.median, ratio.p95);
}

static void measure_floors(void)
{
    static struct rounds rounds;
    rounds_run(&rounds, counter_floor_round, NULL);
    struct spread floor = rounds_floor_ns(&rounds);
    printf("%-40s %9.1f %9.1f   %8.2f\n", "floor: two clock_gettime, 128-byte store", floor.median, floor.p95,
           1.0);
    line("two rdtsc, 128-byte store", &rounds);
}

static void measure_disabled(const char *what)
{
    static struct rounds rounds;
    rounds_run(&rounds, span_round, NULL);
    line(what, &rounds);
}

static void measure_line(const char *what, round_fn round, const struct weir_headers *headers)
{
    static struct measurement measurement;
    measurement = (struct measurement){.round = round, .headers = headers};
    measure(&measurement);
    line(what, &measurement.rounds);
}

/* ---- two threads ---- */

static void measure_two(const char *what, round_fn round)
{
    static struct measurement each[2];
    pthread_t threads[2];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 2; i++) {
        each[i] = (struct measurement){.round = round, .together = &barrier};
        if (pthread_create(&threads[i], NULL, measure, &each[i]) != 0) exit(1);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    double first = rounds_ratio(&each[0].rounds).median, second = rounds_ratio(&each[1].rounds).median;
    line(what, &each[first < second].rounds);
}

/* ---- the whole process ---- */

static double cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static double thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void make_requests(int spans)
{
    for (int i = 0; i < spans; i += WHOLE_REQUEST) {
        WEIR_SERVER_SPAN(request, "GET", "/bench/{id}", NULL);
        for (int inner = 1; inner < WHOLE_REQUEST; inner++) {
            WEIR_SPAN("inner");
        }
    }
}

/* Requests, and the exporter's work on them until the last is acknowledged. The waiting itself costs, too: `floor` has the same
 * loop while tracing is off. */
static void whole_run(double *process_ns, double *thread_ns)
{
    double process_before = cpu_ns(), thread_before = thread_cpu_ns();
    for (int made = 0; made < WHOLE_SPANS; made += WHOLE_AT_ONCE) {
        make_requests(WHOLE_AT_ONCE);
        do rest();
        while (stats_now().in_flight > WHOLE_AT_ONCE);
    }
    until_acknowledged();
    *process_ns = (cpu_ns() - process_before) / WHOLE_SPANS;
    *thread_ns = (thread_cpu_ns() - thread_before) / WHOLE_SPANS;
}

static void measure_whole(const char *url)
{
    double floor_ns, process_ns, thread_ns;
    whole_run(&floor_ns, &thread_ns);
    start(url);
    whole_run(&process_ns, &thread_ns);
    printf("%-40s %9.1f  CPU time a span, %d spans in requests of %d\n", "whole process",
           process_ns - floor_ns, WHOLE_SPANS, WHOLE_REQUEST);
    printf("%-40s %9.1f  of it the exporter %.1f; the loop without spans, taken off: %.1f\n", "",
           thread_ns - floor_ns, process_ns - thread_ns, floor_ns);
}

int main(int argc, char **argv)
{
    char url[64];
    struct weir_headers unsampled = {.get = unsampled_header, .from = UNSAMPLED};
    if (argc > 1)
        snprintf(url, sizeof url, "%s", argv[1]);
    else
        peer_process_start(url, sizeof url);
    title();
    measure_floors();
    measure_disabled("span while tracing is off");
    measure_whole(url);
    measure_line("span", span_round, NULL);
    measure_line("span, 1 integer and 2 strings", attributes_round, NULL);
    measure_line("span, not sampled", span_round, &unsampled);
    measure_line("call, 1 input, 3 x 2 answer", call_round, NULL);
    measure_two("span, two threads, the slower", span_round);
    measure_two("3 attributes, two threads, the slower", attributes_round);
    struct weir_stats stats = stats_now();
    weir_shutdown(2000);
    if (stats.dropped) printf("not valid: %llu spans were dropped\n", (unsigned long long)stats.dropped);
    return stats.dropped != 0;
}
