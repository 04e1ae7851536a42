/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context: which span work belongs to, where the thread's own stack of spans cannot say it: in the headers of requests and
 * messages (weir_context_extract, weir_context_inject), and baggage, names and values that travel with the request to every
 * service that it reaches.
 *
 * Memory. Every struct here is the program's: on a stack, in a job, in a connection. Nothing is allocated, nothing is
 * borrowed unless it says so, nothing needs to be freed. A struct belongs to one thread at a time; handing one to another
 * thread needs what handing over any memory needs (a queue's mutex, a thread's start).
 *
 * Limits. tracestate: 1023 characters; of a longer one whole members are left out, those of over 128 characters first, then
 * from the end, as the standard says. Baggage: 64 members, 8192 characters; what is beyond is left out, whole members.
 *
 * Same rules as weir.h for errors and strings. All functions may be called from any thread, before weir_init and after
 * weir_shutdown.
 *
 * Sources: W3C Trace Context Level 2 (traceparent, tracestate), W3C Baggage, OpenTelemetry (propagators, context).
 */
#ifndef WEIR_CONTEXT_H
#define WEIR_CONTEXT_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a context ---- */

/* Of weir_context.flags, as in traceparent. */
#define WEIR_CONTEXT_SAMPLED 1 /* the span is recorded */
#define WEIR_CONTEXT_RANDOM                                                                                  \
    2 /* the trace id's last 7 bytes are random: samplers may take them for a number */

#define WEIR_TRACESTATE_BYTES 1024

/* A span as others name it. Zeroed: no span. */
struct weir_context {
    unsigned char trace_id[16]; /* as the hexadecimal reads */
    unsigned char span_id[8];
    uint8_t flags;
    bool remote;                            /* came with headers; the span is another process's */
    uint16_t tracestate_bytes;              /* without the 0 */
    char tracestate[WEIR_TRACESTATE_BYTES]; /* one line, 0-terminated, well-formed; "" when there is none */
};

/* Whether it names a span: neither id is zero. */
WEIR_API bool weir_context_is_valid(const struct weir_context *context);

/* ---- baggage ---- */

#define WEIR_BAGGAGE_BYTES   8192
#define WEIR_BAGGAGE_MEMBERS 64

/* Zeroed: empty. Whoever receives a request by way of this service sees what is put in: nothing secret, nothing personal. */
struct weir_baggage {
    uint16_t bytes; /* of text, without the 0 */
    uint8_t members;
    char text[WEIR_BAGGAGE_BYTES + 1]; /* as the header is sent: encoded, 0-terminated */
};

/* A member as it stands in the text: views into the struct, still percent-encoded, not terminated. */
struct weir_baggage_member {
    const char *key, *value, *properties; /* properties: "a=1;b", without the first semicolon */
    size_t key_bytes, value_bytes, properties_bytes;
};

/* Puts key=value in place of an older member of this key, else behind the others. key is a token (RFC 9110: letters,
 * digits, !#$%&'*+-.^_`|~); value is any text, encoded here; properties (NULL: none) are as the header wants them. False, and
 * nothing is changed: the key or the properties are not well-formed, or there is no room. */
WEIR_API bool weir_baggage_set(struct weir_baggage *baggage, const char *key, const char *value,
                               const char *properties);
WEIR_API bool weir_baggage_remove(struct weir_baggage *baggage, const char *key); /* whether it was there */
/* The decoded value of the first member of this key, at most room - 1 bytes of it and a 0. Returns how long it is, like
 * snprintf; -1: no such member. */
WEIR_API long weir_baggage_get(const struct weir_baggage *baggage, const char *key, char *to, size_t room);
/* The members in order: *at begins at 0. False: no more. */
WEIR_API bool weir_baggage_next(const struct weir_baggage *baggage, size_t *at,
                                struct weir_baggage_member *member);

/* ---- headers in and out ---- */

/* What OTEL_PROPAGATORS allows is read and written: traceparent and tracestate ("tracecontext"), baggage ("baggage").
 * True: the headers name a span, and *to does, with remote set. False: *to is empty. baggage (may be NULL) is read in either
 * case. */
WEIR_API bool weir_context_extract(const struct weir_headers *headers, struct weir_context *to,
                                   struct weir_baggage *baggage);

/* How headers are written: set is called once for each, with its lower-case name and its value, good until it returns. */
struct weir_header_writer {
    void (*set)(void *to, const char *name, const char *value);
    void *to;
};

/* Headers for a request that is made in this context; baggage may be NULL. No span: nothing is written. */
WEIR_API void weir_context_inject(const struct weir_context *context, const struct weir_baggage *baggage,
                                  const struct weir_header_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
