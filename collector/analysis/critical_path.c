/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The critical path: what had to be shorter for the whole to be shorter. Going back from a span's end, the
 * child that ended last is on it; before that child's start, the one that had ended last by then; and so on,
 * inside each of them likewise. Handling all spans in order of their ends, latest first, does this without
 * recursion and without scanning children again: `free_until` of a span is the time before which its next
 * child on the path must end.
 *
 * What a process goes on with when its request has ended (a job in a queue, a thread that nobody joined) is not on
 * it: the request did not wait for that. Of another process the end says nothing, since its clock may be ahead.
 */
#include "collector/analysis/analysis.h"

#include "collector/analysis/requests.h"

#include <stdlib.h>

#define OUTLASTS_NS 1000000 /* by more than clocks are rounded to */

struct candidate {
    const struct span *span;
    int64_t end_ns;     /* cut to what its parents cover */
    int64_t free_until; /* valid once on the path */
    size_t parent;      /* in the order of the walk */
    bool outlasts;      /* the request did not wait for its end */
    bool on_path;
};

struct by_end {
    int64_t end_ns;
    size_t at;
};

/* The latest end first; of equal ends the parent, which the walk met first. */
static int latest_end_first(const void *a, const void *b)
{
    const struct by_end *x = a, *y = b;
    if (x->end_ns != y->end_ns) return x->end_ns > y->end_ns ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static size_t count_subtree(const struct span *root)
{
    size_t count = 0;
    for (const struct span *span = root; span; span = next_in_subtree(root, span, true)) count++;
    return count;
}

static bool outlasts(const struct span *span, const struct span *root)
{
    return span_end_ns(span) - OUTLASTS_NS > span_end_ns(root) &&
           same_process(span->resource, root->resource);
}

/* Lists the subtree, parents first. places: where each span of the trace stands in the list. */
static void list_subtree(const struct trace *trace, const struct span *root, struct candidate *list,
                         size_t *places)
{
    size_t at = 0;
    for (const struct span *span = root; span; span = next_in_subtree(root, span, true)) {
        struct candidate *candidate = &list[at];
        *candidate = (struct candidate){.span = span, .end_ns = span_end_ns(span)};
        if (span != root) {
            candidate->parent = places[span->parent - trace->spans];
            int64_t limit_ns = list[candidate->parent].end_ns;
            if (candidate->end_ns > limit_ns) candidate->end_ns = limit_ns;
            candidate->outlasts = outlasts(span, root);
        }
        places[span - trace->spans] = at++;
    }
}

static void walk_back(struct candidate *list, const struct by_end *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &list[order[i].at];
        if (order[i].at != 0) {
            struct candidate *parent = &list[candidate->parent];
            bool ended_in_time = candidate->end_ns <= parent->free_until;
            if (!parent->on_path || candidate->outlasts || !ended_in_time ||
                candidate->span->start_ns > candidate->end_ns)
                continue;
            parent->free_until = candidate->span->start_ns;
        }
        candidate->on_path = true;
        candidate->free_until = candidate->end_ns;
    }
}

void mark_critical_path(const struct trace *trace, const struct span *root, bool *marks)
{
    memset(marks, 0, trace->span_count * sizeof *marks);
    size_t count = count_subtree(root);
    struct candidate *list = malloc(count * sizeof *list);
    struct by_end *order = malloc(count * sizeof *order);
    size_t *places = malloc(trace->span_count * sizeof *places);
    if (list && order && places) {
        list_subtree(trace, root, list, places);
        for (size_t i = 0; i < count; i++) order[i] = (struct by_end){list[i].end_ns, i};
        qsort(order, count, sizeof *order, latest_end_first);
        walk_back(list, order, count);
        for (size_t i = 0; i < count; i++) marks[list[i].span - trace->spans] = list[i].on_path;
    }
    free(list);
    free(order);
    free(places);
}
