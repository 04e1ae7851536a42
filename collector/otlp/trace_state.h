/* SPDX-License-Identifier: Apache-2.0 */
/*
 * W3C's tracestate, for the sampling threshold in its `ot` member ("ot=th:c;rv:…"). Pure; bytes may be hostile.
 * Source: OpenTelemetry, "TraceState: Probability Sampling".
 */
#ifndef WEIR_COLLECTOR_TRACE_STATE_H
#define WEIR_COLLECTOR_TRACE_STATE_H

#include "base/str.h"

#include <stdint.h>

/* 0: none, or none that is valid. Below 2^56. */
uint64_t trace_state_threshold(struct str trace_state);

#endif
