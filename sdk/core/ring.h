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
 * before it. head's release store (ring_release) pairs with the acquire load in ring_reserve: room is written over only
 * when the consumer is done with it. A ring may pass to another producer when the former one is gone for good.
 */
#ifndef WEIR_SDK_CORE_RING_H
#define WEIR_SDK_CORE_RING_H

#include <stdatomic.h>
#include <stdint.h>

#define RING_PADDING 0x80000000u /* in a frame's length: skip this many bytes */

struct ring {
    unsigned char *data; /* borrowed from whoever made the ring */
    uint64_t size_bytes;

    _Alignas(64) _Atomic uint64_t tail; /* written by the producer */
    _Atomic uint64_t pushed_count;      /* written by the producer: frames in all */
    uint64_t padded_tail;               /* producer's: tail and the padding that a reservation put there */
    uint64_t head_seen;                 /* producer's: head when it last looked */

    _Alignas(64) _Atomic uint64_t head; /* written by the consumer */
    _Atomic uint64_t popped_count;      /* written by the consumer: frames released */
    uint64_t read;                      /* consumer's: how far it has peeked */
    uint64_t read_count;                /* consumer's: frames skipped since the last release */
};

/* size_bytes is a power of two; data is aligned to 8. */
void ring_init(struct ring *ring, unsigned char *data, uint64_t size_bytes);

/* Empties the ring; neither producer nor consumer may be at work (the child of a fork). */
void ring_clear(struct ring *ring);

/* Producer. bytes is a multiple of 8. NULL: full. The frame's length is written already. */
void *ring_reserve(struct ring *ring, uint32_t bytes);
void ring_commit(struct ring *ring, uint32_t bytes);

/* Consumer. The frame after the ones already skipped, or NULL. */
const void *ring_peek(struct ring *ring, uint32_t *bytes);
void ring_skip(struct ring *ring, uint32_t bytes);
void ring_release(struct ring *ring);

/* Any thread. Exact while neither side is at work; else off by what is in the making. */
uint64_t ring_count(const struct ring *ring);
/* Consumer: bytes in use. */
uint64_t ring_used_bytes(const struct ring *ring);

#endif
