/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest_peer.h"

#include "tests/support/cmocka.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void peer_batch(struct buffer *out, uint32_t version, uint64_t producer, uint64_t sequence)
{
    unsigned char trace_id[16] = {1};
    uint32_t zero = 0, one = 1;
    uint64_t span_id = 7, duration_ns = 1000;
    struct batch batch = {.version = version,
                          .producer = producer,
                          .sequence = sequence,
                          .string_data = STR(""),
                          .string_count = 1,
                          .string_bytes = &zero,
                          .trace_count = 1,
                          .trace_ids = trace_id,
                          .operation_count = 1,
                          .operation_type = &zero,
                          .operation_system = &zero,
                          .operation_text = &zero,
                          .span_count = 1,
                          .base_time_unix_ns = 1700000000000000000,
                          .span_trace = &zero,
                          .span_id = &span_id,
                          .span_kind = &one,
                          .span_operation = &zero,
                          .duration_ns = &duration_ns};
    char *to = buffer_reserve(out, batch_packed_bytes(&batch));
    assert_non_null(to);
    out->len += batch_pack(&batch, (unsigned char *)to);
}

static int connect_tcp(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int connect_ipc(const char *url)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", url + strlen("ipc://"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

struct peer peer_connect(const char *url)
{
    bool ipc = strncmp(url, "ipc://", 6) == 0;
    return (struct peer){.fd = ipc ? connect_ipc(url) : connect_tcp(url), .transport = ipc ? SP_IPC : SP_TCP};
}

static void wait_for(const struct peer *peer, short events)
{
    struct pollfd poll_fd = {.fd = peer->fd, .events = events};
    assert_int_equal(poll(&poll_fd, 1, PEER_DEADLINE_MS), 1);
}

void peer_send(const struct peer *peer, const void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        wait_for(peer, POLLOUT);
        ssize_t sent = send(peer->fd, (const char *)data + at, bytes - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) assert_int_equal(errno, EAGAIN);
        at += sent > 0 ? (size_t)sent : 0;
    }
}

static void receive(const struct peer *peer, void *to, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        wait_for(peer, POLLIN);
        ssize_t got = recv(peer->fd, (char *)to + at, bytes - at, 0);
        assert_true(got > 0);
        at += (size_t)got;
    }
}

struct peer peer_open(const char *url)
{
    struct peer peer = peer_connect(url);
    unsigned char greeting[SP_GREETING_BYTES];
    uint16_t protocol = 0;
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    peer_send(&peer, greeting, sizeof greeting);
    receive(&peer, greeting, sizeof greeting);
    assert_true(sp_greeting_parse(greeting, &protocol));
    assert_int_equal(protocol, SP_PROTOCOL_REP0);
    return peer;
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

void peer_reset(struct peer *peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peer_close(peer);
}

void peer_send_prefix(const struct peer *peer, uint64_t frame_bytes)
{
    unsigned char prefix[SP_FRAME_PREFIX_BYTES];
    peer_send(peer, prefix, sp_prefix(prefix, peer->transport, frame_bytes));
}

void peer_send_frame(const struct peer *peer, const uint32_t *words, size_t word_count, const void *body,
                     size_t bytes)
{
    struct buffer frame;
    unsigned char prefix[SP_FRAME_PREFIX_BYTES];
    buffer_init(&frame);
    buffer_add(&frame, prefix, sp_prefix(prefix, peer->transport, word_count * 4 + bytes));
    for (size_t i = 0; i < word_count; i++) buffer_add_u32be(&frame, words[i]);
    buffer_add(&frame, body, bytes);
    peer_send(peer, frame.data, frame.len);
    buffer_fini(&frame);
}

void peer_send_request(const struct peer *peer, uint32_t id, const struct buffer *body)
{
    uint32_t word = id | SP_REQUEST_ID_BIT;
    peer_send_frame(peer, &word, 1, body->data, body->len);
}

struct peer_reply peer_receive(const struct peer *peer)
{
    struct peer_reply got = {0};
    unsigned char prefix[SP_FRAME_PREFIX_BYTES], frame[SP_HOPS_MAX * 4 + REPLY_BYTES_MAX];
    uint64_t frame_bytes = 0;
    receive(peer, prefix, sp_prefix_bytes(peer->transport));
    assert_true(sp_prefix_parse(prefix, peer->transport, &frame_bytes));
    assert_true(frame_bytes <= sizeof frame);
    receive(peer, frame, (size_t)frame_bytes);
    size_t header_bytes = sp_header_bytes(frame, (size_t)frame_bytes);
    assert_true(header_bytes > 0);
    got.word_count = header_bytes / 4;
    for (size_t i = 0; i < got.word_count; i++) {
        uint32_t word;
        memcpy(&word, frame + i * 4, sizeof word);
        got.words[i] = be32toh(word);
    }
    struct arena arena;
    struct reply reply;
    arena_init(&arena, 1 << 20);
    assert_true(reply_unpack(&reply, &arena, frame + header_bytes, (size_t)frame_bytes - header_bytes));
    got.status = reply.status;
    got.retry_after_ms = reply.retry_after_ms;
    snprintf(got.reason, sizeof got.reason, "%.*s", STR_ARG(reply.reason));
    arena_fini(&arena);
    return got;
}

void peer_expect_closed(const struct peer *peer)
{
    char ignored[256];
    ssize_t got;
    do {
        wait_for(peer, POLLIN);
        got = recv(peer->fd, ignored, sizeof ignored, 0);
    } while (got > 0);
    assert_true(got == 0 || errno == ECONNRESET);
}
