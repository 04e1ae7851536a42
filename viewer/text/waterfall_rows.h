/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as rows of a waterfall, before anything is drawn. Calls of one operation beside each other under
 * one parent, or under the wrappers of one folded row, become one row when there are enough of them, whatever
 * stands between; time of a span in which none of its children ran becomes a row of its own when it is worth
 * one. Never recursive. Pure: rows lie in the arena.
 *
 *     request                        request
 *       load product                   ×200 load product
 *         reviews by product    →        ×200 reviews by product
 *         items by product               ×200 items by product
 *       load product
 *         …
 */
#ifndef WEIR_TEXT_WATERFALL_ROWS_H
#define WEIR_TEXT_WATERFALL_ROWS_H

#include "base/arena.h"
#include "viewer/view.h"

#define FOLD_MIN       5    /* so many alike become one row */
#define GAP_PERCENT    2    /* of the time axis: less is not worth a row */
#define ROWS_SHOWN_MAX 2000 /* what follows is only counted */

struct interval {
    int64_t start_ns, end_ns;
};

enum row_kind { ROW_SPANS, ROW_GAP };

struct row {
    enum row_kind kind;
    const struct row *parent;
    unsigned depth;
    bool is_last; /* of its parent's rows */
    bool has_children;
    const struct span **members; /* in order of start; none for a gap */
    uint32_t count;              /* members, or pieces of a gap */
    struct interval *intervals;  /* count; as drawn: inside the axis, a foreign clock's inside the caller */
    int64_t start_ns;            /* of the first; pauses together come last */
    int64_t total_ns;            /* sum of durations; of a gap, of its pieces */
    struct row *next;            /* in order of display */
};

struct rows {
    struct row *first;
    struct interval axis;
    uint64_t hidden_spans; /* behind the last row shown */
};

/* False: out of arena. */
bool rows_build(struct rows *rows, const struct trace *trace, const struct span *focus, struct arena *arena);

/* b − a without overflow. */
int64_t since_ns(int64_t a, int64_t b);

#endif
