/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a caller sends as traceparent: read or refused, and what is read is written back the same. */
#include "sdk/core/traceparent.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1), written[WEIR_TRACEPARENT_BYTES];
    struct trace_context context, again;
    if (bytes) memcpy(text, data, bytes);
    text[bytes] = 0;
    if (traceparent_parse(text, &context)) {
        traceparent_format(&context, written);
        if (!traceparent_parse(written, &again) || memcmp(&again.trace_id, &context.trace_id, 16) != 0)
            abort();
        if (again.span_id != context.span_id || again.sampled != context.sampled ||
            again.random != context.random)
            abort();
    }
    free(text);
    return 0;
}
