/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendering, from the outside: model values in, bytes out. Pure: width, colour, character set and the present
 * moment are arguments. text/ writes for people, json/ for programs (stable, documented in docs/json.md).
 * Names from spans are hostile: text shows control characters and escape sequences as \xNN, JSON by its own
 * rules.
 */
#ifndef WEIR_VIEWER_VIEW_H
#define WEIR_VIEWER_VIEW_H

#include "base/buffer.h"
#include "model/profile.h"
#include "model/request.h"

struct view {
    unsigned width; /* columns; at least 60 */
    bool colour;    /* ANSI colours */
    bool ascii;     /* no character beyond ASCII */
    int64_t now_ns; /* unix; for "3 min ago" */
};

/* Spans and marks for a waterfall. */
struct trace_view {
    const struct trace *trace; /* assembled */
    const struct analysis *analysis;
    const bool *critical;     /* by index into trace->spans; NULL: not known */
    const struct span *focus; /* the request to show; NULL: all roots */
};

/* `weir status`: what the collector counts, who sends, what they dropped. */
struct status_counter {
    const char *name, *words;
    uint64_t value;
};
struct status_producer {
    struct str service_name, service_version, instance_id;
    uint64_t producer, created, acknowledged, stored, dropped_total;
    uint32_t dropped_count;
    struct status_counter *dropped; /* by reason */
    uint64_t sampled_away_total;    /* requests that it did not record */
    uint32_t sampled_away_count;
    struct status_counter *sampled_away; /* by whose choice */
    int64_t last_seen_ns;
    bool clock_known;
    int64_t clock_ahead_ns; /* newest span's end by its clock, less when it came by the collector's */
};
struct status_view {
    struct str version, postgres, listen, http; /* where everything is */
    int64_t started_ns;
    uint64_t spans, requests, traces_pending, database_bytes;
    int64_t oldest_pending_ns;
    uint32_t counter_count;
    struct status_counter *counters;
    uint32_t producer_count;
    struct status_producer *producers;
    uint64_t spans_last_minute;
    uint64_t disk_free_bytes; /* 0: not known, the database is not ours */
    int64_t last_refusal_ns;  /* 0: no batch was refused */
    struct str last_refusal;  /* why, as the collector said */
    bool database_away;       /* then of what lies in it nothing is known */
    bool spool_on;
    uint64_t spool_batches, spool_bytes; /* acknowledged, and not in the database yet */
    int64_t spool_oldest_ns;             /* 0: none */
};

/* What a producer's clock seems to be. Spans are sent within a second of their end, but may have waited for a
 * collector that was away: only what came late beyond that is called late. */
#define STATUS_CLOCK_AHEAD_NS 2000000000
#define STATUS_CLOCK_LATE_NS  60000000000
enum status_clock { STATUS_CLOCK_UNKNOWN, STATUS_CLOCK_FINE, STATUS_CLOCK_AHEAD, STATUS_CLOCK_LATE };
static inline enum status_clock status_clock(const struct status_producer *producer)
{
    if (!producer->clock_known) return STATUS_CLOCK_UNKNOWN;
    if (producer->clock_ahead_ns > STATUS_CLOCK_AHEAD_NS) return STATUS_CLOCK_AHEAD;
    return producer->clock_ahead_ns < -STATUS_CLOCK_LATE_NS ? STATUS_CLOCK_LATE : STATUS_CLOCK_FINE;
}

/* text/ */
void text_report(struct buffer *out, const struct view *view, const struct endpoint_summary *endpoints,
                 uint32_t count, const struct status_view *status);
void text_requests(struct buffer *out, const struct view *view, const struct endpoint_summary *endpoints,
                   uint32_t count);
void text_findings(struct buffer *out, const struct view *view, const struct finding *findings,
                   uint32_t count);
void text_trace(struct buffer *out, const struct view *view, const struct trace_view *trace);
/* left_out: how many more there are of the endpoints asked for */
void text_profiles(struct buffer *out, const struct view *view, const struct profile *profiles,
                   uint32_t count, uint32_t left_out);
void text_status(struct buffer *out, const struct view *view, const struct status_view *status);

/* json/ */
void json_report(struct buffer *out, const struct endpoint_summary *endpoints, uint32_t count,
                 const struct status_view *status);
void json_requests(struct buffer *out, const struct endpoint_summary *endpoints, uint32_t count);
void json_findings(struct buffer *out, const struct finding *findings, uint32_t count);
void json_trace(struct buffer *out, const struct trace_view *trace);
void json_profiles(struct buffer *out, const struct profile *profiles, uint32_t count, uint32_t left_out);
void json_status(struct buffer *out, const struct status_view *status);

#endif
