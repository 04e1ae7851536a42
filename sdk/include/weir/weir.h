/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libweir: spans around the work of a C service, sent to weir-collector.
 *
 *     weir_init(NULL);                                             // settings from OTEL_* and WEIR_* variables
 *     { WEIR_SERVER_SPAN(request, "GET", "/items/{id}", headers);  // one request; reads traceparent
 *       { WEIR_SPAN("load items");                                 // ends with its block
 *         weir_int("shop.items", 50); } }
 *     weir_shutdown(2000);
 *
 * Lifetime. weir_init starts one exporter thread (all signals blocked in it); weir_shutdown sends what is left and stops
 * it. Before weir_init and after weir_shutdown every call is valid and does nothing. Calls are cheap enough to stay in.
 *
 * Threads. Each thread has spans, current span and ring of its own; all functions may be called from any thread. A span is
 * ended by the thread that began it. Signals do no harm, but a handler must not call weir, nor fork: it may have
 * interrupted the very function.
 *
 * Errors. weir_init and weir_shutdown say what went wrong. All else returns nothing, never blocks, takes no lock, and
 * never ends the process: what does not fit is dropped, counted (weir_stats) and shown in the report.
 *
 * Strings. Names, attribute keys, files, functions, methods, routes and systems are borrowed and must live as long as
 * the process (literals do); values, statements and URLs are copied or hashed before the call returns.
 *
 * Sources: OpenTelemetry (spans, kinds, status, attribute names), W3C Trace Context (traceparent).
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#error "weir needs GNU C: WEIR_SPAN ends its span with __attribute__((cleanup))"
#endif

/* ---- setting up and shutting down ---- */

/* One table: the code, what weir_status_text says, and the manual. */
#define WEIR_STATUS_CODES(X)                                                                                 \
    X(OK, 0, "done")                                                                                         \
    X(DISABLED, 1, "disabled by OTEL_SDK_DISABLED=true: no span is made")                                    \
    X(ALREADY, 2, "weir_init was called before; the first settings stay")                                    \
    X(BAD_ENDPOINT, 3, "WEIR_ENDPOINT is no list of tcp://HOST:PORT and ipc://PATH")                         \
    X(NO_THREAD, 4, "the exporter thread could not be started")                                              \
    X(NO_MEMORY, 5, "out of memory")                                                                         \
    X(TIMEOUT, 6, "the deadline passed before all spans were acknowledged; the rest is counted as dropped")  \
    X(NOT_RUNNING, 7, "weir_init has not been called, or weir_shutdown has")                                 \
    X(DROPPED, 8, "all is sent, but spans were dropped earlier; weir_stats has how many and why")

enum weir_status {
#define WEIR_STATUS_CODE_(name, number, text) WEIR_##name = number,
    WEIR_STATUS_CODES(WEIR_STATUS_CODE_) WEIR_STATUS_LAST_
};

WEIR_API const char *weir_status_text(enum weir_status status);

/* Zero (or NULL) in a field takes the environment's setting, else the default. Strings are copied. */
struct weir_config {
    const char *endpoint;        /* WEIR_ENDPOINT; tcp://HOST:PORT or ipc://PATH, or several with
                                    commas between: one is used, another when it fails; default
                                    tcp://127.0.0.1:5140 */
    const char *service_name;    /* OTEL_SERVICE_NAME; default "unknown_service:PROGRAM" */
    const char *service_version; /* service.version in OTEL_RESOURCE_ATTRIBUTES */
    /* WEIR_EXPORT_INTERVAL; default 100: the rings are looked at so often, sooner while they fill quickly */
    uint32_t export_interval_ms;
    /* WEIR_RING_BYTES; default 1 MiB, rounded up to a power of 2; of each thread that makes its first span from now on.
     * Nothing is dropped below about 5,000 spans a thread in any one interval (100 to 200 bytes a span). */
    uint32_t ring_bytes;
    uint32_t shutdown_timeout_ms; /* WEIR_SHUTDOWN_TIMEOUT; default 2000: for exit without weir_shutdown */
};

/* Starts tracing. config may be NULL. WEIR_OK, WEIR_DISABLED and WEIR_ALREADY are no failures. A collector that is not
 * there is no failure either: the exporter keeps trying. */
WEIR_API enum weir_status weir_init(const struct weir_config *config);

/* Sends what is left, at most timeout_ms long, and stops tracing. Spans still open are not sent. */
WEIR_API enum weir_status weir_shutdown(uint32_t timeout_ms);

/* created == acknowledged + dropped (all reasons) + in_flight, at every moment when no span is just being ended. */
struct weir_stats {
    uint64_t created;      /* spans ended */
    uint64_t acknowledged; /* stored by the collector, by its own word */
    uint64_t in_flight;    /* in rings, or in the batch not yet acknowledged; counted, not computed */
    uint64_t dropped;      /* sum of the following */
    uint64_t dropped_ring_full, dropped_too_deep, dropped_refused, dropped_shutdown, dropped_no_memory,
        dropped_forked;
    uint64_t attributes_dropped; /* attributes that did not fit; their spans were kept */
    uint64_t batches_sent, batches_resent;
};
#ifdef __cplusplus /* a function named like its struct, as stat is: C++ compilers may warn */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
WEIR_API void weir_stats(struct weir_stats *stats);
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* ---- spans ---- */

/* Where a span is opened: one static constant a place, made by the macros. */
struct weir_site {
    const char *name; /* span name; NULL where the name is an argument */
    const char *file, *function;
    uint32_t line;
};

/* A handle, passed by value. {0} is no span; every function takes it and does nothing. */
struct weir_span {
    uint32_t slot, generation;
};

/* A child of the thread's current span. */
WEIR_API struct weir_span weir_span_begin(const struct weir_site *site);
WEIR_API void weir_span_end(struct weir_span span);
WEIR_API struct weir_span weir_span_current(void);

/* How a carrier's values are looked up, by a header's lower-case name. get returns a header's value, or NULL. A header may
 * come in several lines, which get does not show: all, where the carrier has it (else NULL), is asked instead; it fills in at
 * most room values, in order, and returns how many lines there are. Values are good until weir's function returns. */
struct weir_headers {
    const char *(*get)(const void *from, const char *name);
    const void *from;
    size_t (*all)(const void *from, const char *name, const char **values, size_t room);
};

/* A server span: one request. method and route as in "GET" and "/items/{id}" (borrowed); headers may be NULL.
 * A valid traceparent makes the span a child of the caller's; anything else starts a new trace. */
WEIR_API struct weir_span weir_server_begin(const struct weir_site *site, const char *method,
                                            const char *route, const struct weir_headers *headers);
/* Tells the span the request's own target ("/items/17?full=1"): values that stand in it are not taken for answers of
 * calls. Only hashes are kept, inside the process. */
WEIR_API void weir_server_target(struct weir_span span, const char *target);
/* Sets http.response.status_code; 500 and above make the span's status an error, as OpenTelemetry says for servers. */
WEIR_API void weir_server_response(struct weir_span span, int status_code);

/* traceparent of a span, for a call to another service: 55 characters and a 0; "" when there is no span. */
#define WEIR_TRACEPARENT_BYTES 56
WEIR_API void weir_traceparent(struct weir_span span, char to[WEIR_TRACEPARENT_BYTES]);

/* ---- attributes and status ---- */

WEIR_API void weir_span_int(struct weir_span span, const char *key, int64_t value);
WEIR_API void weir_span_double(struct weir_span span, const char *key, double value);
WEIR_API void weir_span_bool(struct weir_span span, const char *key, bool value);
/* Cut at 1024 bytes. */
WEIR_API void weir_span_string(struct weir_span span, const char *key, const char *value);
/* Status error, with error.type (a low-cardinality word, borrowed: "timeout", "23505"). */
WEIR_API void weir_span_error(struct weir_span span, const char *error_type);
WEIR_API void weir_span_ok(struct weir_span span);

/* On the thread's current span. */
WEIR_API void weir_int(const char *key, int64_t value);
WEIR_API void weir_double(const char *key, double value);
WEIR_API void weir_bool(const char *key, bool value);
WEIR_API void weir_string(const char *key, const char *value);
WEIR_API void weir_error(const char *error_type);

/* ---- macros ---- */

#define WEIR_PASTE_(a, b) a##b
#define WEIR_PASTE(a, b)  WEIR_PASTE_(a, b)

/* A pointer to a static site that names this place. */
#define WEIR_SITE(name_)                                                                                     \
    (__extension__({                                                                                         \
        static const struct weir_site weir_site_ = {(name_), __FILE__, __extension__ __func__, __LINE__};    \
        &weir_site_;                                                                                         \
    }))

/* Inline for a user's inline functions, too: in C a static one must not be used there, and libweir has the body for
 * callers that were not optimized. */
#ifdef __cplusplus
#define WEIR_INLINE inline
#define WEIR_NULL   nullptr
#else
#define WEIR_INLINE extern __inline__ __attribute__((__gnu_inline__))
#define WEIR_NULL   ((void *)0)
#endif

WEIR_API void weir_span_cleanup_(struct weir_span *span);
WEIR_INLINE void weir_span_cleanup_(struct weir_span *span) { weir_span_end(*span); }

/* A span from here to the end of the block. name must be a literal. */
#define WEIR_SPAN(name) WEIR_SPAN_AS(WEIR_PASTE(weir_span_, __LINE__), name)
#define WEIR_SPAN_AS(variable, name)                                                                         \
    __attribute__((cleanup(weir_span_cleanup_), unused)) struct weir_span variable =                         \
        weir_span_begin(WEIR_SITE(name))
#define WEIR_SERVER_SPAN(variable, method, route, headers)                                                   \
    __attribute__((cleanup(weir_span_cleanup_), unused)) struct weir_span variable =                         \
        weir_server_begin(WEIR_SITE(WEIR_NULL), method, route, headers)

#ifdef __cplusplus
}
#endif

#endif
