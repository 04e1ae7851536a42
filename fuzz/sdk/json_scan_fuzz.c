/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies and inputs as clients and servers send them: scanned within their bounds, counted within the limits. */
#include "sdk/core/json_scan.h"
#include "sdk/core/values.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool check(void *context, const struct json_scalar *scalar)
{
    size_t *left = context;
    if (scalar->depth > JSON_SCAN_DEPTH || *left == 0) abort(); /* each scalar takes a byte at least */
    --*left;
    for (size_t i = 0; i < scalar->text.len; i++) {
        volatile char c = scalar->text.data[i];
        (void)c;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct hash_key key;
    static struct inputs inputs;
    struct str text = {(const char *)data, bytes};
    size_t left = bytes + 1;
    json_scan(text, check, &left);
    inputs_reset(&inputs, &key, 1);
    inputs_add(&inputs, text.data, text.len);
    inputs_add(&inputs, text.data, text.len);
    if (inputs.count > INPUT_SCALARS_MAX || inputs.list_count > INPUT_LISTS) abort();
    for (uint32_t i = 0; i < inputs.list_count; i++)
        if (inputs.lists[i].start >= INPUTS_KEPT ||
            inputs.lists[i].start + inputs.lists[i].count > inputs.count)
            abort();
    return 0;
}
