/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector for tests: a plain nng REP socket that unpacks and keeps every batch it gets, and answers as it is told. A
 * thread of its own serves it; what it has kept may be read once peer_wait has returned, and until peer_stop.
 */
#ifndef WEIR_TESTS_SDK_PEER_H
#define WEIR_TESTS_SDK_PEER_H

#include "proto/batch.h"

#include <stdbool.h>
#include <stdint.h>

/* A column that is 0 for every span is not there. */
static inline uint32_t at32(const uint32_t *column, uint32_t span) { return column ? column[span] : 0; }
static inline uint64_t at64(const uint64_t *column, uint32_t span) { return column ? column[span] : 0; }

#define PEER_BATCHES_MAX 4096

struct peer_batch {
    struct batch batch;
    struct arena arena;
    unsigned char *bytes;
    size_t byte_count;
    enum reply_status answer; /* what the peer said */
};

struct peer;

/* Listens on 127.0.0.1; port 0 picks one. Aborts the test when it cannot. */
struct peer *peer_start(uint16_t port);
/* Listens on a Unix socket. */
struct peer *peer_start_ipc(const char *path);
void peer_stop(struct peer *peer);
uint16_t peer_port(const struct peer *peer);
const char *peer_url(const struct peer *peer);

/* What the next `count` batches get; then REPLY_STORED again. REPLY_UNKNOWN: no answer at all. */
void peer_answer(struct peer *peer, enum reply_status answer, uint32_t count);

/* From now on batches are checked and counted, but not kept. */
void peer_only_count(struct peer *peer);
uint64_t peer_stored_spans(struct peer *peer);

/* Until so many batches came, or stored spans; false after ten seconds. */
bool peer_wait_batches(struct peer *peer, uint32_t count);
bool peer_wait_spans(struct peer *peer, uint64_t count);

uint32_t peer_batch_count(struct peer *peer);
const struct peer_batch *peer_batch(struct peer *peer, uint32_t index);

/* The nth span (from 0) whose operation has this text; false when there is none. */
bool peer_find(struct peer *peer, const char *text, uint32_t nth, const struct batch **batch, uint32_t *span);

/* A span's attribute by key: string index or value in *value. */
bool peer_attribute(const struct batch *batch, uint32_t span, const char *key, int64_t *value);

#endif
