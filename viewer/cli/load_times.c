/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/load_times.h"

#include <stdlib.h>

bool load_times_add(struct load_times *times, int64_t ns)
{
    if (times->count == times->room) {
        size_t room = times->room ? times->room * 2 : 64;
        int64_t *larger = realloc(times->ns, room * sizeof *larger);
        if (!larger) return false;
        times->ns = larger;
        times->room = room;
    }
    times->ns[times->count++] = ns;
    times->is_sorted = false;
    return true;
}

bool load_times_join(struct load_times *times, const struct load_times *other)
{
    for (size_t i = 0; i < other->count; i++) {
        if (!load_times_add(times, other->ns[i])) return false;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t load_times_percentile(struct load_times *times, unsigned percent)
{
    if (times->count == 0) return 0;
    if (!times->is_sorted) qsort(times->ns, times->count, sizeof *times->ns, compare);
    times->is_sorted = true;
    size_t rank = (times->count * percent + 99) / 100;
    return times->ns[rank - 1];
}

double load_times_mean_ns(const struct load_times *times)
{
    double sum = 0;
    for (size_t i = 0; i < times->count; i++) sum += (double)times->ns[i];
    return times->count ? sum / (double)times->count : 0;
}

void load_times_fini(struct load_times *times)
{
    free(times->ns);
    *times = (struct load_times){0};
}
