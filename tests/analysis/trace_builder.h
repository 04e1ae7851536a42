/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces for tests, written as they happen: a clock that calls move on, spans that open and close. A call starts at
 * builder.now_us and moves the clock to its end; to have two overlap, set the clock back. Spans are pointers, so a test
 * sets what it wants on them: span->rows = 200. Owns an arena; build_fini frees everything.
 */
#ifndef WEIR_TESTS_TRACE_BUILDER_H
#define WEIR_TESTS_TRACE_BUILDER_H

#include "collector/analysis/analysis.h"

struct build {
    struct arena arena;
    int64_t now_us;
    uint64_t last_id;
    uint32_t connection; /* of the calls that follow; 0: not known */
    const struct resource *resource;
    size_t count, room;
    struct span **spans;
};

void build_init(struct build *build);
void build_fini(struct build *build);

/* The spans that follow are of this service. */
void build_service(struct build *build, const char *name);

/* Spans that stay open until span_close; parent NULL: none. */
struct span *open_server(struct build *build, const struct span *parent, const char *endpoint);
struct span *open_span(struct build *build, const struct span *parent, const char *name);
void span_close(struct build *build, struct span *span);

/* Calls; input: which value it was called with (a hash is made of it; 0: not known). */
struct span *call_db(struct build *build, const struct span *parent, const char *sql, int64_t for_us,
                     uint64_t input);
struct span *call_http(struct build *build, const struct span *parent, const char *host, const char *text,
                       int64_t for_us, uint64_t input);
struct span *call_cache(struct build *build, const struct span *parent, const char *text, int64_t for_us,
                        uint64_t input);
struct span *call_connect(struct build *build, const struct span *parent, int64_t for_us);

void link_to(struct build *build, struct span *span, const struct span *from, enum link_kind kind,
             uint32_t column, uint32_t row);
void unread_of(struct build *build, struct span *span, const struct span *earlier);

/* Calls for each row of source's column: count calls of one operation that walk it, with links as the SDK sends them. */
void loop_db(struct build *build, const struct span *parent, const char *sql, int64_t each_us, uint32_t count,
             const struct span *source, uint32_t column, uint64_t first_input);
void loop_http(struct build *build, const struct span *parent, const char *host, const char *text,
               int64_t each_us, uint32_t count, const struct span *source, uint32_t column,
               uint64_t first_input);

/* The trace, assembled; in reverse order or doubled when asked: nothing may depend on it. */
struct trace build_trace(struct build *build);
struct trace build_trace_shuffled(struct build *build, uint64_t seed);

/* The findings of the trace as `weir findings --trace` shows them: aggregated, of one request seen. */
struct finding *build_findings(struct build *build, uint32_t *count);

/* The findings of the trace alone, possible ones among them. */
struct analysis build_analysis(struct build *build);

#endif
