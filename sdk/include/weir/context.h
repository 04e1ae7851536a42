/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Context: which span work belongs to, where the thread's own stack of spans cannot say it. Three uses:
 *
 *   across threads and queues    weir_context_capture where the job is made, WEIR_ATTACH where it is done:
 *
 *       struct job { …; struct weir_context context; };
 *       weir_context_capture(&job->context, NULL);                       // in the request
 *       …
 *       WEIR_ATTACH(&job->context, NULL);                                // in the worker: from here to the block's end
 *       WEIR_SPAN("resize");                                             // … is a child of the request's span
 *
 *   other carriers               weir_context_extract and weir_context_inject read and write traceparent, tracestate and
 *                                baggage over a program's own headers (of a message, of another HTTP library)
 *
 *   baggage                      names and values that travel with the request, to every service that it reaches
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

/* What the thread's current span carries; false: nothing, and *to is empty. */
WEIR_API bool weir_baggage_current(struct weir_baggage *to);
/* From now on the current span, and what begins under it, carries this (NULL: nothing) in place of what it inherited. */
WEIR_API void weir_baggage_use(const struct weir_baggage *baggage);

/* ---- capture and attach ---- */

/* The thread's current span, or what is attached to the thread. baggage may be NULL. False: there is none, and both are
 * empty. Copies as many bytes as there are, not the whole structs. */
WEIR_API bool weir_context_capture(struct weir_context *to, struct weir_baggage *baggage);
/* A span or call of this thread. */
WEIR_API bool weir_span_context(struct weir_span span, struct weir_context *to);

/* {0} is no attachment. */
struct weir_attachment {
    uint32_t slot, generation;
};

/* Until it is detached, spans that this thread begins are children of the context, which is sampled or not as it says.
 * Attachments nest, like spans. baggage may be NULL. A context without ids attaches nothing. The thread that attached
 * detaches. The span itself stays where it is: weir_span_current() is no span while nothing was begun in here. */
WEIR_API struct weir_attachment weir_context_attach(const struct weir_context *context,
                                                    const struct weir_baggage *baggage);
WEIR_API void weir_context_detach(struct weir_attachment attachment);

WEIR_API void weir_attachment_cleanup_(struct weir_attachment *attachment);
WEIR_INLINE void weir_attachment_cleanup_(struct weir_attachment *attachment)
{
    weir_context_detach(*attachment);
}

/* Attached from here to the end of the block. */
#define WEIR_ATTACH(context, baggage)                                                                        \
    __attribute__((cleanup(weir_attachment_cleanup_), unused)) struct weir_attachment WEIR_PASTE(            \
        weir_attachment_, __LINE__) = weir_context_attach(context, baggage)

/* ---- headers in and out ---- */

/* What OTEL_PROPAGATORS allows is read and written: traceparent and tracestate ("tracecontext"), baggage ("baggage").
 * True: the headers name a span, and *to does, with remote set. False: *to is empty. to and baggage may be NULL; baggage is
 * read in either case. */
WEIR_API bool weir_context_extract(const struct weir_headers *headers, struct weir_context *to,
                                   struct weir_baggage *baggage);

/* How headers are written: set is called once for each, with its lower-case name and its value, good until it returns. */
struct weir_header_writer {
    void (*set)(void *to, const char *name, const char *value);
    void *to;
};

/* Headers for a request that this span or call of the thread makes. No span: nothing is written. */
WEIR_API void weir_span_inject(struct weir_span span, const struct weir_header_writer *writer);
/* Likewise for a context, as it was captured; baggage may be NULL. */
WEIR_API void weir_context_inject(const struct weir_context *context, const struct weir_baggage *baggage,
                                  const struct weir_header_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
