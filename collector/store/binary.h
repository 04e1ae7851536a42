/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Postgres' binary forms: big-endian numbers, and one-dimensional arrays as {dimensions, null flag, element type, length,
 * lower bound, then each element behind its length}. Written for parameters and COPY, read from results. Readers check
 * every length: a result of another shape gives "nothing", never a read past the end.
 */
#ifndef WEIR_STORE_BINARY_H
#define WEIR_STORE_BINARY_H

#include "base/arena.h"
#include "base/buffer.h"

#include <libpq-fe.h>

/* Type numbers of pg_catalog, which never change (server/catalog/pg_type_d.h). */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_UUID = 2950,
    TYPE_JSONB = 3802,
    TYPE_BOOL_ARRAY = 1000,
    TYPE_INT4_ARRAY = 1007,
    TYPE_TEXT_ARRAY = 1009,
    TYPE_INT8_ARRAY = 1016,
    TYPE_UUID_ARRAY = 2951
};

/* Bytes of an array of count elements of width bytes each. */
static inline size_t binary_array_bytes(size_t count, size_t width)
{
    return count ? 20 + count * (4 + width) : 12;
}

void binary_add_i16_array(struct buffer *out, const int16_t *values, size_t count);
void binary_add_i32_array(struct buffer *out, const int32_t *values, size_t count);
void binary_add_i64_array(struct buffer *out, const int64_t *values, size_t count);
void binary_add_array_head(struct buffer *out, uint32_t element_type, size_t count);

/* Values of a result; 0 or empty when NULL or of another width. */
int32_t binary_i32(const PGresult *result, int row, int column);
int64_t binary_i64(const PGresult *result, int row, int column);
double binary_f64(const PGresult *result, int row, int column);
bool binary_bool(const PGresult *result, int row, int column);
struct str binary_bytes(const PGresult *result, int row, int column); /* borrowed from the result */

/* An array of int2, int4 or int8 widened into memory of the arena. False: not such an array, or out of arena. NULL is
 * *values NULL and count 0. */
bool binary_integers(struct str bytes, struct arena *arena, int64_t **values, size_t *count);

#endif
