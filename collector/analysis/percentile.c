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

static int compare_weighted(const void *a, const void *b)
{
    int64_t x = ((const struct weighted *)a)->value, y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

int64_t percentile_weighted(struct weighted *values, size_t count, unsigned percent)
{
    if (count > 1) qsort(values, count, sizeof *values, compare_weighted);
    return percentile_of_sorted_weighted(values, count, percent);
}

/* Sums of weights are not exact: what falls short by less than this part of the whole has reached it. */
#define WEIGHT_TOLERANCE 1e-9

int64_t percentile_of_sorted_weighted(const struct weighted *values, size_t count, unsigned percent)
{
    double whole = 0, below = 0;
    if (count == 0) return 0;
    if (percent >= 100) return values[count - 1].value;
    for (size_t i = 0; i < count; i++) whole += values[i].weight;
    double wanted = whole * percent / 100 - whole * WEIGHT_TOLERANCE;
    for (size_t i = 0; i < count; i++) {
        below += values[i].weight;
        if (below >= wanted) return values[i].value;
    }
    return values[count - 1].value;
}

uint64_t count_of_weight(double weight, uint64_t seen)
{
    if (!(weight < 18e18)) return UINT64_MAX;
    uint64_t count = (uint64_t)(weight + 0.5);
    return count > seen ? count : seen;
}
