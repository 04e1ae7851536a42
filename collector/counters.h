/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector counts since its start, for `weir status` and later /metrics. One table; any thread
 * adds and reads. */
#ifndef WEIR_COLLECTOR_COUNTERS_H
#define WEIR_COLLECTOR_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*           name                     words for the status page */
#define COLLECTOR_COUNTERS(X)                                                                                \
    X(connections_accepted, "connections accepted")                                                          \
    X(connections_refused_greeting, "connections closed: no SP greeting, or not a req0 peer")                \
    X(connections_refused_limit, "connections closed: too many open")                                        \
    X(connections_refused_tls, "connections closed: no TLS handshake, or nothing after it")                  \
    X(connections_evicted, "connections closed: idle, to make room for another")                             \
    X(connections_idle, "connections closed: no request for longer than idle-timeout-ms")                    \
    X(connections_cut, "connections that ended inside a frame or with replies unsent")                       \
    X(connections_closed, "connections that have ended, for whatever reason")                                \
    X(connections_timed_out, "connections closed: greeting, frame or unread reply took too long")            \
    X(frames_refused_length, "frames refused: longer than a batch may be")                                   \
    X(frames_refused_header, "frames refused: no request header")                                            \
    X(batches_refused_malformed, "batches refused: could not be decoded")                                    \
    X(batches_refused_version, "batches refused: newer wire version")                                        \
    X(batches_refused_store, "batches refused: the store cannot hold them")                                  \
    X(batches_stored, "batches stored")                                                                      \
    X(batches_duplicate, "batches that had been stored before")                                              \
    X(batches_retried, "batches sent back to be tried again")                                                \
    X(spool_batches_kept, "batches acknowledged out of the spool on disk")                                   \
    X(spool_batches_drained, "batches of the spool that were stored, or had been")                           \
    X(spool_batches_refused, "batches of the spool that cannot be stored, and are lost")                     \
    X(spool_batches_sent_back, "batches sent back because the spool could not take them")                    \
    X(spool_records_corrupt, "records of the spool that were damaged, and are lost")                         \
    X(spool_ends_torn, "ends of the spool's files that a crash had torn")                                    \
    X(batch_wait_longest_ms, "ms that a batch waited for its commit, at most")                               \
    X(spans_stored, "spans stored")                                                                          \
    X(spans_refused_late, "spans refused: their day is no longer kept")                                      \
    X(operations_folded, "names folded into (other operations), see --operations-max")                       \
    X(instances_folded, "names folded into (other instances), see --instances-max and --services-max")       \
    X(endpoints_folded, "names folded into (other endpoints), see --endpoints-max")                          \
    X(sites_folded, "names folded into (other call sites), see --sites-max")                                 \
    X(days_forgotten, "days whose spans were dropped")                                                       \
    X(traces_forgotten, "traces whose contribution to reports was dropped")                                  \
    X(traces_analysed, "traces analysed")                                                                    \
    X(traces_failed, "traces that could not be analysed")                                                    \
    X(http_requests, "HTTP requests")                                                                        \
    X(http_connections, "HTTP connections")                                                                  \
    X(http_connections_evicted, "HTTP connections closed: slow or idle, to make room for another")           \
    X(http_connections_timed_out, "HTTP connections closed: request or reading took too long")               \
    X(http_answers_refused, "HTTP answers sent back: too much lies unread")                                  \
    X(posts_received, "posts of OTLP or Zipkin")                                                             \
    X(posts_stored, "posts whose spans were stored")                                                         \
    X(posts_refused_malformed, "posts refused: could not be read")                                           \
    X(posts_refused_length, "posts refused: too long")                                                       \
    X(posts_refused_type, "posts refused: of another type or encoding")                                      \
    X(posts_sent_back, "posts sent back to be tried again")                                                  \
    X(posts_spans_rejected, "spans of posts that could not be stored")

struct collector_counters {
#define X(name, words) _Atomic uint64_t name;
    COLLECTOR_COUNTERS(X)
#undef X
};

extern struct collector_counters counters;

/* ---- how long things take ---- */

#define COLLECTOR_LATENCIES(X)                                                                               \
    X(batch, "from a batch's last byte to its answer that it is kept")                                       \
    X(analysis_lag, "from a trace's last spans to what is drawn from it, the quiet time included")           \
    X(http, "to make the answer to an HTTP request")

/* Upper bounds of the buckets; the last bucket has none. */
#define LATENCY_BOUNDS_MS(X)                                                                                 \
    X(1) X(2.5) X(5) X(10) X(25) X(50) X(100) X(250) X(500) X(1000) X(2500) X(5000) X(10000) X(30000) X(60000)
#define LATENCY_BUCKETS 16

struct latency {
    _Atomic uint64_t counts[LATENCY_BUCKETS], sum_us;
};

struct collector_latencies {
#define X(name, words) struct latency name;
    COLLECTOR_LATENCIES(X)
#undef X
};

extern struct collector_latencies latencies;

/* Any thread. Less than nothing counts as nothing: clocks are set back. */
void latency_note(struct latency *latency, int64_t ns);

/* ---- and what a number does not say ---- */

/* Spans stored just now, and in the last 60 seconds; the clock is the caller's (base/clock.h, monotonic). */
void counters_note_stored(int64_t monotonic_s, uint64_t spans);
uint64_t counters_stored_last_minute(int64_t monotonic_s);

/* What the spool holds now: batches that are acknowledged and not in Postgres yet. */
struct spool_now {
    bool on;
    uint64_t batches, bytes;
    int64_t oldest_ns; /* unix; 0: none */
};
void counters_note_spool(struct spool_now now);
struct spool_now counters_spool(void);

/* Why the latest batch was refused that was. The reason comes from outside: it is shown escaped. */
struct refusal {
    int64_t at_ns;    /* unix; 0: none was */
    char reason[256]; /* cut */
};
void counters_note_refusal(int64_t unix_ns, const char *reason);
struct refusal counters_last_refusal(void);

#endif
