/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/forgetter.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define BUSY_MS 1000 /* until the next try after a long query was in the way */
#define MORE_MS 20   /* between two parts of many rows */

struct forgetter {
    struct forget_settings settings;
    struct store *store; /* the thread's */
    bool over_size;      /* the thread's: said once until it is over */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* signalled when stopping is set */
    bool stopping;       /* under lock */
};

static void note(struct forgetter *forgetter, const struct forgotten *forgotten)
{
    atomic_fetch_add_explicit(&counters.days_forgotten, forgotten->days, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters.traces_forgotten, forgotten->traces, memory_order_relaxed);
    if (forgotten->days) log_info("dropped the spans of %" PRIu64 " old days", forgotten->days);
    if (forgotten->over_size && !forgetter->over_size)
        log_warn("the present day's spans alone take more than --keep-spans-bytes-max");
    forgetter->over_size = forgotten->over_size;
}

/* How long until the next look. */
static int64_t forget(struct forgetter *forgetter)
{
    struct forgotten forgotten;
    int64_t interval_ms = (int64_t)forgetter->settings.forget_interval_ms;
    enum store_result outcome =
        store_forget(forgetter->store, clock_unix_ns(), &forgetter->settings, &forgotten);
    if (outcome != STORE_OK) {
        log_debug("nothing was forgotten: %s", store_error(forgetter->store));
        return interval_ms;
    }
    note(forgetter, &forgotten);
    int64_t soon_ms = forgotten.busy ? BUSY_MS : forgotten.more ? MORE_MS : interval_ms;
    return soon_ms < interval_ms ? soon_ms : interval_ms;
}

/* False: it is time to end. */
static bool rest(struct forgetter *forgetter, int64_t ms)
{
    int64_t until_ns = clock_monotonic_ns() + ms * NS_PER_MS;
    struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    int waited = 0;
    pthread_mutex_lock(&forgetter->lock);
    while (!forgetter->stopping && waited == 0)
        waited = pthread_cond_timedwait(&forgetter->wake, &forgetter->lock, &until);
    bool stopping = forgetter->stopping;
    pthread_mutex_unlock(&forgetter->lock);
    return !stopping;
}

static void *run(void *context)
{
    struct forgetter *forgetter = context;
    while (rest(forgetter, forget(forgetter))) continue;
    return NULL;
}

static void init_wake(struct forgetter *forgetter)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&forgetter->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&forgetter->lock, NULL);
}

static void dispose(struct forgetter *forgetter)
{
    pthread_cond_destroy(&forgetter->wake);
    pthread_mutex_destroy(&forgetter->lock);
    store_free(forgetter->store);
    free(forgetter);
}

struct forgetter *forgetter_start(const char *dsn, const struct forget_settings *settings)
{
    struct forgetter *forgetter = calloc(1, sizeof *forgetter);
    if (!forgetter) return NULL;
    forgetter->settings = *settings;
    init_wake(forgetter);
    forgetter->store = store_new(dsn);
    if (forgetter->store) store_set_name(forgetter->store, "weir-collector forgetting");
    if (forgetter->store && pthread_create(&forgetter->thread, NULL, run, forgetter) == 0) return forgetter;
    dispose(forgetter);
    return NULL;
}

void forgetter_stop(struct forgetter *forgetter)
{
    if (!forgetter) return;
    pthread_mutex_lock(&forgetter->lock);
    forgetter->stopping = true;
    pthread_cond_signal(&forgetter->wake);
    pthread_mutex_unlock(&forgetter->lock);
    pthread_join(forgetter->thread, NULL);
    dispose(forgetter);
}
