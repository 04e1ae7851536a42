/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Begin and end: weir_init, weir_shutdown, exit and fork. `lifecycle` guards all of it, and nobody holds it for longer than
 * a thread takes to start; the span path takes it once, in the first span of a forked child, and else only reads
 * process.live_epoch.
 *
 * While a shutdown is under way (is_stopping) its exporter and settings are its own: they are not in `here`, so that a fork
 * meanwhile finds nothing that might just be freed. What becomes of spans in each case is a table in docs/libweir.md.
 */
#include <weir/weir.h>

#include "base/clock.h"
#include "base/id.h"
#include "sdk/core/operations.h"
#include "sdk/core/settings.h"
#include "sdk/core/span_clock.h"
#include "sdk/core/thread.h"
#include "sdk/export/exporter.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lifecycle;
    void *_Atomic holder; /* of it: the address of that thread's weir_thread; NULL: nobody */
    bool is_set_up;       /* what is done once in a process */
    bool is_running;      /* between weir_init and weir_shutdown */
    bool is_stopping;     /* weir_shutdown or exit waits, without lifecycle */
    bool is_exiting;      /* at_exit has begun */
    uint32_t epoch;
    _Atomic pid_t pid; /* whose threads and exporter these are */
    _Atomic uint32_t exit_timeout_ms;
    struct settings *settings; /* while running, else NULL */
    struct settings_warnings warnings;
    struct producer producer;
    const struct weir_output *output;
    const struct weir_output
        *exits_before;         /* at_exit is registered later than what this output's libraries registered */
    struct exporter *exporter; /* NULL in a forked child until its first span */
    struct event flushed;      /* the exporter that was started last is done */
    struct event stopped;      /* the last weir_shutdown is over, */
    _Atomic enum weir_status verdict; /* and says this */
    uint64_t lost_before_exit;        /* dropped by shutdowns before */
} here = {.lifecycle = PTHREAD_MUTEX_INITIALIZER};

const char *weir_status_text(enum weir_status status)
{
    switch (status) {
#define X(name, number, text)                                                                                \
    case WEIR_##name:                                                                                        \
        return text;
        WEIR_STATUS_CODES(X)
#undef X
    case WEIR_STATUS_LAST_:
        break;
    }
    return "unknown status";
}

/* ---- the lock ---- */

static void lock(void)
{
    pthread_mutex_lock(&here.lifecycle);
    atomic_store(&here.holder, &weir_thread);
}

/* A handler of the program's, for a signal or for fork, may be here while its own thread has the lock. */
static bool lock_is_ours(void) { return atomic_load(&here.holder) == &weir_thread; }

static void unlock(void)
{
    atomic_store(&here.holder, NULL);
    pthread_mutex_unlock(&here.lifecycle);
}

/* ---- fork ---- */

/* No other thread of ours is between two states when the child is made. */
static void before_fork(void)
{
    lock();
    pthread_mutex_lock(&weir_process.accounting);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&weir_process.accounting);
    unlock();
}

static void new_producer(void)
{
    here.producer = (struct producer){0};
    id_random_bytes(&here.producer.id, sizeof here.producer.id);
    if (here.producer.id == 0) here.producer.id = 1;
}

/* A forked child has a rate limit, and counters, of its own. */
static void start_sampler(void)
{
    sampler_start(&weir_process.sampler, here.settings->sampler, here.settings->sample_ratio,
                  here.settings->sample_rate_limit, process_sampler_refused);
}

static void counters_clear(void)
{
    for (int i = 0; i < DROP_REASON_COUNT; i++) atomic_store(&weir_process.dropped[i], 0);
    atomic_store(&weir_process.attributes_dropped, 0);
    weir_process.acknowledged = weir_process.in_batch = 0;
    weir_process.batches_sent = weir_process.batches_resent = 0;
}

/* The child has this thread alone: no exporter, and nothing in the rings that the parent does not send. */
static void after_fork_in_child(void)
{
    pthread_mutex_init(&weir_process.accounting, NULL);
    pthread_mutex_init(&here.lifecycle, NULL);
    atomic_store(&here.holder, NULL);
    if (here.exporter) {
        exporter_abandon(here.exporter);
        here.exporter = NULL;
    }
    new_producer();
    counters_clear();
    thread_after_fork();
    atomic_store(&here.pid, getpid());
    here.is_running = here.is_running && !here.is_stopping;
    here.is_stopping = false;
    if (here.is_running) {
        start_sampler();
        atomic_store(&weir_process.exporter_missing, true);
        process_set_epoch(++here.epoch);
    }
}

/* _Fork and a bare clone call nobody: their child is seen by its number, before it takes a lock that a thread which is not
 * there may hold. */
static void notice_bare_fork(void)
{
    pid_t known = atomic_load(&here.pid), pid = getpid();
    if (known && known != pid && atomic_compare_exchange_strong(&here.pid, &known, pid))
        after_fork_in_child();
}

static bool start_exporter(void)
{
    here.exporter = exporter_start(here.settings, here.output, &here.producer, &here.flushed);
    return here.exporter != NULL;
}

/* In the child of a fork the program's handlers for that may come before ours, and nobody tells of a bare fork at all. */
bool process_start_exporter(void)
{
    if (lock_is_ours()) {
        thread_refuse();
        return false;
    }
    if (atomic_load(&here.pid) != getpid()) return false;
    lock();
    if (here.is_running && !here.is_stopping && !here.exporter) {
        bool started = start_exporter();
        atomic_store_explicit(&weir_process.exporter_missing, false, memory_order_release);
        if (!started) {
            process_set_epoch(0);
            here.is_running = false;
        }
    }
    bool running = here.is_running && !here.is_stopping;
    unlock();
    return running;
}

/* ---- exit ---- */

static bool lock_until(int64_t deadline_ns)
{
    const struct timespec moment = {0, NS_PER_MS};
    while (pthread_mutex_trylock(&here.lifecycle) != 0) {
        if (clock_monotonic_ns() >= deadline_ns) return false;
        nanosleep(&moment, NULL);
    }
    atomic_store(&here.holder, &weir_thread);
    return true;
}

static uint64_t lost_in_shutdowns(void) { return atomic_load(&weir_process.dropped[DROP_shutdown]); }

/* A signal handler may have called exit, and interrupted anything: weir_shutdown, weir_stats, malloc. So this waits for no
 * lock beyond the deadline, and neither allocates nor frees. */
static void at_exit(void)
{
    int64_t deadline = clock_monotonic_ns() + atomic_load(&here.exit_timeout_ms) * NS_PER_MS;
    notice_bare_fork();
    if (!lock_until(deadline)) return;
    bool again = here.is_exiting, others_stop = here.is_stopping && !again,
         we_stop = here.is_running && !here.is_stopping;
    here.is_exiting = true;
    if (!again) here.lost_before_exit = lost_in_shutdowns();
    struct exporter *exporter = here.exporter;
    if (we_stop) {
        here.is_stopping = true;
        process_set_epoch(0);
    }
    unlock();
    if (we_stop && exporter) exporter_stop_last(exporter, deadline);
    if (we_stop && !exporter) event_set(&here.flushed); /* a forked child without a span */
    if (others_stop) event_wait(&here.flushed, deadline);
}

/* Again for an output that has brought handlers of its own (of a TLS library): the last that is registered runs first. */
static bool register_exit(void)
{
    if (here.exits_before == here.output) return true;
    here.exits_before = here.output;
    return atexit(at_exit) == 0;
}

/* ---- init ---- */

/* A plugin with libweir.a inside stays where it is when the host unloads it, as libweir.so does (it is linked so): threads
 * end in it, fork and exit call it. */
static void stay_loaded(void)
{
    Dl_info found;
    struct link_map *object = NULL;
    if (dladdr1(&here, &found, (void **)&object, RTLD_DL_LINKMAP) == 0 || !object) return;
    bool is_program = object->l_name[0] == 0;
    if (!is_program) dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static bool set_up_once(void)
{
    if (here.is_set_up) return true;
    if (!operations_setup() || !thread_setup()) return false;
    stay_loaded();
    if (pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0) return false;
    atomic_store(&here.pid, getpid());
    new_producer();
    span_clock_setup(here.settings->clock == WEIR_CLOCK_SYSTEM);
    if (here.settings->hash_key.len)
        hash_key_derive(&weir_process.key, here.settings->hash_key.data, here.settings->hash_key.len);
    else
        hash_key_random(&weir_process.key);
    here.is_set_up = true;
    return true;
}

static enum weir_status start(void)
{
    enum weir_status status = output_choose(here.settings, &here.output);
    if (status != WEIR_OK) return status;
    if (!set_up_once() || !register_exit()) return WEIR_NO_MEMORY;
    atomic_store(&weir_process.propagators, here.settings->propagators);
    atomic_store(&weir_process.evidence, here.settings->evidence);
    atomic_store(&weir_process.ring_bytes, here.settings->ring_bytes);
    start_sampler();
    span_limits_set(&weir_process.limits, here.settings);
    atomic_store(&here.exit_timeout_ms, here.settings->shutdown_timeout_ms);
    if (!start_exporter()) return WEIR_NO_THREAD;
    here.is_running = true;
    process_set_epoch(++here.epoch);
    return WEIR_OK;
}

static void forget_settings(void)
{
    settings_free(here.settings);
    here.settings = NULL;
}

/* One write: no lock that a fork could leave behind, and lines of other threads stay whole. */
static void tell_warnings(void)
{
    if (!here.warnings.are_wanted) return;
    for (const char *at = here.warnings.text; *at; at += strcspn(at, "\n") + 1)
        dprintf(STDERR_FILENO, "weir: %.*s\n", (int)strcspn(at, "\n"), at);
}

/* What WEIR_BAD_ENDPOINT cannot say: which. Of a URL, which may hold a password, only the scheme. */
static void warn_of_endpoint(const struct weir_config *config)
{
    const char *field = config ? config->endpoint : NULL;
    const char *text = field ? field : getenv("WEIR_ENDPOINT");
    char shown[SETTINGS_SHOWN_BYTES];
    if (!text) return;
    struct str value = str_of(text);
    if (memchr(value.data, '@', value.len)) value.len = strcspn(text, ":");
    settings_warn(&here.warnings, "%s=%s names nothing that spans could be sent to: no span is made",
                  field ? "weir_config.endpoint" : "WEIR_ENDPOINT", settings_show(value, shown));
}

enum weir_status weir_init(const struct weir_config *config)
{
    notice_bare_fork();
    lock();
    enum weir_status status = WEIR_ALREADY;
    if (!here.is_running && !here.is_stopping) {
        forget_settings(); /* left in the child of a fork, if any */
        status = settings_new(config, &here.warnings, &here.settings);
        if (status == WEIR_OK) atomic_store(&weir_process.propagators, here.settings->propagators);
        if (status == WEIR_OK) status = here.settings->disabled ? WEIR_DISABLED : start();
        if (status == WEIR_BAD_ENDPOINT) warn_of_endpoint(config);
        tell_warnings();
        if (status != WEIR_OK) forget_settings();
    }
    unlock();
    return status;
}

size_t weir_settings_warnings(char *text, size_t bytes)
{
    notice_bare_fork();
    lock();
    size_t len = here.warnings.bytes;
    if (text && bytes) {
        size_t shown = len < bytes ? len : bytes - 1;
        memcpy(text, here.warnings.text, shown);
        text[shown] = 0;
    }
    unlock();
    return len;
}

/* ---- shutdown ---- */

/* What became of the spans of this run, judged by what was dropped before the shutdown and in it. */
static enum weir_status judge(uint64_t lost_before, const struct weir_stats *stats)
{
    if (stats->dropped_shutdown > lost_before || stats->in_flight) return WEIR_TIMEOUT;
    return stats->dropped ? WEIR_DROPPED : WEIR_OK;
}

/* Under lifecycle: what the shutdown takes with it. */
static struct exporter *begin_shutdown(struct settings **settings)
{
    struct exporter *exporter = here.exporter;
    *settings = here.settings;
    here.exporter = NULL;
    here.settings = NULL;
    here.is_stopping = true;
    event_clear(&here.stopped);
    process_set_epoch(0);
    return exporter;
}

static void end_shutdown(enum exporter_end end, struct settings *settings, enum weir_status verdict)
{
    lock();
    here.is_running = false;
    if (end == EXPORTER_STUCK)
        here.settings = settings; /* it stays the one exporter, and weir_init says WEIR_ALREADY */
    else
        here.is_stopping = false;
    unlock();
    if (end == EXPORTER_ENDED) settings_free(settings); /* left behind, the thread does */
    atomic_store(&here.verdict, verdict);
    event_set(&here.stopped);
}

static enum weir_status stop(struct exporter *exporter, struct settings *settings, int64_t deadline)
{
    struct weir_stats stats;
    uint64_t lost_before = lost_in_shutdowns();
    enum exporter_end end = exporter ? exporter_stop(exporter, deadline) : EXPORTER_ENDED;
    process_stats(&stats);
    enum weir_status verdict = judge(lost_before, &stats);
    end_shutdown(end, settings, verdict);
    return verdict;
}

/* In an exit handler or a destructor that runs after at_exit, or in another thread meanwhile. Who had begun to stop the
 * exporter may be the very thread that a signal handler has made exit: it says nothing any more, and may have the lock that
 * only the exporter's end makes needless. */
static enum weir_status wait_for_exit(int64_t deadline)
{
    struct weir_stats stats;
    if (!event_wait(&here.flushed, deadline)) return WEIR_TIMEOUT;
    process_stats_locked(&stats);
    return judge(here.lost_before_exit, &stats);
}

enum weir_status weir_shutdown(uint32_t timeout_ms)
{
    int64_t deadline = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
    struct settings *settings = NULL;
    struct exporter *exporter = NULL;
    notice_bare_fork();
    if (lock_is_ours()) return WEIR_TIMEOUT; /* a handler that interrupted weir_init has called exit */
    lock();
    bool others_stop = here.is_stopping, is_exiting = here.is_exiting,
         we_stop = here.is_running && !others_stop;
    if (we_stop) exporter = begin_shutdown(&settings);
    unlock();
    if (we_stop) return stop(exporter, settings, deadline);
    if (!others_stop) return WEIR_NOT_RUNNING;
    if (is_exiting) return wait_for_exit(deadline);
    return event_wait(&here.stopped, deadline) ? atomic_load(&here.verdict) : WEIR_TIMEOUT;
}

void weir_stats(struct weir_stats *stats)
{
    notice_bare_fork();
    if (stats) process_stats(stats);
}
