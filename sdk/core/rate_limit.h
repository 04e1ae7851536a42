/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most so many traces a second, such that those that are kept still say how many there were. Time is cut into windows of
 * a second, or of more for a limit below 16 a second, so that a window's share is 16 traces at least. In a window
 *
 *     the first 7/8 of the share    are kept with the threshold that the window began with, which would keep 3/4 of the
 *                                   share if as many came as of late
 *     half of what is left then     with a 16th of that probability
 *     half of what is left then     with a 16th of that, and so on
 *     when the share is used up     nothing is kept until the window ends
 *
 * Whether a trace is kept depends on its own random bits and on a threshold that was there before it came, never on what
 * else it is; and it counts with that very threshold. So the sum of the weights of what is kept is an unbiased estimate
 * (Horvitz and Thompson's) of how many there were, however the threshold moves. The exception is what comes when the share
 * is used up, which takes a burst of 20 times (a share of 16) to 1,000 times (of 100 and more) what was expected. That is
 * counted as sampled away like the rest, so that the total stays known.
 *
 * Any thread; no lock, no system call. To refuse a trace takes two loads; to keep one a compare-and-swap, at most share
 * times a window. Which window it is and how many it has kept change as one word: no window keeps more than its share.
 */
#ifndef WEIR_SDK_CORE_RATE_LIMIT_H
#define WEIR_SDK_CORE_RATE_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RATE_LIMIT_SHARE_LEAST 16

struct rate_limit {
    _Atomic uint32_t share; /* traces a window */
    _Atomic int64_t window_ns;
    _Atomic uint64_t least; /* the threshold without a limit */
    _Atomic(uint64_t (*)(void)) refused;

    /* Of the window; INT64_MAX while a thread begins a new one. That thread's release store pairs with acquire loads. */
    _Atomic int64_t ends_ns;
    _Atomic uint64_t threshold; /* in force; RANDOMNESS_ALL: the share is used up */
    _Atomic uint64_t state;     /* the window's number << 32 | how many it has kept */
    _Atomic uint64_t first;     /* the threshold that it began with */

    /* Only for who begins a window. */
    _Atomic int64_t began_ns;
    _Atomic uint64_t refused_before;
    _Atomic double expected; /* in a window */
};

/* refused tells how many traces the sampler has refused so far, for whatever reason; it never goes down. */
void rate_limit_start(struct rate_limit *limit, uint32_t per_second, uint64_t least_threshold, int64_t now_ns,
                      uint64_t (*refused)(void));

/* Whether a trace with these random bits is kept, and with which threshold. The refused ones are the caller's to count. */
bool rate_limit_take(struct rate_limit *limit, uint64_t randomness, int64_t now_ns, uint64_t *threshold);

#endif
