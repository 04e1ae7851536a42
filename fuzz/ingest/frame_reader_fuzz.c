/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any stream of bytes, in pieces of any size, through the frame reader: no byte is written outside of the room that was
 * given, memory stays in proportion to what has come, and all of it goes back to the budget.
 * The first byte says transport and size of pieces, the rest is the stream.
 */
#include "collector/ingest/frame_reader.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_MAX  100000
#define BUDGET_MAX 60000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool holds)
{
    if (!holds) abort();
}

static void check_whole(struct frame_reader *reader, struct frame_budget *budget)
{
    struct frame frame = frame_reader_take(reader);
    expect(frame.bytes <= FRAME_MAX && frame.charged_bytes == frame.bytes);
    expect(sp_header_bytes(frame.data, frame.bytes) <= frame.bytes);
    frame_free(&frame, budget);
}

/* False: the stream cannot be read on. */
static bool check_event(struct frame_reader *reader, struct frame_budget *budget, enum frame_event event)
{
    switch (event) {
    case FRAME_NEEDS_MORE:
    case FRAME_GREETED:
        return true;
    case FRAME_WHOLE:
        check_whole(reader, budget);
        return true;
    case FRAME_SKIPPED:
        expect(reader->skip != SKIP_NO && reader->head_bytes <= FRAME_HEAD_BYTES);
        return true;
    case FRAME_BAD_GREETING:
    case FRAME_BAD_PREFIX:
    case FRAME_TOO_LONG:
        break;
    }
    return false;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0) return 0;
    struct frame_budget budget = {.max_bytes = BUDGET_MAX};
    struct frame_reader reader;
    size_t piece_max = (size_t)(data[0] >> 1) * 32 + 1;
    frame_reader_init(&reader, data[0] & 1 ? SP_IPC : SP_TCP, FRAME_MAX, &budget);
    for (size_t at = 1; at < bytes;) {
        size_t room;
        unsigned char *to = frame_reader_room(&reader, &room);
        expect(room > 0 && budget.used_bytes <= 2 * at + FRAME_FIRST_BYTES);
        size_t piece = least(least(room, piece_max), bytes - at);
        memcpy(to, data + at, piece);
        at += piece;
        if (!check_event(&reader, &budget, frame_reader_took(&reader, piece))) break;
    }
    frame_reader_fini(&reader);
    expect(budget.used_bytes == 0);
    return 0;
}
