/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of ingest's sockets for tests: a raw SP peer that can misbehave byte by byte, and a batch to
 * send. One thread. Everything that waits has a deadline and fails the test at it.
 */
#ifndef WEIR_TESTS_INGEST_PEER_H
#define WEIR_TESTS_INGEST_PEER_H

#include "base/buffer.h"
#include "proto/batch.h"
#include "proto/sp.h"

#define PEER_DEADLINE_MS 10000

struct peer {
    int fd;
    enum sp_transport transport;
};

/* A packed batch of one span. */
void peer_batch(struct buffer *out, uint32_t version, uint64_t producer, uint64_t sequence);

struct peer peer_connect(const char *url); /* tcp://127.0.0.1:PORT or ipc://PATH; says nothing yet */
struct peer peer_open(const char *url);    /* connects and greets */
void peer_close(struct peer *peer);
void peer_reset(struct peer *peer); /* closes with RST, as a process that dies does with unread data */

void peer_send(const struct peer *peer, const void *data, size_t bytes);
void peer_send_prefix(const struct peer *peer, uint64_t frame_bytes);
/* A whole frame: words (each as it is, big-endian), then the body. */
void peer_send_frame(const struct peer *peer, const uint32_t *words, size_t word_count, const void *body,
                     size_t bytes);
void peer_send_request(const struct peer *peer, uint32_t id, const struct buffer *body);

/* The next frame's words and reply; the reason is cut to fit. */
struct peer_reply {
    uint32_t words[SP_HOPS_MAX + 1];
    size_t word_count;
    enum reply_status status;
    uint32_t retry_after_ms;
    char reason[256];
};
struct peer_reply peer_receive(const struct peer *peer);
/* Waits until the collector has closed. */
void peer_expect_closed(const struct peer *peer);

#endif
