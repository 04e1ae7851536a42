/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of one peer in, frames out: the part of SP that has state, without any I/O. The owner asks where the
 * next bytes go, has them read there, and says how many came; the answer says what that completed. It never
 * asks for bytes beyond the present greeting, prefix or frame, so an owner who stops reading between frames
 * holds nothing half read.
 *
 * What a peer announces is believed only as far as its bytes come: a frame's memory starts small and doubles
 * behind them, and every byte of it is taken from a budget that all connections share. A frame that is too
 * long for a batch, or for which the budget has no room, is read to its end without being kept (its first
 * words stay, so that it can be answered); one that is absurdly long is an error at once. Belongs to one
 * thread at a time; the budget to all.
 */
#ifndef WEIR_COLLECTOR_FRAME_READER_H
#define WEIR_COLLECTOR_FRAME_READER_H

#include "proto/sp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD_BYTES    (4 * (SP_HOPS_MAX + 1)) /* what stays of a frame that is not kept */
#define FRAME_SKIP_FACTOR   4     /* a frame up to so many times too long is read to its end */
#define FRAME_FIRST_BYTES   16384 /* a frame's memory at first */
#define FRAME_SCRATCH_BYTES 4096

/* Memory for frames, over all connections. */
struct frame_budget {
    _Atomic size_t used_bytes; /* guards nothing: a count, relaxed */
    size_t max_bytes;
};

/* A whole frame; owned by whoever took it. */
struct frame {
    unsigned char *data;
    size_t bytes;         /* header words and body */
    size_t charged_bytes; /* of the budget */
};

enum frame_event {
    FRAME_NEEDS_MORE,
    FRAME_GREETED,      /* `protocol` is the peer's */
    FRAME_WHOLE,        /* frame_reader_take has it */
    FRAME_SKIPPED,      /* `skip` says why it was not kept, `head` has its first `head_bytes` */
    FRAME_BAD_GREETING, /* errors: the stream cannot be read on */
    FRAME_BAD_PREFIX,
    FRAME_TOO_LONG
};

enum frame_skip { SKIP_NO, SKIP_TOO_LONG, SKIP_NO_ROOM };
enum frame_phase { PHASE_GREETING, PHASE_PREFIX, PHASE_FRAME };

struct frame_reader {
    enum sp_transport transport;
    size_t frame_bytes_max;
    struct frame_budget *budget; /* borrowed */

    enum frame_phase phase;
    size_t have_bytes; /* of the present phase */
    uint16_t protocol;
    uint64_t frame_bytes; /* as announced */
    struct frame frame;   /* owned until taken; charged_bytes is also its room */
    enum frame_skip skip;
    unsigned char head[FRAME_HEAD_BYTES];
    size_t head_bytes;
    unsigned char scratch[FRAME_SCRATCH_BYTES]; /* greeting, prefix, and what is not kept */
};

void frame_reader_init(struct frame_reader *reader, enum sp_transport transport, size_t frame_bytes_max,
                       struct frame_budget *budget);
void frame_reader_fini(struct frame_reader *reader);

/* Where the next bytes go, at least one; the pointer is good until the next call. */
unsigned char *frame_reader_room(struct frame_reader *reader, size_t *bytes);
/* So many bytes have come there (no more than the room). After an error the reader may only be finished. */
enum frame_event frame_reader_took(struct frame_reader *reader, size_t bytes);

/* After FRAME_WHOLE, once. */
struct frame frame_reader_take(struct frame_reader *reader);
void frame_free(struct frame *frame, struct frame_budget *budget);

/* A frame has begun and not ended. */
static inline bool frame_reader_inside(const struct frame_reader *reader)
{
    return reader->phase == PHASE_FRAME || (reader->phase == PHASE_PREFIX && reader->have_bytes > 0);
}

#endif
