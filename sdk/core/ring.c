/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/ring.h"

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
    atomic_store_explicit(&ring->damaged_count, 0, memory_order_relaxed);
    ring->next = ring->read = ring->read_count = ring->lost_count = 0;
    ring->limit = ring->size_bytes;
}

/* ---- producer ---- */

void *ring_make_room(struct ring *ring, uint32_t bytes)
{
    uint64_t at = ring->next & (ring->size_bytes - 1), before_end = ring->size_bytes - at;
    uint64_t padding = before_end < bytes ? before_end : 0;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* pairs with ring_release */
    if (ring->size_bytes - (ring->next - head) < padding + bytes) return NULL;
    if (padding) {
        uint32_t frame = (uint32_t)padding | RING_PADDING;
        memcpy(ring->data + at, &frame, sizeof frame);
        ring->next += padding;
        at = 0;
    }
    uint64_t lap_end = ring->next - at + ring->size_bytes;
    ring->limit = head + ring->size_bytes < lap_end ? head + ring->size_bytes : lap_end;
    return ring->data + at;
}

/* ---- consumer ---- */

void ring_give_up(struct ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire); /* pairs with ring_commit */
    uint64_t lost = ring_pushed_count(ring) - ring_popped_count(ring) - ring->read_count;
    ring->lost_count += lost;
    ring->read_count += lost;
    ring->read = tail;
}

/* Every frame before the tail is counted before the tail says so. */
static bool is_frame(const struct ring *ring, uint64_t tail, uint32_t length)
{
    uint64_t before_end = ring->size_bytes - (ring->read & (ring->size_bytes - 1));
    uint64_t in_use = tail - ring->read;
    bool is_counted = ring->read_count + ring_popped_count(ring) < ring_pushed_count(ring);
    return length >= 8 && length % 8 == 0 && length <= in_use && length <= before_end && is_counted;
}

const void *ring_peek(struct ring *ring, uint32_t *bytes)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire); /* pairs with ring_commit */
    while (ring->read != tail) {
        const unsigned char *frame = ring->data + (ring->read & (ring->size_bytes - 1));
        memcpy(bytes, frame, sizeof *bytes);
        uint32_t length = *bytes & ~RING_PADDING;
        if (!is_frame(ring, tail, length)) {
            ring_give_up(ring);
            return NULL;
        }
        if (length == *bytes) return frame;
        ring->read += length;
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
    uint64_t popped = ring_popped_count(ring), damaged = ring_damaged_count(ring);
    atomic_store_explicit(&ring->popped_count, popped + ring->read_count, memory_order_relaxed);
    atomic_store_explicit(&ring->damaged_count, damaged + ring->lost_count, memory_order_relaxed);
    ring->read_count = ring->lost_count = 0;
    atomic_store_explicit(&ring->head, ring->read, memory_order_release); /* pairs with ring_make_room */
}

uint64_t ring_used_bytes(const struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed) -
           atomic_load_explicit(&ring->head, memory_order_relaxed);
}
