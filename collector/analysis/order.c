/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/order.h"

#include <stdbool.h>
#include <string.h>

static bool before(const struct order_key *a, const struct order_key *b)
{
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns;
    if (a->second != b->second) return a->second < b->second;
    if (a->third != b->third) return a->third < b->third;
    return a->index < b->index;
}

static size_t run_end(const struct order_key *keys, size_t from, size_t count)
{
    size_t end = from + 1;
    while (end < count && !before(&keys[end], &keys[end - 1])) end++;
    return end;
}

static void merge(const struct order_key *a, size_t a_count, const struct order_key *b, size_t b_count,
                  struct order_key *to)
{
    while (a_count && b_count) {
        if (before(b, a)) {
            *to++ = *b++;
            b_count--;
        } else {
            *to++ = *a++;
            a_count--;
        }
    }
    memcpy(to, a, a_count * sizeof *a);
    memcpy(to + a_count, b, b_count * sizeof *b);
}

/* Merges neighbouring runs two by two; returns how many runs there were. */
static size_t merge_runs(const struct order_key *from, struct order_key *to, size_t count)
{
    size_t runs = 0;
    for (size_t at = 0; at < count;) {
        size_t middle = run_end(from, at, count);
        size_t end = middle < count ? run_end(from, middle, count) : count;
        merge(from + at, middle - at, from + middle, end - middle, to + at);
        runs += middle < end ? 2 : 1;
        at = end;
    }
    return runs;
}

struct order_key *order_sort(struct order_key *keys, struct order_key *scratch, size_t count)
{
    if (count == 0 || run_end(keys, 0, count) == count) return keys;
    for (;;) {
        size_t runs = merge_runs(keys, scratch, count);
        struct order_key *sorted = scratch;
        scratch = keys;
        keys = sorted;
        if (runs <= 2) return keys;
    }
}

int order_of_texts(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}
