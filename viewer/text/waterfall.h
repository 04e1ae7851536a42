/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A waterfall while it is drawn, shared by the files that draw it (waterfall.c, waterfall_details.c). One a render call.
 */
#ifndef WEIR_TEXT_WATERFALL_H
#define WEIR_TEXT_WATERFALL_H

#include "viewer/text/paper.h"
#include "viewer/text/waterfall_bars.h"

#define WATERFALL_MARK_CELLS 2 /* left of the labels */
#define WATERFALL_TIME_CELLS 10
#define WATERFALL_BAR_GAP    2

struct waterfall {
    struct paper paper;
    const struct trace_view *view;
    struct rows rows;
    struct arena arena;
    struct words label, bar; /* what is being composed */
    unsigned label_cells, bar_cells;
    bool critical_seen;
};

static inline unsigned waterfall_time_end(const struct waterfall *waterfall)
{
    return WATERFALL_MARK_CELLS + waterfall->label_cells + WATERFALL_TIME_CELLS;
}

static inline unsigned waterfall_bar_begin(const struct waterfall *waterfall)
{
    return waterfall_time_end(waterfall) + WATERFALL_BAR_GAP;
}

/* Adds the tree's lines left of a row's label, or of what stands below it. */
void waterfall_branch(struct waterfall *waterfall, const struct row *row, bool detail);

/* The longest label of the events that waterfall_details will show in lines of their own; 0: none. */
unsigned waterfall_event_cells(struct waterfall *waterfall, const struct row *row);

/* What stands below a row of spans besides its times: events, each with its moment on the time axis, links to other spans,
 * and what a limit of the service dropped. Of many spans in one row only how many. */
void waterfall_details(struct waterfall *waterfall, const struct row *row);

#endif
