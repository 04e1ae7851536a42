/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analyser.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"
#include "collector/store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define POLL_MS          200  /* between two looks when nothing was due */
#define AWAY_MS          1000 /* after Postgres did not answer */
#define ARENA_CAP_BYTES  ((size_t)1 << 30)
#define ARENA_KEEP_BYTES ((size_t)8 << 20) /* more than this is given back after a trace */

struct analyser {
    struct analyser_options options;
    struct store *store; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* signalled when stopping is set */
    bool stopping;       /* under lock */
    bool away;           /* the thread's: said once until it is over */
};

void analyser_options_default(struct analyser_options *options)
{
    memset(options, 0, sizeof *options);
    options->quiet_ms = 1000;
    options->quiet_without_root_ms = 30000;
    options->settings = analysis_settings_default();
}

static bool is_stopping(struct analyser *analyser)
{
    pthread_mutex_lock(&analyser->lock);
    bool stopping = analyser->stopping;
    pthread_mutex_unlock(&analyser->lock);
    return stopping;
}

static void rest(struct analyser *analyser, int64_t ms)
{
    int64_t until_ns = clock_monotonic_ns() + ms * NS_PER_MS;
    struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    int waited = 0;
    pthread_mutex_lock(&analyser->lock);
    while (!analyser->stopping && waited == 0) {
        waited = pthread_cond_timedwait(&analyser->wake, &analyser->lock, &until);
    }
    pthread_mutex_unlock(&analyser->lock);
}

static const char *trace_text(const unsigned char id[16], char text[33])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
    }
    text[32] = 0;
    return text;
}

/* Said once a trace: the failure is stored, so that it is not tried again before more of the trace comes. */
static enum store_result give_up(struct analyser *analyser, const struct trace *trace, const char *why)
{
    char text[33], reason[256];
    snprintf(reason, sizeof reason, "%s", why); /* it may lie in the store, which is used again */
    enum store_result outcome = store_write_failure(analyser->store, reason);
    if (outcome != STORE_OK) return outcome;
    log_warn("trace %s cannot be analysed: %s", trace_text(trace->id, text), reason);
    atomic_fetch_add(&counters.traces_failed, 1);
    return STORE_OK;
}

static enum store_result analyse(struct analyser *analyser, struct trace *trace, struct arena *arena)
{
    struct analysis analysis = {0};
    if (!trace_assemble(trace, arena) ||
        !analyse_trace(&analysis, trace, &analyser->options.settings, arena)) {
        return give_up(analyser, trace, "it takes more memory than is allowed");
    }
    int64_t seen_ns = store_claim_seen_ns(analyser->store);
    enum store_result outcome = store_write_contribution(analyser->store, trace, &analysis);
    if (outcome == STORE_REFUSED) return give_up(analyser, trace, store_error(analyser->store));
    if (outcome != STORE_OK) return outcome;
    atomic_fetch_add(&counters.traces_analysed, 1);
    latency_note(&latencies.analysis_lag, clock_unix_ns() - seen_ns);
    return STORE_OK;
}

/* One trace. *worked: there was one, look again at once. */
static enum store_result step(struct analyser *analyser, struct arena *arena, bool *worked)
{
    struct trace trace;
    enum store_result outcome =
        store_claim_trace(analyser->store, clock_unix_ns(), analyser->options.quiet_ms,
                          analyser->options.quiet_without_root_ms, arena, &trace, worked);
    if (outcome == STORE_REFUSED && *worked) return give_up(analyser, &trace, store_error(analyser->store));
    if (outcome != STORE_OK || !*worked) return outcome;
    return analyse(analyser, &trace, arena);
}

static void note_outage(struct analyser *analyser, enum store_result outcome)
{
    bool away = outcome != STORE_OK;
    if (away && !analyser->away) log_warn("analysis waits: %s", store_error(analyser->store));
    if (!away && analyser->away) log_info("analysis goes on");
    analyser->away = away;
}

static void *run(void *context)
{
    struct analyser *analyser = context;
    struct arena arena;
    arena_init(&arena, ARENA_CAP_BYTES);
    while (!is_stopping(analyser)) {
        bool worked = false;
        enum store_result outcome = step(analyser, &arena, &worked);
        note_outage(analyser, outcome);
        if (arena.total_bytes > ARENA_KEEP_BYTES) arena_fini(&arena);
        if (outcome != STORE_OK) {
            rest(analyser, AWAY_MS);
        } else if (!worked) {
            rest(analyser, POLL_MS);
        }
    }
    store_release(analyser->store);
    arena_fini(&arena);
    return NULL;
}

static void init_wake(struct analyser *analyser)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&analyser->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&analyser->lock, NULL);
}

static void dispose(struct analyser *analyser)
{
    pthread_cond_destroy(&analyser->wake);
    pthread_mutex_destroy(&analyser->lock);
    store_free(analyser->store);
    free(analyser);
}

struct analyser *analyser_start(const struct analyser_options *options)
{
    struct analyser *analyser = calloc(1, sizeof *analyser);
    if (!analyser) return NULL;
    analyser->options = *options;
    analyser->options.dsn = NULL; /* the store has its own copy */
    init_wake(analyser);
    analyser->store = store_new(options->dsn);
    if (analyser->store) store_set_name(analyser->store, "weir-collector analysis");
    if (!analyser->store || pthread_create(&analyser->thread, NULL, run, analyser) != 0) {
        dispose(analyser);
        return NULL;
    }
    return analyser;
}

void analyser_stop(struct analyser *analyser)
{
    if (!analyser) return;
    pthread_mutex_lock(&analyser->lock);
    analyser->stopping = true;
    pthread_cond_signal(&analyser->wake);
    pthread_mutex_unlock(&analyser->lock);
    pthread_join(analyser->thread, NULL);
    dispose(analyser);
}
