/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks, outermost first: server->lock (who is connected), connection->lock (its state), then nng's own and
 * the queue behind received(). Three rules that nng 1.5.2 asks for:
 *   - `dead` is set under the connection's lock before its stream is closed, and nothing is posted on it
 * afterwards: a receive that is posted after a local close never completes.
 *   - An aio is never freed in a callback (it would wait for itself). Only the scanning thread frees
 * connections, when no aio is under way and no request is held: first the aios, which waits for callbacks
 * that are just returning, then the stream.
 *   - Timeouts are ours, not the aios': one thread scans deadlines.
 *   - That a TLS peer has gone is not always told: the same thread looks.
 */
#include "collector/ingest/sp_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/ingest/tls.h"

#include <nng/nng.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCAN_INTERVAL_NS   (100 * NS_PER_MS)
#define DRAIN_NS           NS_PER_S /* for answers to go out at the end */
#define NO_ROOM_RETRY_MS   200      /* when the queue is full */
#define ANSWER_FRAME_BYTES (SP_FRAME_PREFIX_BYTES + FRAME_HEAD_BYTES + REPLY_BYTES_MAX)
#define URL_BYTES          256
#define DYING_MAX          256 /* closed, but not freed yet: more, and nobody is accepted */
#define ACCEPTORS          16
#define LOOK_INTERVAL_NS   (500 * NS_PER_MS)
#define EVICT_IDLE_NS      NS_PER_S /* a peer that was served before gives way after so long */

struct answer {
    struct answer *next;
    size_t bytes, sent_bytes;
    bool greeting; /* answers no request */
    unsigned char data[ANSWER_FRAME_BYTES];
};

struct sp_connection {
    struct sp_server *server;
    struct sp_connection *next; /* server->lock */
    enum sp_transport transport;
    bool tls;
    nng_stream *stream;
    nng_aio *receive_aio, *send_aio;

    pthread_mutex_t lock; /* for all below */
    bool dead;            /* closed; nothing is posted any more */
    bool quiesced;        /* what still comes in is ignored */
    bool receiving, sending;
    bool served;               /* has sent a whole request: the last to give way to others */
    int64_t looked_ns;         /* monotonic: whether its tcp is still there */
    int64_t active_ns;         /* monotonic: connected, or the end of its latest request or reply */
    uint64_t held_count;       /* requests that someone else holds */
    uint64_t unanswered_count; /* requests whose answers have not gone out, the held ones included */
    struct frame_reader reader;
    struct answer *first_answer, **last_answer;
    int64_t read_deadline_ns, write_deadline_ns; /* monotonic; 0: none */
};

struct listener {
    struct sp_server *server;
    nng_stream_listener *stream_listener;
    /* Several, so that a burst is accepted at one go: nng's backlog is 128, and who finds it full tries again a second later. */
    struct acceptor {
        struct listener *listener;
        nng_aio *aio;
        bool resting; /* could not accept; the scan tries again */
    } acceptors[ACCEPTORS];
    enum sp_transport transport;
    bool tls;
    bool complained; /* in the log, that it cannot accept */
    char url[URL_BYTES];
};

struct sp_server {
    struct ingest_options limits;
    sp_received *received;
    void *context;
    struct frame_budget budget;
    nng_tls_config *tls; /* NULL: no listener needs it */
    struct listener *listeners;
    size_t listener_count;
    _Atomic size_t live_count; /* connections that are not dead; a count, relaxed */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    bool quiesced, stopping;
    struct sp_connection *connections;
    size_t connection_count;
    pthread_t scanner;
};

static void count(_Atomic uint64_t *counter) { atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

static int64_t deadline_in(uint64_t timeout_ms)
{
    return clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
}

static void wake_scanner(struct sp_server *server)
{
    pthread_mutex_lock(&server->lock);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* ---- one connection; its lock is held in all of these ---- */

static void kill_connection(struct sp_connection *connection)
{
    if (connection->dead) return;
    connection->dead = true;
    atomic_fetch_sub_explicit(&connection->server->live_count, 1, memory_order_relaxed);
    count(&counters.connections_closed);
    nng_stream_close(connection->stream);
}

static void post(nng_aio *aio, void (*operation)(nng_stream *, nng_aio *), nng_stream *stream, void *data,
                 size_t bytes)
{
    nng_iov piece = {.iov_buf = data, .iov_len = bytes};
    nng_aio_set_iov(aio, 1, &piece);
    operation(stream, aio);
}

/* Between frames reading stops at pipelined_max unanswered requests: the peer's socket fills, which is the
 * answer. */
static void receive_more(struct sp_connection *connection)
{
    if (connection->dead || connection->quiesced || connection->receiving) return;
    bool full = connection->unanswered_count >= connection->server->limits.pipelined_max;
    if (full && !frame_reader_inside(&connection->reader)) return;
    size_t bytes;
    unsigned char *room = frame_reader_room(&connection->reader, &bytes);
    connection->receiving = true;
    post(connection->receive_aio, nng_stream_recv, connection->stream, room, bytes);
}

static void send_more(struct sp_connection *connection)
{
    struct answer *answer = connection->first_answer;
    if (connection->dead || connection->sending || !answer) return;
    if (answer->sent_bytes == 0)
        connection->write_deadline_ns = deadline_in(connection->server->limits.reply_timeout_ms);
    connection->sending = true;
    post(connection->send_aio, nng_stream_send, connection->stream, answer->data + answer->sent_bytes,
         answer->bytes - answer->sent_bytes);
}

static void add_answer(struct sp_connection *connection, struct answer *answer)
{
    answer->next = NULL;
    *connection->last_answer = answer;
    connection->last_answer = &answer->next;
    send_more(connection);
}

static void remove_answer(struct sp_connection *connection)
{
    struct answer *answer = connection->first_answer;
    connection->first_answer = answer->next;
    if (!connection->first_answer) connection->last_answer = &connection->first_answer;
    if (!answer->greeting) connection->unanswered_count--;
    free(answer);
}

/* Out of memory the connection ends: its peer sends the batch again. */
static void reply_to(struct sp_connection *connection, const unsigned char *header, size_t header_bytes,
                     const struct reply *reply)
{
    if (connection->dead) return;
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        kill_connection(connection);
        return;
    }
    unsigned char body[REPLY_BYTES_MAX];
    size_t body_bytes = reply_pack(reply, body);
    answer->bytes = sp_prefix(answer->data, connection->transport, header_bytes + body_bytes);
    memcpy(answer->data + answer->bytes, header, header_bytes);
    answer->bytes += header_bytes;
    memcpy(answer->data + answer->bytes, body, body_bytes);
    answer->bytes += body_bytes;
    add_answer(connection, answer);
}

static bool greet(struct sp_connection *connection)
{
    struct answer *greeting = calloc(1, sizeof *greeting);
    if (!greeting) return false;
    greeting->greeting = true;
    greeting->bytes = SP_GREETING_BYTES;
    sp_greeting(greeting->data, SP_PROTOCOL_REP0);
    add_answer(connection, greeting);
    return true;
}

/* It ended by itself: in order, or not. */
static void lose_connection(struct sp_connection *connection)
{
    if (connection->dead) return;
    bool silent = connection->reader.phase == PHASE_GREETING && connection->reader.have_bytes == 0;
    if (connection->tls && silent)
        count(&counters.connections_refused_tls);
    else if (connection->unanswered_count > 0 || frame_reader_inside(&connection->reader))
        count(&counters.connections_cut);
    kill_connection(connection);
}

static void refuse_connection(struct sp_connection *connection, _Atomic uint64_t *counter)
{
    count(counter);
    kill_connection(connection);
}

static void hand_over(struct sp_connection *connection)
{
    struct frame frame = frame_reader_take(&connection->reader);
    size_t header_bytes = sp_header_bytes(frame.data, frame.bytes);
    struct sp_request *request = header_bytes ? calloc(1, sizeof *request) : NULL;
    if (!request) {
        frame_free(&frame, &connection->server->budget);
        if (header_bytes == 0) count(&counters.frames_refused_header);
        kill_connection(connection);
        return;
    }
    request->connection = connection;
    request->frame = frame;
    request->header_bytes = header_bytes;
    request->body = frame.data + header_bytes;
    request->body_bytes = frame.bytes - header_bytes;
    connection->held_count++;
    connection->unanswered_count++;
    connection->served = true;
    connection->server->received(connection->server->context, request);
}

/* A frame that was read but not kept still gets its answer, if it says whose it is. */
static void answer_skipped(struct sp_connection *connection)
{
    const struct frame_reader *reader = &connection->reader;
    bool too_long = reader->skip == SKIP_TOO_LONG;
    size_t header_bytes = sp_header_bytes(reader->head, reader->head_bytes);
    if (header_bytes == 0) {
        refuse_connection(connection, &counters.frames_refused_header);
        return;
    }
    count(too_long ? &counters.frames_refused_length : &counters.batches_retried);
    char reason[128];
    if (too_long)
        snprintf(reason, sizeof reason, "a frame of %llu bytes is longer than a batch may be (%zu)",
                 (unsigned long long)reader->frame_bytes, reader->frame_bytes_max);
    else
        snprintf(reason, sizeof reason, "the collector holds as many unstored batches as it may");
    struct reply reply = {.status = too_long ? REPLY_REFUSED : REPLY_RETRY,
                          .reason = str_of(reason),
                          .retry_after_ms = too_long ? 0 : NO_ROOM_RETRY_MS};
    connection->unanswered_count++;
    reply_to(connection, reader->head, header_bytes, &reply);
}

static void take_bytes(struct sp_connection *connection, size_t bytes)
{
    struct frame_reader *reader = &connection->reader;
    enum frame_event event = frame_reader_took(reader, bytes);
    if (event != FRAME_NEEDS_MORE) connection->active_ns = clock_monotonic_ns();
    switch (event) {
    case FRAME_NEEDS_MORE:
        break;
    case FRAME_GREETED:
        connection->read_deadline_ns = 0;
        if (reader->protocol != SP_PROTOCOL_REQ0)
            refuse_connection(connection, &counters.connections_refused_greeting);
        return;
    case FRAME_WHOLE:
        connection->read_deadline_ns = 0;
        hand_over(connection);
        return;
    case FRAME_SKIPPED:
        connection->read_deadline_ns = 0;
        answer_skipped(connection);
        return;
    case FRAME_BAD_GREETING:
        refuse_connection(connection, &counters.connections_refused_greeting);
        return;
    case FRAME_BAD_PREFIX:
        refuse_connection(connection, &counters.frames_refused_header);
        return;
    case FRAME_TOO_LONG:
        refuse_connection(connection, &counters.frames_refused_length);
        return;
    }
    if (connection->read_deadline_ns == 0 && frame_reader_inside(reader))
        connection->read_deadline_ns = deadline_in(connection->server->limits.frame_timeout_ms);
}

/* ---- callbacks, on nng's threads ---- */

static void end_callback(struct sp_connection *connection)
{
    struct sp_server *server = connection->server;
    bool dead = connection->dead;
    pthread_mutex_unlock(&connection->lock);
    /* The connection may be gone from here on. */
    if (dead) wake_scanner(server);
}

static void received(void *context)
{
    struct sp_connection *connection = context;
    pthread_mutex_lock(&connection->lock);
    connection->receiving = false;
    if (nng_aio_result(connection->receive_aio) != 0)
        lose_connection(connection);
    else if (!connection->dead && !connection->quiesced)
        take_bytes(connection, nng_aio_count(connection->receive_aio));
    receive_more(connection);
    end_callback(connection);
}

static void sent(void *context)
{
    struct sp_connection *connection = context;
    pthread_mutex_lock(&connection->lock);
    connection->sending = false;
    if (nng_aio_result(connection->send_aio) != 0) {
        lose_connection(connection);
    } else {
        struct answer *answer = connection->first_answer;
        answer->sent_bytes += nng_aio_count(connection->send_aio);
        if (answer->sent_bytes == answer->bytes) {
            if (!answer->greeting) connection->active_ns = clock_monotonic_ns();
            remove_answer(connection);
            connection->write_deadline_ns = 0;
        }
    }
    send_more(connection);
    receive_more(connection);
    end_callback(connection);
}

/* ---- answers from outside ---- */

static void finish_request(struct sp_request *request, const struct reply *reply)
{
    struct sp_connection *connection = request->connection;
    if (!connection) {
        request->answered(request->answered_context, reply);
        free(request);
        return;
    }
    pthread_mutex_lock(&connection->lock);
    connection->held_count--;
    if (reply)
        reply_to(connection, request->frame.data, request->header_bytes, reply);
    else
        connection->unanswered_count--;
    frame_free(&request->frame, &connection->server->budget);
    end_callback(connection);
    free(request);
}

void sp_request_answer(struct sp_request *request, const struct reply *reply)
{
    finish_request(request, reply);
}
void sp_request_drop(struct sp_request *request) { finish_request(request, NULL); }

/* ---- connections come and go ---- */

/* No callback runs and none will: see the rules at the top. */
static void free_connection(struct sp_connection *connection)
{
    nng_aio_free(connection->receive_aio);
    nng_aio_free(connection->send_aio);
    nng_stream_free(connection->stream);
    frame_reader_fini(&connection->reader);
    while (connection->first_answer) remove_answer(connection);
    pthread_mutex_destroy(&connection->lock);
    free(connection);
}

static struct sp_connection *new_connection(struct listener *listener, nng_stream *stream)
{
    struct sp_server *server = listener->server;
    struct sp_connection *connection = calloc(1, sizeof *connection);
    if (!connection) return NULL;
    if (nng_aio_alloc(&connection->receive_aio, received, connection) != 0 ||
        nng_aio_alloc(&connection->send_aio, sent, connection) != 0) {
        if (connection->receive_aio) nng_aio_reap(connection->receive_aio);
        free(connection);
        return NULL;
    }
    connection->server = server;
    connection->transport = listener->transport;
    connection->tls = listener->tls;
    connection->active_ns = clock_monotonic_ns();
    connection->stream = stream;
    connection->last_answer = &connection->first_answer;
    connection->read_deadline_ns = deadline_in(server->limits.greeting_timeout_ms);
    frame_reader_init(&connection->reader, listener->transport, BATCH_BYTES_MAX + 4 * SP_HOPS_MAX,
                      &server->budget);
    pthread_mutex_init(&connection->lock, NULL);
    return connection;
}

/* Who gives way to another: never one with a request under way; one that has not sent any before one that has, and of
 * those the one that has been silent longest. So silent peers, however many, keep nobody out. Its lock is held. */
static bool may_give_way(const struct sp_connection *connection, int64_t now_ns)
{
    bool busy = connection->dead || connection->unanswered_count > 0;
    bool inside = connection->served && frame_reader_inside(&connection->reader);
    return !busy && !inside && (!connection->served || now_ns - connection->active_ns >= EVICT_IDLE_NS);
}

static bool gives_way_before(const struct sp_connection *a, bool other_served, int64_t other_active_ns)
{
    return a->served != other_served ? !a->served : a->active_ns < other_active_ns;
}

/* server->lock is held. */
static bool evict_one(struct sp_server *server)
{
    struct sp_connection *victim = NULL;
    bool victim_served = true;
    int64_t victim_active_ns = INT64_MAX, now_ns = clock_monotonic_ns();
    for (struct sp_connection *connection = server->connections; connection; connection = connection->next) {
        pthread_mutex_lock(&connection->lock);
        if (may_give_way(connection, now_ns) &&
            gives_way_before(connection, victim_served, victim_active_ns)) {
            victim = connection;
            victim_served = connection->served;
            victim_active_ns = connection->active_ns;
        }
        pthread_mutex_unlock(&connection->lock);
    }
    if (!victim) return false;
    pthread_mutex_lock(&victim->lock);
    bool still = may_give_way(victim, now_ns);
    if (still) refuse_connection(victim, &counters.connections_evicted);
    pthread_mutex_unlock(&victim->lock);
    return still;
}

static bool has_room(struct sp_server *server)
{
    return atomic_load_explicit(&server->live_count, memory_order_relaxed) < server->limits.connections_max;
}

/* Until the dead are freed their descriptors count. */
static bool may_accept(const struct sp_server *server)
{
    return server->connection_count < server->limits.connections_max + DYING_MAX;
}

/* server->lock is held. */
static void open_connection(struct listener *listener, nng_stream *stream)
{
    struct sp_server *server = listener->server;
    count(&counters.connections_accepted);
    if (!has_room(server) && !evict_one(server)) {
        count(&counters.connections_refused_limit);
        count(&counters.connections_closed);
        nng_stream_free(stream);
        return;
    }
    struct sp_connection *connection = new_connection(listener, stream);
    if (!connection) {
        count(&counters.connections_closed);
        nng_stream_free(stream);
        return;
    }
    atomic_fetch_add_explicit(&server->live_count, 1, memory_order_relaxed);
    connection->next = server->connections;
    server->connections = connection;
    server->connection_count++;
    pthread_mutex_lock(&connection->lock);
    if (!greet(connection)) kill_connection(connection);
    receive_more(connection);
    pthread_mutex_unlock(&connection->lock);
    pthread_cond_broadcast(&server->changed); /* the scan has a deadline to watch */
}

/* server->lock is held. */
static void accept_next(struct acceptor *acceptor)
{
    acceptor->resting = !may_accept(acceptor->listener->server);
    if (!acceptor->resting) nng_stream_listener_accept(acceptor->listener->stream_listener, acceptor->aio);
}

/* A failed accept (no descriptors left, most likely) is tried again by the scan, not at once: it would spin. The log hears
 * of the first in a row.
 */
static void accepted(void *context)
{
    struct acceptor *acceptor = context;
    struct listener *listener = acceptor->listener;
    struct sp_server *server = listener->server;
    pthread_mutex_lock(&server->lock);
    int result = nng_aio_result(acceptor->aio);
    nng_stream *stream = result == 0 ? nng_aio_get_output(acceptor->aio, 0) : NULL;
    if (server->quiesced) {
        if (stream) nng_stream_free(stream);
    } else if (stream) {
        listener->complained = false;
        open_connection(listener, stream);
        accept_next(acceptor);
    } else {
        if (!listener->complained)
            log_warn("cannot accept a connection on %s: %s", listener->url, nng_strerror(result));
        listener->complained = true;
        acceptor->resting = true;
        pthread_cond_broadcast(&server->changed);
    }
    pthread_mutex_unlock(&server->lock);
}

static bool expired(int64_t deadline_ns, int64_t now_ns) { return deadline_ns != 0 && now_ns >= deadline_ns; }

static bool is_idle(const struct sp_connection *connection, int64_t now_ns)
{
    uint64_t idle_ms = connection->server->limits.idle_timeout_ms;
    return idle_ms && connection->unanswered_count == 0 && connection->read_deadline_ns == 0 &&
           !connection->quiesced && now_ns - connection->active_ns >= (int64_t)idle_ms * NS_PER_MS;
}

/* A TLS stream of nng 1.5.2 whose tcp ended while no receive was posted tells nobody, and a receive posted later never
 * completes. But its socket has been shut down, and has no peer's address any more. */
static bool is_gone(struct sp_connection *connection, int64_t now_ns)
{
    nng_sockaddr peer;
    if (!connection->tls || now_ns - connection->looked_ns < LOOK_INTERVAL_NS) return false;
    connection->looked_ns = now_ns;
    return nng_stream_get_addr(connection->stream, NNG_OPT_REMADDR, &peer) != 0;
}

/* True when nothing refers to the connection any more. */
static bool scan_connection(struct sp_connection *connection, int64_t now_ns)
{
    pthread_mutex_lock(&connection->lock);
    if (!connection->dead &&
        (expired(connection->read_deadline_ns, now_ns) || expired(connection->write_deadline_ns, now_ns)))
        refuse_connection(connection, &counters.connections_timed_out);
    if (!connection->dead && is_gone(connection, now_ns)) lose_connection(connection);
    if (!connection->dead && is_idle(connection, now_ns))
        refuse_connection(connection, &counters.connections_idle);
    bool done =
        connection->dead && !connection->receiving && !connection->sending && connection->held_count == 0;
    pthread_mutex_unlock(&connection->lock);
    return done;
}

/* Unlinks those that are done and returns them. server->lock is held. */
static struct sp_connection *scan_connections(struct sp_server *server)
{
    int64_t now_ns = clock_monotonic_ns();
    struct sp_connection *done = NULL;
    for (struct sp_connection **link = &server->connections; *link;) {
        struct sp_connection *connection = *link;
        if (!scan_connection(connection, now_ns)) {
            link = &connection->next;
            continue;
        }
        *link = connection->next;
        server->connection_count--;
        connection->next = done;
        done = connection;
    }
    return done;
}

/* server->lock is held. */
static void wake_listeners(struct sp_server *server)
{
    if (server->quiesced) return;
    for (size_t i = 0; i < server->listener_count; i++)
        for (size_t j = 0; j < ACCEPTORS; j++)
            if (server->listeners[i].acceptors[j].resting) accept_next(&server->listeners[i].acceptors[j]);
}

static bool any_resting(const struct sp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        for (size_t j = 0; j < ACCEPTORS; j++)
            if (server->listeners[i].acceptors[j].resting) return true;
    return false;
}

static void wait_changed(struct sp_server *server, int64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
    pthread_cond_timedwait(&server->changed, &server->lock, &until);
}

static void *scan(void *context)
{
    struct sp_server *server = context;
    pthread_mutex_lock(&server->lock);
    while (!server->stopping || server->connections) {
        struct sp_connection *done = scan_connections(server);
        if (done) {
            pthread_mutex_unlock(&server->lock);
            while (done) {
                struct sp_connection *next = done->next;
                free_connection(done);
                done = next;
            }
            pthread_mutex_lock(&server->lock);
            wake_listeners(server);
            pthread_cond_broadcast(&server->changed);
        } else if (server->connections || any_resting(server)) {
            wait_changed(server, clock_monotonic_ns() + SCAN_INTERVAL_NS);
            wake_listeners(server);
        } else {
            pthread_cond_wait(&server->changed, &server->lock);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- start and stop ---- */

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static bool read_scheme(struct listener *listener, const char *url)
{
    listener->tls = begins(url, "tls+tcp://");
    bool tcp = listener->tls || begins(url, "tcp://");
    listener->transport = tcp ? SP_TCP : SP_IPC;
    return tcp || begins(url, "ipc://");
}

/* The url with the port that was bound, for port 0. */
static void fill_url(struct listener *listener, const char *url)
{
    int port = 0;
    const char *colon = strrchr(url, ':');
    bool tcp = listener->transport == SP_TCP;
    if (tcp && nng_stream_listener_get_int(listener->stream_listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
        snprintf(listener->url, sizeof listener->url, "%.*s:%d", (int)(colon - url), url, port);
    else
        snprintf(listener->url, sizeof listener->url, "%s", url);
}

static int open_acceptors(struct listener *listener)
{
    int result = 0;
    for (size_t i = 0; i < ACCEPTORS && result == 0; i++) {
        listener->acceptors[i].listener = listener;
        result = nng_aio_alloc(&listener->acceptors[i].aio, accepted, &listener->acceptors[i]);
    }
    return result;
}

static int listen_stream(struct listener *listener, const char *url)
{
    int result = nng_stream_listener_alloc(&listener->stream_listener, url);
    if (result != 0) return result;
    if (listener->tls)
        result =
            nng_stream_listener_set_ptr(listener->stream_listener, NNG_OPT_TLS_CONFIG, listener->server->tls);
    if (result != 0) return result;
    if (listener->transport == SP_TCP) { /* finds peers that vanished without a word */
        nng_stream_listener_set_bool(listener->stream_listener, NNG_OPT_TCP_KEEPALIVE, true);
        nng_stream_listener_set_bool(listener->stream_listener, NNG_OPT_TCP_NODELAY, true);
    }
    result = nng_stream_listener_listen(listener->stream_listener);
    return result != 0 ? result : open_acceptors(listener);
}

/* Once, for all listeners. */
static bool read_tls(struct sp_server *server, const char *url, char error[INGEST_ERROR_BYTES])
{
    const char *cert = server->limits.tls_cert, *key = server->limits.tls_key;
    if (!cert || !key)
        snprintf(error, INGEST_ERROR_BYTES, "cannot listen on %.200s: it needs --tls-cert and --tls-key",
                 url);
    else if (!server->tls)
        server->tls = tls_config_read(cert, key, error);
    return server->tls != NULL;
}

static bool open_listener(struct sp_server *server, const char *url, char error[INGEST_ERROR_BYTES])
{
    struct listener *listener = &server->listeners[server->listener_count];
    listener->server = server;
    if (!read_scheme(listener, url) || strlen(url) >= URL_BYTES - 8) {
        snprintf(error, INGEST_ERROR_BYTES,
                 "cannot listen on %.200s: only tcp://HOST:PORT, tls+tcp://HOST:PORT and ipc://PATH", url);
        return false;
    }
    if (listener->tls && !read_tls(server, url, error)) return false;
    server->listener_count++;
    int result = listen_stream(listener, url);
    if (result != 0) {
        const char *remedy = result == NNG_EADDRINUSE && strncmp(url, "ipc:", 4) != 0
                                 ? "; another collector? port 0 picks a free one"
                                 : "";
        snprintf(error, INGEST_ERROR_BYTES, "cannot listen on %s: %s%s", url, nng_strerror(result), remedy);
        return false;
    }
    fill_url(listener, url);
    return true;
}

static void close_listeners(struct sp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->stream_listener) nng_stream_listener_close(listener->stream_listener);
        for (size_t j = 0; j < ACCEPTORS; j++) {
            if (listener->acceptors[j].aio) nng_aio_free(listener->acceptors[j].aio);
            listener->acceptors[j].aio = NULL;
        }
        if (listener->stream_listener) nng_stream_listener_free(listener->stream_listener);
        listener->stream_listener = NULL;
    }
}

static void free_server(struct sp_server *server)
{
    close_listeners(server);
    free(server->listeners);
    if (server->tls) nng_tls_config_free(server->tls);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static struct sp_server *new_server(const struct ingest_options *options, sp_received *receive, void *context)
{
    struct sp_server *server = calloc(1, sizeof *server);
    struct listener *listeners = calloc(options->url_count ? options->url_count : 1, sizeof *listeners);
    if (!server || !listeners) {
        free(server);
        free(listeners);
        return NULL;
    }
    server->limits = *options;
    server->received = receive;
    server->context = context;
    server->budget.max_bytes = (size_t)options->queue_bytes_max;
    server->listeners = listeners;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return server;
}

struct sp_server *sp_server_start(const struct ingest_options *options, sp_received *receive, void *context,
                                  char error[INGEST_ERROR_BYTES])
{
    struct sp_server *server = new_server(options, receive, context);
    if (!server) {
        snprintf(error, INGEST_ERROR_BYTES, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < options->url_count; i++) {
        if (open_listener(server, options->urls[i], error)) continue;
        free_server(server);
        return NULL;
    }
    if (pthread_create(&server->scanner, NULL, scan, server) != 0) {
        snprintf(error, INGEST_ERROR_BYTES, "cannot start a thread");
        free_server(server);
        return NULL;
    }
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->listener_count; i++)
        for (size_t j = 0; j < ACCEPTORS; j++) accept_next(&server->listeners[i].acceptors[j]);
    pthread_mutex_unlock(&server->lock);
    return server;
}

const char *sp_server_url(const struct sp_server *server, size_t index)
{
    return server->listeners[index].url;
}

void sp_server_quiesce(struct sp_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->quiesced = true;
    pthread_mutex_unlock(&server->lock);
    close_listeners(server);
    pthread_mutex_lock(&server->lock);
    for (struct sp_connection *connection = server->connections; connection; connection = connection->next) {
        pthread_mutex_lock(&connection->lock);
        connection->quiesced = true;
        connection->read_deadline_ns = 0;
        pthread_mutex_unlock(&connection->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

/* server->lock is held. */
static bool all_answered(struct sp_server *server)
{
    bool answered = true;
    for (struct sp_connection *connection = server->connections; connection; connection = connection->next) {
        pthread_mutex_lock(&connection->lock);
        if (!connection->dead && connection->first_answer) answered = false;
        pthread_mutex_unlock(&connection->lock);
    }
    return answered;
}

void sp_server_stop(struct sp_server *server)
{
    int64_t deadline_ns = clock_monotonic_ns() + DRAIN_NS;
    pthread_mutex_lock(&server->lock);
    while (!all_answered(server) && clock_monotonic_ns() < deadline_ns)
        wait_changed(server, clock_monotonic_ns() + 5 * NS_PER_MS);
    for (struct sp_connection *connection = server->connections; connection; connection = connection->next) {
        pthread_mutex_lock(&connection->lock);
        kill_connection(connection);
        pthread_mutex_unlock(&connection->lock);
    }
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->scanner, NULL);
    free_server(server);
}
