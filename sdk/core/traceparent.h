/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traceparent header: W3C Trace Context, levels 1 and 2. Pure functions on bytes that come from outside; any thread.
 * Ids are kept as two big-endian halves, so that hexadecimal reads as the number does.
 */
#ifndef WEIR_SDK_CORE_TRACEPARENT_H
#define WEIR_SDK_CORE_TRACEPARENT_H

#include <weir/context.h>

#include <stdbool.h>
#include <stdint.h>

struct trace_context {
    uint64_t trace_id[2];
    uint64_t span_id;
    bool sampled;
    bool random; /* Level 2: the trace id's last 7 bytes are */
};

/* False (and *context untouched) for anything the standard calls invalid: then a new trace starts. */
bool traceparent_parse(const char *text, struct trace_context *context);
void traceparent_format(const struct trace_context *context, char to[WEIR_TRACEPARENT_BYTES]);

#endif
