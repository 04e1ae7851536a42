/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX (64u << 20) /* a decoded batch */
#define AWAY_RETRY_MS   500         /* what senders are told while Postgres is away */

struct writer {
    struct store *store; /* the thread's */
    struct arena arena;  /* the thread's */
    bool away;           /* the thread's: says each outage once */
    pthread_t thread;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t added;
    struct sp_request *first, **last;
    bool stopping;
};

static void add_to(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static struct reply reply_refused(_Atomic uint64_t *counter, const char *reason)
{
    add_to(counter, 1);
    counters_note_refusal(clock_unix_ns(), reason);
    return (struct reply){.status = REPLY_REFUSED, .reason = str_of(reason)};
}

static struct reply refuse_undecoded(const struct batch *batch, const char *why)
{
    bool newer = batch->version > BATCH_VERSION;
    return reply_refused(newer ? &counters.batches_refused_version : &counters.batches_refused_malformed,
                         why);
}

static void note_outage(struct writer *writer, bool away)
{
    if (away && !writer->away)
        log_warn("Postgres is away, batches are sent back: %s", store_error(writer->store));
    if (!away && writer->away) log_info("Postgres is back");
    writer->away = away;
}

static struct reply store_batch(struct writer *writer, const struct batch *batch)
{
    enum store_result result = store_write_batch(writer->store, batch, clock_unix_ns());
    note_outage(writer, result == STORE_AWAY);
    switch (result) {
    case STORE_OK:
        add_to(&counters.batches_stored, 1);
        add_to(&counters.spans_stored, batch->span_count);
        counters_note_stored(clock_monotonic_ns() / NS_PER_S, batch->span_count);
        break;
    case STORE_DUPLICATE:
        add_to(&counters.batches_duplicate, 1);
        break;
    case STORE_REFUSED:
        return reply_refused(&counters.batches_refused_store, store_error(writer->store));
    case STORE_AWAY:
        add_to(&counters.batches_retried, 1);
        return (struct reply){
            .status = REPLY_RETRY, .reason = STR("Postgres is away"), .retry_after_ms = AWAY_RETRY_MS};
    }
    return (struct reply){.status = REPLY_STORED};
}

static void handle(struct writer *writer, struct sp_request *request)
{
    struct batch batch = {0};
    const char *why = "out of memory";
    bool decoded = batch_unpack(&batch, &writer->arena, request->body, request->body_bytes, &why);
    struct reply reply = decoded ? store_batch(writer, &batch) : refuse_undecoded(&batch, why);
    sp_request_answer(request, &reply);
    arena_reset(&writer->arena);
}

/* The oldest request; NULL when the writer is to end. */
static struct sp_request *next_request(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->stopping) pthread_cond_wait(&writer->added, &writer->lock);
    struct sp_request *request = writer->stopping ? NULL : writer->first;
    if (request) {
        writer->first = request->next;
        if (!writer->first) writer->last = &writer->first;
    }
    pthread_mutex_unlock(&writer->lock);
    return request;
}

static void *write_batches(void *context)
{
    struct writer *writer = context;
    for (struct sp_request *request; (request = next_request(writer));) handle(writer, request);
    return NULL;
}

void writer_add(void *context, struct sp_request *request)
{
    struct writer *writer = context;
    request->next = NULL;
    pthread_mutex_lock(&writer->lock);
    *writer->last = request;
    writer->last = &request->next;
    pthread_cond_signal(&writer->added);
    pthread_mutex_unlock(&writer->lock);
}

static void free_writer(struct writer *writer)
{
    while (writer->first) {
        struct sp_request *request = writer->first;
        writer->first = request->next;
        sp_request_drop(request);
    }
    store_free(writer->store);
    arena_fini(&writer->arena);
    pthread_cond_destroy(&writer->added);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct writer *writer_start(const char *dsn)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    arena_init(&writer->arena, ARENA_BYTES_MAX);
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->added, NULL);
    writer->store = store_new(dsn);
    if (!writer->store || pthread_create(&writer->thread, NULL, write_batches, writer) != 0) {
        free_writer(writer);
        return NULL;
    }
    return writer;
}

void writer_stop(struct writer *writer)
{
    if (!writer) return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->added);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    free_writer(writer);
}
