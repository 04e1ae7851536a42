/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c's allocator over an arena: memory is bounded by the arena's cap and freed with it. Private to
 * proto/. */
#ifndef WEIR_PROTO_ARENA_ALLOCATOR_H
#define WEIR_PROTO_ARENA_ALLOCATOR_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

static inline void *arena_allocator_alloc(void *arena, size_t bytes) { return arena_alloc(arena, bytes); }

static inline void arena_allocator_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static inline ProtobufCAllocator arena_allocator(struct arena *arena)
{
    ProtobufCAllocator allocator = {arena_allocator_alloc, arena_allocator_free, arena};
    return allocator;
}

#endif
