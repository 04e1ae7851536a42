/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nng side: listens on byte streams, speaks SP rep0 (proto/sp.h), decodes batches, has them stored, and
 * answers each with a Reply after the commit, or once it is durable in the spool. Threads of its own: nng's for the streams, one that scans
 * deadlines, one that unpacks, one that stores, one that spools.
 */
#ifndef WEIR_COLLECTOR_INGEST_H
#define WEIR_COLLECTOR_INGEST_H

#include <stddef.h>
#include <stdint.h>

/* One table: name, default, meaning. */
#define INGEST_LIMITS(X)                                                                                     \
    X(connections_max, 1024, "open connections; for a further one an idle one is closed, or it is")          \
    X(greeting_timeout_ms, 2000, "from connecting to the SP greeting")                                       \
    X(frame_timeout_ms, 3000, "from a frame's first byte to its last")                                       \
    X(idle_timeout_ms, 600000, "without a request; a vanished peer is found so; 0: for ever")                \
    X(reply_timeout_ms, 3000, "for a peer to read its reply")                                                \
    X(pipelined_max, 16, "requests of one connection not yet answered; reading stops there")                 \
    X(queue_bytes_max, 268435456, "frames received but not yet stored, over all connections")                \
    X(group_spans_max, 32768, "spans stored in one transaction, of whatever producers")                      \
    X(group_hold_ms, 0, "how long the first batch of a group waits for others while Postgres is idle")       \
    X(spool_bytes_max, 1073741824, "batches kept on disk while Postgres is away or slow; 0: none")           \
    X(spool_age_max_s, 259200, "none is added to the spool while its oldest has waited for so long")         \
    X(spool_free_min_bytes, 268435456, "none is added to the spool that would leave less of its disk")       \
    X(spool_after_ms, 1000, "a batch that Postgres has not taken in so long goes to the spool")

struct spool;

struct ingest_options {
    const char *dsn;
    struct spool *spool;     /* the caller's; NULL: while Postgres is away batches are sent back */
    const char *const *urls; /* tcp://HOST:PORT (port 0: a free one), tls+tcp://HOST:PORT, ipc://PATH */
    size_t url_count;
    const char *tls_cert, *tls_key; /* PEM files, for tls+tcp; NULL: there are none */
#define X(name, standard, meaning) uint64_t name;
    INGEST_LIMITS(X)
#undef X
};

struct ingest;
struct reply;

#define INGEST_ERROR_BYTES 512

void ingest_options_default(struct ingest_options *options);
struct ingest *ingest_start(const struct ingest_options *options, char error[INGEST_ERROR_BYTES]);
/* The address really bound, port filled in; index < url_count. */
const char *ingest_url(const struct ingest *ingest, size_t index);
/*
 * A batch that came another way than over nng goes the same way from here on. `answered` is called once, on any thread and
 * possibly before this returns: stored (committed, or durable in the spool), refused, to be tried again, or NULL: dropped, as
 * ingest stops. The bytes are borrowed until then, and what bounds them is the caller's.
 */
typedef void ingest_answered(void *context, const struct reply *reply);
void ingest_take(struct ingest *ingest, const unsigned char *packed, size_t bytes, ingest_answered *answered,
                 void *context);

/* Stops accepting, answers what is stored, drops what is not (its sender still has it), frees all. NULL is
 * fine. */
void ingest_stop(struct ingest *ingest);

#endif
