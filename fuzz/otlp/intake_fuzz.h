/* SPDX-License-Identifier: Apache-2.0 */
/* What the three fuzz targets share: a body is read in one format; whatever comes of it must unpack and be complete. */
#ifndef WEIR_FUZZ_INTAKE_FUZZ_H
#define WEIR_FUZZ_INTAKE_FUZZ_H

#include "collector/otlp/intake.h"
#include "proto/batch.h"

#include <stdlib.h>

static void check_batch(const struct intake_batch *packed)
{
    struct arena arena;
    struct batch batch;
    const char *why;
    arena_init(&arena, (size_t)64 << 20);
    bool valid = batch_unpack(&batch, &arena, packed->packed, packed->bytes, &why) &&
                 batch_check_complete(&batch, &why);
    if (!valid || batch.span_count != packed->spans) abort();
    arena_fini(&arena);
}

static void read_as(enum body_format format, const uint8_t *data, size_t bytes)
{
    static struct intake *intake;
    struct intake_result result;
    const char *why = NULL;
    if (!intake) intake = intake_new();
    enum intake_outcome outcome = intake_read(intake, format, data, bytes, &result, &why);
    if (outcome == INTAKE_MALFORMED && !why) abort();
    for (const struct intake_batch *batch = result.batches; batch; batch = batch->next) check_batch(batch);
    intake_result_fini(&result);
}

#endif
