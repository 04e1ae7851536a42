/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replying end of nng's request/reply (SP rep0) over nng's byte streams: tcp, TLS over tcp, ipc. Knows
 * frames and replies, not what is in a request. Why not nng's own REP socket: docs/decisions, the transport.
 *
 * Threads: nng's callbacks read and write; one thread of the server's own scans deadlines and is the only one
 * that frees a connection; any thread may answer a request. A connection that dies while its requests are
 * held elsewhere stays allocated until the last is answered or dropped; the answers then go nowhere.
 */
#ifndef WEIR_COLLECTOR_SP_SERVER_H
#define WEIR_COLLECTOR_SP_SERVER_H

#include "collector/ingest/frame_reader.h"
#include "collector/ingest/ingest.h"
#include "proto/batch.h"

struct sp_connection;
struct sp_server;

/* One request on its way to being answered. Whoever was handed it answers or drops it, once. */
struct sp_request {
    struct sp_request *next; /* for a queue of the holder's */
    struct sp_connection
        *connection; /* NULL: it did not come over SP, and has what follows in place of a frame */
    ingest_answered *answered;
    void *answered_context;
    struct frame frame;
    size_t header_bytes;       /* of the frame; the answer carries the same words */
    const unsigned char *body; /* in the frame */
    size_t body_bytes;
};

/* Called on nng's threads with the connection locked: takes the request over, does not block, answers nothing
 * itself. */
typedef void sp_received(void *context, struct sp_request *request);

/* Listens on options->urls within options' limits. NULL: error says why. */
struct sp_server *sp_server_start(const struct ingest_options *options, sp_received *received, void *context,
                                  char error[INGEST_ERROR_BYTES]);
const char *sp_server_url(const struct sp_server *server, size_t index);

void sp_request_answer(struct sp_request *request, const struct reply *reply);
void sp_request_drop(struct sp_request *request);

/* Accepts nobody and reads nothing any more; answers still go out. */
void sp_server_quiesce(struct sp_server *server);
/* After quiesce and after every request was answered or dropped: lets answers go out, bounded, closes and
 * frees all. */
void sp_server_stop(struct sp_server *server);

#endif
