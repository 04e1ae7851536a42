/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/otlp/intake_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    read_as(BODY_OTLP_JSON, data, bytes);
    return 0;
}
