/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right side of a waterfall: a ruler, and bars on the same time axis. A single span is solid; a folded
 * row is shaded by how much of each cell's time its calls fill, so that two interleaved loops are seen to
 * share the time.
 */
#ifndef WEIR_TEXT_WATERFALL_BARS_H
#define WEIR_TEXT_WATERFALL_BARS_H

#include "viewer/text/waterfall_rows.h"
#include "viewer/text/words.h"

#define BAR_CELLS_MAX 200

void bar_ruler(struct words *words, struct interval axis, unsigned cells);
/* One moment, where it lies on the axis; nothing where it lies outside. */
void bar_moment(struct words *words, int64_t at_ns, struct interval axis, unsigned cells);
void bar_row(struct words *words, const struct row *row, struct interval axis, unsigned cells);

#endif
