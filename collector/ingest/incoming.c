/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/incoming.h"

#include "collector/counters.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX      ((size_t)64 << 20)  /* a decoded batch */
#define ARENA_KEEP_BYTES_MAX ((size_t)2 << 20)   /* a larger arena is given back after its batch */
#define QUEUE_BYTES_MAX      ((size_t)128 << 20) /* of all arenas that wait */
#define SPARE_MAX            64

struct incoming_queue {
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t added, taken;
    struct incoming *first, **last;
    struct incoming *spare;
    size_t spare_count, waiting_bytes;
    uint64_t waiting_spans;
    uint64_t wakes;
    bool closed;
};

struct incoming_queue *incoming_queue_new(void)
{
    struct incoming_queue *queue = calloc(1, sizeof *queue);
    if (!queue) return NULL;
    queue->last = &queue->first;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->added, &monotonic);
    pthread_cond_init(&queue->taken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

static void free_incoming(struct incoming *incoming)
{
    arena_fini(&incoming->arena);
    free(incoming);
}

void incoming_queue_free(struct incoming_queue *queue)
{
    if (!queue) return;
    for (struct incoming *incoming = queue->first, *next; incoming; incoming = next) {
        next = incoming->next;
        sp_request_drop(incoming->request);
        free_incoming(incoming);
    }
    for (struct incoming *incoming = queue->spare, *next; incoming; incoming = next) {
        next = incoming->next;
        free_incoming(incoming);
    }
    pthread_cond_destroy(&queue->added);
    pthread_cond_destroy(&queue->taken);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void incoming_queue_close(struct incoming_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->added);
    pthread_cond_broadcast(&queue->taken);
    pthread_mutex_unlock(&queue->lock);
}

void incoming_queue_wake(struct incoming_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->wakes++;
    pthread_cond_broadcast(&queue->added);
    pthread_mutex_unlock(&queue->lock);
}

struct incoming *incoming_new(struct incoming_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->waiting_bytes >= QUEUE_BYTES_MAX)
        pthread_cond_wait(&queue->taken, &queue->lock);
    bool closed = queue->closed;
    struct incoming *incoming = closed ? NULL : queue->spare;
    if (incoming) {
        queue->spare = incoming->next;
        queue->spare_count--;
    }
    pthread_mutex_unlock(&queue->lock);
    if (incoming || closed) return incoming;
    incoming = calloc(1, sizeof *incoming);
    if (incoming) arena_init(&incoming->arena, ARENA_BYTES_MAX);
    return incoming;
}

void incoming_add(struct incoming_queue *queue, struct incoming *incoming)
{
    incoming->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = incoming;
    queue->last = &incoming->next;
    queue->waiting_bytes += incoming->arena.total_bytes;
    queue->waiting_spans += incoming->batch.span_count;
    pthread_cond_broadcast(&queue->added);
    pthread_mutex_unlock(&queue->lock);
}

/* ---- taking ---- */

/* When what is there satisfies the wish without more coming: a moment in the past is now; INT64_MAX: nothing is there. */
static int64_t ready_at_ns(const struct incoming_queue *queue, const struct incoming_wish *wish)
{
    if (!queue->first) return INT64_MAX;
    if (wish->spans_min && queue->waiting_spans >= wish->spans_min) return 0;
    return queue->first->received_monotonic_ns + wish->age_min_ns;
}

static void wait_until(struct incoming_queue *queue, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    if (until_ns == INT64_MAX)
        pthread_cond_wait(&queue->added, &queue->lock);
    else
        pthread_cond_timedwait(&queue->added, &queue->lock, &until);
}

/* False: closed, woken, or past the deadline. */
static bool wait_for(struct incoming_queue *queue, const struct incoming_wish *wish)
{
    uint64_t wakes = queue->wakes;
    int64_t deadline_ns = wish->deadline_ns ? wish->deadline_ns : INT64_MAX;
    while (!queue->closed && queue->wakes == wakes) {
        int64_t now_ns = clock_monotonic_ns(), ready_ns = ready_at_ns(queue, wish);
        if (ready_ns <= now_ns) return true;
        if (deadline_ns <= now_ns) return false;
        wait_until(queue, ready_ns < deadline_ns ? ready_ns : deadline_ns);
    }
    return false;
}

static struct incoming *unlink_oldest(struct incoming_queue *queue, const struct incoming_wish *wish)
{
    struct incoming *oldest = queue->first, **end = &queue->first;
    uint64_t spans = 0;
    for (size_t count = 0; *end && count < wish->count_max; count++, end = &(*end)->next) {
        spans += (*end)->batch.span_count;
        if (count > 0 && spans > wish->spans_max) break;
        queue->waiting_bytes -= (*end)->arena.total_bytes;
        queue->waiting_spans -= (*end)->batch.span_count;
    }
    queue->first = *end;
    *end = NULL;
    if (!queue->first) queue->last = &queue->first;
    return oldest;
}

struct incoming *incoming_take(struct incoming_queue *queue, const struct incoming_wish *wish)
{
    pthread_mutex_lock(&queue->lock);
    struct incoming *taken = wait_for(queue, wish) ? unlink_oldest(queue, wish) : NULL;
    if (taken) pthread_cond_broadcast(&queue->taken);
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void incoming_return(struct incoming_queue *queue, struct incoming *first)
{
    pthread_mutex_lock(&queue->lock);
    struct incoming *last = first;
    for (struct incoming *i = first; i; last = i, i = i->next) {
        queue->waiting_bytes += i->arena.total_bytes;
        queue->waiting_spans += i->batch.span_count;
    }
    last->next = queue->first;
    if (!queue->first) queue->last = &last->next;
    queue->first = first;
    pthread_cond_broadcast(&queue->added);
    pthread_mutex_unlock(&queue->lock);
}

bool incoming_rest(struct incoming_queue *queue, int64_t deadline_ns)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && clock_monotonic_ns() < deadline_ns) wait_until(queue, deadline_ns);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return !closed;
}

bool incoming_is_closed(struct incoming_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

/* ---- the end ---- */

void incoming_end(struct incoming_queue *queue, struct incoming *incoming, const struct reply *reply)
{
    if (reply && reply->status == REPLY_STORED)
        latency_note(&latencies.batch, clock_monotonic_ns() - incoming->received_monotonic_ns);
    if (reply)
        sp_request_answer(incoming->request, reply);
    else
        sp_request_drop(incoming->request);
    incoming->request = NULL;
    arena_reset(&incoming->arena);
    if (incoming->arena.total_bytes > ARENA_KEEP_BYTES_MAX) arena_fini(&incoming->arena);
    pthread_mutex_lock(&queue->lock);
    bool keep = queue->spare_count < SPARE_MAX;
    if (keep) {
        incoming->next = queue->spare;
        queue->spare = incoming;
        queue->spare_count++;
    }
    pthread_mutex_unlock(&queue->lock);
    if (!keep) free_incoming(incoming);
}
