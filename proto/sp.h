/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nng's Scalability Protocols on a byte stream, without I/O: the greeting and the frames that req0 and rep0
 * exchange over tcp and ipc. The SDK's exporter and the collector's ingest both use it. Source: the SP
 * mappings sp-tcp-mapping-01 and sp-ipc-mapping-01, and the REQ/REP protocol's request-id header.
 *
 *     greeting   0x00 'S' 'P' 0x00  protocol:16be  0:16
 *     frame tcp  length:64be  header:32be…  body
 *     frame ipc  0x01  length:64be  header:32be…  body
 *
 * The header is a stack of 32-bit words; the last one, the request id, has its top bit set; the ones before
 * it are put there by devices on the way. A reply carries the same words. No state, no allocation, any
 * thread.
 */
#ifndef WEIR_PROTO_SP_H
#define WEIR_PROTO_SP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_GREETING_BYTES     8
#define SP_PROTOCOL_REQ0      0x30
#define SP_PROTOCOL_REP0      0x31
#define SP_FRAME_PREFIX_BYTES 9 /* the longest: ipc */
#define SP_HOPS_MAX           8 /* words of a header; nng's own limit of hops */
#define SP_REQUEST_ID_BIT     0x80000000u

enum sp_transport { SP_TCP, SP_IPC };

void sp_greeting(unsigned char to[SP_GREETING_BYTES], uint16_t protocol);
/* False when these 8 bytes are no greeting; otherwise *protocol is the peer's. */
bool sp_greeting_parse(const unsigned char from[SP_GREETING_BYTES], uint16_t *protocol);

static inline size_t sp_prefix_bytes(enum sp_transport transport) { return transport == SP_IPC ? 9 : 8; }
/* Writes the prefix of a frame of so many bytes (header words included); returns its length. */
size_t sp_prefix(unsigned char to[SP_FRAME_PREFIX_BYTES], enum sp_transport transport, uint64_t frame_bytes);
bool sp_prefix_parse(const unsigned char *from, enum sp_transport transport, uint64_t *frame_bytes);

/* Bytes of the header words in front of the body (a multiple of 4); 0 when the frame has no valid header. */
size_t sp_header_bytes(const unsigned char *frame, size_t frame_bytes);

void sp_request_id(unsigned char to[4], uint32_t id); /* sets the top bit */
uint32_t sp_request_id_parse(const unsigned char from[4]);

#endif
