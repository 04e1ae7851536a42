/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/counters.h"

#include <pthread.h>
#include <stdio.h>

struct collector_counters counters;
struct collector_latencies latencies;

void latency_note(struct latency *latency, int64_t ns)
{
    static const double bounds_ms[] = {
#define X(ms) ms,
        LATENCY_BOUNDS_MS(X)
#undef X
    };
    _Static_assert(sizeof bounds_ms / sizeof *bounds_ms + 1 == LATENCY_BUCKETS, "the last has no bound");
    size_t bucket = 0;
    if (ns < 0) ns = 0;
    while (bucket + 1 < LATENCY_BUCKETS && (double)ns > bounds_ms[bucket] * 1e6) bucket++;
    atomic_fetch_add_explicit(&latency->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&latency->sum_us, (uint64_t)ns / 1000, memory_order_relaxed);
}

#define RATE_SECONDS 60

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all below */
static struct {
    int64_t second;
    uint64_t spans;
} rate[RATE_SECONDS]; /* by second modulo RATE_SECONDS */
static struct refusal last_refusal;
static struct spool_now spool;

void counters_note_stored(int64_t monotonic_s, uint64_t spans)
{
    size_t at = (size_t)monotonic_s % RATE_SECONDS;
    pthread_mutex_lock(&lock);
    rate[at].spans = rate[at].second == monotonic_s ? rate[at].spans + spans : spans;
    rate[at].second = monotonic_s;
    pthread_mutex_unlock(&lock);
}

uint64_t counters_stored_last_minute(int64_t monotonic_s)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RATE_SECONDS; i++) {
        if (rate[i].second > monotonic_s - RATE_SECONDS) sum += rate[i].spans;
    }
    pthread_mutex_unlock(&lock);
    return sum;
}

void counters_note_refusal(int64_t unix_ns, const char *reason)
{
    pthread_mutex_lock(&lock);
    last_refusal.at_ns = unix_ns;
    snprintf(last_refusal.reason, sizeof last_refusal.reason, "%s", reason);
    pthread_mutex_unlock(&lock);
}

struct refusal counters_last_refusal(void)
{
    pthread_mutex_lock(&lock);
    struct refusal refusal = last_refusal;
    pthread_mutex_unlock(&lock);
    return refusal;
}

void counters_note_spool(struct spool_now now)
{
    pthread_mutex_lock(&lock);
    spool = now;
    pthread_mutex_unlock(&lock);
}

struct spool_now counters_spool(void)
{
    pthread_mutex_lock(&lock);
    struct spool_now now = spool;
    pthread_mutex_unlock(&lock);
    return now;
}
