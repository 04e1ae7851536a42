/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/waterfall_bars.h"

#include "base/clock.h"
#include "viewer/text/cells.h"
#include "viewer/text/units.h"

#define TICK_CELLS_MIN 9

static double axis_length(struct interval axis)
{
    int64_t ns = axis.end_ns - axis.start_ns;
    return ns > 0 ? (double)ns : 1.0;
}

/* 1, 2 or 5 times a power of ten, so that labels have room. */
static int64_t tick_ns(double length_ns, unsigned cells)
{
    double least = length_ns * TICK_CELLS_MIN / cells;
    static const int steps[] = {1, 2, 5};
    for (int64_t power = 1; power < INT64_MAX / 10; power *= 10)
        for (unsigned i = 0; i < 3; i++)
            if ((double)power * steps[i] >= least) return power * steps[i];
    return INT64_MAX;
}

void bar_ruler(struct words *words, struct interval axis, unsigned cells)
{
    double length = axis_length(axis);
    int64_t step = tick_ns(length, cells);
    unsigned at = 0;
    words_style(words, STYLE_FAINT);
    for (int64_t tick = 0; (double)tick <= length; tick += step) {
        unsigned cell = (unsigned)((double)tick / length * cells);
        struct unit_text label = tick ? units_estimate(tick) : (struct unit_text){"0"};
        unsigned label_cells = 1 + cells_of(str_of(label.text));
        if (cell + label_cells > cells || cell < at) break;
        for (; at < cell; at++) words_add(words, WORDS_SPACE);
        words_printf(words, "│%s", label.text);
        at += label_cells;
        if (tick > INT64_MAX - step) break;
    }
}

static double position(int64_t ns, struct interval axis, unsigned cells)
{
    return (double)(ns - axis.start_ns) / axis_length(axis) * cells;
}

static unsigned cell_at(double at, unsigned cells)
{
    return at >= cells ? cells - 1 : at < 0 ? 0 : (unsigned)at;
}

static void solid(const char *glyphs[], struct interval interval, struct interval axis, unsigned cells)
{
    double from = position(interval.start_ns, axis, cells), to = position(interval.end_ns, axis, cells);
    unsigned first = cell_at(from + 0.5, cells), end = (unsigned)(to + 0.5);
    if (end > cells) end = cells;
    if (end <= first) { /* less than half a cell */
        glyphs[cell_at(from, cells)] = "▏";
        return;
    }
    for (unsigned i = first; i < end; i++) glyphs[i] = "█";
}

static const char *shade(double filled)
{
    return filled <= 0 ? NULL : filled < 0.25 ? "░" : filled < 0.6 ? "▒" : filled < 0.9 ? "▓" : "█";
}

static void shaded(const char *glyphs[], const struct row *row, struct interval axis, unsigned cells)
{
    double filled[BAR_CELLS_MAX] = {0};
    for (uint32_t i = 0; i < row->count; i++) {
        double from = position(row->intervals[i].start_ns, axis, cells);
        double to = position(row->intervals[i].end_ns, axis, cells);
        unsigned first = cell_at(from, cells), last = cell_at(to, cells);
        for (unsigned cell = first; cell <= last; cell++) {
            double begin = from > cell ? from : cell, end = to < cell + 1 ? to : cell + 1;
            filled[cell] += end > begin ? end - begin : 1e-9;
        }
    }
    for (unsigned i = 0; i < cells; i++) glyphs[i] = shade(filled[i]);
}

static void dotted(const char *glyphs[], const struct row *row, struct interval axis, unsigned cells)
{
    for (uint32_t i = 0; i < row->count; i++) {
        unsigned first = cell_at(position(row->intervals[i].start_ns, axis, cells) + 0.5, cells);
        unsigned last = cell_at(position(row->intervals[i].end_ns, axis, cells) - 0.5, cells);
        for (unsigned cell = first; cell <= last || cell == first; cell++) glyphs[cell] = "·";
    }
}

void bar_moment(struct words *words, int64_t at_ns, struct interval axis, unsigned cells)
{
    if (at_ns < axis.start_ns || at_ns > axis.end_ns) return;
    unsigned cell = cell_at(position(at_ns, axis, cells), cells);
    for (unsigned i = 0; i < cell; i++) words_add(words, WORDS_SPACE);
    words_add(words, "•");
}

void bar_row(struct words *words, const struct row *row, struct interval axis, unsigned cells)
{
    const char *glyphs[BAR_CELLS_MAX] = {NULL};
    if (cells > BAR_CELLS_MAX) cells = BAR_CELLS_MAX;
    if (row->kind == ROW_GAP)
        dotted(glyphs, row, axis, cells);
    else if (row->count == 1)
        solid(glyphs, row->intervals[0], axis, cells);
    else
        shaded(glyphs, row, axis, cells);
    for (unsigned i = 0; i < cells; i++) words_add(words, glyphs[i] ? glyphs[i] : WORDS_SPACE);
}
