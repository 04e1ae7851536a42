/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as greeting, prefixes and header: what is parsed is written back as it was. */
#include "proto/sp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void greeting(const uint8_t *data)
{
    unsigned char again[SP_GREETING_BYTES];
    uint16_t protocol;
    if (!sp_greeting_parse(data, &protocol)) return;
    sp_greeting(again, protocol);
    if (memcmp(again, data, sizeof again) != 0) abort();
}

static void prefix(const uint8_t *data, enum sp_transport transport)
{
    unsigned char again[SP_FRAME_PREFIX_BYTES];
    uint64_t frame_bytes;
    if (!sp_prefix_parse(data, transport, &frame_bytes)) return;
    if (sp_prefix(again, transport, frame_bytes) != sp_prefix_bytes(transport)) abort();
    if (memcmp(again, data, sp_prefix_bytes(transport)) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    size_t header = sp_header_bytes(data, bytes);
    if (header > bytes || header % 4 != 0 || header > (size_t)SP_HOPS_MAX * 4) abort();
    if (header && !(sp_request_id_parse(data + header - 4) & SP_REQUEST_ID_BIT)) abort();
    if (bytes >= SP_GREETING_BYTES) greeting(data);
    if (bytes >= SP_GREETING_BYTES) prefix(data, SP_TCP);
    if (bytes >= SP_FRAME_PREFIX_BYTES) prefix(data, SP_IPC);
    return 0;
}
