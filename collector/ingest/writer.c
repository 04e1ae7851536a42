/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/ingest/answers.h"
#include "collector/ingest/drain.h"

#include <pthread.h>
#include <stdlib.h>

#define GROUP_BATCHES_MAX 1024
#define AWAY_RETRY_MS     500 /* what senders are told while Postgres is away and there is no spool */
#define AWAY_PROBE_MS     200 /* between two looks whether it is back */

struct writer {
    struct incoming_queue *queue; /* borrowed */
    struct spooler *spooler;      /* borrowed; NULL: no spool */
    struct drain *drain;          /* NULL: no spool */
    struct incoming_wish wish;
    struct store *store;
    struct store_batch group[GROUP_BATCHES_MAX];
    bool away;
    pthread_t thread;
};

static void note_outage(struct writer *writer, enum store_result outcome)
{
    bool away = outcome == STORE_AWAY;
    if (away && !writer->away)
        log_warn("Postgres is away, batches are %s: %s", writer->spooler ? "spooled" : "sent back",
                 store_error(writer->store));
    if (!away && writer->away) log_info("Postgres is back");
    writer->away = away;
    spooler_set_away(writer->spooler, away);
}

static size_t list_group(struct writer *writer, const struct incoming *first)
{
    size_t count = 0;
    for (const struct incoming *i = first; i; i = i->next)
        writer->group[count++] = (struct store_batch){
            .batch = &i->batch, .index = i->index, .received_unix_ns = i->received_unix_ns};
    return count;
}

/* Those that Postgres did not take are linked, in their order, and returned. */
static struct incoming *answer_group(struct writer *writer, struct incoming *first)
{
    const struct store_batch *stored = writer->group;
    struct incoming *left = NULL, **last = &left;
    for (struct incoming *i = first, *next; i; i = next, stored++) {
        next = i->next;
        if (stored->result == STORE_AWAY) {
            *last = i;
            last = &i->next;
            continue;
        }
        struct reply reply = answer_stored(stored);
        incoming_end(writer->queue, i, &reply);
    }
    *last = NULL;
    return left;
}

static void send_back(struct writer *writer, struct incoming *first)
{
    for (struct incoming *i = first, *next; i; i = next) {
        next = i->next;
        struct reply reply = answer_retry("Postgres is away", AWAY_RETRY_MS);
        incoming_end(writer->queue, i, &reply);
    }
}

/* Only this thread writes it. */
static void note_wait(const struct incoming *oldest)
{
    uint64_t waited_ms = (uint64_t)((clock_monotonic_ns() - oldest->received_monotonic_ns) / NS_PER_MS);
    if (waited_ms > atomic_load_explicit(&counters.batch_wait_longest_ms, memory_order_relaxed))
        atomic_store_explicit(&counters.batch_wait_longest_ms, waited_ms, memory_order_relaxed);
}

static void write_group(struct writer *writer, struct incoming *first)
{
    size_t count = list_group(writer, first);
    enum store_result outcome = store_write_group(writer->store, writer->group, count);
    if (outcome == STORE_OK) note_wait(first);
    struct incoming *left = answer_group(writer, first);
    if (left && writer->spooler)
        incoming_return(writer->queue, left);
    else
        send_back(writer, left);
    note_outage(writer, outcome);
}

/* What comes goes to the spool meanwhile; a look from time to time whether Postgres is back. */
static void wait_for_postgres(struct writer *writer)
{
    if (!incoming_rest(writer->queue, clock_monotonic_ns() + AWAY_PROBE_MS * NS_PER_MS)) return;
    note_outage(writer, store_write_group(writer->store, NULL, 0));
}

/* The spool and what comes, in turn: neither waits for all of the other. */
static void write_next(struct writer *writer)
{
    bool drained = false;
    if (writer->drain && !drain_is_empty(writer->drain)) {
        drained = true;
        note_outage(writer, drain_group(writer->drain, writer->store));
        if (writer->away) return;
    }
    struct incoming_wish wish = writer->wish;
    if (drained) wish.deadline_ns = 1; /* take what is there, and drain on */
    struct incoming *first = incoming_take(writer->queue, &wish);
    if (first) write_group(writer, first);
}

static void *write_groups(void *context)
{
    struct writer *writer = context;
    while (!incoming_is_closed(writer->queue)) {
        if (writer->away && writer->spooler)
            wait_for_postgres(writer);
        else
            write_next(writer);
    }
    return NULL;
}

static void free_writer(struct writer *writer)
{
    drain_free(writer->drain);
    store_free(writer->store);
    free(writer);
}

struct writer *writer_start(const struct ingest_options *options, struct incoming_queue *queue,
                            struct spooler *spooler)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    writer->queue = queue;
    writer->spooler = spooler;
    writer->wish = (struct incoming_wish){.spans_max = (uint32_t)options->group_spans_max,
                                          .spans_min = (uint32_t)options->group_spans_max,
                                          .count_max = GROUP_BATCHES_MAX,
                                          .age_min_ns = (int64_t)options->group_hold_ms * NS_PER_MS};
    writer->store = store_new(options->dsn);
    if (writer->store) store_set_name(writer->store, "weir-collector ingest");
    if (spooler) writer->drain = drain_new(options);
    bool ready = writer->store && (writer->drain || !spooler);
    if (ready && pthread_create(&writer->thread, NULL, write_groups, writer) == 0) return writer;
    free_writer(writer);
    return NULL;
}

void writer_stop(struct writer *writer)
{
    if (!writer) return;
    pthread_join(writer->thread, NULL);
    free_writer(writer);
}
