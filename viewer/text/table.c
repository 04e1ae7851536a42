/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/table.h"

#include "viewer/text/cells.h"

#define GAP             2
#define FIRST_CELLS_MIN 8

void text_table_init(struct table *table, const struct table_column *columns, unsigned column_count,
                     const struct view *view)
{
    memset(table, 0, sizeof *table);
    table->columns = columns;
    table->column_count = column_count;
    words_init(&table->text, view);
    buffer_init(&table->ends);
    for (unsigned i = 0; i < column_count; i++) table->used[i] = true;
}

void text_table_fini(struct table *table)
{
    words_fini(&table->text);
    buffer_fini(&table->ends);
}

void text_table_cell_end(struct table *table)
{
    size_t end = table->text.bytes.len;
    buffer_add(&table->ends, &end, sizeof end);
}

void text_table_hide(struct table *table, unsigned column) { table->used[column] = false; }

static size_t cell_count(const struct table *table) { return table->ends.len / sizeof(size_t); }

static size_t end_of(const struct table *table, size_t cell)
{
    size_t end;
    memcpy(&end, table->ends.data + cell * sizeof end, sizeof end);
    return end;
}

static struct str cell_at(const struct table *table, size_t cell)
{
    size_t from = cell ? end_of(table, cell - 1) : 0;
    return str_view(table->text.bytes.data + from, end_of(table, cell) - from);
}

static void measure(struct table *table)
{
    for (unsigned i = 0; i < table->column_count; i++)
        table->widths[i] = (unsigned)strlen(table->columns[i].title);
    for (size_t cell = 0; cell < cell_count(table); cell++) {
        unsigned cells = cells_of(cell_at(table, cell)), *width = &table->widths[cell % table->column_count];
        if (cells > *width) *width = cells;
    }
}

/* How many columns of the terminal are missing with shrinkable columns at their least. */
static unsigned missing_cells(const struct table *table, unsigned width, bool shrunk)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < table->column_count; i++) {
        if (!table->used[i]) continue;
        unsigned least = table->columns[i].cells_min, cells = table->widths[i];
        sum += (sum ? GAP : 0) + (shrunk && least && least < cells ? least : cells);
    }
    return sum > width ? sum - width : 0;
}

static void fit(struct table *table, unsigned width, bool dropped[TABLE_COLUMNS_MAX])
{
    while (missing_cells(table, width, true)) {
        unsigned victim = table->column_count;
        for (unsigned i = 0; i < table->column_count; i++)
            if (table->used[i] && table->columns[i].rank &&
                (victim == table->column_count || table->columns[i].rank > table->columns[victim].rank))
                victim = i;
        if (victim == table->column_count) break;
        table->used[victim] = false;
        dropped[victim] = true;
    }
    for (unsigned i = table->column_count; i-- > 0;) { /* the first column keeps its width longest */
        unsigned least = table->columns[i].cells_min, missing = missing_cells(table, width, false);
        if (!table->used[i] || !least || table->widths[i] <= least) continue;
        table->widths[i] = table->widths[i] - least > missing ? table->widths[i] - missing : least;
    }
    /* Nothing is left to go: the first column gives way. */
    unsigned missing = missing_cells(table, width, false), *first = &table->widths[0];
    if (missing) *first = *first > missing + FIRST_CELLS_MIN ? *first - missing : FIRST_CELLS_MIN;
}

static void print_cell(const struct table *table, struct paper *paper, unsigned column, struct str text,
                       unsigned *at)
{
    unsigned width = table->widths[column];
    if (table->columns[column].right) {
        unsigned cells = cells_of(text);
        paper_to(paper, *at + (cells < width ? width - cells : 0));
    } else {
        paper_to(paper, *at);
    }
    paper_put(paper, text, width);
    *at += width + GAP;
}

static void print_titles(const struct table *table, struct paper *paper)
{
    struct words title;
    words_init(&title, paper->view);
    for (unsigned i = 0, at = 0; i < table->column_count; i++) {
        if (!table->used[i]) continue;
        words_clear(&title);
        words_style(&title, STYLE_STRONG);
        words_add(&title, table->columns[i].title);
        print_cell(table, paper, i, words_str(&title), &at);
    }
    paper_end(paper);
    words_fini(&title);
}

static void print_dropped(const struct table *table, struct paper *paper,
                          const bool dropped[TABLE_COLUMNS_MAX])
{
    struct words words;
    words_init(&words, paper->view);
    for (unsigned i = 0; i < table->column_count; i++) {
        if (!dropped[i]) continue;
        words_add(&words, words.bytes.len ? ", " : "Not shown for want of width: ");
        words_add(&words, table->columns[i].title);
    }
    if (words.bytes.len) {
        paper_wrap(paper, words_str(&words), 0, paper->width);
        paper_end(paper);
    }
    words_fini(&words);
}

void text_table_print(struct table *table, struct paper *paper)
{
    bool dropped[TABLE_COLUMNS_MAX] = {false};
    if (table->text.bytes.failed || table->ends.failed) {
        paper->out->failed = true;
        return;
    }
    measure(table);
    fit(table, paper->width, dropped);
    print_titles(table, paper);
    unsigned at = 0;
    for (size_t cell = 0; cell < cell_count(table); cell++) {
        unsigned column = (unsigned)(cell % table->column_count);
        if (column == 0) at = 0;
        if (table->used[column]) print_cell(table, paper, column, cell_at(table, cell), &at);
        if (column + 1 == table->column_count) paper_end(paper);
    }
    print_dropped(table, paper, dropped);
}
