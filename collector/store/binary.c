/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/binary.h"

#include <endian.h>

static char *put_u32(char *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static char *put_u64(char *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

void binary_add_array_head(struct buffer *out, uint32_t element_type, size_t count)
{
    buffer_add_u32be(out, count ? 1 : 0);
    buffer_add_u32be(out, 0); /* no NULL inside */
    buffer_add_u32be(out, element_type);
    if (count == 0) return;
    buffer_add_u32be(out, (uint32_t)count);
    buffer_add_u32be(out, 1); /* lower bound */
}

void binary_add_i16_array(struct buffer *out, const int16_t *values, size_t count)
{
    binary_add_array_head(out, TYPE_INT2, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_u32be(out, sizeof *values);
        buffer_add_u16be(out, (uint16_t)values[i]);
    }
}

/* The two wide ones are on the way of every span: one reservation, then plain stores. */
void binary_add_i32_array(struct buffer *out, const int32_t *values, size_t count)
{
    binary_add_array_head(out, TYPE_INT4, count);
    char *to = buffer_reserve(out, count * 8);
    if (!to) return;
    for (size_t i = 0; i < count; i++) to = put_u32(put_u32(to, sizeof *values), (uint32_t)values[i]);
    out->len += count * 8;
}

void binary_add_i64_array(struct buffer *out, const int64_t *values, size_t count)
{
    binary_add_array_head(out, TYPE_INT8, count);
    char *to = buffer_reserve(out, count * 12);
    if (!to) return;
    for (size_t i = 0; i < count; i++) to = put_u64(put_u32(to, sizeof *values), (uint64_t)values[i]);
    out->len += count * 12;
}

static uint32_t get_u32(const char *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return be32toh(value);
}

static int64_t get_integer(const char *from, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) value = value << 8 | (unsigned char)from[i];
    if (width == 2) return (int16_t)value;
    if (width == 4) return (int32_t)value;
    return (int64_t)value;
}

struct str binary_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) return str_view(NULL, 0);
    return str_view(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

int64_t binary_i64(const PGresult *result, int row, int column)
{
    struct str bytes = binary_bytes(result, row, column);
    if (bytes.len != 2 && bytes.len != 4 && bytes.len != 8) return 0;
    return get_integer(bytes.data, bytes.len);
}

int32_t binary_i32(const PGresult *result, int row, int column)
{
    return (int32_t)binary_i64(result, row, column);
}

double binary_f64(const PGresult *result, int row, int column)
{
    int64_t bits = binary_i64(result, row, column);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool binary_bool(const PGresult *result, int row, int column)
{
    struct str bytes = binary_bytes(result, row, column);
    return bytes.len == 1 && bytes.data[0];
}

static size_t element_width(uint32_t type)
{
    switch (type) {
    case TYPE_INT2:
        return 2;
    case TYPE_INT4:
        return 4;
    case TYPE_INT8:
        return 8;
    default:
        return 0;
    }
}

bool binary_integers(struct str bytes, struct arena *arena, int64_t **values, size_t *count)
{
    *values = NULL;
    *count = 0;
    if (!bytes.data) return true;
    if (bytes.len < 12) return false;
    uint32_t dimensions = get_u32(bytes.data);
    size_t width = element_width(get_u32(bytes.data + 8));
    if (dimensions == 0) return true;
    if (dimensions != 1 || width == 0 || bytes.len < 20) return false;
    size_t length = get_u32(bytes.data + 12);
    if (length > bytes.len || bytes.len != binary_array_bytes(length, width)) return false;
    *values = arena_array(arena, length, sizeof **values);
    if (!*values) return false;
    const char *from = bytes.data + 20;
    for (size_t i = 0; i < length; i++, from += 4 + width) {
        if (get_u32(from) != width) return false; /* a NULL element, which weir never writes */
        (*values)[i] = get_integer(from + 4, width);
    }
    *count = length;
    return true;
}
