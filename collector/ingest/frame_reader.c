/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/frame_reader.h"

#include <stdlib.h>
#include <string.h>

static size_t least(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

static bool budget_take(struct frame_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
    do {
        if (bytes > budget->max_bytes || used > budget->max_bytes - bytes) return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used_bytes, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void budget_give(struct frame_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}

void frame_free(struct frame *frame, struct frame_budget *budget)
{
    free(frame->data);
    budget_give(budget, frame->charged_bytes);
    *frame = (struct frame){0};
}

void frame_reader_init(struct frame_reader *reader, enum sp_transport transport, size_t frame_bytes_max,
                       struct frame_budget *budget)
{
    memset(reader, 0, sizeof *reader);
    reader->transport = transport;
    reader->frame_bytes_max = frame_bytes_max;
    reader->budget = budget;
}

void frame_reader_fini(struct frame_reader *reader) { frame_free(&reader->frame, reader->budget); }

struct frame frame_reader_take(struct frame_reader *reader)
{
    struct frame taken = reader->frame;
    reader->frame = (struct frame){0};
    return taken;
}

/* Keeps the words by which the frame can be answered, and lets go of the rest. */
static void skip_frame(struct frame_reader *reader, enum frame_skip why)
{
    reader->skip = why;
    reader->head_bytes = least(reader->have_bytes, FRAME_HEAD_BYTES);
    if (reader->head_bytes) memcpy(reader->head, reader->frame.data, reader->head_bytes);
    frame_free(&reader->frame, reader->budget);
}

/* Memory behind the bytes that have come: doubled, never beyond what was announced. */
static bool grow_frame(struct frame_reader *reader)
{
    size_t old_bytes = reader->frame.charged_bytes;
    size_t new_bytes = least(old_bytes ? old_bytes * 2 : FRAME_FIRST_BYTES, reader->frame_bytes);
    if (!budget_take(reader->budget, new_bytes - old_bytes)) return false;
    unsigned char *data = realloc(reader->frame.data, new_bytes);
    if (!data) {
        budget_give(reader->budget, new_bytes - old_bytes);
        return false;
    }
    reader->frame.data = data;
    reader->frame.charged_bytes = new_bytes;
    return true;
}

static size_t phase_bytes(const struct frame_reader *reader)
{
    return reader->phase == PHASE_GREETING ? SP_GREETING_BYTES : sp_prefix_bytes(reader->transport);
}

unsigned char *frame_reader_room(struct frame_reader *reader, size_t *bytes)
{
    if (reader->phase != PHASE_FRAME) {
        *bytes = phase_bytes(reader) - reader->have_bytes;
        return reader->scratch + reader->have_bytes;
    }
    if (reader->skip == SKIP_NO && reader->have_bytes == reader->frame.charged_bytes && !grow_frame(reader))
        skip_frame(reader, SKIP_NO_ROOM);
    if (reader->skip != SKIP_NO) {
        *bytes = least(reader->frame_bytes - reader->have_bytes, FRAME_SCRATCH_BYTES);
        return reader->scratch;
    }
    *bytes = reader->frame.charged_bytes - reader->have_bytes;
    return reader->frame.data + reader->have_bytes;
}

static enum frame_event end_frame(struct frame_reader *reader)
{
    reader->phase = PHASE_PREFIX;
    reader->have_bytes = 0;
    if (reader->skip != SKIP_NO) return FRAME_SKIPPED;
    reader->frame.bytes = (size_t)reader->frame_bytes;
    return FRAME_WHOLE;
}

static enum frame_event end_greeting(struct frame_reader *reader)
{
    reader->phase = PHASE_PREFIX;
    reader->have_bytes = 0;
    return sp_greeting_parse(reader->scratch, &reader->protocol) ? FRAME_GREETED : FRAME_BAD_GREETING;
}

static enum frame_event end_prefix(struct frame_reader *reader)
{
    if (!sp_prefix_parse(reader->scratch, reader->transport, &reader->frame_bytes)) return FRAME_BAD_PREFIX;
    if (reader->frame_bytes / FRAME_SKIP_FACTOR > reader->frame_bytes_max) return FRAME_TOO_LONG;
    reader->phase = PHASE_FRAME;
    reader->have_bytes = 0;
    reader->skip = SKIP_NO;
    if (reader->frame_bytes > reader->frame_bytes_max) skip_frame(reader, SKIP_TOO_LONG);
    return reader->frame_bytes == 0 ? end_frame(reader) : FRAME_NEEDS_MORE;
}

/* Of the bytes that came into the scratch memory, those that belong to the frame's first words. */
static void keep_head(struct frame_reader *reader, size_t bytes)
{
    size_t keep = least(bytes, FRAME_HEAD_BYTES - reader->head_bytes);
    memcpy(reader->head + reader->head_bytes, reader->scratch, keep);
    reader->head_bytes += keep;
}

enum frame_event frame_reader_took(struct frame_reader *reader, size_t bytes)
{
    if (reader->phase == PHASE_FRAME && reader->skip != SKIP_NO) keep_head(reader, bytes);
    reader->have_bytes += bytes;
    if (reader->phase == PHASE_FRAME)
        return reader->have_bytes == reader->frame_bytes ? end_frame(reader) : FRAME_NEEDS_MORE;
    if (reader->have_bytes < phase_bytes(reader)) return FRAME_NEEDS_MORE;
    return reader->phase == PHASE_GREETING ? end_greeting(reader) : end_prefix(reader);
}
