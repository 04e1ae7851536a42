/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/receiver.h"

#include "collector/counters.h"
#include "collector/otlp/gzip.h"
#include "collector/otlp/post_answers.h"
#include "proto/batch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define BODY_BYTES_FIRST ((size_t)16 << 10)
#define WHY_BYTES        256

struct receiver {
    struct receiver_limits limits;
    struct ingest *ingest; /* borrowed */
    struct intake *intake; /* the thread's */
    pthread_t thread;
    _Atomic uint64_t held_bytes; /* of bodies and batches */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t added;
    struct post *first, **last;
    bool stopping;
};

/* A batch on its way through ingest. */
struct delivery {
    struct post *post;
    uint32_t spans;
};

struct post {
    struct receiver *receiver;
    struct post *next; /* in the receiver's queue */
    enum body_format format;
    uint64_t came_bytes; /* as sent */

    char *body; /* inflated; counted in held_bytes by its room */
    size_t body_bytes, body_room;
    struct gzip *gzip; /* NULL: it is not compressed */

    struct intake_result result;
    struct delivery *deliveries;
    size_t held_batch_bytes;

    pthread_mutex_t lock; /* for all below */
    int references;       /* the connection's, and the receiver's from post_finish to the answer */
    size_t unanswered;    /* batches */
    bool must_retry;
    uint64_t refused_spans;
    char why[WHY_BYTES];
    struct post_answer answer; /* status 0: none yet */
    post_answered *answered;
    void *context;
};

void receiver_limits_default(struct receiver_limits *limits)
{
    *limits = (struct receiver_limits){
#define X(name, standard, meaning) .name = standard,
        RECEIVER_LIMITS(X)
#undef X
    };
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* ---- memory of all posts ---- */

static bool hold(struct receiver *receiver, size_t bytes)
{
    uint64_t held = atomic_fetch_add(&receiver->held_bytes, bytes);
    if (held + bytes <= receiver->limits.post_memory_max) return true;
    atomic_fetch_sub(&receiver->held_bytes, bytes);
    return false;
}

static void let_go(struct receiver *receiver, size_t bytes)
{
    atomic_fetch_sub(&receiver->held_bytes, bytes);
}

static void free_body(struct post *post)
{
    free(post->body);
    let_go(post->receiver, post->body_room);
    gzip_free(post->gzip);
    post->body = NULL;
    post->gzip = NULL;
    post->body_bytes = post->body_room = 0;
}

/* ---- the end of a post ---- */

static void free_post(struct post *post)
{
    free_body(post);
    let_go(post->receiver, post->held_batch_bytes);
    intake_result_fini(&post->result);
    free(post->deliveries);
    buffer_fini(&post->answer.body);
    pthread_mutex_destroy(&post->lock);
    free(post);
}

static void release(struct post *post)
{
    pthread_mutex_lock(&post->lock);
    bool is_last = --post->references == 0;
    pthread_mutex_unlock(&post->lock);
    if (is_last) free_post(post);
}

void post_free(struct post *post)
{
    if (!post) return;
    pthread_mutex_lock(&post->lock);
    post->answered = NULL;
    pthread_mutex_unlock(&post->lock);
    release(post);
}

struct post_answer *post_answer(struct post *post)
{
    pthread_mutex_lock(&post->lock);
    struct post_answer *answer = post->answer.status ? &post->answer : NULL;
    pthread_mutex_unlock(&post->lock);
    return answer;
}

static _Atomic uint64_t *counter_of(unsigned status)
{
    switch (status) {
    case 400:
        return &counters.posts_refused_malformed;
    case 413:
        return &counters.posts_refused_length;
    case 415:
        return &counters.posts_refused_type;
    default:
        return &counters.posts_sent_back;
    }
}

/* With the lock. */
static void fail(struct post *post, unsigned status, const char *why)
{
    count(counter_of(status), 1);
    answer_failure(&post->answer, post->format, status, str_of(why));
}

/* The answer is there: tells whoever waits. The receiver's reference ends. */
static void tell(struct post *post)
{
    pthread_mutex_lock(&post->lock);
    if (post->answered) post->answered(post->context);
    pthread_mutex_unlock(&post->lock);
    release(post);
}

static void fail_and_tell(struct post *post, unsigned status, const char *why)
{
    pthread_mutex_lock(&post->lock);
    fail(post, status, why);
    pthread_mutex_unlock(&post->lock);
    tell(post);
}

/* ---- its headers ---- */

/* "application/json; charset=utf-8": the type itself. */
static bool type_is(const char *content_type, const char *type)
{
    size_t len = strlen(type);
    if (!content_type || strncasecmp(content_type, type, len) != 0) return false;
    const char *rest = content_type + len;
    return rest[strspn(rest, " \t")] == 0 || rest[strspn(rest, " \t")] == ';';
}

static bool read_type(const struct post_headers *headers, enum body_format *format)
{
    bool json = type_is(headers->content_type, "application/json");
    bool protobuf = type_is(headers->content_type, "application/x-protobuf") ||
                    type_is(headers->content_type, "application/protobuf");
    *format = headers->is_zipkin ? BODY_ZIPKIN_JSON : protobuf ? BODY_OTLP_PROTOBUF : BODY_OTLP_JSON;
    return json || (protobuf && !headers->is_zipkin);
}

static bool encoding_is(const char *encoding, const char *name)
{
    return encoding && strcasecmp(encoding, name) == 0;
}

static bool take_inflated(void *context, const unsigned char *data, size_t bytes);

static void refuse_encoding(struct post *post)
{
    fail(post, 415, "the body's encoding is neither gzip nor none");
    post->answer.accept_encoding = "gzip";
}

static void read_headers(struct post *post, const struct post_headers *headers)
{
    const char *encoding = headers->content_encoding;
    bool gzip = encoding_is(encoding, "gzip") || encoding_is(encoding, "x-gzip");
    bool plain = !encoding || !*encoding || encoding_is(encoding, "identity");
    if (!read_type(headers, &post->format))
        fail(post, 415,
             headers->is_zipkin ? "the body's type must be application/json"
                                : "the body's type must be application/x-protobuf or application/json");
    else if (!gzip && !plain)
        refuse_encoding(post);
    else if (headers->has_length && headers->length > post->receiver->limits.post_bytes_max)
        fail(post, 413, "the body is longer than this collector takes");
    else if (gzip && !(post->gzip = gzip_new(take_inflated, post)))
        fail(post, 503, "out of memory");
}

struct post *post_begin(struct receiver *receiver, const struct post_headers *headers)
{
    struct post *post = calloc(1, sizeof *post);
    if (!post) return NULL;
    post->receiver = receiver;
    post->references = 1;
    pthread_mutex_init(&post->lock, NULL);
    buffer_init(&post->answer.body);
    count(&counters.posts_received, 1);
    read_headers(post, headers);
    return post;
}

/* ---- its body ---- */

/* Memory follows what has come. */
static bool grow(struct post *post, size_t wanted)
{
    size_t room = post->body_room ? post->body_room : BODY_BYTES_FIRST;
    while (room < wanted) room *= 2;
    if (!hold(post->receiver, room - post->body_room)) return false;
    char *body = realloc(post->body, room);
    if (!body) {
        let_go(post->receiver, room - post->body_room);
        return false;
    }
    post->body = body;
    post->body_room = room;
    return true;
}

static bool take_inflated(void *context, const unsigned char *data, size_t bytes)
{
    struct post *post = context;
    if (post->body_bytes + bytes > post->receiver->limits.post_bytes_max) {
        fail(post, 413, "the body is longer than this collector takes");
        return false;
    }
    if (post->body_bytes + bytes > post->body_room && !grow(post, post->body_bytes + bytes)) {
        fail(post, 503, "the collector holds as many posts as it may");
        return false;
    }
    memcpy(post->body + post->body_bytes, data, bytes);
    post->body_bytes += bytes;
    return true;
}

static bool take(struct post *post, const void *data, size_t bytes)
{
    post->came_bytes += bytes;
    if (post->came_bytes > post->receiver->limits.post_bytes_max) {
        fail(post, 413, "the body is longer than this collector takes");
        return false;
    }
    if (!post->gzip) return take_inflated(post, data, bytes);
    enum gzip_result result = gzip_add(post->gzip, data, bytes);
    if (result == GZIP_MALFORMED) fail(post, 400, "the body is no gzip");
    return result == GZIP_GOES_ON;
}

bool post_add(struct post *post, const void *data, size_t bytes)
{
    if (post->answer.status) return false;
    if (take(post, data, bytes)) return true;
    free_body(post);
    return false;
}

void post_finish(struct post *post, post_answered *answered, void *context)
{
    struct receiver *receiver = post->receiver;
    if (!post->answer.status && post->gzip && !gzip_is_whole(post->gzip))
        fail(post, 400, "the body's gzip is cut short");
    post->answered = answered;
    post->context = context;
    post->references++;
    post->next = NULL;
    if (post->answer.status) {
        tell(post);
        return;
    }
    pthread_mutex_lock(&receiver->lock);
    bool taken = !receiver->stopping;
    if (taken) {
        *receiver->last = post;
        receiver->last = &post->next;
        pthread_cond_signal(&receiver->added);
    }
    pthread_mutex_unlock(&receiver->lock);
    if (!taken) fail_and_tell(post, 503, "the collector stops");
}

/* ---- delivering ---- */

/* All batches are answered. With the lock. */
static void conclude(struct post *post)
{
    uint64_t rejected = post->result.rejected_spans + post->refused_spans;
    const char *why = post->result.why ? post->result.why : post->why;
    if (post->must_retry) {
        fail(post, 503, post->why);
        return;
    }
    count(&counters.posts_stored, 1);
    count(&counters.posts_spans_rejected, rejected);
    answer_success(&post->answer, post->format, rejected, str_of(why));
}

static void note_reply(struct delivery *delivery, const struct reply *reply)
{
    struct post *post = delivery->post;
    if (reply && reply->status == REPLY_STORED) return;
    bool refused = reply && reply->status == REPLY_REFUSED;
    struct str why = reply ? reply->reason : str_of("the collector stops");
    if (refused)
        post->refused_spans += delivery->spans;
    else
        post->must_retry = true;
    snprintf(post->why, sizeof post->why, "%.*s", STR_ARG(why));
}

/* An ingest_answered. The post's memory for batches goes with the last of them. */
static void take_reply(void *context, const struct reply *reply)
{
    struct delivery *delivery = context;
    struct post *post = delivery->post;
    pthread_mutex_lock(&post->lock);
    note_reply(delivery, reply);
    bool is_last = --post->unanswered == 0;
    if (is_last) conclude(post);
    pthread_mutex_unlock(&post->lock);
    if (is_last) tell(post);
}

static bool hold_batches(struct post *post)
{
    size_t count_max = post->result.batch_count ? post->result.batch_count : 1;
    post->deliveries = calloc(count_max, sizeof *post->deliveries);
    if (!post->deliveries) return false;
    /* They are there already: counted, so that others wait, whatever the bound says. */
    atomic_fetch_add(&post->receiver->held_bytes, post->result.bytes);
    post->held_batch_bytes = post->result.bytes;
    return true;
}

/* One more than there are batches is unanswered meanwhile, so that the last answer does not come before the last is sent. */
static void deliver(struct post *post)
{
    static const struct reply stored = {.status = REPLY_STORED};
    struct delivery whole = {post, 0};
    size_t i = 0;
    post->unanswered = post->result.batch_count + 1;
    for (const struct intake_batch *batch = post->result.batches; batch; batch = batch->next, i++) {
        post->deliveries[i] = (struct delivery){post, batch->spans};
        ingest_take(post->receiver->ingest, batch->packed, batch->bytes, take_reply, &post->deliveries[i]);
    }
    take_reply(&whole, &stored);
}

static void read_post(struct receiver *receiver, struct post *post)
{
    const char *why = "the body cannot be read";
    enum intake_outcome outcome =
        intake_read(receiver->intake, post->format, post->body, post->body_bytes, &post->result, &why);
    free_body(post);
    if (outcome == INTAKE_MALFORMED)
        fail_and_tell(post, 400, why);
    else if (outcome == INTAKE_NO_MEMORY || !hold_batches(post))
        fail_and_tell(post, 503, "out of memory");
    else
        deliver(post);
}

/* ---- the thread ---- */

/* NULL: the receiver is to stop. */
static struct post *next_post(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    while (!receiver->first && !receiver->stopping) pthread_cond_wait(&receiver->added, &receiver->lock);
    struct post *post = receiver->stopping ? NULL : receiver->first;
    if (post) {
        receiver->first = post->next;
        if (!receiver->first) receiver->last = &receiver->first;
    }
    pthread_mutex_unlock(&receiver->lock);
    return post;
}

static void *read_posts(void *context)
{
    struct receiver *receiver = context;
    for (struct post *post; (post = next_post(receiver));) read_post(receiver, post);
    return NULL;
}

static void free_receiver(struct receiver *receiver)
{
    intake_free(receiver->intake);
    pthread_cond_destroy(&receiver->added);
    pthread_mutex_destroy(&receiver->lock);
    free(receiver);
}

struct receiver *receiver_start(const struct receiver_limits *limits, struct ingest *ingest)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    receiver->limits = *limits;
    receiver->ingest = ingest;
    receiver->last = &receiver->first;
    receiver->intake = intake_new();
    pthread_mutex_init(&receiver->lock, NULL);
    pthread_cond_init(&receiver->added, NULL);
    if (receiver->intake && pthread_create(&receiver->thread, NULL, read_posts, receiver) == 0)
        return receiver;
    free_receiver(receiver);
    return NULL;
}

void receiver_stop(struct receiver *receiver)
{
    if (!receiver) return;
    pthread_mutex_lock(&receiver->lock);
    receiver->stopping = true;
    pthread_cond_signal(&receiver->added);
    pthread_mutex_unlock(&receiver->lock);
    pthread_join(receiver->thread, NULL);
    for (struct post *post = receiver->first, *next; post; post = next) {
        next = post->next;
        fail_and_tell(post, 503, "the collector stops");
    }
    receiver->first = NULL;
}

void receiver_free(struct receiver *receiver)
{
    if (receiver) free_receiver(receiver);
}
