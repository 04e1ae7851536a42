/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/units.h"

#include <stdio.h>

void units_time(char to[UNITS_TEXT_BYTES], double ms)
{
    if (ms >= 999.5) {
        snprintf(to, UNITS_TEXT_BYTES, "%.2f s", ms / 1000);
    } else {
        snprintf(to, UNITS_TEXT_BYTES, ms < 9.95 ? "%.1f ms" : "%.0f ms", ms);
    }
}

void units_count(char to[UNITS_TEXT_BYTES], long long count)
{
    if (count < 1000) {
        snprintf(to, UNITS_TEXT_BYTES, "%lld", count);
    } else if (count < 1000000) {
        snprintf(to, UNITS_TEXT_BYTES, "%lld,%03lld", count / 1000, count % 1000);
    } else {
        snprintf(to, UNITS_TEXT_BYTES, "%lld,%03lld,%03lld", count / 1000000, count / 1000 % 1000,
                 count % 1000);
    }
}
