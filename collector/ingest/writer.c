/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/ingest/answers.h"

#include <pthread.h>
#include <stdlib.h>

#define GROUP_BATCHES_MAX 1024
#define AWAY_RETRY_MS     500 /* what senders are told while Postgres is away */

struct writer {
    struct incoming_queue *queue; /* borrowed */
    struct incoming_wish wish;
    struct store *store;
    struct store_batch group[GROUP_BATCHES_MAX];
    bool away; /* says each outage once */
    pthread_t thread;
};

static void note_outage(struct writer *writer, bool away)
{
    if (away && !writer->away)
        log_warn("Postgres is away, batches are sent back: %s", store_error(writer->store));
    if (!away && writer->away) log_info("Postgres is back");
    writer->away = away;
}

static size_t list_group(struct writer *writer, const struct incoming *first)
{
    size_t count = 0;
    for (const struct incoming *i = first; i; i = i->next)
        writer->group[count++] =
            (struct store_batch){.batch = &i->batch, .received_unix_ns = i->received_unix_ns};
    return count;
}

static void answer_group(struct writer *writer, struct incoming *first)
{
    const struct store_batch *stored = writer->group;
    for (struct incoming *i = first, *next; i; i = next, stored++) {
        next = i->next;
        struct reply reply = stored->result == STORE_AWAY ? answer_retry("Postgres is away", AWAY_RETRY_MS)
                                                          : answer_stored(stored);
        incoming_end(writer->queue, i, &reply);
    }
}

static void *write_groups(void *context)
{
    struct writer *writer = context;
    for (struct incoming *first; (first = incoming_take(writer->queue, &writer->wish));) {
        size_t count = list_group(writer, first);
        note_outage(writer, store_write_group(writer->store, writer->group, count) == STORE_AWAY);
        answer_group(writer, first);
    }
    return NULL;
}

struct writer *writer_start(const struct ingest_options *options, struct incoming_queue *queue)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    writer->queue = queue;
    writer->wish = (struct incoming_wish){.spans_max = (uint32_t)options->group_spans_max,
                                          .spans_min = (uint32_t)options->group_spans_max,
                                          .count_max = GROUP_BATCHES_MAX,
                                          .age_min_ns = (int64_t)options->group_hold_ms * NS_PER_MS};
    writer->store = store_new(options->dsn);
    if (writer->store) store_set_name(writer->store, "weir-collector ingest");
    if (writer->store && pthread_create(&writer->thread, NULL, write_groups, writer) == 0) return writer;
    store_free(writer->store);
    free(writer);
    return NULL;
}

void writer_stop(struct writer *writer)
{
    if (!writer) return;
    pthread_join(writer->thread, NULL);
    store_free(writer->store);
    free(writer);
}
