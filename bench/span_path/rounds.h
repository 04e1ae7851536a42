/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring beside others: short rounds of the floor and of what is measured take turns, so that whatever slows this
 * machine down slows both, and what is said is the ratio of a round to the floor's round before it: the median, and the
 * 95th percentile. The floor is two clock_gettime calls and a 128-byte store into a ring of its own.
 */
#ifndef WEIR_BENCH_SPAN_PATH_ROUNDS_H
#define WEIR_BENCH_SPAN_PATH_ROUNDS_H

#define ROUND_SPANS 2000
#define ROUNDS      301

/* ROUND_SPANS times what is to be measured. */
typedef void (*round_fn)(void);

struct rounds {
    double ns[ROUNDS];       /* of one span in each round */
    double floor_ns[ROUNDS]; /* of one floor in the round before it */
};

struct spread {
    double median, p95;
};

/* between is called before each pair of rounds, unmeasured: empties the ring. May be NULL. */
void rounds_run(struct rounds *rounds, round_fn subject, round_fn between);

struct spread rounds_ns(const struct rounds *rounds);
struct spread rounds_floor_ns(const struct rounds *rounds);
struct spread rounds_ratio(const struct rounds *rounds);

double now_ns(void);

/* The floors themselves, as rounds. */
void floor_round(void);
void counter_floor_round(void); /* two rdtsc and the store; the same as floor_round where there is no rdtsc */

#endif
