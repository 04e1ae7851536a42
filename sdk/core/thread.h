/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread has of its own: its open spans, its ring, its id generator, the evidence of its request. Made lazily by
 * the thread's first span, from one mmap, and never freed: when the thread ends the next new one takes it over, so there
 * are as many as there were threads at once. The exporter finds them all in process.threads and empties their rings, also
 * of the dead.
 *
 * Everything but the atomics and the ring's consumer side belongs to the owning thread. owner's release store at a
 * thread's end pairs with the acquire exchange of the one that takes over.
 */
#ifndef WEIR_SDK_CORE_THREAD_H
#define WEIR_SDK_CORE_THREAD_H

#include "base/id.h"
#include "sdk/core/evidence.h"
#include "sdk/core/operations.h"
#include "sdk/core/process.h"
#include "sdk/core/record.h"
#include "sdk/core/ring.h"

#define SPAN_DEPTH            64   /* open spans of a thread; one bit each */
#define SPAN_ATTRIBUTES_BYTES 1536 /* of one span */
#define UNREAD_MAX            16
#define NO_SLOT               0xff

/* What an open call knows beyond its span. */
/* An answer that is being looked at, row by row. */
struct answer_scan {
    struct evidence_slot *slot; /* NULL: none yet; lent, and ours only while its version is this */
    uint64_t version, hash;
    size_t rows, columns, cells, bytes; /* seen; columns: of a row */
};

struct call_state {
    struct record_call record;
    uint32_t link_count, unread_count;
    bool is_sent, is_answered;
    const struct operation_entry *operation;
    struct answer_scan answer;
    struct record_link links[EVIDENCE_LINKS];
    uint64_t unread[UNREAD_MAX];
    struct inputs inputs;
};

struct span_slot {
    uint32_t generation;  /* odd: open */
    uint8_t below, above; /* the stack of this thread's open spans, calls excepted */
    bool sampled, on_stack, is_request;
    struct record record; /* attribute_bytes and _count grow; bytes is set at the end */
    struct evidence_frame outer_request;
    _Alignas(8) unsigned char attributes[SPAN_ATTRIBUTES_BYTES];
};

struct unread_answer {
    const void *handle; /* NULL: forgotten, it will never be read */
    uint64_t trace_id[2];
    uint64_t span_id;
};

struct thread_state {
    uint32_t epoch;  /* of the process when the slots were last emptied */
    uint32_t number; /* from 1 */
    uint8_t top;     /* the current span's slot */
    bool evidence_on;
    uint64_t free_slots; /* bit i: slot i is free */
    struct id_generator ids;
    uint32_t unread_count, unread_open_count; /* open: with a handle */
    struct unread_answer unread[UNREAD_MAX];

    struct thread_state *next; /* in process.threads; set once */
    _Atomic bool owned;
    /* Counters, written by the owner alone. */
    _Atomic uint64_t created, dropped_ring_full, dropped_too_deep, attributes_dropped;

    struct ring ring;
    struct operation_cache operations;
    struct evidence evidence;
    struct span_slot slots[SPAN_DEPTH];
    struct call_state calls[SPAN_DEPTH];
};

extern _Thread_local struct thread_state *weir_thread __attribute__((tls_model("initial-exec")));

/* Slow path: the state made, taken over or emptied for the present epoch; NULL when tracing is off or there is no
 * memory (counted by the caller, who alone knows whether a span was lost). */
struct thread_state *thread_attach(void);

/* Once in a process: what gives a thread's state back when it ends. */
bool thread_setup(void);

/* In the child of a fork, from its only thread: empties all rings and counters and frees the other threads' states. */
void thread_after_fork(void);

static inline bool thread_is_attached(const struct thread_state *thread)
{
    return thread->epoch == atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed);
}

/* The calling thread's state, ready for a span; NULL as above. */
static inline struct thread_state *thread_here(void)
{
    struct thread_state *thread = weir_thread;
    return __builtin_expect(thread_is_attached(thread), 1) ? thread : thread_attach();
}

/* Counters have one writer: no locked instruction is needed. */
static inline void thread_count_up(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The open span behind a handle; NULL for none, ended, or another thread's. */
static inline struct span_slot *thread_slot(struct thread_state *thread, struct weir_span span)
{
    if (!thread_is_attached(thread) || span.slot / SPAN_DEPTH != thread->number) return NULL;
    struct span_slot *slot = &thread->slots[span.slot % SPAN_DEPTH];
    return slot->generation == span.generation ? slot : NULL;
}

static inline uint32_t thread_slot_index(const struct thread_state *thread, const struct span_slot *slot)
{
    return (uint32_t)(slot - thread->slots);
}

static inline struct weir_span thread_handle(const struct thread_state *thread, const struct span_slot *slot)
{
    return (struct weir_span){thread->number * SPAN_DEPTH + thread_slot_index(thread, slot),
                              slot->generation};
}

#endif
