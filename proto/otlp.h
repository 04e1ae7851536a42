/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP's traces as plain structs, and the pairs that turn them into bytes and back: what libweir-otlp sends, and what the
 * collector's /v1/traces takes. Only proto/ knows protobuf-c. Field numbers are in weir/otlp/otlp.proto.
 *
 * Texts and arrays are borrowed by the packing functions for the time of the call; after unpacking they point into the arena
 * or into the data itself, and live as long as both. Any thread; a struct belongs to one.
 */
#ifndef WEIR_PROTO_OTLP_H
#define WEIR_PROTO_OTLP_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum otlp_type { /* the numbers of OTLP's AnyValue */
                 OTLP_NONE,
                 OTLP_STRING,
                 OTLP_BOOL,
                 OTLP_INT,
                 OTLP_DOUBLE,
                 OTLP_ARRAY,
                 OTLP_MAP,
                 OTLP_BYTES
};

struct otlp_value {
    enum otlp_type type;
    struct str text;                         /* STRING, BYTES */
    int64_t integer;                         /* BOOL, INT */
    double real;                             /* DOUBLE */
    size_t count;                            /* ARRAY, MAP */
    const struct otlp_value *values;         /* ARRAY */
    const struct otlp_attribute *attributes; /* MAP */
};

struct otlp_attribute {
    struct str key;
    struct otlp_value value;
};

struct otlp_attributes {
    size_t count;
    const struct otlp_attribute *items;
    uint32_t dropped;
};

struct otlp_event {
    uint64_t time_unix_ns;
    struct str name;
    struct otlp_attributes attributes;
};

struct otlp_link {
    struct str trace_id, span_id; /* 16 and 8 bytes, if the sender is honest */
    struct str trace_state;
    uint32_t flags;
    struct otlp_attributes attributes;
};

#define OTLP_FLAG_SAMPLED      0x001u /* W3C's trace-flags are the lowest 8 bits */
#define OTLP_FLAG_REMOTE_KNOWN 0x100u
#define OTLP_FLAG_REMOTE       0x200u

struct otlp_span {
    struct str trace_id, span_id, parent_span_id; /* 16, 8, 8 or 0 bytes, if the sender is honest */
    struct str trace_state;
    struct str name;
    uint32_t kind; /* OpenTelemetry's SpanKind */
    uint32_t flags;
    uint64_t start_unix_ns, end_unix_ns;
    uint32_t status; /* OpenTelemetry's StatusCode */
    struct str status_message;
    struct otlp_attributes attributes;
    size_t event_count, link_count;
    const struct otlp_event *events;
    const struct otlp_link *links;
    uint32_t dropped_events, dropped_links;
};

struct otlp_scope {
    struct str name, version;
    struct otlp_attributes attributes;
};

/* ---- packing: a request of one resource ---- */

/*
 * Spans are packed one at a time, each as it stands in a request; what goes around them is packed when their number of
 * bytes is known:
 *
 *     a scope's bytes   = otlp_scope_head_pack(scope, bytes of its spans) ‖ its spans, each by otlp_span_pack
 *     a request         = otlp_request_head_pack(resource, bytes of all scopes) ‖ the scopes
 *
 * `scratch` is used during the call and reset. False, and nothing is added: it is exhausted, or the buffer has failed.
 */
bool otlp_span_pack(struct buffer *to, const struct otlp_span *span, struct arena *scratch);
bool otlp_scope_head_pack(struct buffer *to, const struct otlp_scope *scope, size_t spans_bytes,
                          struct arena *scratch);
bool otlp_request_head_pack(struct buffer *to, const struct otlp_attributes *resource, struct str schema_url,
                            size_t scopes_bytes, struct arena *scratch);

/* ---- reading: a request from outside ---- */

/* What a request has beyond these is left out and counted as dropped, as a sender does with its own limits; so what one span
 * takes is bounded whatever the request's size. */
#define OTLP_ATTRIBUTES_MAX 128   /* of a span, an event, a link, a resource, a scope */
#define OTLP_EVENTS_MAX     128   /* of a span */
#define OTLP_LINKS_MAX      128   /* of a span */
#define OTLP_VALUES_MAX     16384 /* of a span in all, elements of arrays and maps included */
#define OTLP_DEPTH_MAX      16    /* arrays and maps within each other; deeper ones are left out */

/* How much memory a reader needs at most for what it hands over at a time; the cap for its arena. */
#define OTLP_ARENA_BYTES_MAX ((size_t)8 << 20)

/* Called in the order resource, then for each scope: the scope, its spans. What is handed over lives until the function
 * returns. False ends the reading. */
struct otlp_visitor {
    void *context;
    bool (*resource)(void *context, const struct otlp_attributes *resource);
    bool (*scope)(void *context, const struct otlp_scope *scope);
    bool (*span)(void *context, const struct otlp_span *span);
};

/*
 * Reads an ExportTraceServiceRequest, span by span, without protobuf-c, whose memory is a multiple of the bytes and whose stack
 * is as deep as they say. The bytes may be hostile: depth, numbers and memory are bounded as above, time by a few passes.
 * Texts are as they came, in any bytes. Unknown fields and those of another type than they should have are passed over.
 * False: malformed (*why says how), or a visitor returned false (*why is untouched); what was visited before must be thrown
 * away.
 */
bool otlp_request_read(const void *data, size_t bytes, struct arena *arena,
                       const struct otlp_visitor *visitor, const char **why);

/* ---- the answer ---- */

struct otlp_response {
    int64_t rejected_spans; /* partial success: so many were not taken */
    struct str error_message;
};

/* An empty body is a full success. False: this is none. */
bool otlp_response_unpack(struct otlp_response *response, struct arena *arena, const void *data,
                          size_t bytes);

/* A full success is an empty body. */
void otlp_response_pack(struct buffer *to, const struct otlp_response *response);

/* google.rpc.Status: the body of any answer that is no success; code is one of gRPC's. */
void otlp_failure_pack(struct buffer *to, int32_t code, struct str message);

/* The message in the body of a failure; empty when it has none. */
struct str otlp_failure_unpack(struct arena *arena, const void *data, size_t bytes);

#endif
