/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's queue to the exporter: a ring of bytes, a power of two long, with one producer (the thread) and one
 * consumer (the exporter). What lies in it are frames that begin with their length, a multiple of 8; a frame never
 * wraps: where it does not fit before the end, a padding frame fills the rest. Nothing blocks, allocates or calls the
 * system; a full ring says so.
 *
 *     producer  ring_reserve → fill → ring_commit
 *     consumer  ring_peek, ring_skip, …; then ring_release gives the room of everything skipped back at once
 *
 * tail's release store (ring_commit) pairs with the acquire load in ring_peek: whoever sees the tail sees the frames
 * before it. head's release store (ring_release) pairs with the acquire load in ring_make_room: room is written over only
 * when the consumer is done with it. Each side's words have cache lines of their own. A ring may pass to another producer
 * when the former one is gone for good.
 *
 * The consumer trusts no length: where something has written over the ring, all that lies in it is given up and counted.
 */
#ifndef WEIR_SDK_CORE_RING_H
#define WEIR_SDK_CORE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RING_PADDING 0x80000000u /* in a frame's length: skip this many bytes */

struct ring {
    /* The producer's. */
    _Alignas(64) unsigned char *data; /* borrowed from whoever made the ring */
    uint64_t size_bytes;
    uint64_t next;                 /* where the next frame begins: tail and the padding before it */
    uint64_t limit;                /* how far frames may go before ring_make_room must look again */
    _Atomic uint64_t tail;         /* end of the last frame */
    _Atomic uint64_t pushed_count; /* frames in all */

    /* The consumer's. */
    _Alignas(64) _Atomic uint64_t head; /* end of what is released */
    _Atomic uint64_t popped_count;      /* frames released */
    _Atomic uint64_t damaged_count;     /* of them: given up, not read */
    uint64_t read;                      /* how far it has peeked */
    uint64_t read_count;                /* frames skipped since the last release */
    uint64_t lost_count;                /* of them: given up */
};

/* size_bytes is a power of two; data is aligned to 8. */
void ring_init(struct ring *ring, unsigned char *data, uint64_t size_bytes);

/* Empties the ring; neither producer nor consumer may be at work (the child of a fork). */
void ring_clear(struct ring *ring);

/* Producer: looks where the consumer is, and puts padding before the end where it must. NULL: full. */
void *ring_make_room(struct ring *ring, uint32_t bytes);

/* Producer: whether so many bytes are there without looking, and where they are. */
static inline bool ring_has_room(const struct ring *ring, uint32_t bytes)
{
    return ring->next + bytes <= ring->limit;
}
static inline void *ring_next(const struct ring *ring)
{
    return ring->data + (ring->next & (ring->size_bytes - 1));
}

/* Producer: a frame comes soon. The exporter, on another processor, read these lines last; they come back meanwhile. */
static inline void ring_prefetch(const struct ring *ring)
{
    const unsigned char *next = ring_next(ring);
    __builtin_prefetch(next, 1);
    __builtin_prefetch(next + 64, 1);
}

/* Producer. bytes is a multiple of 8. NULL: full. The frame's length is not written yet: it is its first word. */
static inline void *ring_reserve(struct ring *ring, uint32_t bytes)
{
    return __builtin_expect(ring_has_room(ring, bytes), 1) ? ring_next(ring) : ring_make_room(ring, bytes);
}

static inline void ring_commit(struct ring *ring, uint32_t bytes)
{
    uint64_t pushed = atomic_load_explicit(&ring->pushed_count, memory_order_relaxed);
    atomic_store_explicit(&ring->pushed_count, pushed + 1, memory_order_relaxed);
    ring->next += bytes;
    atomic_store_explicit(&ring->tail, ring->next, memory_order_release); /* pairs with ring_peek */
}

/* Consumer. The frame after the ones already skipped, or NULL. */
const void *ring_peek(struct ring *ring, uint32_t *bytes);
void ring_skip(struct ring *ring, uint32_t bytes);
/* What is in a frame cannot be: something has written over the ring. All that has come so far is given up. */
void ring_give_up(struct ring *ring);
void ring_release(struct ring *ring);

/* Any thread: frames pushed in all, and those of them that are still in the ring. */
static inline uint64_t ring_pushed_count(const struct ring *ring)
{
    return atomic_load_explicit(&ring->pushed_count, memory_order_relaxed);
}
static inline uint64_t ring_popped_count(const struct ring *ring)
{
    return atomic_load_explicit(&ring->popped_count, memory_order_relaxed);
}
static inline uint64_t ring_damaged_count(const struct ring *ring)
{
    return atomic_load_explicit(&ring->damaged_count, memory_order_relaxed);
}

/* Consumer: bytes in use. */
uint64_t ring_used_bytes(const struct ring *ring);

#endif
