/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sdk/peer.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_NS (10 * NS_PER_S)

struct peer {
    nng_socket socket;
    pthread_t thread;
    uint16_t port;
    char url[64];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool only_counts;
    enum reply_status answer;
    uint32_t answers_left, batch_count;
    uint64_t stored_spans;
    struct peer_batch batches[PEER_BATCHES_MAX];
};

static void check(bool fine, const char *what)
{
    if (fine) return;
    fprintf(stderr, "peer: %s\n", what);
    abort();
}

static void forget(struct peer_batch *kept)
{
    arena_fini(&kept->arena);
    free(kept->bytes);
}

static enum reply_status keep(struct peer *peer, const void *data, size_t bytes)
{
    pthread_mutex_lock(&peer->mutex);
    check(peer->batch_count < PEER_BATCHES_MAX, "too many batches");
    struct peer_batch *kept = &peer->batches[peer->batch_count];
    const char *why = "";
    arena_init(&kept->arena, (size_t)64 << 20);
    kept->bytes = malloc(bytes);
    memcpy(kept->bytes, data, bytes);
    kept->byte_count = bytes;
    check(batch_unpack(&kept->batch, &kept->arena, kept->bytes, bytes, &why), why);
    kept->answer = peer->answers_left ? peer->answer : REPLY_STORED;
    if (peer->answers_left) peer->answers_left--;
    if (kept->answer == REPLY_STORED) peer->stored_spans += kept->batch.span_count;
    enum reply_status answer = kept->answer;
    if (peer->only_counts)
        forget(kept);
    else
        peer->batch_count++;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->mutex);
    return answer;
}

static void *serve(void *argument)
{
    struct peer *peer = argument;
    void *data;
    size_t bytes;
    while (nng_recv(peer->socket, &data, &bytes, NNG_FLAG_ALLOC) == 0) {
        struct reply reply = {
            .status = keep(peer, data, bytes), .reason = str_of("told so"), .retry_after_ms = 5};
        unsigned char packed[REPLY_BYTES_MAX];
        nng_free(data, bytes);
        if (reply.status == REPLY_UNKNOWN) continue;
        if (nng_send(peer->socket, packed, reply_pack(&reply, packed), 0) != 0) break;
    }
    return NULL;
}

/* Listens on peer->url. */
static nng_listener listen_there(struct peer *peer)
{
    nng_listener listener;
    int64_t deadline =
        clock_monotonic_ns() + WAIT_NS; /* the former peer's port may take a moment to be free */
    int error;
    do error = nng_listen(peer->socket, peer->url, &listener, 0);
    while (error == NNG_EADDRINUSE && clock_monotonic_ns() < deadline);
    check(error == 0, "cannot listen");
    return listener;
}

static struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof *peer);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&peer->changed, &attributes);
    pthread_mutex_init(&peer->mutex, NULL);
    check(nng_rep0_open(&peer->socket) == 0, "no socket");
    return peer;
}

struct peer *peer_start(uint16_t port)
{
    struct peer *peer = peer_new();
    nng_sockaddr address;
    snprintf(peer->url, sizeof peer->url, "tcp://127.0.0.1:%u", port);
    nng_listener listener = listen_there(peer);
    check(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address) == 0, "no address");
    peer->port = ntohs(address.s_in.sa_port);
    snprintf(peer->url, sizeof peer->url, "tcp://127.0.0.1:%u", peer->port);
    check(pthread_create(&peer->thread, NULL, serve, peer) == 0, "no thread");
    return peer;
}

struct peer *peer_start_ipc(const char *path)
{
    struct peer *peer = peer_new();
    snprintf(peer->url, sizeof peer->url, "ipc://%s", path);
    listen_there(peer);
    check(pthread_create(&peer->thread, NULL, serve, peer) == 0, "no thread");
    return peer;
}

void peer_stop(struct peer *peer)
{
    if (!peer) return;
    nng_close(peer->socket);
    pthread_join(peer->thread, NULL);
    for (uint32_t i = 0; i < peer->batch_count; i++) forget(&peer->batches[i]);
    free(peer);
}

uint16_t peer_port(const struct peer *peer) { return peer->port; }
const char *peer_url(const struct peer *peer) { return peer->url; }

void peer_answer(struct peer *peer, enum reply_status answer, uint32_t count)
{
    pthread_mutex_lock(&peer->mutex);
    peer->answer = answer;
    peer->answers_left = count;
    pthread_mutex_unlock(&peer->mutex);
}

void peer_only_count(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    peer->only_counts = true;
    pthread_mutex_unlock(&peer->mutex);
}

uint64_t peer_stored_spans(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    uint64_t count = peer->stored_spans;
    pthread_mutex_unlock(&peer->mutex);
    return count;
}

static bool wait_until(struct peer *peer, uint32_t batches, uint64_t spans)
{
    int64_t deadline_ns = clock_monotonic_ns() + WAIT_NS;
    struct timespec deadline = {deadline_ns / NS_PER_S, deadline_ns % NS_PER_S};
    int error = 0;
    pthread_mutex_lock(&peer->mutex);
    while (error == 0 && (peer->batch_count < batches || peer->stored_spans < spans))
        error = pthread_cond_timedwait(&peer->changed, &peer->mutex, &deadline);
    pthread_mutex_unlock(&peer->mutex);
    return error == 0;
}

bool peer_wait_batches(struct peer *peer, uint32_t count) { return wait_until(peer, count, 0); }
bool peer_wait_spans(struct peer *peer, uint64_t count) { return wait_until(peer, 0, count); }

uint32_t peer_batch_count(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    uint32_t count = peer->batch_count;
    pthread_mutex_unlock(&peer->mutex);
    return count;
}

const struct peer_batch *peer_batch(struct peer *peer, uint32_t index)
{
    check(index < peer_batch_count(peer), "no such batch");
    return &peer->batches[index];
}

static bool is_named(const struct batch *batch, uint32_t span, const char *text)
{
    uint32_t operation = at32(batch->span_operation, span);
    return str_is(batch_string(batch, at32(batch->operation_text, operation)), text);
}

bool peer_find(struct peer *peer, const char *text, uint32_t nth, const struct batch **found, uint32_t *span)
{
    uint32_t count = peer_batch_count(peer);
    for (uint32_t b = 0; b < count; b++) {
        const struct batch *batch = &peer->batches[b].batch;
        for (uint32_t i = 0; i < batch->span_count; i++)
            if (is_named(batch, i, text) && nth-- == 0) {
                *found = batch;
                *span = i;
                return true;
            }
    }
    return false;
}

bool peer_attribute(const struct batch *batch, uint32_t span, const char *key, int64_t *value)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < span; i++) at += at32(batch->attribute_count, i);
    for (uint32_t i = 0; i < at32(batch->attribute_count, span); i++, at++)
        if (str_is(batch_string(batch, batch->attribute_key[at]), key)) {
            *value = batch->attribute_value[at];
            return true;
        }
    return false;
}
