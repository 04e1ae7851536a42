/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/thread.h"

#include "model/span.h"
#include "sdk/core/ring_memory.h"

#include <errno.h>
#include <string.h>

/* No process gets there. TORN: the owner was in the midst of something when the process forked. */
#define EPOCH_NEVER  UINT32_MAX
#define EPOCH_TORN   (UINT32_MAX - 1)
#define RETRY_MEMORY 1024 /* after a failure only each so many-th try asks the system again */

_Thread_local struct thread_state *weir_thread __attribute__((tls_model("initial-exec")));

static pthread_key_t at_thread_end;
static _Atomic uint32_t failures;

/* ---- memory ---- */

static struct thread_state *thread_memory(uint32_t ring_bytes)
{
    struct thread_state *thread = ring_memory_pages(sizeof *thread);
    if (thread) thread->ring = ring_memory_new(ring_bytes);
    if (thread && thread->ring) return thread;
    if (thread) ring_memory_return(thread, sizeof *thread);
    return NULL;
}

static void list_push(struct thread_state *thread)
{
    struct thread_state *head = atomic_load_explicit(&weir_process.threads, memory_order_relaxed);
    do thread->next = head;
    while (!atomic_compare_exchange_weak_explicit(&weir_process.threads, &head, thread, memory_order_release,
                                                  memory_order_relaxed));
}

static struct thread_state *thread_new(void)
{
    uint32_t tries = atomic_load_explicit(&failures, memory_order_relaxed);
    if (tries && atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed) % RETRY_MEMORY) return NULL;
    struct thread_state *thread =
        thread_memory(atomic_load_explicit(&weir_process.ring_bytes, memory_order_relaxed));
    atomic_store_explicit(&failures, thread ? 0 : 1, memory_order_relaxed);
    if (!thread) return NULL;
    thread->number = atomic_fetch_add_explicit(&weir_process.thread_count, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&thread->owned, true, memory_order_relaxed);
    list_push(thread);
    return thread;
}

/* A dead thread's state. Its ring may still hold spans: they go before ours. */
static struct thread_state *thread_take_over(void)
{
    struct thread_state *thread = atomic_load_explicit(&weir_process.threads, memory_order_acquire);
    for (; thread; thread = thread->next) {
        if (atomic_load_explicit(&thread->owned, memory_order_relaxed)) continue;
        if (atomic_exchange_explicit(&thread->owned, true, memory_order_acquire)) continue;
        if (thread->epoch == EPOCH_TORN) memset(&thread->operations, 0, sizeof thread->operations);
        return thread;
    }
    return NULL;
}

static void thread_ended(void *state)
{
    struct thread_state *thread = state;
    weir_thread = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    thread->epoch = EPOCH_NEVER;
    atomic_store_explicit(&thread->owned, false, memory_order_release); /* pairs with thread_take_over */
}

bool thread_setup(void) { return pthread_key_create(&at_thread_end, thread_ended) == 0; }

/* ---- attaching ---- */

/* Handles of spans still open from another epoch become stale. */
static void slots_clear(struct thread_state *thread)
{
    for (uint32_t i = 0; i < SPAN_DEPTH; i++)
        if (thread->slots[i].generation & 1) thread->slots[i].generation++;
    thread->free_slots = ~0ull;
    thread->top = NO_SLOT;
    thread->unread_count = thread->unread_open_count = 0;
    thread->evidence.frame = (struct evidence_frame){0};
}

static struct thread_state *thread_get(void)
{
    struct thread_state *thread = thread_take_over();
    if (!thread) thread = thread_new();
    if (!thread || pthread_setspecific(at_thread_end, thread) == 0) return thread;
    atomic_store_explicit(&thread->owned, false, memory_order_release); /* pairs with thread_take_over */
    return NULL;
}

static struct thread_state *lost(enum drop_reason reason)
{
    atomic_fetch_add_explicit(&weir_process.dropped[reason], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&weir_process.created, 1, memory_order_relaxed);
    return NULL;
}

struct thread_state *thread_refuse(void) { return lost(DROP_in_handler); }

static void thread_prepare(struct thread_state *thread, uint32_t epoch)
{
    slots_clear(thread);
    id_generator_seed(&thread->trace_ids);
    id_random_bytes(&thread->span_ids, sizeof thread->span_ids);
    thread->evidence_on = atomic_load_explicit(&weir_process.evidence, memory_order_relaxed);
    thread->epoch = epoch;
    thread->inside = 1;
}

/* Sets weir_thread, and lets no handler see what is half done on either side of it. */
static void thread_publish(struct thread_state *thread)
{
    atomic_signal_fence(memory_order_seq_cst);
    weir_thread = thread;
    atomic_signal_fence(memory_order_seq_cst);
}

/* At one stroke: a handler in between would attach a state that nobody could give back. */
static struct thread_state *thread_make_busy(void)
{
    struct thread_state *thread = __atomic_exchange_n(&weir_thread, THREAD_BUSY, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    return thread;
}

static struct thread_state *attach(void)
{
    uint32_t epoch =
        atomic_load_explicit(&weir_process.live_epoch, memory_order_acquire); /* pairs with weir_init */
    if (epoch == 0) return NULL;
    struct thread_state *thread = thread_make_busy();
    if (thread == THREAD_BUSY) return thread_refuse();
    if (thread && thread->inside) {
        thread_publish(thread);
        return thread_refuse();
    }
    if (atomic_load_explicit(&weir_process.exporter_missing, memory_order_acquire) &&
        !process_start_exporter()) {
        thread_publish(thread);
        return NULL;
    }
    if (!thread) thread = thread_get();
    if (thread) thread_prepare(thread, epoch);
    thread_publish(thread);
    return thread ? thread : lost(DROP_no_memory);
}

/* A signal handler's first span must not change what the interrupted code is about to read. */
struct thread_state *thread_attach(void)
{
    int error = errno;
    struct thread_state *thread = attach();
    errno = error;
    return thread;
}

/* ---- fork ---- */

/* Without what is attached, which is no span of this thread. */
static uint32_t open_spans(const struct thread_state *thread)
{
    if (!thread_is_attached(thread)) return 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < SPAN_DEPTH; i++)
        count += !(thread->free_slots >> i & 1) && thread->slots[i].record.kind != SPAN_KIND_UNSPECIFIED;
    return count;
}

/* A handler that had interrupted weir has forked: in the child, too, what it interrupted goes on when it returns, and works
 * on in a state that is nobody's any more. */
static void leave_to_the_interrupted(struct thread_state *thread)
{
    struct thread_state *head = atomic_load(&weir_process.threads);
    if (head == thread) {
        atomic_store(&weir_process.threads, thread->next);
    } else {
        while (head->next != thread) head = head->next;
        head->next = thread->next;
    }
    thread->epoch = EPOCH_NEVER;
    pthread_setspecific(at_thread_end, NULL);
    weir_thread = NULL;
}

/* In a handler that has interrupted attach() nobody knows which state that is about to take: then none is given back. */
void thread_after_fork(void)
{
    bool is_attaching = weir_thread == THREAD_BUSY;
    uint32_t left_behind = open_spans(weir_thread);
    atomic_store(&weir_process.created, left_behind);
    atomic_store(&weir_process.dropped[DROP_forked], left_behind);
    if ((uintptr_t)weir_thread > (uintptr_t)THREAD_BUSY && weir_thread->inside)
        leave_to_the_interrupted(weir_thread);
    for (struct thread_state *thread = atomic_load(&weir_process.threads); thread; thread = thread->next) {
        ring_clear(thread->ring);
        atomic_store(&thread->dropped_ring_full, 0);
        atomic_store(&thread->dropped_too_deep, 0);
        atomic_store(&thread->attributes_dropped, 0);
        for (int i = 0; i < SAMPLED_AWAY_COUNT; i++) atomic_store(&thread->sampled_away[i], 0);
        if (thread == weir_thread) continue;
        thread->epoch = EPOCH_TORN;
        if (!is_attaching) atomic_store(&thread->owned, false);
    }
}
