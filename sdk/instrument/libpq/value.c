/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/libpq/value.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* pg_type's own numbers, which never change */
enum { TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23 };

static bool is_integer(Oid type, size_t bytes)
{
    return (type == TYPE_INT2 && bytes == 2) || (type == TYPE_INT4 && bytes == 4) ||
           (type == TYPE_INT8 && bytes == 8);
}

/* Big-endian two's complement. */
static int64_t integer_of(const char *data, size_t bytes)
{
    uint64_t bits = (unsigned char)data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) bits = bits << 8 | (unsigned char)data[i];
    return (int64_t)bits;
}

struct value value_of_binary(Oid type, const char *data, size_t bytes, char scratch[VALUE_TEXT_BYTES])
{
    if (!data || !is_integer(type, bytes)) return (struct value){data, bytes};
    int written = snprintf(scratch, VALUE_TEXT_BYTES, "%" PRId64, integer_of(data, bytes));
    return (struct value){scratch, (size_t)written};
}
