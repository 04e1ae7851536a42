/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/batch.h"

#include "proto/batch_columns.h"
#include "weir/v1/weir.pb-c.h"

/* A column of nothing but 0 stays away: readers take an absent one for 0, and 8 bytes a span are saved for
 * each id or hash that no span of the batch has. Columns in use show it in their first elements. */
static bool all_zero(const void *column, size_t bytes)
{
    const unsigned char *at = column;
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static size_t without_zeros_at_the_end(const uint64_t *counters, size_t count)
{
    while (count && counters[count - 1] == 0) count--;
    return count;
}

/* The generated message with its pointers on the batch's arrays: nothing is copied before the bytes are
 * written. */
static void message_over(Weir__V1__Batch *message, const struct batch *batch)
{
    weir__v1__batch__init(message);
#define X(name) message->name = batch->name;
    BATCH_VALUES(X)
#undef X
#define X(name)                                                                                              \
    message->n_##name = without_zeros_at_the_end(batch->name, sizeof batch->name / sizeof *batch->name);     \
    message->name = (uint64_t *)batch->name;
    BATCH_COUNTERS(X)
#undef X
    message->string_data.len = batch->string_data.len;
    message->string_data.data = (uint8_t *)batch->string_data.data;
#define X(length, name)                                                                                      \
    message->name.len = (size_t)batch->length * 16;                                                          \
    message->name.data = batch->name;
    BATCH_TRACE_IDS(X)
#undef X
#define X(length, name)                                                                                      \
    message->n_##name = batch->length;                                                                       \
    message->name = batch->name;
    BATCH_TABLE_COLUMNS(X)
#undef X
#define X(type, length, name)                                                                                \
    if (batch->name && !all_zero(batch->name, batch->length * sizeof(type))) {                               \
        message->n_##name = batch->length;                                                                   \
        message->name = batch->name;                                                                         \
    }
    BATCH_OPTIONAL_COLUMNS(X)
#undef X
}

size_t batch_packed_bytes(const struct batch *batch)
{
    Weir__V1__Batch message;
    message_over(&message, batch);
    return weir__v1__batch__get_packed_size(&message);
}

size_t batch_pack(const struct batch *batch, unsigned char *to)
{
    Weir__V1__Batch message;
    message_over(&message, batch);
    return weir__v1__batch__pack(&message, to);
}
