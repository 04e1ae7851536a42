/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/analysis.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t percentile(int64_t *values, size_t count, unsigned percent)
{
    if (count > 1) qsort(values, count, sizeof *values, compare);
    return percentile_of_sorted(values, count, percent);
}

int64_t percentile_of_sorted(const int64_t *values, size_t count, unsigned percent)
{
    if (count == 0) return 0;
    if (percent >= 100) return values[count - 1];
    /* ceil(count × percent / 100) without overflow */
    size_t rank = count / 100 * percent + (count % 100 * percent + 99) / 100;
    return values[rank ? rank - 1 : 0];
}
