/* SPDX-License-Identifier: Apache-2.0 */
/* Time is an argument, random bits come from a seed: what is kept in each window, and what its weights add up to. */
#include "tests/support/cmocka.h"

#include "base/id.h"
#include "model/span.h"
#include "sdk/core/rate_limit.h"
#include "sdk/core/threshold.h"

#include <math.h>
#include <pthread.h>

#define SECOND INT64_C(1000000000)

static _Atomic uint64_t refused_count;
static uint64_t refused(void) { return refused_count; }

static struct rate_limit limit;
static struct id_generator ids;

static void start(uint32_t per_second, uint64_t least)
{
    ids = (struct id_generator){{21, 22, 23, 24}};
    refused_count = 0;
    rate_limit_start(&limit, per_second, least, 0, refused);
}

struct seen {
    uint32_t kept;
    double weight;
};

/* So many traces, evenly over one second; without the limit's threshold they are the sampler's to refuse. */
static struct seen second(int64_t number, uint32_t count)
{
    struct seen seen = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t threshold, randomness = id_next(&ids) >> 8;
        int64_t now = number * SECOND + i * (SECOND / count);
        if (rate_limit_take(&limit, randomness, now, &threshold)) {
            assert_true(randomness >= threshold);
            seen.weight += sampling_weight(threshold);
            seen.kept++;
        } else {
            refused_count++;
        }
    }
    return seen;
}

static void below_the_limit_all_are_kept(void **state)
{
    (void)state;
    start(100, 0);
    for (int64_t s = 0; s < 20; s++) {
        struct seen seen = second(s, 70);
        assert_int_equal(seen.kept, 70);
        assert_true(seen.weight == 70);
    }
}

static void no_second_keeps_more_than_its_share(void **state)
{
    (void)state;
    static const uint32_t rates[] = {50, 90, 100, 110, 1000, 3, 50000, 10, 200000, 0, 400, 400};
    start(100, 0);
    for (int64_t s = 0; s < (int64_t)(sizeof rates / sizeof rates[0]); s++)
        if (rates[s]) assert_true(second(s, rates[s]).kept <= 100);
}

/* A steady rate far above the limit: three quarters of it are used, and the weights say how many there were. */
static void a_steady_rate(void **state)
{
    (void)state;
    const uint32_t rate = 20000;
    double weight = 0, kept = 0;
    start(100, 0);
    second(0, rate); /* learns the rate */
    for (int64_t s = 1; s <= 50; s++) {
        struct seen seen = second(s, rate);
        weight += seen.weight;
        kept += seen.kept;
    }
    assert_true(kept / 50 > 70 && kept / 50 < 90);
    assert_true(fabs(weight / (50.0 * rate) - 1) < 0.1); /* 4 standard errors of 3,750 traces are 6.5 % */
}

/* Bursts, up to 150 times what came before: unbiased still, at the price of more variance. */
static void bursts(void **state)
{
    (void)state;
    const uint32_t rates[] = {200, 30000, 50, 5000, 1000, 10000};
    double ratios = 0, squares = 0;
    const int rounds = 200;
    start(100, 0);
    for (int round = 0; round < rounds; round++) {
        double weight = 0, came = 0;
        for (int64_t s = 0; s < 6; s++) {
            weight += second((int64_t)round * 6 + s, rates[s]).weight;
            came += rates[s];
        }
        ratios += weight / came;
        squares += weight / came * (weight / came);
    }
    double mean = ratios / rounds, error = sqrt((squares / rounds - mean * mean) / rounds);
    assert_true(error < 0.1);
    assert_true(fabs(mean - 1) < 4 * error);
}

static void a_limit_below_16_has_longer_windows(void **state)
{
    (void)state;
    uint32_t kept = 0;
    double weight = 0;
    start(1, 0); /* 16 in 16 seconds */
    for (int64_t s = 0; s < 16; s++) kept += second(s, 50).kept;
    assert_true(kept <= 16);
    kept = 0;
    for (int64_t s = 16; s < 16 + 16 * 50; s++) {
        struct seen seen = second(s, 50);
        kept += seen.kept;
        weight += seen.weight;
    }
    assert_true(kept <= 16 * 50 && kept > 10 * 50);
    assert_true(fabs(weight / (800.0 * 50) - 1) < 0.25);
}

/* The ratio's threshold is the least that is ever in force, so that both may be set. */
static void together_with_a_ratio(void **state)
{
    (void)state;
    const uint64_t half = 0x80000000000000;
    double weight = 0;
    start(1000, half);
    for (int64_t s = 0; s < 20; s++) { /* what the ratio would refuse never gets here */
        for (uint32_t i = 0; i < 1000; i++) {
            uint64_t threshold, randomness = id_next(&ids) >> 8;
            if (randomness >= half &&
                rate_limit_take(&limit, randomness, s * SECOND + i * 1000000, &threshold)) {
                assert_true(threshold == half);
                weight += sampling_weight(threshold);
            } else {
                refused_count++;
            }
        }
    }
    assert_true(fabs(weight - 20000) < 4 * sqrt(20000.0));
}

/* A quiet time is not taken for the rate of a busy one. */
static void after_a_pause(void **state)
{
    (void)state;
    start(100, 0);
    for (int64_t s = 0; s < 5; s++) second(s, 100000);
    assert_int_equal(second(20, 60).kept, 60);
    assert_int_equal(second(21, 60).kept, 60);
}

/* A thread that still goes by the threshold of before cannot exceed the share. */
static void the_share_holds_whatever_the_threshold(void **state)
{
    (void)state;
    uint64_t threshold;
    start(100, 0);
    assert_true(second(0, 1000000).kept <= 100);
    while (limit.state % (1u << 16) < 100) {
        atomic_store(&limit.threshold, 0);
        rate_limit_take(&limit, 0, 0, &threshold);
    }
    atomic_store(&limit.threshold, 0);
    assert_false(rate_limit_take(&limit, UINT64_MAX, 0, &threshold));
}

/* ---- threads ---- */

#define THREADS 4

static void *take_many(void *from)
{
    struct id_generator own = {{1, 2, 3, (uintptr_t)from}};
    uintptr_t kept = 0;
    for (int i = 0; i < 50000; i++) {
        uint64_t threshold;
        if (rate_limit_take(&limit, id_next(&own) >> 8, (int64_t)i * (SECOND / 2500), &threshold))
            kept++;
        else
            atomic_fetch_add_explicit(&refused_count, 1, memory_order_relaxed);
    }
    return (void *)kept;
}

/* Each on its own clock, as far apart as the scheduler likes: at most a share for each window that any of them began. */
static void several_threads_share_one_limit(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uintptr_t kept = 0;
    start(100, 0);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, take_many, (void *)(i + 1));
    for (uintptr_t i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        kept += (uintptr_t)result;
    }
    assert_true(kept <= 100 * 21 && kept > 100); /* 20 seconds on each clock */
    assert_int_equal(kept + refused_count, THREADS * 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_limit_all_are_kept),
        cmocka_unit_test(no_second_keeps_more_than_its_share),
        cmocka_unit_test(a_steady_rate),
        cmocka_unit_test(bursts),
        cmocka_unit_test(a_limit_below_16_has_longer_windows),
        cmocka_unit_test(together_with_a_ratio),
        cmocka_unit_test(after_a_pause),
        cmocka_unit_test(the_share_holds_whatever_the_threshold),
        cmocka_unit_test(several_threads_share_one_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
