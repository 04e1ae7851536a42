/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of tracestate's `ot` member: "th:c;rv:1234567890abcd", OpenTelemetry's own. th is the threshold with which the
 * trace was sampled, rv the trace's random number where the trace id is none. Pure functions on bytes that come from
 * outside; any thread, nothing is allocated.
 *
 * A threshold T says: kept when the 56 random bits are at least T. Its digits stand behind the point, so to speak: "8" is
 * 0x80000000000000, one half; zeros at the end are left out.
 *
 * Source: OpenTelemetry, "TraceState Handling" and "TraceState: Probability Sampling".
 */
#ifndef WEIR_SDK_CORE_OT_STATE_H
#define WEIR_SDK_CORE_OT_STATE_H

#include "base/str.h"
#include "sdk/core/threshold.h"

#include <stdbool.h>
#include <stdint.h>

#define OT_KEY        "ot"
#define OT_VALUE_MOST 256 /* characters */

struct ot_state {
    uint64_t threshold;  /* THRESHOLD_UNKNOWN: no th, or none that is valid */
    uint64_t randomness; /* with has_randomness: of rv */
    bool has_randomness;
};

/* What is missing, malformed or there twice counts as missing. */
struct ot_state ot_state_read(struct str value);

/* The value with another threshold: what else stands in it is kept, th is replaced, left out for THRESHOLD_UNKNOWN. A th that
 * would make it too long is left out, too: none is better than a wrong one. Returns the length; 0: the member goes. */
size_t ot_state_write(char to[OT_VALUE_MOST], struct str value, uint64_t threshold);

#endif
