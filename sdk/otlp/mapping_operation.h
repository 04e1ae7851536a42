/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation as OpenTelemetry sees it: the name of its spans, and the attributes that all of them have. Worked out once a
 * batch for each of its operations, since many spans share one. Pure; what is not borrowed from the operation lies in the
 * arena, which says when it is exhausted.
 */
#ifndef WEIR_SDK_OTLP_MAPPING_OPERATION_H
#define WEIR_SDK_OTLP_MAPPING_OPERATION_H

#include "base/arena.h"
#include "model/operation.h"
#include "proto/otlp.h"

#define MAPPING_OPERATION_ATTRIBUTES 8 /* most of an operation */

struct mapping_operation {
    struct str name; /* never empty */
    uint32_t count;
    struct otlp_attribute attributes[MAPPING_OPERATION_ATTRIBUTES];
    bool reads_rows; /* a query that reads: its rows are returned ones */
};

/* *to is zeroed. */
void mapping_operation(struct arena *arena, const struct operation *from, struct mapping_operation *to);

#endif
