/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that fits: columns are as wide as what stands in them; where that is too much, the flexible column
 * shrinks, then whole columns go, the least important first, and a line below says which. Lives for one
 * render call.
 */
#ifndef WEIR_TEXT_TABLE_H
#define WEIR_TEXT_TABLE_H

#include "viewer/text/paper.h"

struct table_column {
    const char *title;
    bool right;         /* numbers */
    unsigned cells_min; /* may shrink to this; 0: not at all. The first further, when no column can go */
    unsigned rank;      /* 0: stays; else the highest goes first */
};

#define TABLE_COLUMNS_MAX 16

struct table {
    const struct table_column *columns;
    unsigned column_count;
    struct words text;  /* all cells, one after another */
    struct buffer ends; /* size_t: where each ends in text */
    bool used[TABLE_COLUMNS_MAX];
    unsigned widths[TABLE_COLUMNS_MAX];
};

void text_table_init(struct table *table, const struct table_column *columns, unsigned column_count,
                     const struct view *view);
void text_table_fini(struct table *table);
/* A cell: write into table->text, then end it; row by row, every column. */
void text_table_cell_end(struct table *table);
/* A column of which nothing is worth showing. */
void text_table_hide(struct table *table, unsigned column);
void text_table_print(struct table *table, struct paper *paper);

#endif
