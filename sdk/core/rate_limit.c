/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/rate_limit.h"

#include "sdk/core/threshold.h"

#define SECOND_NS     INT64_C(1000000000)
#define FALL_BITS     4  /* each phase keeps a 16th of the one before */
#define FORGET        32 /* quiet windows, after which nothing is expected */
#define COUNT(state)  ((uint32_t)(state))
#define WINDOW(state) ((state) >> 32)

#define GET(field)        atomic_load_explicit(&limit->field, memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&limit->field, value, memory_order_relaxed)

void rate_limit_start(struct rate_limit *limit, uint32_t per_second, uint64_t least_threshold, int64_t now_ns,
                      uint64_t (*refused)(void))
{
    uint32_t seconds = (RATE_LIMIT_SHARE_LEAST + per_second - 1) / per_second;
    SET(share, per_second * seconds);
    SET(window_ns, seconds * SECOND_NS);
    SET(least, least_threshold);
    SET(refused, refused);
    SET(refused_before, refused());
    SET(expected, 0);
    SET(began_ns, now_ns);
    SET(first, least_threshold);
    SET(threshold, least_threshold);
    SET(state, (WINDOW(GET(state)) + 1) << 32);
    atomic_store_explicit(&limit->ends_ns, now_ns + seconds * SECOND_NS, memory_order_release);
}

/* ---- phases ---- */

/* The threshold in force when a window has kept so many. */
static uint64_t threshold_after(const struct rate_limit *limit, uint32_t kept)
{
    uint32_t share = GET(share), end = share - share / 8;
    uint64_t range = RANDOMNESS_ALL - GET(first);
    if (kept >= share) return RANDOMNESS_ALL;
    while (kept >= end) {
        end += (share - end + 1) / 2;
        range >>= FALL_BITS;
    }
    return RANDOMNESS_ALL - (range ? range : 1);
}

/* ---- windows ---- */

/* Follows a rise at once and a fall by halves, so that a limit holds rather than that it is used to the last. What was seen
 * came in the window's own time; in what passed since then, nothing did. */
static double expect(const struct rate_limit *limit, double seen, int64_t elapsed_ns)
{
    int64_t windows = elapsed_ns / GET(window_ns), quiet = windows > 1 ? windows - 1 : 0;
    double before = GET(expected), now = seen >= before ? seen : (before + seen) / 2;
    return quiet < FORGET ? now / (double)((uint64_t)1 << quiet) : 0;
}

static uint64_t first_threshold(const struct rate_limit *limit, double expected)
{
    double wanted = 0.75 * GET(share);
    uint64_t threshold = expected > wanted ? threshold_of_ratio(wanted / expected) : 0, least = GET(least);
    return threshold > least ? threshold : least;
}

/* One of the threads that see a window's end begins the next; the others go on with the old one meanwhile. */
static void begin_window(struct rate_limit *limit, int64_t ends_ns, int64_t now_ns)
{
    if (!atomic_compare_exchange_strong_explicit(&limit->ends_ns, &ends_ns, INT64_MAX, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    uint64_t refused = GET(refused)(), state = GET(state);
    double seen = (double)(refused - GET(refused_before)) + COUNT(state);
    double expected = expect(limit, seen, now_ns - GET(began_ns));
    SET(expected, expected);
    SET(refused_before, refused);
    SET(began_ns, now_ns);
    uint64_t first = first_threshold(limit, expected);
    SET(first, first);
    SET(state, (WINDOW(state) + 1) << 32); /* first: nobody is refused for what the former window has kept */
    SET(threshold, first);
    atomic_store_explicit(&limit->ends_ns, now_ns + GET(window_ns), memory_order_release);
}

bool rate_limit_take(struct rate_limit *limit, uint64_t randomness, int64_t now_ns, uint64_t *threshold)
{
    int64_t ends_ns =
        atomic_load_explicit(&limit->ends_ns, memory_order_acquire); /* pairs with begin_window */
    if (__builtin_expect(now_ns >= ends_ns, 0)) begin_window(limit, ends_ns, now_ns);
    uint64_t in_force = GET(threshold), state = GET(state);
    if (randomness < in_force) return false;
    do
        if (COUNT(state) >= GET(share)) return false;
    while (!atomic_compare_exchange_weak_explicit(&limit->state, &state, state + 1, memory_order_relaxed,
                                                  memory_order_relaxed));
    *threshold = in_force;
    uint64_t next = threshold_after(limit, COUNT(state) + 1);
    if (next != in_force) /* unless a new window has set its own meanwhile */
        atomic_compare_exchange_strong_explicit(&limit->threshold, &in_force, next, memory_order_relaxed,
                                                memory_order_relaxed);
    return true;
}
