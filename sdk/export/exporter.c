/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/exporter.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/span.h"
#include "sdk/core/operations.h"
#include "sdk/core/process.h"
#include "sdk/core/span_clock.h"
#include "sdk/core/thread.h"
#include "sdk/export/batch_builder.h"
#include "sdk/export/descriptors.h"
#include "sdk/export/resource.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_MOST_MS  2000
#define RETRY_LEAST_MS   50 /* a collector that says "at once" over and over costs the host next to nothing */
#define HURRY_PARTS      64 /* of 256: a ring a quarter full */
#define CALM_PARTS       8
#define PAUSE_LEAST_NS   NS_PER_MS
#define STOP_LOOK_NS     (10 * NS_PER_MS)
#define STOP_PATIENCE_NS NS_PER_S
#define LAST_PATIENCE_NS (100 * NS_PER_MS)
#define DROPS_NS         (5 * NS_PER_S) /* drops without any span to go with are told so late at most */

/* Who may go on: the thread leaves WORKING only for what nothing can hurry, and only there can it be left behind. */
enum phase { WORKING, BLOCKED, LEFT_BEHIND };

struct exporter {
    struct output_host host;   /* first: what outputs are given is this */
    struct settings *settings; /* borrowed; the thread's own when it is left behind */
    struct producer *producer; /* borrowed */
    const struct weir_output *output;
    void *opened; /* by output; NULL: not yet */
    pthread_t thread;
    _Atomic enum phase phase;

    struct event stop;   /* give_up_ns is set */
    struct event *ended; /* borrowed */
    struct exporter *next_abandoned;
    _Atomic bool nobody_joins;

    /* The thread's own. */
    struct builder builder;
    struct id_generator jitter;
    struct thread_state *served_last; /* the ring that the last batch ended with */
    unsigned char *packed;            /* the unacknowledged batch */
    size_t packed_bytes, packed_room;
    bool has_batch, was_sent;
    int64_t backoff_ns, pause_ns;
    int64_t next_try_ns; /* of the unacknowledged batch */
    bool postponed;      /* by the other side's word, which also a shutdown keeps to */
    int64_t last_batch_ns;
    struct span_timeline timeline;
    char instance_id[37];
    char host_name[256];
};

/* ---- small things ---- */

__attribute__((format(printf, 2, 3))) static void say(const struct exporter *exporter, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    output_say(&exporter->host, format, arguments);
    va_end(arguments);
}

static int64_t give_up_ns(const struct exporter *exporter)
{
    return atomic_load_explicit(&exporter->host.give_up_ns, memory_order_acquire);
}

static bool is_stopping(const struct exporter *exporter) { return give_up_ns(exporter) != INT64_MAX; }

static bool gave_up(const struct exporter *exporter) { return clock_monotonic_ns() >= give_up_ns(exporter); }

/* Until then, or until the shutdown begins, or its deadline. */
static void sleep_until(struct exporter *exporter, int64_t deadline_ns)
{
    if (!is_stopping(exporter)) {
        event_wait(&exporter->stop, deadline_ns);
        return;
    }
    if (deadline_ns > give_up_ns(exporter)) deadline_ns = give_up_ns(exporter);
    struct timespec deadline = {(time_t)(deadline_ns / NS_PER_S), (long)(deadline_ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

/* ---- rings to batch ---- */

static struct thread_state *first_thread(void)
{
    return atomic_load_explicit(&weir_process.threads, memory_order_acquire); /* pairs with list_push */
}

/* False: the batch is full. */
static bool take_ring(struct exporter *exporter, struct ring *ring)
{
    uint32_t bytes;
    const struct record *record;
    while ((record = ring_peek(ring, &bytes))) {
        if (!builder_record_is_whole(record)) {
            ring_give_up(ring);
            return true;
        }
        if (!builder_add(&exporter->builder, record, &exporter->timeline)) return false;
        ring_skip(ring, bytes);
    }
    return true;
}

/* From the ring after the one that filled the last batch, so that a busy thread does not starve the others. */
static void take_rings(struct exporter *exporter)
{
    struct thread_state *from = exporter->served_last ? exporter->served_last->next : NULL;
    if (!from) from = first_thread();
    for (struct thread_state *thread = from; thread; thread = thread->next) {
        exporter->served_last = thread;
        if (!take_ring(exporter, thread->ring)) return;
    }
    for (struct thread_state *thread = first_thread(); thread != from; thread = thread->next) {
        exporter->served_last = thread;
        if (!take_ring(exporter, thread->ring)) return;
    }
}

/* The counters as of now, which is when the batch's spans leave their rings. */
static void count_batch(struct exporter *exporter)
{
    struct batch *batch = &exporter->builder.batch;
    struct weir_stats stats;
    pthread_mutex_lock(&weir_process.accounting);
    for (struct thread_state *thread = first_thread(); thread; thread = thread->next)
        ring_release(thread->ring);
    weir_process.in_batch = batch->span_count;
    process_stats_locked(&stats);
    pthread_mutex_unlock(&weir_process.accounting);
    batch->created = stats.created;
    batch->acknowledged = stats.acknowledged;
#define X(name, words) batch->dropped[DROP_##name] = stats.dropped_##name;
    DROP_REASONS(X)
#undef X
#define X(name, words) batch->sampled_away[SAMPLED_AWAY_##name] = stats.sampled_away_##name;
    SAMPLED_AWAY(X)
#undef X
}

static bool pack(struct exporter *exporter)
{
    exporter->packed_bytes = batch_packed_bytes(&exporter->builder.batch);
    if (exporter->packed_bytes > exporter->packed_room) {
        free(exporter->packed);
        exporter->packed = malloc(exporter->packed_bytes);
        exporter->packed_room = exporter->packed ? exporter->packed_bytes : 0;
    }
    if (!exporter->packed) return false;
    batch_pack(&exporter->builder.batch, exporter->packed);
    return true;
}

/* The batch is over, one way or another; *counter gets its spans. */
static void settle_batch(struct exporter *exporter, uint64_t *plain, _Atomic uint64_t *atomic)
{
    pthread_mutex_lock(&weir_process.accounting);
    if (plain) *plain += weir_process.in_batch;
    if (atomic) atomic_fetch_add_explicit(atomic, weir_process.in_batch, memory_order_relaxed);
    weir_process.in_batch = 0;
    pthread_mutex_unlock(&weir_process.accounting);
    exporter->has_batch = false;
}

static void settle_dropped(struct exporter *exporter, enum drop_reason reason)
{
    settle_batch(exporter, NULL, &weir_process.dropped[reason]);
}

/* Have spans been dropped or requests sampled away since the last batch, with nothing left that a batch would be made for? */
static bool counts_are_due(const struct exporter *exporter)
{
    if (!is_stopping(exporter) && clock_monotonic_ns() < exporter->last_batch_ns + DROPS_NS) return false;
    bool changed = false;
    pthread_mutex_lock(&weir_process.accounting);
    for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
        changed |= process_dropped_locked(reason) != exporter->producer->dropped[reason];
    for (int by = 0; by < SAMPLED_AWAY_COUNT; by++)
        changed |= process_sampled_away(by) != exporter->producer->sampled_away[by];
    pthread_mutex_unlock(&weir_process.accounting);
    return changed;
}

/* True when there was something to send. */
static bool make_batch(struct exporter *exporter)
{
    builder_clear(&exporter->builder);
    struct clock_reading now = span_clock_read();
    span_timeline_update(&exporter->timeline, &now);
    if (!resource_add(&exporter->builder, exporter->settings, exporter->instance_id, exporter->host_name))
        return false;
    take_rings(exporter);
    struct batch *batch = &exporter->builder.batch;
    if (batch->span_count == 0 && !counts_are_due(exporter)) return false;
    batch->version = BATCH_VERSION;
    batch->producer = exporter->producer->id;
    batch->sequence = ++exporter->producer->sequence;
    count_batch(exporter);
    memcpy(exporter->producer->dropped, batch->dropped, sizeof batch->dropped);
    memcpy(exporter->producer->sampled_away, batch->sampled_away, sizeof batch->sampled_away);
    exporter->last_batch_ns = clock_monotonic_ns();
    exporter->has_batch = true;
    exporter->was_sent = false;
    if (!pack(exporter)) settle_dropped(exporter, DROP_no_memory);
    return exporter->has_batch;
}

/* ---- what outputs ask of their host ---- */

static struct exporter *of_host(const struct weir_output_host *host)
{
    return (struct exporter *)(uintptr_t)host; /* its first member */
}

static int64_t host_give_up_ns(const struct weir_output_host *host) { return give_up_ns(of_host(host)); }

static void host_sending(const struct weir_output_host *host)
{
    struct exporter *exporter = of_host(host);
    pthread_mutex_lock(&weir_process.accounting);
    if (exporter->was_sent)
        weir_process.batches_resent++;
    else
        weir_process.batches_sent++;
    pthread_mutex_unlock(&weir_process.accounting);
    exporter->was_sent = true;
}

static void host_may_block(const struct weir_output_host *host)
{
    atomic_store(&of_host(host)->phase, BLOCKED);
}

static bool host_may_block_no_more(const struct weir_output_host *host)
{
    enum phase phase = BLOCKED; /* pairs with exporter_stop */
    return atomic_compare_exchange_strong(&of_host(host)->phase, &phase, WORKING);
}

static void host_say(const struct weir_output_host *host, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    output_say(&of_host(host)->host, format, arguments);
    va_end(arguments);
}

static const char *host_setting(const struct weir_output_host *host, const char *name)
{
    return output_setting(of_host(host)->settings, name);
}

static void host_init(struct exporter *exporter)
{
    exporter->host = (struct output_host){.outer = {.give_up_ns = host_give_up_ns,
                                                    .sending = host_sending,
                                                    .may_block = host_may_block,
                                                    .may_block_no_more = host_may_block_no_more,
                                                    .say = host_say,
                                                    .setting = host_setting},
                                          .give_up_ns = INT64_MAX,
                                          .settings = exporter->settings,
                                          .producer = exporter->producer->id};
}

/* ---- delivering ---- */

/* The next try a little later after each failure, and never in step with others. */
static void back_off(struct exporter *exporter)
{
    int64_t delay =
        exporter->backoff_ns / 2 + (int64_t)(id_next(&exporter->jitter) % (uint64_t)exporter->backoff_ns);
    exporter->next_try_ns = clock_monotonic_ns() + delay;
    exporter->postponed = false;
    exporter->backoff_ns *= 2;
    int64_t most_ns =
        (exporter->output->backoff_most_ms ? exporter->output->backoff_most_ms : BACKOFF_MOST_MS) * NS_PER_MS;
    if (exporter->backoff_ns > most_ns) exporter->backoff_ns = most_ns;
}

static void postpone(struct exporter *exporter, uint32_t ms)
{
    if (ms < RETRY_LEAST_MS) ms = RETRY_LEAST_MS;
    exporter->next_try_ns = clock_monotonic_ns() + ms * NS_PER_MS;
    exporter->postponed = true;
    exporter->backoff_ns = BACKOFF_FIRST_NS;
}

static void settle_stored(struct exporter *exporter, const struct weir_delivery *delivery)
{
    pthread_mutex_lock(&weir_process.accounting);
    uint64_t lost = delivery->lost < weir_process.in_batch ? delivery->lost : weir_process.in_batch;
    weir_process.in_batch -= lost;
    atomic_fetch_add_explicit(&weir_process.dropped[DROP_refused], lost, memory_order_relaxed);
    weir_process.acknowledged += weir_process.in_batch;
    weir_process.in_batch = 0;
    pthread_mutex_unlock(&weir_process.accounting);
    exporter->has_batch = false;
    exporter->backoff_ns = BACKOFF_FIRST_NS;
}

/* One try. False: left behind. */
static bool deliver(struct exporter *exporter)
{
    unsigned long long sequence = exporter->producer->sequence;
    struct weir_delivery delivery = {.outcome = WEIR_BATCH_FAILED};
    exporter->output->deliver(exporter->opened, exporter->packed, exporter->packed_bytes, &delivery);
    switch (delivery.outcome) {
    case WEIR_BATCH_STORED:
        settle_stored(exporter, &delivery);
        say(exporter, "batch %llu stored%s%s", sequence, delivery.lost ? ", but not all of it: " : "",
            delivery.lost ? delivery.reason : "");
        return true;
    case WEIR_BATCH_REFUSED:
        settle_dropped(exporter, DROP_refused);
        say(exporter, "batch %llu refused: %s", sequence, delivery.reason);
        return true;
    case WEIR_BATCH_RETRY:
        postpone(exporter, delivery.retry_after_ms);
        say(exporter, "batch %llu: again in %u ms%s%s", sequence, delivery.retry_after_ms,
            *delivery.reason ? ": " : "", delivery.reason);
        return true;
    case WEIR_BATCH_ABANDONED:
        return false;
    case WEIR_BATCH_FAILED:
        break;
    }
    back_off(exporter);
    say(exporter, "batch %llu: %s", sequence, delivery.reason);
    return true;
}

/* Waits for the time of the next try. False: it would come after the shutdown's deadline. A shutdown does not wait out
 * what was only our own caution. */
static bool next_try_comes(struct exporter *exporter)
{
    while (clock_monotonic_ns() < exporter->next_try_ns) {
        bool stopping = is_stopping(exporter);
        if (exporter->next_try_ns >= give_up_ns(exporter)) {
            if (exporter->postponed) return false;
            exporter->next_try_ns = give_up_ns(exporter);
        }
        sleep_until(exporter, exporter->next_try_ns);
        if (!stopping && is_stopping(exporter) && !exporter->postponed) {
            exporter->backoff_ns = BACKOFF_FIRST_NS;
            return true;
        }
    }
    return !gave_up(exporter);
}

/* Until the batch is settled, or the deadline. False: left behind. */
static bool deliver_until_settled(struct exporter *exporter)
{
    exporter->next_try_ns = 0;
    while (exporter->has_batch && next_try_comes(exporter))
        if (!deliver(exporter)) return false;
    return true;
}

/* ---- the loop ---- */

/* How full the fullest ring is, in parts of 256. */
static uint64_t fullest_ring(void)
{
    uint64_t most = 0;
    for (struct thread_state *thread = first_thread(); thread; thread = thread->next) {
        uint64_t filled = ring_used_bytes(thread->ring) * 256 / thread->ring->size_bytes;
        if (filled > most) most = filled;
    }
    return most;
}

/* Looks sooner while rings fill quickly, and at the set interval while they do not. */
static void adapt_pause(struct exporter *exporter)
{
    int64_t interval_ns = exporter->settings->export_interval_ms * NS_PER_MS;
    uint64_t filled = fullest_ring();
    if (filled > HURRY_PARTS) exporter->pause_ns = exporter->pause_ns / 4;
    if (filled < CALM_PARTS) exporter->pause_ns = exporter->pause_ns * 2;
    if (exporter->pause_ns < PAUSE_LEAST_NS) exporter->pause_ns = PAUSE_LEAST_NS;
    if (exporter->pause_ns > interval_ns) exporter->pause_ns = interval_ns;
}

/* Whatever cannot be delivered any more. Also called by the one who leaves the thread behind. */
static void drop_rest(void)
{
    pthread_mutex_lock(&weir_process.accounting);
    uint64_t count = weir_process.in_batch;
    weir_process.in_batch = 0;
    for (struct thread_state *thread = first_thread(); thread; thread = thread->next) {
        uint32_t bytes;
        for (; ring_peek(thread->ring, &bytes); count++) ring_skip(thread->ring, bytes);
        ring_release(thread->ring);
    }
    atomic_fetch_add_explicit(&weir_process.dropped[DROP_shutdown], count, memory_order_relaxed);
    pthread_mutex_unlock(&weir_process.accounting);
}

/* False: left behind. */
static bool export_until_stopped(struct exporter *exporter)
{
    for (;;) {
        adapt_pause(exporter);
        bool last_look = is_stopping(exporter);
        if (!exporter->has_batch && !make_batch(exporter)) {
            if (last_look) return true;
            sleep_until(exporter, clock_monotonic_ns() + exporter->pause_ns);
            continue;
        }
        if (!deliver_until_settled(exporter)) return false;
        if (exporter->has_batch) return true;
        if (!builder_is_full(&exporter->builder) && !is_stopping(exporter))
            sleep_until(exporter, clock_monotonic_ns() + exporter->pause_ns);
    }
}

static void exporter_free(struct exporter *exporter)
{
    if (exporter->opened) exporter->output->close(exporter->opened);
    builder_fini(&exporter->builder);
    free(exporter->packed);
    free(exporter);
}

/* Sanitizers say there what they found. */
static bool keeps_stderr(const struct exporter *exporter)
{
#ifdef WEIR_SANITIZED
    return true;
#endif
    return exporter->settings->debug || exporter->output->keeps_stderr;
}

static void *exporter_run(void *argument)
{
    struct exporter *exporter = argument;
    pthread_setname_np(pthread_self(), "weir");
    if (!descriptors_separate(keeps_stderr(exporter))) say(exporter, "no descriptor table of its own");
    if (!export_until_stopped(exporter)) {
        settings_free(exporter->settings);
        exporter_free(exporter); /* left behind: the one who did has settled the counters */
        return NULL;
    }
    drop_rest();
    exporter->output->close(exporter->opened);
    exporter->opened = NULL;
    if (atomic_load(&exporter->nobody_joins)) pthread_detach(pthread_self());
    event_set(exporter->ended);
    return NULL;
}

/* ---- starting and stopping ---- */

static bool start_thread(struct exporter *exporter)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits: no signal is ever handled in it */
    bool started = pthread_create(&exporter->thread, NULL, exporter_run, exporter) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct exporter *exporter_start(struct settings *settings, const struct weir_output *output,
                                struct producer *producer, struct event *ended)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    if (!exporter) return NULL;
    exporter->settings = settings;
    exporter->builder.span_limit = settings->batch_span_limit;
    exporter->producer = producer;
    exporter->output = output;
    exporter->ended = ended;
    event_clear(ended);
    exporter->last_batch_ns = clock_monotonic_ns();
    exporter->backoff_ns = BACKOFF_FIRST_NS;
    exporter->pause_ns = settings->export_interval_ms * NS_PER_MS;
    host_init(exporter);
    span_timeline_init(&exporter->timeline, &span_clock_origin);
    id_generator_seed(&exporter->jitter);
    resource_identify(exporter->instance_id, exporter->host_name);
    exporter->opened = output->open(&exporter->host.outer);
    if (!exporter->opened || !start_thread(exporter)) {
        exporter_free(exporter);
        return NULL;
    }
    return exporter;
}

void exporter_abandon(struct exporter *exporter)
{
    static struct exporter *abandoned;
    exporter->next_abandoned = abandoned;
    abandoned = exporter;
}

static void begin_stop(struct exporter *exporter, int64_t deadline_ns)
{
    atomic_store_explicit(&exporter->host.give_up_ns, deadline_ns, memory_order_release);
    event_set(&exporter->stop);
}

/* Until the thread has seen the deadline and is done, unless it is where nothing can hurry it. */
static bool ends_soon(struct exporter *exporter, int64_t deadline_ns)
{
    return event_wait(exporter->ended, deadline_ns) ||
           (atomic_load(&exporter->phase) == WORKING &&
            event_wait(exporter->ended, deadline_ns + LAST_PATIENCE_NS));
}

void exporter_stop_last(struct exporter *exporter, int64_t deadline_ns)
{
    begin_stop(exporter, deadline_ns);
    if (!ends_soon(exporter, deadline_ns)) {
        atomic_store(&exporter->nobody_joins, true);
        return;
    }
    int64_t until_ns =
        clock_unix_ns() + LAST_PATIENCE_NS; /* done, it has only its thread's own data to free */
    const struct timespec until = {(time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};
    pthread_timedjoin_np(exporter->thread, NULL, &until); /* by the wall clock, which sanitizers follow */
}

enum exporter_end exporter_stop(struct exporter *exporter, int64_t deadline_ns)
{
    begin_stop(exporter, deadline_ns);
    pthread_t thread = exporter->thread; /* left behind, it may free the exporter at any time */
    for (int64_t look_ns = deadline_ns; !event_wait(exporter->ended, look_ns);) {
        enum phase blocked = BLOCKED;
        if (atomic_compare_exchange_strong(&exporter->phase, &blocked, LEFT_BEHIND)) {
            pthread_detach(thread);
            drop_rest();
            return EXPORTER_LEFT_BEHIND;
        }
        look_ns = clock_monotonic_ns() + STOP_LOOK_NS; /* it is about to see the deadline */
        if (look_ns > deadline_ns + STOP_PATIENCE_NS) return EXPORTER_STUCK;
    }
    pthread_join(thread, NULL);
    exporter_free(exporter);
    return EXPORTER_ENDED;
}
