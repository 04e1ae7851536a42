/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/threshold.h"

#define PRECISION 4 /* digits */

/* Leading f's of the threshold that keeps so many of all: below 1/16 there is one, below 1/256 two. */
static int leading_digits(double ratio)
{
    int leading = 0;
    while (leading < THRESHOLD_DIGITS - PRECISION && ratio < 0.0625) {
        ratio *= 16;
        leading++;
    }
    return leading;
}

uint64_t threshold_of_ratio(double ratio)
{
    if (!(ratio > 0)) return RANDOMNESS_ALL;
    if (ratio >= 1) return 0;
    uint64_t kept = (uint64_t)(ratio * (double)RANDOMNESS_ALL); /* of 2^56; exact, but for what is below 1 */
    if (kept == 0) kept = 1;
    int cut = 4 * (THRESHOLD_DIGITS - PRECISION - leading_digits(ratio));
    uint64_t half = cut ? (uint64_t)1 << (cut - 1) : 0;
    return (RANDOMNESS_ALL - kept + half) >> cut << cut;
}
