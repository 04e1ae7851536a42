/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/proto/batch_equal.h"

#include "proto/batch_columns.h"

static bool columns_equal(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < bytes; i++)
        if ((x ? x[i] : 0) != (y ? y[i] : 0)) return false;
    return true;
}

const char *batch_difference(const struct batch *a, const struct batch *b)
{
#define X(name)                                                                                              \
    if (a->name != b->name) return #name;
    BATCH_VALUES(X)
#undef X
#define X(length, name)                                                                                      \
    if (a->length != b->length) return #length;                                                              \
    if (!columns_equal(a->name, b->name, a->length * sizeof *a->name)) return #name;
    BATCH_TABLE_COLUMNS(X)
#undef X
#define X(type, length, name)                                                                                \
    if (!columns_equal(a->name, b->name, a->length * sizeof(type))) return #name;
    BATCH_OPTIONAL_COLUMNS(X)
#undef X
#define X(length, name)                                                                                      \
    if (a->length != b->length) return #length;                                                              \
    if (!columns_equal(a->name, b->name, (size_t)a->length * 16)) return #name;
    BATCH_TRACE_IDS(X)
#undef X
#define X(name)                                                                                              \
    if (memcmp(a->name, b->name, sizeof a->name) != 0) return #name;
    BATCH_COUNTERS(X)
#undef X
    return str_equal(a->string_data, b->string_data) ? NULL : "string_data";
}
