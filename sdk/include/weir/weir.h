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
 * it. Before weir_init and after weir_shutdown every call is valid and does nothing. Calls are cheap enough to stay in. A
 * program whose main ends by pthread_exit calls weir_shutdown in its last thread: the exporter's keeps the process alive.
 *
 * Threads. Each thread has spans, current span and ring of its own; all functions may be called from any thread. A span is
 * ended by the thread that began it. Signals do no harm; a span that a handler begins where it has interrupted weir itself
 * is refused and counted. weir_init, weir_shutdown and weir_stats take locks: not in handlers.
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
#include <initializer_list>
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#error "weir needs GNU C: WEIR_SPAN ends its span with __attribute__((cleanup))"
#endif

/* Inline for a user's inline functions, too: in C a static one must not be used there, and libweir has the body for
 * callers that were not optimized. */
#ifdef __cplusplus
#define WEIR_INLINE inline
#define WEIR_NULL   nullptr
#else
#define WEIR_INLINE extern __inline__ __attribute__((__gnu_inline__))
#define WEIR_NULL   ((void *)0)
#endif

/* ---- setting up and shutting down ---- */

/* One table: the code, what weir_status_text says, and the manual. */
#define WEIR_STATUS_CODES(X)                                                                                 \
    X(OK, 0, "done")                                                                                         \
    X(DISABLED, 1, "disabled by OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none: no span is made")       \
    X(ALREADY, 2, "weir_init was called before; the first settings stay")                                    \
    X(BAD_ENDPOINT, 3,                                                                                       \
      "WEIR_ENDPOINT is no list of tcp://HOST:PORT and ipc://PATH, no http:// or https:// URL, no "          \
      "file:PATH, "                                                                                          \
      "nor stderr:")                                                                                         \
    X(NO_THREAD, 4, "the exporter thread could not be started")                                              \
    X(NO_MEMORY, 5, "out of memory")                                                                         \
    X(TIMEOUT, 6, "the deadline passed before all spans were acknowledged; the rest is counted as dropped")  \
    X(NOT_RUNNING, 7,                                                                                        \
      "not running: weir_init has not been called or did not start tracing, or weir_shutdown has ended it")  \
    X(DROPPED, 8, "all is sent, but spans were dropped earlier; weir_stats has how many and why")            \
    X(NO_OTLP, 9,                                                                                            \
      "libweir-otlp.so.0, which http:// and https:// need, is not installed, or of another version")

enum weir_status {
#define WEIR_STATUS_CODE_(name, number, text) WEIR_##name = number,
    WEIR_STATUS_CODES(WEIR_STATUS_CODE_) WEIR_STATUS_LAST_
};

/* What a status says, in words that live as long as the process. */
WEIR_API const char *weir_status_text(enum weir_status status);

/* Which traces are recorded, by the names of OTEL_TRACES_SAMPLER. One table: the code and the name. Those that are
 * parent-based do as the caller did where there is one, and decide where a trace begins; the others decide anew for each
 * request that comes in, and may tear traces apart. */
#define WEIR_SAMPLERS(X)                                                                                     \
    X(ALWAYS_ON, 1, "always_on")                                                                             \
    X(ALWAYS_OFF, 2, "always_off")                                                                           \
    X(TRACEIDRATIO, 3, "traceidratio")                                                                       \
    X(PARENTBASED_ALWAYS_ON, 4, "parentbased_always_on")                                                     \
    X(PARENTBASED_ALWAYS_OFF, 5, "parentbased_always_off")                                                   \
    X(PARENTBASED_TRACEIDRATIO, 6, "parentbased_traceidratio")

enum weir_sampler {
    WEIR_SAMPLER_UNSET = 0,
#define WEIR_SAMPLER_CODE_(name, number, text) WEIR_SAMPLER_##name = number,
    WEIR_SAMPLERS(WEIR_SAMPLER_CODE_) WEIR_SAMPLER_LAST_
};

enum weir_switch { WEIR_SWITCH_UNSET = 0, WEIR_SWITCH_ON = 1, WEIR_SWITCH_OFF = 2 };
enum weir_log { WEIR_LOG_UNSET = 0, WEIR_LOG_NONE = 1, WEIR_LOG_WARN = 2, WEIR_LOG_DEBUG = 3 };
enum weir_clock { WEIR_CLOCK_UNSET = 0, WEIR_CLOCK_AUTO = 1, WEIR_CLOCK_SYSTEM = 2 };

/* In a number of struct weir_config: a real 0, where 0 itself means that nothing is set there. */
#define WEIR_ZERO UINT32_MAX

/* Settings of a program. Zero (or NULL) in a field takes the environment's setting, else the default, so that
 * `struct weir_config config = {.endpoint = "…"}` is right for ever. Strings are copied. A number out of range is taken
 * as the nearest one in it, and weir_settings_warnings says so.
 *
 * How it grows: its size never changes within one SONAME. A new field takes the place of whole words of `reserved`, which
 * must be 0; a program built against an older header leaves it so and gets the default, and a libweir that finds more
 * set there than it knows says so in weir_settings_warnings. */
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

    enum weir_sampler sampler;  /* OTEL_TRACES_SAMPLER; default PARENTBASED_ALWAYS_ON */
    double sample_ratio;        /* OTEL_TRACES_SAMPLER_ARG of the ratio samplers; 0 < ratio <= 1, default 1 */
    uint32_t sample_rate_limit; /* WEIR_SAMPLE_RATE_LIMIT; new traces a second, at most; default: no limit */
    enum weir_switch disabled;  /* OTEL_SDK_DISABLED */
    enum weir_switch evidence;  /* WEIR_EVIDENCE; default on */
    enum weir_log log;          /* WEIR_LOG; default none */
    enum weir_clock clock; /* WEIR_CLOCK; default auto: the time-stamp counter where the kernel trusts it */
    uint32_t reserved_alignment;     /* 0 */
    const char *resource_attributes; /* as OTEL_RESOURCE_ATTRIBUTES, and over it, key by key */
    const char *propagators;         /* OTEL_PROPAGATORS; default "tracecontext,baggage"; or "none" */
    const char *hash_key;            /* WEIR_HASH_KEY; default random */

    /* Limits of a span: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and so on; docs/libweir.md has libweir's own, which are smaller */
    uint32_t attribute_count_limit, attribute_value_length_limit, event_count_limit, link_count_limit,
        event_attribute_count_limit, link_attribute_count_limit;
    uint32_t batch_span_limit;  /* OTEL_BSP_MAX_EXPORT_BATCH_SIZE; default and most 8192 */
    uint32_t export_timeout_ms; /* OTEL_BSP_EXPORT_TIMEOUT; default 5000: for an answer to a batch */

    /* OTLP/HTTP: OTEL_EXPORTER_OTLP_TRACES_… and OTEL_EXPORTER_OTLP_…; see <weir/otlp.h> */
    const char *otlp_headers;                                                 /* "key=value,key=value" */
    const char *otlp_certificate, *otlp_client_certificate, *otlp_client_key; /* paths of PEM files */
    enum weir_switch otlp_gzip; /* …_COMPRESSION; default off */
    uint32_t otlp_timeout_ms;   /* …_TIMEOUT; default 10000 */

    uint64_t reserved[32]; /* 0 */
};

/* Starts tracing. config may be NULL. WEIR_OK, WEIR_DISABLED and WEIR_ALREADY are no failures. A collector that is not
 * there is no failure either: the exporter keeps trying. */
WEIR_API enum weir_status weir_init(const struct weir_config *config);

/* What was wrong with the settings at the latest weir_init and is ignored (an unknown sampler, a number that is none):
 * a sentence a line, cut to fit. The length of the whole; 0: nothing was wrong. text may be NULL when bytes is 0. The
 * library does not print it unless WEIR_LOG is warn or debug. */
WEIR_API size_t weir_settings_warnings(char *text, size_t bytes);

/* Sends what is left, at most timeout_ms long, and stops tracing. Spans still open are not sent. Called by several threads,
 * one of them does it, and the others wait for it, as long as their own timeout says, and return the same. */
WEIR_API enum weir_status weir_shutdown(uint32_t timeout_ms);

/* created == acknowledged + dropped (all reasons) + in_flight, at every moment when no span is just being ended. Its size
 * never changes within one SONAME: a new counter takes the place of a word of `reserved`, which an older libweir has
 * left 0. */
struct weir_stats {
    uint64_t created;      /* spans ended */
    uint64_t acknowledged; /* stored by the collector, by its own word */
    uint64_t in_flight;    /* in rings, or in the batch not yet acknowledged; counted, not computed */
    uint64_t dropped;      /* sum of the following */
    uint64_t dropped_ring_full, dropped_too_deep, dropped_refused, dropped_shutdown, dropped_no_memory,
        dropped_forked;
    uint64_t attributes_dropped; /* attributes, events and links that did not fit; their spans were kept */
    uint64_t batches_sent, batches_resent;
    /* Requests and other traces begun here that were not recorded, and are not in created: sum, and who had it so */
    uint64_t sampled_away, sampled_away_by_caller, sampled_away_by_sampler, sampled_away_by_rate_limit;
    uint64_t dropped_in_handler, dropped_damaged; /* in the sum, too */
    uint64_t operations_overflowed; /* calls shown as "(too many operations)": a process tells 4,096 apart */
    uint64_t reserved[44];
};
#ifdef __cplusplus /* a function named like its struct, as stat is: C++ compilers may warn */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
/* The counts of this process until now; zeroes before weir_init. */
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
/* Ends it. By the thread that began it. */
WEIR_API void weir_span_end(struct weir_span span);
/* The thread's current span; {0} when it has begun none that is open. */
WEIR_API struct weir_span weir_span_current(void);

/* Inline, begin and end cost next to nothing while tracing is off: a load and a branch, and nothing for the end of {0}. Of the
 * flag only 0 has a meaning, for ever: begin would return {0}. Everything else is for the library to say, which looks itself,
 * so that a program that never saw the flag is served as well. */
WEIR_API extern uint32_t weir_live_;
WEIR_API struct weir_span weir_span_begin_live_(const struct weir_site *site);
WEIR_API void weir_span_end_live_(struct weir_span span);

WEIR_INLINE struct weir_span weir_span_begin(const struct weir_site *site)
{
    struct weir_span none = {0, 0};
    return __atomic_load_n(&weir_live_, __ATOMIC_RELAXED) ? weir_span_begin_live_(site) : none;
}

WEIR_INLINE void weir_span_end(struct weir_span span)
{
    if (span.generation) weir_span_end_live_(span);
}

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
/* Sets http.response.status_code; 500 and above make the span's status an error, and
 * the number its error.type where no other was set, as OpenTelemetry says for servers. */
WEIR_API void weir_server_response(struct weir_span span, int status_code);

/* traceparent of a span, for a call to another service: 55 characters and a 0; "" when there is no span. */
#define WEIR_TRACEPARENT_BYTES 56
WEIR_API void weir_traceparent(struct weir_span span, char to[WEIR_TRACEPARENT_BYTES]);

/* ---- attributes and status ---- */

/* An attribute of an open span. */
WEIR_API void weir_span_int(struct weir_span span, const char *key, int64_t value);
WEIR_API void weir_span_double(struct weir_span span, const char *key, double value);
WEIR_API void weir_span_bool(struct weir_span span, const char *key, bool value);
/* A text, copied; cut at 1024 bytes. */
WEIR_API void weir_span_string(struct weir_span span, const char *key, const char *value);
/* Status error, with error.type (a low-cardinality word, borrowed: "timeout", "23505"). */
WEIR_API void weir_span_error(struct weir_span span, const char *error_type);
/* Status ok: the last word, as in OpenTelemetry. No error is taken after it, and an error's message goes. */
WEIR_API void weir_span_ok(struct weir_span span);

/* On the thread's current span. */
WEIR_API void weir_int(const char *key, int64_t value);
WEIR_API void weir_double(const char *key, double value);
WEIR_API void weir_bool(const char *key, bool value);
WEIR_API void weir_string(const char *key, const char *value);
WEIR_API void weir_error(const char *error_type);

/* ---- events, links to other spans, what an error says ---- */

/*
 *     weir_event("retry", WEIR_ATTRIBUTES(weir_attribute_int("attempt", 2), weir_attribute_string("why", text)));
 *     weir_event("cache was cold", WEIR_NO_ATTRIBUTES);
 *
 * A span has room for 1,536 bytes of attributes, events and links together, and for 128 events and 128 links at most
 * (OTEL_SPAN_EVENT_COUNT_LIMIT and so on make it fewer). What does not fit is counted, in the span and in weir_stats
 * (attributes_dropped); a link's tracestate is left out first.
 */
enum weir_type { WEIR_TYPE_STRING = 1, WEIR_TYPE_BOOL = 2, WEIR_TYPE_INT = 3, WEIR_TYPE_DOUBLE = 4 };

/* An attribute of an event or a link. key is borrowed; text is copied, cut at 1024 bytes. */
struct weir_attribute {
    const char *key;
    enum weir_type type;
    union {
        const char *text;
        int64_t integer; /* also a bool: 0 or 1 */
        double real;
    } value;
};

WEIR_API struct weir_attribute weir_attribute_string(const char *key, const char *value);
WEIR_API struct weir_attribute weir_attribute_bool(const char *key, bool value);
WEIR_API struct weir_attribute weir_attribute_int(const char *key, int64_t value);
WEIR_API struct weir_attribute weir_attribute_double(const char *key, double value);

/* Something that happened now, in an open span. name is borrowed. attributes: count of them; may be NULL. */
WEIR_API void weir_span_event(struct weir_span span, const char *name,
                              const struct weir_attribute *attributes, size_t count);
/* Another span, of this or another trace, that this one has to do with: the job that asked for it, each message of a
 * batch. A context that names no span is no link. weir_span_context and weir_context_extract (<weir/context.h>) have one. */
struct weir_context;
WEIR_API void weir_span_link(struct weir_span span, const struct weir_context *to,
                             const struct weir_attribute *attributes, size_t count);
/* Status error, with a sentence for people (copied, cut at 1024 bytes); weir_span_error has the word for programs. */
WEIR_API void weir_span_error_message(struct weir_span span, const char *message);

/* On the thread's current span. */
WEIR_API void weir_event(const char *name, const struct weir_attribute *attributes, size_t count);
WEIR_API void weir_error_message(const char *message);

/* ---- macros ---- */

#define WEIR_PASTE_(a, b) a##b
#define WEIR_PASTE(a, b)  WEIR_PASTE_(a, b)

/* A pointer to a static site that names this place. */
#define WEIR_SITE(name_)                                                                                     \
    (__extension__({                                                                                         \
        static const struct weir_site weir_site_ = {(name_), __FILE__, __extension__ __func__, __LINE__};    \
        &weir_site_;                                                                                         \
    }))

WEIR_API void weir_span_cleanup_(struct weir_span *span);
WEIR_INLINE void weir_span_cleanup_(struct weir_span *span) { weir_span_end(*span); }

/* Two arguments: attributes, each made by a weir_attribute_… function, and how many. Each is evaluated once. */
#define WEIR_NO_ATTRIBUTES WEIR_NULL, 0
#ifdef __cplusplus
#define WEIR_ATTRIBUTES(...)                                                                                 \
    (std::initializer_list<weir_attribute>{__VA_ARGS__}).begin(), sizeof(weir_count_(__VA_ARGS__))
#else
#define WEIR_ATTRIBUTES(...)                                                                                 \
    (const struct weir_attribute[]){__VA_ARGS__},                                                            \
        sizeof((const struct weir_attribute[]){__VA_ARGS__}) / sizeof(struct weir_attribute)
#endif

/* A span from here to the end of the block. name must be a literal. Where two stand in one line, as in a macro of your own,
 * WEIR_SPAN_AS gives each a variable. longjmp does not end it. */
#define WEIR_SPAN(name) WEIR_SPAN_AS(WEIR_PASTE(weir_span_, __LINE__), name)
#define WEIR_SPAN_AS(variable, name)                                                                         \
    __attribute__((cleanup(weir_span_cleanup_), unused)) struct weir_span variable =                         \
        weir_span_begin(WEIR_SITE(name))
#define WEIR_SERVER_SPAN(variable, method, route, headers)                                                   \
    __attribute__((cleanup(weir_span_cleanup_), unused)) struct weir_span variable =                         \
        weir_server_begin(WEIR_SITE(WEIR_NULL), method, route, headers)

#ifdef __cplusplus
}
template <class... Attributes>
char (&weir_count_(const Attributes &...))[sizeof...(Attributes)]; /* no body */
#endif

#endif
