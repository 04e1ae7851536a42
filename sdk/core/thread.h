/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread has of its own: its open spans, its ring, its id generator, the evidence of its request. Made lazily by
 * the thread's first span and never freed: when the thread ends the next new one takes it over, so there are as many as
 * there were threads at once. The exporter finds them all in process.threads and empties their rings, also of the dead.
 * What every span needs comes first and is small; the rest is touched, and resident, only when it is used.
 *
 * Everything but the atomics and the ring's consumer side belongs to the owning thread. owner's release store at a
 * thread's end pairs with the acquire exchange of the one that takes over.
 *
 * Signals. A handler runs in a thread that may be in the midst of weir. `inside` says so: it is set between thread_enter and
 * thread_leave, where nothing else of the thread may touch its state; a span begun there is refused and counted. While
 * the state itself is being made, weir_thread is THREAD_BUSY, and means the same. A handler that comes at any other time
 * leaves the state as it found it, and may make spans. Whoever reads or writes the state enters first; what calls back
 * into the program is better done outside.
 */
#ifndef WEIR_SDK_CORE_THREAD_H
#define WEIR_SDK_CORE_THREAD_H

#include "base/id.h"
#include "sdk/core/carried.h"
#include "sdk/core/evidence.h"
#include "sdk/core/operations.h"
#include "sdk/core/process.h"
#include "sdk/core/record.h"
#include "sdk/core/ring.h"

#include <signal.h>

#define SPAN_DEPTH            64   /* open spans of a thread; one bit each */
#define SPAN_ATTRIBUTES_BYTES 1536 /* of one span, and its events and links */
#define UNREAD_MAX            16
#define NO_SLOT               0xff

/* An answer that is being looked at, row by row. */
struct answer_scan {
    struct evidence_slot *slot; /* NULL: none yet; lent, and ours only while its version is this */
    uint64_t version, hash;
    size_t rows, columns, cells, bytes; /* seen; columns: of a row */
};

/* What an open call knows beyond its span. */
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

/* Whether a span is recorded: the same for all spans of a request. */
enum span_sampled {
    SPAN_SAMPLED_NOT,
    SPAN_SAMPLED_PLAIN, /* nobody says with which probability */
    SPAN_SAMPLED_ALL,   /* with the threshold 0: it stands for itself alone */
    SPAN_SAMPLED_SOME   /* and stands for others, too: with a threshold, which its record has */
};

struct span_slot {
    _Alignas(64) uint32_t generation; /* odd: open */
    uint8_t below, above;             /* the stack of this thread's open spans, calls excepted */
    uint8_t sampled;                  /* enum span_sampled */
    bool on_stack, is_request;
    uint16_t entry_bytes,
        attribute_count; /* they grow, and go into the record at its end, as its length does */
    uint64_t threshold;  /* with SPAN_SAMPLED_SOME */
    struct record record;
    struct record_server server;
};
_Static_assert(sizeof(struct span_slot) == 128, "two cache lines, and found by a shift");

struct unread_answer {
    const void *handle; /* NULL: forgotten, it will never be read */
    uint64_t trace_id[2];
    uint64_t span_id;
};

/* Whatever else a span has, there is room for the entry that counts what did not fit. */
#define SPAN_DROPPED_BYTES ((uint32_t)(sizeof(struct record_entry) + sizeof(struct record_dropped)))

/* The entries of one open span, behind each other. */
struct span_entries {
    _Alignas(16) unsigned char bytes[SPAN_ATTRIBUTES_BYTES + SPAN_DROPPED_BYTES];
};

struct thread_state {
    _Alignas(64) uint32_t epoch;  /* of the process when the slots were last emptied */
    uint32_t number;              /* from 1 */
    volatile sig_atomic_t inside; /* see above */
    uint8_t top;                  /* the current span's slot */
    bool evidence_on;
    uint64_t free_slots; /* bit i: slot i is free */
    struct ring *ring;
    struct id_sequence span_ids;
    struct id_generator trace_ids;

    /* Counters, written by the owner alone. */
    _Atomic uint64_t dropped_ring_full, dropped_too_deep, attributes_dropped;
    _Atomic uint64_t sampled_away[SAMPLED_AWAY_COUNT];
    struct thread_state *next; /* in process.threads; set once */
    _Atomic bool owned;
    uint32_t unread_count, unread_open_count; /* open: with a handle */

    struct span_slot slots[SPAN_DEPTH];
    struct evidence_frame outer_requests[SPAN_DEPTH]; /* of the slots that are requests */
    struct unread_answer unread[UNREAD_MAX];
    struct span_entries entries[SPAN_DEPTH];
    struct call_state calls[SPAN_DEPTH];
    struct operation_cache operations;
    struct evidence evidence;
    bool carries; /* there is something in the following */
    struct carried carried[SPAN_DEPTH];
};

#define THREAD_BUSY ((struct thread_state *)1)

extern _Thread_local struct thread_state *weir_thread __attribute__((tls_model("initial-exec")));

/* Slow path of thread_enter: the state made, taken over or emptied for the present epoch, and entered. NULL: tracing is
 * off, or the span is lost for want of memory or because this is a signal handler inside weir, and is counted. */
struct thread_state *thread_attach(void);

/* Counts a span that a signal handler wanted inside weir; returns NULL. */
struct thread_state *thread_refuse(void);

/* Once in a process: what gives a thread's state back when it ends. */
bool thread_setup(void);

/* In the child of a fork, from its only thread: empties all rings and counters and frees the other threads' states. */
void thread_after_fork(void);

static inline bool thread_is_attached(const struct thread_state *thread)
{
    return (uintptr_t)thread > (uintptr_t)THREAD_BUSY &&
           thread->epoch == atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed);
}

static inline void thread_set_inside(struct thread_state *thread)
{
    thread->inside = 1;
    atomic_signal_fence(memory_order_seq_cst);
}

/* The calling thread's state, ready for a span that begins, or NULL as above. thread_leave ends it. */
static inline struct thread_state *thread_enter(void)
{
    struct thread_state *thread = weir_thread;
    if (__builtin_expect(!thread_is_attached(thread), 0)) return thread_attach();
    if (__builtin_expect(thread->inside, 0)) return thread_refuse();
    thread_set_inside(thread);
    return thread;
}

static inline void thread_leave(struct thread_state *thread)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread->inside = 0;
}

/* Counters have one writer: no locked instruction is needed. */
static inline void thread_count_up(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The open span behind a handle; NULL for none, ended, or another thread's. To look only, without entering. */
static inline struct span_slot *thread_slot(struct thread_state *thread, struct weir_span span)
{
    if (!thread_is_attached(thread) || span.slot / SPAN_DEPTH != thread->number) return NULL;
    struct span_slot *slot = &thread->slots[span.slot % SPAN_DEPTH];
    return slot->generation == span.generation ? slot : NULL;
}

/* The same, and entered; NULL also for a signal handler inside weir. */
static inline struct span_slot *thread_enter_slot(struct weir_span span, struct thread_state **thread)
{
    *thread = weir_thread;
    struct span_slot *slot = thread_slot(*thread, span);
    if (!slot || __builtin_expect((*thread)->inside, 0)) return NULL;
    thread_set_inside(*thread);
    return slot;
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
