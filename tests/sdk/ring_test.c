/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/id.h"
#include "sdk/core/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define RING_BYTES  1024u
#define FRAME_COUNT 200000u

static _Alignas(8) unsigned char memory[RING_BYTES];

static uint64_t ring_count(const struct ring *ring)
{
    return ring_pushed_count(ring) - ring_popped_count(ring);
}

static bool push(struct ring *ring, uint32_t bytes, uint64_t number)
{
    unsigned char *to = ring_reserve(ring, bytes);
    if (!to) return false;
    for (uint32_t at = 8; at < bytes; at += 8) memcpy(to + at, &number, sizeof number);
    memcpy(to, &bytes, sizeof bytes);
    ring_commit(ring, bytes);
    return true;
}

static uint64_t number_of(const unsigned char *frame, uint32_t bytes)
{
    uint64_t first, last;
    memcpy(&first, frame + 8, sizeof first);
    memcpy(&last, frame + bytes - 8, sizeof last);
    assert_int_equal(first, last);
    return first;
}

static void gives_back_what_went_in(void **state)
{
    (void)state;
    struct ring ring;
    uint32_t bytes;
    ring_init(&ring, memory, RING_BYTES);
    assert_null(ring_peek(&ring, &bytes));
    assert_true(push(&ring, 16, 7));
    assert_true(push(&ring, 64, 8));
    assert_int_equal(ring_count(&ring), 2);
    assert_int_equal(number_of(ring_peek(&ring, &bytes), 16), 7);
    assert_int_equal(bytes, 16);
    ring_skip(&ring, bytes);
    assert_int_equal(number_of(ring_peek(&ring, &bytes), 64), 8);
    ring_skip(&ring, bytes);
    assert_int_equal(ring_count(&ring), 2); /* still in use: not released */
    ring_release(&ring);
    assert_int_equal(ring_count(&ring), 0);
    assert_int_equal(ring_used_bytes(&ring), 0);
}

static void is_full_when_it_is_full(void **state)
{
    (void)state;
    struct ring ring;
    uint32_t bytes;
    ring_init(&ring, memory, RING_BYTES);
    for (uint32_t i = 0; i < RING_BYTES / 64; i++) assert_true(push(&ring, 64, i));
    assert_false(push(&ring, 16, 99));
    ring_peek(&ring, &bytes);
    ring_skip(&ring, bytes);
    assert_false(push(&ring, 16, 99)); /* peeked is not released */
    ring_release(&ring);
    assert_true(push(&ring, 64, 16));
    assert_false(push(&ring, 16, 99));
}

static void a_frame_never_wraps(void **state)
{
    (void)state;
    struct ring ring;
    uint32_t bytes;
    ring_init(&ring, memory, RING_BYTES);
    for (uint64_t i = 0; i < 1000; i++) {
        uint32_t size = 16 + 8 * (uint32_t)(i % 40);
        assert_true(push(&ring, size, i));
        const unsigned char *frame = ring_peek(&ring, &bytes);
        assert_int_equal(bytes, size);
        assert_true(frame + bytes <= memory + RING_BYTES);
        assert_int_equal(number_of(frame, bytes), i);
        ring_skip(&ring, bytes);
        ring_release(&ring);
    }
}

/* What something else writes over a ring is given up and counted; the ring goes on with what comes next. */
static void a_damaged_ring_goes_on(void **state)
{
    (void)state;
    const uint32_t wrong[] = {
        0, 4, 7, 12, RING_BYTES + 8, 0x7ffffff8, RING_PADDING, RING_PADDING | 12, 0xffffffff};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ring ring;
        uint32_t bytes;
        ring_init(&ring, memory, RING_BYTES);
        for (uint64_t n = 0; n < 3; n++) assert_true(push(&ring, 64, n));
        memcpy(memory + 64, &wrong[i], sizeof wrong[i]);
        assert_int_equal(number_of(ring_peek(&ring, &bytes), 64), 0);
        ring_skip(&ring, bytes);
        assert_null(ring_peek(&ring, &bytes));
        assert_true(push(&ring, 64, 3));
        assert_int_equal(number_of(ring_peek(&ring, &bytes), 64), 3);
        ring_skip(&ring, bytes);
        ring_release(&ring);
        assert_int_equal(ring_damaged_count(&ring), 2);
        assert_int_equal(ring_count(&ring), 0);
        assert_int_equal(ring_used_bytes(&ring), 0);
    }
}

/* Noise all over it: never out of its bounds, never without end, and every frame is counted once. */
static void noise_in_a_ring_is_survived(void **state)
{
    (void)state;
    struct id_generator random = {{7, 6, 5, 4}};
    for (int round = 0; round < 20000; round++) {
        struct ring ring;
        uint32_t bytes, read = 0;
        const unsigned char *frame;
        ring_init(&ring, memory, RING_BYTES);
        for (uint64_t n = 0; n < 8; n++)
            assert_true(push(&ring, 16 + 8 * (uint32_t)(id_next(&random) % 12), n));
        for (uint64_t n = id_next(&random) % 4; n < 4; n++)
            memory[id_next(&random) % RING_BYTES] = (unsigned char)id_next(&random);
        for (; (frame = ring_peek(&ring, &bytes)); read++) {
            assert_true(bytes >= 8 && frame >= memory && frame + bytes <= memory + RING_BYTES);
            ring_skip(&ring, bytes);
        }
        ring_release(&ring);
        assert_int_equal(ring_used_bytes(&ring), 0);
        assert_true(read + ring_damaged_count(&ring) <= 8 && ring_count(&ring) <= 8);
    }
}

static void *produce(void *argument)
{
    struct id_generator random;
    id_generator_seed(&random);
    for (uint64_t i = 0; i < FRAME_COUNT;)
        if (push(argument, 16 + 8 * (uint32_t)(id_next(&random) % 30), i)) i++;
    return NULL;
}

static void two_threads_keep_order_and_content(void **state)
{
    (void)state;
    struct ring ring;
    pthread_t producer;
    ring_init(&ring, memory, RING_BYTES);
    assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
    for (uint64_t expected = 0; expected < FRAME_COUNT;) {
        uint32_t bytes;
        const unsigned char *frame = ring_peek(&ring, &bytes);
        if (!frame) continue;
        assert_int_equal(number_of(frame, bytes), expected++);
        ring_skip(&ring, bytes);
        ring_release(&ring);
    }
    pthread_join(producer, NULL);
    assert_int_equal(ring_count(&ring), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_went_in),     cmocka_unit_test(is_full_when_it_is_full),
        cmocka_unit_test(a_frame_never_wraps),         cmocka_unit_test(a_damaged_ring_goes_on),
        cmocka_unit_test(noise_in_a_ring_is_survived), cmocka_unit_test(two_threads_keep_order_and_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
