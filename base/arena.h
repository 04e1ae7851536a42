/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once: one arena a batch, one a trace, one a request for a report. Grows by
 * chunks up to a cap; beyond the cap arena_alloc returns NULL and arena_exhausted() stays true, so a parser
 * can go on to its end and ask once. Used by one thread at a time. Results are aligned for any type and not
 * zeroed unless said.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used_bytes;          /* in the newest chunk */
    size_t total_bytes;         /* of all chunks */
    size_t cap_bytes;
    bool exhausted;
};

void arena_init(struct arena *arena, size_t cap_bytes);
void arena_fini(struct arena *arena);

/* Empties the arena but keeps one chunk, so that the next batch allocates nothing from the system. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t bytes);

/* count × bytes, zeroed; NULL on overflow or past the cap. A count of 0 gives a valid pointer. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/* A copy with a terminating 0 behind it. */
struct str arena_str(struct arena *arena, struct str text);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool arena_exhausted(const struct arena *arena) { return arena->exhausted; }

#endif
