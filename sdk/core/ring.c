/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/ring.h"

#include <string.h>

void ring_init(struct ring *ring, unsigned char *data, uint64_t size_bytes)
{
    ring->data = data;
    ring->size_bytes = size_bytes;
    ring_clear(ring);
}

void ring_clear(struct ring *ring)
{
    atomic_store_explicit(&ring->tail, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->head, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->pushed_count, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->popped_count, 0, memory_order_relaxed);
    ring->padded_tail = ring->head_seen = ring->read = ring->read_count = 0;
}

void *ring_reserve(struct ring *ring, uint32_t bytes)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t at = tail & (ring->size_bytes - 1);
    uint64_t before_end = ring->size_bytes - at;
    uint64_t padding = before_end < bytes ? before_end : 0;
    if (ring->size_bytes - (tail - ring->head_seen) < padding + bytes) {
        ring->head_seen =
            atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with ring_release */
        if (ring->size_bytes - (tail - ring->head_seen) < padding + bytes) return NULL;
    }
    if (padding) {
        uint32_t frame = (uint32_t)padding | RING_PADDING;
        memcpy(ring->data + at, &frame, sizeof frame);
        at = 0;
    }
    ring->padded_tail = tail + padding;
    memcpy(ring->data + at, &bytes, sizeof bytes);
    return ring->data + at;
}

void ring_commit(struct ring *ring, uint32_t bytes)
{
    uint64_t pushed = atomic_load_explicit(&ring->pushed_count, memory_order_relaxed);
    atomic_store_explicit(&ring->pushed_count, pushed + 1, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, ring->padded_tail + bytes,
                          memory_order_release); /* pairs with ring_peek */
}

const void *ring_peek(struct ring *ring, uint32_t *bytes)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire); /* pairs with ring_commit */
    while (ring->read != tail) {
        const unsigned char *frame = ring->data + (ring->read & (ring->size_bytes - 1));
        memcpy(bytes, frame, sizeof *bytes);
        if (!(*bytes & RING_PADDING)) return frame;
        ring->read += *bytes & ~RING_PADDING;
    }
    return NULL;
}

void ring_skip(struct ring *ring, uint32_t bytes)
{
    ring->read += bytes;
    ring->read_count++;
}

void ring_release(struct ring *ring)
{
    uint64_t popped = atomic_load_explicit(&ring->popped_count, memory_order_relaxed);
    atomic_store_explicit(&ring->popped_count, popped + ring->read_count, memory_order_relaxed);
    ring->read_count = 0;
    atomic_store_explicit(&ring->head, ring->read, memory_order_release); /* pairs with ring_reserve */
}

uint64_t ring_count(const struct ring *ring)
{
    uint64_t popped = atomic_load_explicit(&ring->popped_count, memory_order_relaxed);
    uint64_t pushed = atomic_load_explicit(&ring->pushed_count, memory_order_relaxed);
    return pushed - popped;
}

uint64_t ring_used_bytes(const struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed) -
           atomic_load_explicit(&ring->head, memory_order_relaxed);
}
