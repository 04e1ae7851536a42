/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/fragment_row.h"

#include "collector/store/binary.h"

void fragment_rows_begin(struct buffer *copy)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    buffer_add(copy, head, sizeof head);
}

void fragment_rows_end(struct buffer *copy) { buffer_add_u16be(copy, UINT16_MAX); }

static void add_null(struct buffer *copy) { buffer_add_u32be(copy, UINT32_MAX); }

static void add_i32_array(struct buffer *copy, const int32_t *values, size_t count)
{
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 4));
    binary_add_i32_array(copy, values, count);
}

static bool fits_31_bits(const int64_t *values, size_t count)
{
    int64_t all = 0;
    for (size_t i = 0; i < count; i++) all |= values[i];
    return all >= 0 && all <= INT32_MAX;
}

static void add_narrow(struct buffer *copy, const int64_t *values, size_t count)
{
    if (!fits_31_bits(values, count)) {
        add_null(copy);
        return;
    }
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 4));
    binary_add_array_head(copy, TYPE_INT4, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_u32be(copy, 4);
        buffer_add_u32be(copy, (uint32_t)values[i]);
    }
}

static void add_wide(struct buffer *copy, const int64_t *values, size_t count)
{
    if (fits_31_bits(values, count)) {
        add_null(copy);
        return;
    }
    buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 8));
    binary_add_i64_array(copy, values, count);
}

#define FRAGMENT_COLUMNS    12
#define POSTGRES_EPOCH_DAYS 10957 /* 2000-01-01 in days since 1970 */

void fragment_row_add(struct buffer *copy, const struct fragment *fragment, int32_t resource_id, int64_t day)
{
    size_t count = fragment->span_count;
    buffer_add_u16be(copy, FRAGMENT_COLUMNS);
    buffer_add_u32be(copy, 8);
    buffer_add_u64be(copy, (uint64_t)fragment->start_ns);
    buffer_add_u32be(copy, 16);
    buffer_add(copy, fragment->trace_id, 16);
    buffer_add_u32be(copy, 4);
    buffer_add_u32be(copy, (uint32_t)(int32_t)(day - POSTGRES_EPOCH_DAYS));
    buffer_add_u32be(copy, 4);
    buffer_add_u32be(copy, (uint32_t)resource_id);
    add_i32_array(copy, fragment->operation_id, count);
    add_narrow(copy, fragment->start_offset_ns, count);
    add_narrow(copy, fragment->duration_ns, count);
    if (fragment->status) {
        buffer_add_u32be(copy, (uint32_t)binary_array_bytes(count, 2));
        binary_add_i16_array(copy, fragment->status, count);
    } else {
        add_null(copy);
    }
    if (fragment->rows) {
        add_i32_array(copy, fragment->rows, count);
    } else {
        add_null(copy);
    }
    buffer_add_u32be(copy, (uint32_t)fragment->blob.len);
    buffer_add_str(copy, fragment->blob);
    add_wide(copy, fragment->start_offset_ns, count);
    add_wide(copy, fragment->duration_ns, count);
}
