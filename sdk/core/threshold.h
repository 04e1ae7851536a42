/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thresholds of consistent probability sampling. Each trace has 56 random bits R; one that is kept when R >= T was sampled
 * with the threshold T, and stands for 2^56 / (2^56 - T) like it. Pure.
 */
#ifndef WEIR_SDK_CORE_THRESHOLD_H
#define WEIR_SDK_CORE_THRESHOLD_H

#include "proto/batch.h"

#include <stdint.h>

#define RANDOMNESS_ALL    SAMPLING_THRESHOLD_LIMIT /* how many R there are; as a threshold: none is kept */
#define THRESHOLD_UNKNOWN UINT64_MAX               /* not sampled with a threshold, or nobody knows which */
#define THRESHOLD_DIGITS  14                       /* hexadecimal ones, of 56 bits */

/* The threshold that keeps this ratio, with four digits behind the leading f's, as OpenTelemetry recommends: 0.1 is
 * 0xe6660000000000. RANDOMNESS_ALL for 0. */
uint64_t threshold_of_ratio(double ratio);

#endif
