/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes by POST in other formats than weir's own: OTLP (protobuf, JSON) and Zipkin v2 JSON. Knows bodies and answers, not
 * HTTP's connections, which are collector/serve's: it begins a post with the request's headers, adds the body as it comes
 * (inflated at once, never beyond the limit), finishes it, and is called when there is an answer.
 *
 * One thread of its own reads bodies into batches (intake.h), one after another, and sends them the way that batches of nng go
 * (collector/ingest): each is answered after its commit, or once it is durable in the spool. So a post is answered when all of
 * its batches are. What a batch is refused for is said in a partial success; if one is to be tried again, all are: OTLP knows
 * no more. Memory of all posts together is bounded: what has no room is answered with 503.
 */
#ifndef WEIR_COLLECTOR_RECEIVER_H
#define WEIR_COLLECTOR_RECEIVER_H

#include "base/buffer.h"
#include "collector/ingest/ingest.h"
#include "collector/otlp/intake.h"

/* One table: name, default, meaning. */
#define RECEIVER_LIMITS(X)                                                                                   \
    X(post_bytes_max, 67108864, "a body of OTLP or Zipkin, before and after decompression")                  \
    X(post_memory_max, 268435456, "bodies received and batches not yet stored, over all posts")

struct receiver_limits {
#define X(name, standard, meaning) uint64_t name;
    RECEIVER_LIMITS(X)
#undef X
};

void receiver_limits_default(struct receiver_limits *limits);

struct receiver;

/* ingest is borrowed. NULL: no memory or no thread. */
struct receiver *receiver_start(const struct receiver_limits *limits, struct ingest *ingest);
/* No post is begun any more; those under way are answered with 503 or as ingest says. Before ingest_stop. NULL is fine. */
void receiver_stop(struct receiver *receiver);
/* After ingest_stop, when every post has been freed. NULL is fine. */
void receiver_free(struct receiver *receiver);

/* ---- a post ---- */

struct post; /* one thread at a time, until it is finished */

/* What its headers say; texts may be NULL. */
struct post_headers {
    bool is_zipkin;
    const char *content_type, *content_encoding;
    bool has_length;
    uint64_t length;
};

struct post_answer {
    unsigned status;                            /* HTTP's */
    unsigned retry_after_s;                     /* 0: none */
    const char *content_type, *accept_encoding; /* NULL: none */
    struct buffer body;
};

/* NULL: no memory. Its answer may be there at once (post_answer): then it takes no body. */
struct post *post_begin(struct receiver *receiver, const struct post_headers *headers);

/* More of its body. False: it has come to an answer, and takes no more. */
bool post_add(struct post *post, const void *data, size_t bytes);

/* The body is whole. `answered` is called once, on any thread and possibly before this returns. */
typedef void post_answered(void *context);
void post_finish(struct post *post, post_answered *answered, void *context);

/* NULL: none yet. Lives as long as the post. */
struct post_answer *post_answer(struct post *post);

/* Nobody waits for its answer any more; `answered` is not called from now on, unless it is being called. What was sent to
 * be stored is stored. NULL is fine. */
void post_free(struct post *post);

#endif
