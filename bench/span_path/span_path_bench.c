/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span costs the thread that makes it: begin and end in a child of an open span, through the shared library as a
 * service calls it, against the floor: two clock_gettime calls and a 128-byte store. Each line is the median of many
 * short rounds. There is no collector: spans pile up in a ring that has room for all of a line's, and is emptied by a
 * shutdown between the lines; its pages were touched before, as those of a ring in use are. Were anything dropped while
 * it is measured, the figures would be too good: then the benchmark fails.
 */
#include <weir/call.h>
#include <weir/weir.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS      101
#define ROUND_SPANS 2000
#define RING_BYTES  (64u << 20)

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void floor_round(void)
{
    static unsigned char ring[ROUND_SPANS][128];
    for (int i = 0; i < ROUND_SPANS; i++) {
        struct timespec begin, end;
        unsigned char record[128];
        clock_gettime(CLOCK_MONOTONIC, &begin);
        clock_gettime(CLOCK_MONOTONIC, &end);
        memset(record, i, sizeof record);
        memcpy(record, &begin, sizeof begin);
        memcpy(record + sizeof begin, &end, sizeof end);
        memcpy(ring[i], record, sizeof record);
        __asm__ volatile("" : : "r"(ring[i]) : "memory");
    }
}

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
        weir_bool("shop.cached", true);
        weir_string("shop.name", "a shop of ours");
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

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct measurement {
    void (*round)(void);
    double ns;
};

static double median_ns(void (*round)(void))
{
    double each[ROUNDS];
    round();
    for (int i = 0; i < ROUNDS; i++) {
        double begin = now_ns();
        round();
        each[i] = (now_ns() - begin) / ROUND_SPANS;
    }
    qsort(each, ROUNDS, sizeof each[0], ascending);
    return each[ROUNDS / 2];
}

/* Empties the rings: what is in them counts as dropped by the shutdown. */
static void start_again(void)
{
    struct weir_config config = {
        .endpoint = "tcp://127.0.0.1:1", .ring_bytes = RING_BYTES, .export_interval_ms = 60000};
    weir_shutdown(1);
    if (weir_init(&config) != WEIR_OK) exit(1);
}

static void *in_a_request(void *argument)
{
    struct measurement *measurement = argument;
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/bench", NULL);
    measurement->ns = median_ns(measurement->round);
    weir_span_end(request);
    return NULL;
}

static double measure_ns(void (*round)(void))
{
    struct measurement measurement = {round, 0};
    start_again();
    in_a_request(&measurement);
    return measurement.ns;
}

/* The slower of two threads that run at once. */
static double measure_two_ns(void (*round)(void))
{
    struct measurement each[2] = {{round, 0}, {round, 0}};
    pthread_t threads[2];
    start_again();
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, in_a_request, &each[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return each[0].ns > each[1].ns ? each[0].ns : each[1].ns;
}

static uint64_t dropped_in_rounds(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats.dropped_ring_full + stats.dropped_too_deep + stats.dropped_no_memory;
}

static void line(const char *what, double ns, double floor)
{
    printf("%-34s %8.1f ns   %5.2f x floor\n", what, ns, floor ? ns / floor : 1.0);
}

int main(void)
{
    double disabled = median_ns(span_round);
    double floor = median_ns(floor_round);
    measure_ns(attributes_round); /* touches more of the rings than any line does */
    measure_two_ns(attributes_round);
    line("two clock_gettime, 128-byte store", floor, floor);
    line("span", measure_ns(span_round), floor);
    line("span with 3 attributes", measure_ns(attributes_round), floor);
    line("call, 1 input, 3 x 2 answer", measure_ns(call_round), floor);
    line("span, two threads, the slower", measure_two_ns(span_round), floor);
    line("span while tracing is off", disabled, floor);
    uint64_t dropped = dropped_in_rounds();
    if (dropped) printf("not valid: %llu spans were dropped\n", (unsigned long long)dropped);
    weir_shutdown(1);
    return dropped != 0;
}
