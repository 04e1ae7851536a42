/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a server answers to a batch: read within its arena, or not at all. */
#include "proto/otlp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Every byte of it is there. */
static void touch(struct str text)
{
    unsigned sum = 0;
    for (size_t i = 0; i < text.len; i++) sum += (unsigned char)text.data[i];
    if (sum > text.len * 255) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct otlp_response response;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    if (otlp_response_unpack(&response, &arena, data, bytes)) touch(response.error_message);
    touch(otlp_failure_unpack(&arena, data, bytes));
    arena_fini(&arena);
    return 0;
}
