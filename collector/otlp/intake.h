/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body → packed batches, as they would have come over nng: reads it in its format, maps its spans, packs a batch for each
 * resource and for each 8,192 spans of one. Nothing is given away before the whole body has been read: a body that turns out
 * malformed leaves nothing behind. Spans that cannot be stored are counted, with the reason of the first.
 *
 * One thread. Memory beside the body: what a span takes (OTLP_ARENA_BYTES_MAX), one batch in the making, and the packed
 * batches, which are smaller than the body but for the tiniest of spans.
 */
#ifndef WEIR_COLLECTOR_INTAKE_H
#define WEIR_COLLECTOR_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum body_format { BODY_OTLP_PROTOBUF, BODY_OTLP_JSON, BODY_ZIPKIN_JSON };

struct intake_batch {
    struct intake_batch *next;
    unsigned char *packed;
    size_t bytes;
    uint32_t spans;
};

struct intake_result {
    struct intake_batch *batches; /* owned; in order */
    size_t batch_count, bytes;
    uint64_t rejected_spans;
    const char *why; /* of the first that was rejected; static */
};

enum intake_outcome { INTAKE_READ, INTAKE_MALFORMED, INTAKE_NO_MEMORY };

struct intake;

struct intake *intake_new(void); /* NULL: no memory */
void intake_free(struct intake *intake);

/* MALFORMED: *why says in words what is wrong, static. Only after READ the result has batches; it is to be ended in any case. */
enum intake_outcome intake_read(struct intake *intake, enum body_format format, const void *body,
                                size_t bytes, struct intake_result *result, const char **why);
void intake_result_fini(struct intake_result *result);

#endif
