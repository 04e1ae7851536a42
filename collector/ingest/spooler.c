/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/spooler.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/ingest/answers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define RUN_BATCHES_MAX 256 /* made durable at once */
#define RUN_SPANS_MAX   262144
#define FULL_RETRY_MS   1000 /* what senders are told then */

struct spooler {
    struct incoming_queue *queue; /* borrowed */
    struct spool *spool;          /* borrowed */
    int64_t after_ns;
    atomic_bool away; /* guards nothing; who sets it wakes the queue */
    bool refusing;    /* the thread's: says once that the spool takes nothing */
    struct spool_record records[RUN_BATCHES_MAX];
    pthread_t thread;
};

void spooler_note_state(struct spool *spool)
{
    struct spool_state now = spool_state(spool);
    counters.spool_records_corrupt = now.corrupt;
    counters.spool_ends_torn = now.torn;
    counters_note_spool((struct spool_now){
        .on = true, .batches = now.records, .bytes = now.bytes, .oldest_ns = now.oldest_unix_ns});
}

static void note_refusal(struct spooler *spooler, enum spool_result result, const char *why)
{
    bool refusing = result != SPOOL_KEPT;
    if (refusing && !spooler->refusing) log_warn("batches are sent back: %s", why);
    if (!refusing && spooler->refusing) log_info("the spool takes batches again");
    spooler->refusing = refusing;
}

static enum spool_result keep(struct spooler *spooler, const struct incoming *first,
                              char why[SPOOL_ERROR_BYTES])
{
    size_t count = 0;
    for (const struct incoming *i = first; i; i = i->next)
        spooler->records[count++] = (struct spool_record){
            i->received_unix_ns, str_view((const char *)i->request->body, i->request->body_bytes)};
    enum spool_result result = spool_append(spooler->spool, spooler->records, count, clock_unix_ns(), why);
    atomic_fetch_add_explicit(result == SPOOL_KEPT ? &counters.spool_batches_kept
                                                   : &counters.spool_batches_sent_back,
                              count, memory_order_relaxed);
    spooler_note_state(spooler->spool);
    return result;
}

static void handle(struct spooler *spooler, struct incoming *first)
{
    char why[SPOOL_ERROR_BYTES];
    enum spool_result result = keep(spooler, first, why);
    note_refusal(spooler, result, why);
    for (struct incoming *i = first, *next; i; i = next) {
        next = i->next;
        struct reply reply = {.status = REPLY_STORED};
        if (result != SPOOL_KEPT) reply = answer_retry(why, FULL_RETRY_MS);
        incoming_end(spooler->queue, i, &reply);
    }
    if (result == SPOOL_KEPT) incoming_queue_wake(spooler->queue); /* the writer has something to drain */
}

static void *spool_batches(void *context)
{
    struct spooler *spooler = context;
    struct incoming_wish wish = {.spans_max = RUN_SPANS_MAX, .count_max = RUN_BATCHES_MAX};
    while (!incoming_is_closed(spooler->queue)) {
        wish.age_min_ns = atomic_load(&spooler->away) ? 0 : spooler->after_ns;
        struct incoming *first = incoming_take(spooler->queue, &wish);
        if (first) handle(spooler, first);
    }
    return NULL;
}

void spooler_set_away(struct spooler *spooler, bool away)
{
    if (!spooler || atomic_exchange(&spooler->away, away) == away) return;
    incoming_queue_wake(spooler->queue);
}

struct spooler *spooler_start(const struct ingest_options *options, struct incoming_queue *queue)
{
    struct spooler *spooler = calloc(1, sizeof *spooler);
    if (!spooler) return NULL;
    spooler->queue = queue;
    spooler->spool = options->spool;
    spooler->after_ns = (int64_t)options->spool_after_ms * NS_PER_MS;
    spooler_note_state(spooler->spool);
    if (pthread_create(&spooler->thread, NULL, spool_batches, spooler) == 0) return spooler;
    free(spooler);
    return NULL;
}

void spooler_stop(struct spooler *spooler)
{
    if (!spooler) return;
    pthread_join(spooler->thread, NULL);
    free(spooler);
}
