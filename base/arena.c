/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CHUNK_BYTES ((size_t)16 * 1024)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size_bytes; /* of data */
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *arena, size_t cap_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->cap_bytes = cap_bytes;
}

static void free_chunks(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void arena_fini(struct arena *arena)
{
    free_chunks(arena->chunks);
    arena_init(arena, arena->cap_bytes);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *newest = arena->chunks;
    if (newest) {
        free_chunks(newest->older);
        newest->older = NULL;
        arena->total_bytes = newest->size_bytes;
    }
    arena->used_bytes = 0;
    arena->exhausted = false;
}

/* Chunks double, so that an arena of n bytes makes O(log n) calls to malloc. */
static bool grow(struct arena *arena, size_t bytes)
{
    size_t room = arena->cap_bytes - arena->total_bytes;
    size_t want = arena->chunks ? arena->chunks->size_bytes * 2 : FIRST_CHUNK_BYTES;
    if (want < bytes) want = bytes;
    if (want > room) want = room;
    if (want < bytes) return false;
    struct arena_chunk *chunk = malloc(sizeof *chunk + want);
    if (!chunk) return false;
    chunk->older = arena->chunks;
    chunk->size_bytes = want;
    arena->chunks = chunk;
    arena->used_bytes = 0;
    arena->total_bytes += want;
    return true;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX - align) {
        arena->exhausted = true;
        return NULL;
    }
    bytes = (bytes + align - 1) & ~(align - 1);
    if (!arena->chunks || arena->chunks->size_bytes - arena->used_bytes < bytes) {
        if (!grow(arena, bytes)) {
            arena->exhausted = true;
            return NULL;
        }
    }
    void *result = arena->chunks->data + arena->used_bytes;
    arena->used_bytes += bytes;
    return result;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        arena->exhausted = true;
        return NULL;
    }
    void *result = arena_alloc(arena, total);
    if (result) memset(result, 0, total);
    return result;
}

struct str arena_str(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (!copy) return str_view(NULL, 0);
    if (text.len) memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return str_view(copy, text.len);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text) vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return str_view(text, text ? (size_t)len : 0);
}
