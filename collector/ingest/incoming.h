/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request whose batch has been unpacked, on its way from the decoder to whoever stores it (the writer) or keeps it (the
 * spooler), and the queue between them. An incoming owns its request, until it is answered, and an arena with the batch,
 * which is used again for a later one: columns are written once, by unpacking, and read where they lie.
 *
 * The queue is bounded by the memory of the arenas: the decoder waits while it is full, and what comes meanwhile stays
 * packed, in the frames' own bound (queue_bytes_max). Any thread may call any function.
 */
#ifndef WEIR_COLLECTOR_INCOMING_H
#define WEIR_COLLECTOR_INCOMING_H

#include "collector/ingest/sp_server.h"
#include "collector/store/store.h"

struct incoming {
    struct incoming *next;
    struct sp_request *request;
    struct arena arena;
    struct batch batch;                 /* in the arena, like its index */
    const struct fragment_index *index; /* may be NULL */
    int64_t received_unix_ns, received_monotonic_ns;
};

struct incoming_queue;

struct incoming_queue *incoming_queue_new(void); /* NULL: no memory */
/* Drops what is left (its senders still have it). NULL is fine. */
void incoming_queue_free(struct incoming_queue *queue);
/* Wakes all who wait, for good: nothing is taken any more. */
void incoming_queue_close(struct incoming_queue *queue);
/* Wakes all who wait in incoming_take, once. */
void incoming_queue_wake(struct incoming_queue *queue);

/* One to fill: a used one, or new; waits while the queue is full. NULL: closed, or no memory. */
struct incoming *incoming_new(struct incoming_queue *queue);
void incoming_add(struct incoming_queue *queue, struct incoming *incoming);

struct incoming_wish {
    uint32_t spans_max; /* at least one batch is taken, however long */
    size_t count_max;
    int64_t age_min_ns;  /* the oldest is at least so old … */
    uint32_t spans_min;  /* … or so many spans are there */
    int64_t deadline_ns; /* monotonic; do not wait longer; 0: for ever, until woken */
};

/* The oldest ones, linked, in the order in which they came; NULL: none by then, woken, or closed. */
struct incoming *incoming_take(struct incoming_queue *queue, const struct incoming_wish *wish);

/* Puts taken ones back in front, linked as they were. */
void incoming_return(struct incoming_queue *queue, struct incoming *first);

/* Waits, whatever comes, until then or until closed; false: closed. */
bool incoming_rest(struct incoming_queue *queue, int64_t deadline_ns);
bool incoming_is_closed(struct incoming_queue *queue);

/* Answers (NULL: drops the request), and gives the incoming back for the next. */
void incoming_end(struct incoming_queue *queue, struct incoming *incoming, const struct reply *reply);

#endif
