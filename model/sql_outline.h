/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a normalised statement is about, read off its words without parsing it: verb, tables, the columns that
 * values select by, aggregates, whether it writes. Good enough to name an operation; the statement itself
 * stays beside the name. Everything points into the text. Pure; hostile text gives a poor outline at worst.
 * Private to model/.
 */
#ifndef WEIR_MODEL_SQL_OUTLINE_H
#define WEIR_MODEL_SQL_OUTLINE_H

#include "base/str.h"

#include <stdint.h>

#define OUTLINE_TABLES_MAX     8
#define OUTLINE_COLUMNS_MAX    8
#define OUTLINE_AGGREGATES_MAX 4

struct outline_column {
    struct str name; /* without its table */
    bool is_list;    /* IN (?), = ANY(?) */
};

struct sql_outline {
    struct str verb;     /* of the main query, as written; behind WITH … it is the SELECT */
    bool writes;         /* may change what later reads see */
    bool is_transaction; /* BEGIN, COMMIT, … */
    uint32_t table_count, column_count, aggregate_count;
    struct str
        tables[OUTLINE_TABLES_MAX]; /* without their schema; first the one that the rest is joined to */
    struct outline_column columns[OUTLINE_COLUMNS_MAX]; /* of WHERE and ON, in order */
    struct str aggregates[OUTLINE_AGGREGATES_MAX];      /* of the SELECT lists, in order */
};

void sql_outline_read(struct sql_outline *outline, struct str normalised);

#endif
