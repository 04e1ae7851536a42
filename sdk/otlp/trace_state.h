/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A W3C tracestate with OpenTelemetry's own member saying how a span was sampled: `ot=th:c` keeps one in four. Pure.
 */
#ifndef WEIR_SDK_OTLP_TRACE_STATE_H
#define WEIR_SDK_OTLP_TRACE_STATE_H

#include "base/arena.h"

#include <stdint.h>

/* The state with the `ot` member in front and this threshold (below 2^56) as its `th`; its other fields and the other
 * members stay. */
struct str trace_state_with_threshold(struct arena *arena, struct str state, uint64_t threshold);

#endif
