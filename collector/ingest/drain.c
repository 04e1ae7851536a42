/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/drain.h"

#include "base/log.h"
#include "collector/counters.h"
#include "collector/ingest/answers.h"
#include "collector/ingest/spooler.h"

#include <stdlib.h>

#define GROUP_BATCHES_MAX 512
#define ARENA_BYTES_MAX   ((size_t)256 << 20)
#define ARENA_BYTES_GROUP ((size_t)64 << 20) /* a group that takes more is not added to */

struct drain {
    struct spool *spool; /* borrowed */
    uint64_t spans_max;
    struct arena arena; /* of one group */
    struct batch batches[GROUP_BATCHES_MAX];
    struct store_batch group[GROUP_BATCHES_MAX];
    size_t count;
    uint64_t spans;
};

struct drain *drain_new(const struct ingest_options *options)
{
    struct drain *drain = calloc(1, sizeof *drain);
    if (!drain) return NULL;
    drain->spool = options->spool;
    drain->spans_max = options->group_spans_max;
    arena_init(&drain->arena, ARENA_BYTES_MAX);
    return drain;
}

void drain_free(struct drain *drain)
{
    if (!drain) return;
    arena_fini(&drain->arena);
    free(drain);
}

bool drain_is_empty(struct drain *drain) { return !spool_has_next(drain->spool); }

static void count_one(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void lose(const char *why)
{
    count_one(&counters.spool_batches_refused);
    log_error("a batch of the spool cannot be stored, and is lost: %s", why);
}

static void add_record(struct drain *drain, const struct spool_record *record)
{
    const char *why = "out of memory";
    struct batch *batch = &drain->batches[drain->count];
    if (!batch_unpack(batch, &drain->arena, record->body.data, record->body.len, &why) ||
        !batch_check_complete(batch, &why)) {
        lose(why);
        return;
    }
    drain->group[drain->count++] =
        (struct store_batch){.batch = batch, .received_unix_ns = record->received_unix_ns};
    drain->spans += batch->span_count;
}

static void read_group(struct drain *drain)
{
    struct spool_record record;
    drain->count = 0;
    drain->spans = 0;
    if (drain->arena.total_bytes > ARENA_BYTES_GROUP) arena_fini(&drain->arena);
    arena_reset(&drain->arena);
    while (drain->count < GROUP_BATCHES_MAX && drain->spans < drain->spans_max &&
           drain->arena.total_bytes < ARENA_BYTES_GROUP && spool_next(drain->spool, &drain->arena, &record))
        add_record(drain, &record);
}

static void count_group(const struct drain *drain)
{
    for (size_t i = 0; i < drain->count; i++) {
        const struct store_batch *stored = &drain->group[i];
        if (stored->result == STORE_REFUSED) {
            lose(stored->why);
            continue;
        }
        answer_stored(stored);
        count_one(&counters.spool_batches_drained);
    }
}

enum store_result drain_group(struct drain *drain, struct store *store)
{
    read_group(drain);
    enum store_result result = store_write_group(store, drain->group, drain->count);
    if (result == STORE_AWAY) {
        spool_rewind(drain->spool);
        return result;
    }
    count_group(drain);
    spool_forget(drain->spool);
    spooler_note_state(drain->spool);
    return result;
}
