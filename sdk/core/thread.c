/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/thread.h"

#include <sys/mman.h>

#define EPOCH_NEVER  UINT32_MAX /* no process gets there */
#define RETRY_MEMORY 1024       /* after a failure only each so many-th try asks the system again */

/* What threads without a state of their own point to: never attached, so never written. */
static struct thread_state nobody = {.epoch = EPOCH_NEVER};
_Thread_local struct thread_state *weir_thread __attribute__((tls_model("initial-exec"))) = &nobody;

static pthread_key_t at_thread_end;
static _Atomic uint32_t failures;

/* ---- memory ---- */

/* The one place where a thread's memory comes from: state and ring behind each other. */
static struct thread_state *thread_memory(uint32_t ring_bytes)
{
    size_t state_bytes = (sizeof(struct thread_state) + 63) & ~(size_t)63;
    void *memory =
        mmap(NULL, state_bytes + ring_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    struct thread_state *thread = memory;
    ring_init(&thread->ring, (unsigned char *)memory + state_bytes, ring_bytes);
    return thread;
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
        if (!atomic_exchange_explicit(&thread->owned, true, memory_order_acquire)) return thread;
    }
    return NULL;
}

static void thread_ended(void *state)
{
    struct thread_state *thread = state;
    weir_thread = &nobody;
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
    if (weir_thread != &nobody) return weir_thread;
    struct thread_state *thread = thread_take_over();
    if (!thread) thread = thread_new();
    if (!thread) return NULL;
    if (pthread_setspecific(at_thread_end, thread) != 0) {
        thread_ended(thread);
        return NULL;
    }
    weir_thread = thread;
    return thread;
}

struct thread_state *thread_attach(void)
{
    uint32_t epoch =
        atomic_load_explicit(&weir_process.live_epoch, memory_order_acquire); /* pairs with weir_init */
    if (epoch == 0) return NULL;
    if (atomic_load_explicit(&weir_process.exporter_missing, memory_order_acquire) &&
        !process_start_exporter())
        return NULL;
    struct thread_state *thread = thread_get();
    if (!thread) return NULL;
    slots_clear(thread);
    id_generator_seed(&thread->ids);
    thread->evidence_on = atomic_load_explicit(&weir_process.evidence, memory_order_relaxed);
    thread->epoch = epoch;
    return thread;
}

/* ---- fork ---- */

static uint32_t open_spans(const struct thread_state *thread)
{
    return thread == &nobody || !thread_is_attached(thread)
               ? 0
               : 64 - (uint32_t)__builtin_popcountll(thread->free_slots);
}

void thread_after_fork(void)
{
    uint32_t left_behind = open_spans(weir_thread);
    atomic_store(&weir_process.created, left_behind);
    atomic_store(&weir_process.dropped[DROP_forked], left_behind);
    for (struct thread_state *thread = atomic_load(&weir_process.threads); thread; thread = thread->next) {
        ring_clear(&thread->ring);
        atomic_store(&thread->created, 0);
        atomic_store(&thread->dropped_ring_full, 0);
        atomic_store(&thread->dropped_too_deep, 0);
        atomic_store(&thread->attributes_dropped, 0);
        if (thread == weir_thread) continue;
        thread->epoch = EPOCH_NEVER;
        atomic_store(&thread->owned, false);
    }
}
