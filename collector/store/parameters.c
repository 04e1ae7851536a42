/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/connection.h"

#include <assert.h>

void sql_parameters_init(struct sql_parameters *parameters)
{
    parameters->count = 0;
    buffer_init(&parameters->bytes);
}

void sql_parameters_fini(struct sql_parameters *parameters)
{
    buffer_fini(&parameters->bytes);
    parameters->count = 0;
}

/* Opens the next parameter; what is added to the buffer until close() is its value. */
static struct buffer *open_parameter(struct sql_parameters *parameters, Oid type)
{
    assert(parameters->count < PARAMETERS_MAX);
    parameters->types[parameters->count] = type;
    parameters->offsets[parameters->count] = parameters->bytes.len;
    return &parameters->bytes;
}

static void close_parameter(struct sql_parameters *parameters)
{
    size_t length = parameters->bytes.len - parameters->offsets[parameters->count];
    parameters->lengths[parameters->count++] = (int)length;
}

void parameter_null(struct sql_parameters *parameters, Oid type)
{
    open_parameter(parameters, type);
    parameters->lengths[parameters->count++] = -1;
}

void parameter_i32(struct sql_parameters *parameters, int32_t value)
{
    buffer_add_u32be(open_parameter(parameters, TYPE_INT4), (uint32_t)value);
    close_parameter(parameters);
}

void parameter_i64(struct sql_parameters *parameters, int64_t value)
{
    buffer_add_u64be(open_parameter(parameters, TYPE_INT8), (uint64_t)value);
    close_parameter(parameters);
}

void parameter_text(struct sql_parameters *parameters, struct str text)
{
    buffer_add_str(open_parameter(parameters, TYPE_TEXT), text);
    close_parameter(parameters);
}

void parameter_bytes(struct sql_parameters *parameters, struct str bytes)
{
    buffer_add_str(open_parameter(parameters, TYPE_BYTEA), bytes);
    close_parameter(parameters);
}

/* jsonb's binary form is a version byte before the text. */
void parameter_jsonb(struct sql_parameters *parameters, struct str json)
{
    struct buffer *to = open_parameter(parameters, TYPE_JSONB);
    buffer_add_char(to, 1, 1);
    buffer_add_str(to, json);
    close_parameter(parameters);
}

void parameter_uuid(struct sql_parameters *parameters, const unsigned char id[16])
{
    buffer_add(open_parameter(parameters, TYPE_UUID), id, 16);
    close_parameter(parameters);
}

void parameter_i32_array(struct sql_parameters *parameters, const int32_t *values, size_t count)
{
    binary_add_i32_array(open_parameter(parameters, TYPE_INT4_ARRAY), values, count);
    close_parameter(parameters);
}

void parameter_i64_array(struct sql_parameters *parameters, const int64_t *values, size_t count)
{
    binary_add_i64_array(open_parameter(parameters, TYPE_INT8_ARRAY), values, count);
    close_parameter(parameters);
}

void parameter_bool_array(struct sql_parameters *parameters, const bool *values, size_t count)
{
    struct buffer *to = open_parameter(parameters, TYPE_BOOL_ARRAY);
    binary_add_array_head(to, TYPE_BOOL, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_u32be(to, 1);
        buffer_add_char(to, values[i] ? 1 : 0, 1);
    }
    close_parameter(parameters);
}

void parameter_text_array(struct sql_parameters *parameters, const struct str *texts, size_t count,
                          size_t stride)
{
    struct buffer *to = open_parameter(parameters, TYPE_TEXT_ARRAY);
    binary_add_array_head(to, TYPE_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        struct str text = texts[i * stride];
        buffer_add_u32be(to, (uint32_t)text.len);
        buffer_add_str(to, text);
    }
    close_parameter(parameters);
}

void parameter_uuid_array(struct sql_parameters *parameters, const unsigned char *ids, size_t count)
{
    struct buffer *to = open_parameter(parameters, TYPE_UUID_ARRAY);
    binary_add_array_head(to, TYPE_UUID, count);
    for (size_t i = 0; i < count; i++) {
        buffer_add_u32be(to, 16);
        buffer_add(to, ids + i * 16, 16);
    }
    close_parameter(parameters);
}
