/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sp.h"

#include <endian.h>
#include <string.h>

#define IPC_MESSAGE 0x01 /* the only kind of frame that the ipc mapping has */

void sp_greeting(unsigned char to[SP_GREETING_BYTES], uint16_t protocol)
{
    const unsigned char greeting[SP_GREETING_BYTES] = {
        0, 'S', 'P', 0, (unsigned char)(protocol >> 8), (unsigned char)protocol, 0, 0};
    memcpy(to, greeting, sizeof greeting);
}

bool sp_greeting_parse(const unsigned char from[SP_GREETING_BYTES], uint16_t *protocol)
{
    unsigned char expected[SP_GREETING_BYTES];
    uint16_t said = (uint16_t)(from[4] << 8 | from[5]);
    sp_greeting(expected, said);
    if (memcmp(expected, from, sizeof expected) != 0) return false;
    *protocol = said;
    return true;
}

size_t sp_prefix(unsigned char to[SP_FRAME_PREFIX_BYTES], enum sp_transport transport, uint64_t frame_bytes)
{
    size_t at = 0;
    uint64_t length = htobe64(frame_bytes);
    if (transport == SP_IPC) to[at++] = IPC_MESSAGE;
    memcpy(to + at, &length, sizeof length);
    return at + sizeof length;
}

bool sp_prefix_parse(const unsigned char *from, enum sp_transport transport, uint64_t *frame_bytes)
{
    uint64_t length;
    if (transport == SP_IPC && *from++ != IPC_MESSAGE) return false;
    memcpy(&length, from, sizeof length);
    *frame_bytes = be64toh(length);
    return true;
}

size_t sp_header_bytes(const unsigned char *frame, size_t frame_bytes)
{
    for (size_t word = 0; word < SP_HOPS_MAX && (word + 1) * 4 <= frame_bytes; word++)
        if (frame[word * 4] & 0x80) return (word + 1) * 4; /* the request id ends the header */
    return 0;
}

void sp_request_id(unsigned char to[4], uint32_t id)
{
    uint32_t word = htobe32(id | SP_REQUEST_ID_BIT);
    memcpy(to, &word, sizeof word);
}

uint32_t sp_request_id_parse(const unsigned char from[4])
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return be32toh(word);
}
