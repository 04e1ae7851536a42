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
#define X(type, name)                                                                                        \
    if (!columns_equal(a->name, b->name, a->span_count * sizeof(type))) return #name;
    BATCH_SPAN_COLUMNS(X)
#undef X
    if (a->trace_count != b->trace_count) return "trace_count";
    if (!columns_equal(a->trace_ids, b->trace_ids, (size_t)a->trace_count * 16)) return "trace_ids";
    if (!str_equal(a->string_data, b->string_data)) return "string_data";
    return memcmp(a->dropped, b->dropped, sizeof a->dropped) == 0 ? NULL : "dropped";
}
