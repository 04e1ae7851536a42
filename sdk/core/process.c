/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/process.h"

#include "sdk/core/settings.h"
#include "sdk/core/thread.h"

#include <string.h>

struct process weir_process = {.accounting = PTHREAD_MUTEX_INITIALIZER,
                               .propagators = PROPAGATE_TRACE_CONTEXT | PROPAGATE_BAGGAGE};

uint32_t weir_live_;

void process_set_epoch(uint32_t epoch)
{
    atomic_store_explicit(&weir_process.live_epoch, epoch,
                          memory_order_release); /* pairs with thread_attach */
    __atomic_store_n(&weir_live_, epoch != 0, __ATOMIC_RELAXED);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

uint64_t process_dropped_locked(enum drop_reason reason)
{
    uint64_t count = get(&weir_process.dropped[reason]);
    const struct thread_state *thread = atomic_load_explicit(&weir_process.threads, memory_order_acquire);
    for (; thread; thread = thread->next) {
        if (reason == DROP_ring_full) count += get(&thread->dropped_ring_full);
        if (reason == DROP_too_deep) count += get(&thread->dropped_too_deep);
        if (reason == DROP_damaged) count += ring_damaged_count(thread->ring);
    }
    return count;
}

uint64_t process_sampled_away(enum sampled_away by)
{
    uint64_t count = 0;
    const struct thread_state *thread = atomic_load_explicit(&weir_process.threads, memory_order_acquire);
    for (; thread; thread = thread->next) count += get(&thread->sampled_away[by]);
    return count;
}

uint64_t process_sampler_refused(void)
{
    return process_sampled_away(SAMPLED_AWAY_by_sampler) + process_sampled_away(SAMPLED_AWAY_by_rate_limit);
}

/* A span that was made went to the ring or was dropped: no counter of its own is needed, nor can it disagree. */
static void add_threads(struct weir_stats *stats)
{
    const struct thread_state *thread = atomic_load_explicit(&weir_process.threads, memory_order_acquire);
    for (; thread; thread = thread->next) {
        uint64_t pushed = ring_pushed_count(thread->ring);
        stats->created += pushed + get(&thread->dropped_ring_full) + get(&thread->dropped_too_deep);
        stats->in_flight += pushed - ring_popped_count(thread->ring);
        stats->attributes_dropped += get(&thread->attributes_dropped);
    }
}

void process_stats_locked(struct weir_stats *stats)
{
    *stats = (struct weir_stats){.created = get(&weir_process.created),
                                 .acknowledged = weir_process.acknowledged,
                                 .in_flight = weir_process.in_batch,
                                 .attributes_dropped = get(&weir_process.attributes_dropped),
                                 .operations_overflowed = operations_overflowed(),
                                 .batches_sent = weir_process.batches_sent,
                                 .batches_resent = weir_process.batches_resent};
    add_threads(stats);
#define X(name, words)                                                                                       \
    stats->dropped_##name = process_dropped_locked(DROP_##name);                                             \
    stats->dropped += stats->dropped_##name;
    DROP_REASONS(X)
#undef X
#define X(name, words)                                                                                       \
    stats->sampled_away_##name = process_sampled_away(SAMPLED_AWAY_##name);                                  \
    stats->sampled_away += stats->sampled_away_##name;
    SAMPLED_AWAY(X)
#undef X
}

void process_stats(struct weir_stats *stats)
{
    pthread_mutex_lock(&weir_process.accounting);
    process_stats_locked(stats);
    pthread_mutex_unlock(&weir_process.accounting);
}
