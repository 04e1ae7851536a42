/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/sampler.h"

#include <time.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* a few nanoseconds; a window is a second */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sampler_start(struct sampler *sampler, enum weir_sampler kind, double ratio, uint32_t traces_per_second,
                   uint64_t (*refused)(void))
{
    bool is_off = kind == WEIR_SAMPLER_ALWAYS_OFF || kind == WEIR_SAMPLER_PARENTBASED_ALWAYS_OFF;
    bool is_ratio = kind == WEIR_SAMPLER_TRACEIDRATIO || kind == WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO;
    uint64_t threshold = threshold_of_ratio(is_off ? 0 : is_ratio ? ratio : 1);
    bool has_limit = traces_per_second > 0 && threshold < RANDOMNESS_ALL;
    if (has_limit) rate_limit_start(&sampler->limit, traces_per_second, threshold, now_ns(), refused);
    atomic_store_explicit(&sampler->threshold, threshold, memory_order_relaxed);
    atomic_store_explicit(&sampler->has_limit, has_limit, memory_order_relaxed);
    atomic_store_explicit(&sampler->is_parent_based, kind >= WEIR_SAMPLER_PARENTBASED_ALWAYS_ON,
                          memory_order_relaxed);
    atomic_store_explicit(&sampler->is_probability, is_ratio || has_limit, memory_order_relaxed);
    atomic_store_explicit(&sampler->is_asked, is_ratio || is_off || has_limit, memory_order_relaxed);
}

static struct sampling sampled_away(enum sampled_away away)
{
    return (struct sampling){false, away, THRESHOLD_UNKNOWN};
}

struct sampling sampler_ask(struct sampler *sampler, uint64_t randomness)
{
    uint64_t threshold = atomic_load_explicit(&sampler->threshold, memory_order_relaxed);
    if (randomness < threshold) return sampled_away(SAMPLED_AWAY_by_sampler);
    if (atomic_load_explicit(&sampler->has_limit, memory_order_relaxed) &&
        !rate_limit_take(&sampler->limit, randomness, now_ns(), &threshold))
        return sampled_away(SAMPLED_AWAY_by_rate_limit);
    if (!atomic_load_explicit(&sampler->is_probability, memory_order_relaxed)) threshold = THRESHOLD_UNKNOWN;
    return (struct sampling){true, SAMPLED_AWAY_by_sampler, threshold};
}

struct sampling sampler_ask_child(struct sampler *sampler, const struct sampling_parent *parent,
                                  uint64_t trace_id_end)
{
    const struct ot_state *ot = &parent->ot;
    uint64_t randomness = ot->has_randomness ? ot->randomness : sampler_randomness(trace_id_end);
    if (!atomic_load_explicit(&sampler->is_parent_based, memory_order_relaxed))
        return sampler_ask(sampler, randomness);
    bool agrees = ot->threshold != THRESHOLD_UNKNOWN && parent->sampled == (randomness >= ot->threshold);
    return (struct sampling){parent->sampled, SAMPLED_AWAY_by_caller,
                             agrees ? ot->threshold : THRESHOLD_UNKNOWN};
}
