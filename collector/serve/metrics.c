/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/metrics.h"

#include "base/clock.h"
#include "collector/counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REFUSED "_refused_"

struct counted {
    const char *name, *words;
    uint64_t value;
};

static void add_head(struct buffer *out, const char *name, const char *type, const char *words)
{
    buffer_printf(out, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", name, words, name, type);
}

/* Numbers that are no counters: they may fall. */
static void add_gauge(struct buffer *out, const char *name, const char *words, double value)
{
    add_head(out, name, "gauge", words);
    buffer_printf(out, "weir_%s %.17g\n", name, value);
}

/* ---- counters ---- */

/* "batches_refused_malformed" is of the family "batches_refused"; 0: of none. */
static size_t family_bytes(const char *name)
{
    const char *at = strstr(name, REFUSED);
    return at ? (size_t)(at - name) + strlen(REFUSED) - 1 : 0;
}

/* Members of a family stand together in the table; the format wants them so. */
static void add_refused(struct buffer *out, const struct counted *counter, const char *before)
{
    size_t bytes = family_bytes(counter->name);
    if (!before || family_bytes(before) != bytes || strncmp(before, counter->name, bytes) != 0)
        buffer_printf(out, "# HELP weir_%.*s_total refused, by reason\n# TYPE weir_%.*s_total counter\n",
                      (int)bytes, counter->name, (int)bytes, counter->name);
    buffer_printf(out, "weir_%.*s_total{reason=\"%s\"} %" PRIu64 "\n", (int)bytes, counter->name,
                  counter->name + bytes + 1, counter->value);
}

static void add_counters(struct buffer *out)
{
#define X(name, words) {#name, words, atomic_load_explicit(&counters.name, memory_order_relaxed)},
    const struct counted all[] = {COLLECTOR_COUNTERS(X)};
#undef X
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, "batch_wait_longest_ms") == 0)
            continue; /* no counter; the latencies say more */
        if (family_bytes(all[i].name)) {
            add_refused(out, &all[i], i ? all[i - 1].name : NULL);
            continue;
        }
        buffer_printf(out,
                      "# HELP weir_%s_total %s\n# TYPE weir_%s_total counter\nweir_%s_total %" PRIu64 "\n",
                      all[i].name, all[i].words, all[i].name, all[i].name, all[i].value);
    }
}

/* ---- latencies ---- */

static void add_latency(struct buffer *out, const char *name, const char *words,
                        const struct latency *latency)
{
    static const double bounds_s[] = {
#define X(ms) (ms) / 1e3,
        LATENCY_BOUNDS_MS(X)
#undef X
    };
    uint64_t below = 0;
    add_head(out, name, "histogram", words);
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        below += atomic_load_explicit(&latency->counts[i], memory_order_relaxed);
        if (i + 1 < LATENCY_BUCKETS)
            buffer_printf(out, "weir_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds_s[i], below);
        else
            buffer_printf(out, "weir_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
    }
    buffer_printf(out, "weir_%s_sum %.9g\nweir_%s_count %" PRIu64 "\n", name,
                  (double)atomic_load_explicit(&latency->sum_us, memory_order_relaxed) / 1e6, name, below);
}

/* ---- the process ---- */

/* 0: not known */
static double resident_bytes(void)
{
    unsigned long long all_pages, resident_pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%llu %llu", &all_pages, &resident_pages) != 2) resident_pages = 0;
    fclose(file);
    return (double)resident_pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_count(_Atomic uint64_t *begun, _Atomic uint64_t *ended)
{
    uint64_t gone = atomic_load(ended); /* first, so that it is never more */
    return (double)(atomic_load(begun) - gone);
}

static void add_gauges(struct buffer *out, int64_t now_unix_ns, int64_t started_unix_ns)
{
    struct spool_now spool = counters_spool();
    double oldest_s = spool.oldest_ns ? (double)(now_unix_ns - spool.oldest_ns) / NS_PER_S : 0;
    add_gauge(out, "connections_open", "connections of senders",
              open_count(&counters.connections_accepted, &counters.connections_closed));
    add_gauge(out, "spool_batches", "batches on disk, acknowledged and not in the database yet",
              (double)spool.batches);
    add_gauge(out, "spool_bytes", "what they take", (double)spool.bytes);
    add_gauge(out, "spool_oldest_seconds", "how long the oldest of them has waited; 0: there is none",
              oldest_s);
    add_gauge(out, "resident_memory_bytes", "of this process; a private Postgres has more", resident_bytes());
    add_gauge(out, "start_time_seconds", "when the collector started, since 1970",
              (double)started_unix_ns / NS_PER_S);
}

void metrics_render(struct buffer *out, int64_t now_unix_ns, int64_t started_unix_ns)
{
    add_head(out, "build_info", "gauge", "1; its label is the version");
    buffer_add_text(out, "weir_build_info{version=\"" WEIR_VERSION "\"} 1\n");
    add_counters(out);
    add_gauges(out, now_unix_ns, started_unix_ns);
#define X(name, words) add_latency(out, #name "_seconds", words, &latencies.name);
    COLLECTOR_LATENCIES(X)
#undef X
}
