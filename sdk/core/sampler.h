/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which traces are recorded: OpenTelemetry's samplers, with consistent probability. Asked once where a trace begins or comes
 * in from outside, never by spans within it. Each trace has 56 random bits R (`rv`, else the end of its id); it is kept when
 * R >= T, and a trace that was kept with the threshold T stands for 2^56 / (2^56 - T) like it.
 *
 * How one that comes in is taken, by a parent-based sampler: as its caller took it. If the caller's th and sampled flag
 * contradict each other (R >= T is not what the flag says), or there is no th, its weight is not known: th is erased on the
 * way on, and the trace counts as one. The other samplers decide anew.
 *
 * th is written by the ratio samplers and by the rate limit. always_on writes none, so that nothing is added to
 * anybody's headers as long as nothing is left out.
 *
 * The sampler is set by weir_init and read by all threads; its fields are atomics because threads may still be looking at
 * the former one's. No lock, no system call, nothing is allocated.
 *
 * Source: OpenTelemetry, "TraceState: Probability Sampling" and "Tracing SDK"; W3C Trace Context Level 2 (random bits).
 */
#ifndef WEIR_SDK_CORE_SAMPLER_H
#define WEIR_SDK_CORE_SAMPLER_H

#include "proto/sampled_away.h"
#include "sdk/core/ot_state.h"
#include "sdk/core/rate_limit.h"

#include <weir/weir.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sampler {
    _Atomic bool is_asked;        /* false: every trace is kept that has no caller who said otherwise */
    _Atomic bool is_probability;  /* th says with which */
    _Atomic bool is_parent_based; /* a caller's decision stands */
    _Atomic bool has_limit;
    _Atomic uint64_t threshold; /* without the limit */
    struct rate_limit limit;
};

/* What was decided for a trace. */
struct sampling {
    bool sampled;
    enum sampled_away away; /* who had it so, when it is not sampled */
    uint64_t threshold;     /* with which it is on its way: THRESHOLD_UNKNOWN: without one */
};

/* A caller's decision, from traceparent and tracestate. */
struct sampling_parent {
    bool sampled;
    struct ot_state ot;
};

/* traces_per_second 0: no limit. refused as in rate_limit_start. */
void sampler_start(struct sampler *sampler, enum weir_sampler kind, double ratio, uint32_t traces_per_second,
                   uint64_t (*refused)(void));

/* A trace that begins here, or whose caller has no say. */
struct sampling sampler_ask(struct sampler *sampler, uint64_t randomness);

/* A trace that comes in from outside with this trace id's last 8 bytes. */
struct sampling sampler_ask_child(struct sampler *sampler, const struct sampling_parent *parent,
                                  uint64_t trace_id_end);

static inline uint64_t sampler_randomness(uint64_t trace_id_end)
{
    return trace_id_end & (RANDOMNESS_ALL - 1);
}

/* Without: every trace that begins here is kept, and stands for itself. */
static inline bool sampler_is_asked(const struct sampler *sampler)
{
    return atomic_load_explicit(&sampler->is_asked, memory_order_relaxed);
}

/* A trace that begins here with this trace id's last 8 bytes. */
static inline struct sampling sampler_ask_root(struct sampler *sampler, uint64_t trace_id_end)
{
    if (__builtin_expect(!sampler_is_asked(sampler), 1))
        return (struct sampling){true, SAMPLED_AWAY_by_sampler, THRESHOLD_UNKNOWN};
    return sampler_ask(sampler, sampler_randomness(trace_id_end));
}

#endif
