/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters and result columns in Postgres' binary format, as the text that weir compares. Integers become
 * decimal, so that an id that came as text and goes out in binary is the same value; anything else stays the
 * bytes that it is, which still tell one input from another. Pure functions.
 */
#ifndef WEIR_LIBPQ_VALUE_H
#define WEIR_LIBPQ_VALUE_H

#include <libpq-fe.h>
#include <stddef.h>

#define VALUE_TEXT_BYTES 24

struct value {
    const char *data; /* NULL: SQL NULL */
    size_t bytes;
};

/* scratch is written where an integer becomes text; the value may point into it. */
struct value value_of_binary(Oid type, const char *data, size_t bytes, char scratch[VALUE_TEXT_BYTES]);

#endif
