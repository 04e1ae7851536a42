/* SPDX-License-Identifier: Apache-2.0 */
/* The frame reader as a property: however a stream of frames is cut into pieces, the same frames come out. */
#include "collector/ingest/frame_reader.h"

#include "base/buffer.h"
#include "base/id.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 100000

static const size_t lengths[] = {4, 0, 1, 16383, 16384, 16385, 99999, 100000, 100001, 5, 300000, 4};
#define LENGTH_COUNT (sizeof lengths / sizeof *lengths)

static void add_stream(struct buffer *stream, enum sp_transport transport)
{
    unsigned char prefix[SP_FRAME_PREFIX_BYTES], greeting[SP_GREETING_BYTES];
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    buffer_add(stream, greeting, sizeof greeting);
    for (size_t i = 0; i < LENGTH_COUNT; i++) {
        buffer_add(stream, prefix, sp_prefix(prefix, transport, lengths[i]));
        for (size_t at = 0; at < lengths[i]; at++) buffer_add_char(stream, (char)(at * 7 + i), 1);
    }
}

static void check_bytes(const unsigned char *data, size_t bytes, size_t frame)
{
    for (size_t at = 0; at < bytes; at++) assert_int_equal(data[at], (unsigned char)(at * 7 + frame));
}

static void check_frame(struct frame_reader *reader, struct frame_budget *budget, enum frame_event event,
                        size_t index)
{
    bool kept = lengths[index] <= FRAME_MAX;
    assert_int_equal(event, kept ? FRAME_WHOLE : FRAME_SKIPPED);
    assert_false(frame_reader_inside(reader));
    if (!kept) {
        assert_int_equal(reader->skip, SKIP_TOO_LONG);
        assert_int_equal(reader->head_bytes, FRAME_HEAD_BYTES);
        check_bytes(reader->head, reader->head_bytes, index);
        return;
    }
    struct frame frame = frame_reader_take(reader);
    assert_int_equal(frame.bytes, lengths[index]);
    check_bytes(frame.data, frame.bytes, index);
    frame_free(&frame, budget);
}

static void read_in_pieces(const struct buffer *stream, enum sp_transport transport,
                           struct id_generator *random)
{
    struct frame_budget budget = {.max_bytes = 1 << 20};
    struct frame_reader reader;
    frame_reader_init(&reader, transport, FRAME_MAX, &budget);
    size_t frame = 0, piece_max = 1 + id_next(random) % 20000;
    for (size_t at = 0; at < stream->len;) {
        size_t room, piece = 1 + id_next(random) % piece_max;
        unsigned char *to = frame_reader_room(&reader, &room);
        assert_true(room > 0);
        if (piece > room) piece = room;
        if (piece > stream->len - at) piece = stream->len - at;
        memcpy(to, stream->data + at, piece);
        at += piece;
        enum frame_event event = frame_reader_took(&reader, piece);
        if (event == FRAME_GREETED)
            assert_int_equal(reader.protocol, SP_PROTOCOL_REQ0);
        else if (event != FRAME_NEEDS_MORE)
            check_frame(&reader, &budget, event, frame++);
    }
    assert_int_equal(frame, LENGTH_COUNT);
    frame_reader_fini(&reader);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    struct id_generator random = {.state = {1, 2, 3, 4}};
    for (int transport = SP_TCP; transport <= SP_IPC; transport++) {
        struct buffer stream;
        buffer_init(&stream);
        add_stream(&stream, transport);
        for (int round = 0; round < 30; round++) read_in_pieces(&stream, transport, &random);
        buffer_fini(&stream);
    }
}

/* Returns the event that a prefix announcing so many bytes gives. */
static enum frame_event announce(struct frame_reader *reader, uint64_t frame_bytes)
{
    size_t room;
    unsigned char *to = frame_reader_room(reader, &room);
    sp_greeting(to, SP_PROTOCOL_REQ0);
    assert_int_equal(frame_reader_took(reader, SP_GREETING_BYTES), FRAME_GREETED);
    to = frame_reader_room(reader, &room);
    return frame_reader_took(reader, sp_prefix(to, SP_TCP, frame_bytes));
}

static void test_memory_follows_the_bytes(void **state)
{
    (void)state;
    struct frame_budget budget = {.max_bytes = SIZE_MAX};
    struct frame_reader reader;
    frame_reader_init(&reader, SP_TCP, 16 << 20, &budget);
    assert_int_equal(announce(&reader, 16 << 20), FRAME_NEEDS_MORE);
    for (size_t have = 0; have < (1 << 20);) {
        size_t room;
        unsigned char *to = frame_reader_room(&reader, &room);
        assert_true(budget.used_bytes <= 2 * have + FRAME_FIRST_BYTES);
        memset(to, 0, room);
        frame_reader_took(&reader, room);
        have += room;
    }
    frame_reader_fini(&reader);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_without_room_a_frame_is_skipped(void **state)
{
    (void)state;
    struct frame_budget budget = {.max_bytes = 40000};
    struct frame_reader reader;
    frame_reader_init(&reader, SP_TCP, 16 << 20, &budget);
    assert_int_equal(announce(&reader, 100000), FRAME_NEEDS_MORE);
    enum frame_event event = FRAME_NEEDS_MORE;
    for (unsigned char next = 0; event == FRAME_NEEDS_MORE;) {
        size_t room;
        unsigned char *to = frame_reader_room(&reader, &room);
        *to = next++;
        event = frame_reader_took(&reader, 1);
    }
    assert_int_equal(event, FRAME_SKIPPED);
    assert_int_equal(reader.skip, SKIP_NO_ROOM);
    assert_int_equal(reader.head_bytes, FRAME_HEAD_BYTES);
    for (unsigned char i = 0; i < FRAME_HEAD_BYTES; i++) assert_int_equal(reader.head[i], i);
    assert_int_equal(budget.used_bytes, 0);
    frame_reader_fini(&reader);
}

static void test_absurd_lengths_are_errors(void **state)
{
    (void)state;
    const uint64_t absurd[] = {UINT64_MAX, 8ull << 30, (uint64_t)INT64_MAX + 1};
    for (size_t i = 0; i < 3; i++) {
        struct frame_budget budget = {.max_bytes = SIZE_MAX};
        struct frame_reader reader;
        frame_reader_init(&reader, SP_TCP, 16 << 20, &budget);
        assert_int_equal(announce(&reader, absurd[i]), FRAME_TOO_LONG);
        frame_reader_fini(&reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_memory_follows_the_bytes),
        cmocka_unit_test(test_without_room_a_frame_is_skipped),
        cmocka_unit_test(test_absurd_lengths_are_errors),
    };
    return cmocka_run_group_tests_name("frame_reader", tests, NULL, NULL);
}
