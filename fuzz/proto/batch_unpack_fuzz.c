/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a batch and as a reply: refused, or what is taken packs and unpacks to the same again. */
#include "proto/batch.h"
#include "tests/proto/batch_equal.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void pack_again(const struct batch *batch)
{
    struct batch again;
    struct arena arena;
    const char *why;
    size_t packed_bytes = batch_packed_bytes(batch);
    unsigned char *packed = malloc(packed_bytes + 1);
    if (!packed) return;
    arena_init(&arena, ARENA_BYTES);
    if (batch_pack(batch, packed) != packed_bytes) abort();
    if (!batch_unpack(&again, &arena, packed, packed_bytes, &why) && !arena_exhausted(&arena)) abort();
    if (!arena_exhausted(&arena) && batch_difference(batch, &again)) abort();
    arena_fini(&arena);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct batch batch;
    struct reply reply;
    struct arena arena;
    const char *why = NULL;
    arena_init(&arena, ARENA_BYTES);
    if (batch_unpack(&batch, &arena, data, bytes, &why))
        pack_again(&batch);
    else if (!why)
        abort();
    reply_unpack(&reply, &arena, data, bytes);
    if (arena.total_bytes > ARENA_BYTES) abort();
    arena_fini(&arena);
    return 0;
}
