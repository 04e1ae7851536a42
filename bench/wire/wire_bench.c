/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wire costs: 512 realistic spans a batch, packed and unpacked over and over on one core. The floor is the
 * memcpy of the same bytes; goals are those of docs/architecture.md (design, section 10).
 */
#include "base/clock.h"
#include "tests/proto/sample_batch.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>

#define SPANS    512
#define ROUND_NS (NS_PER_S / 2)
#define ROUNDS   3 /* the best counts: other work on the machine only ever slows one down */

struct bench {
    struct batch batch;
    struct arena arena;
    unsigned char *packed, *copy;
    size_t bytes;
};

static void pack_once(struct bench *b)
{
    size_t bytes = batch_packed_bytes(&b->batch);
    if (bytes != b->bytes || batch_pack(&b->batch, b->packed) != bytes) abort();
}

static void unpack_once(struct bench *b)
{
    struct batch out;
    const char *why;
    arena_reset(&b->arena);
    if (!batch_unpack(&out, &b->arena, b->packed, b->bytes, &why)) abort();
}

static void copy_once(struct bench *b)
{
    memcpy(b->copy, b->packed, b->bytes);
    __asm__ volatile("" ::: "memory");
}

static double spans_per_second(struct bench *b, void (*once)(struct bench *))
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin = clock_monotonic_ns(), now = begin;
        size_t times = 0;
        for (; now - begin < ROUND_NS; now = clock_monotonic_ns())
            for (int i = 0; i < 64; i++, times++) once(b);
        double rate = (double)times * SPANS * 1e9 / (double)(now - begin);
        if (rate > best) best = rate;
    }
    return best;
}

static double lz4_bytes(const struct bench *b)
{
    int room = LZ4_compressBound((int)b->bytes);
    char *to = malloc((size_t)room);
    int bytes = to ? LZ4_compress_default((const char *)b->packed, to, (int)b->bytes, room) : 0;
    free(to);
    return bytes;
}

int main(void)
{
    struct bench b;
    struct arena batch_arena;
    struct id_generator random = {{1, 2, 3, 4}};
    for (int i = 0; i < 16; i++) id_next(&random);
    arena_init(&batch_arena, (size_t)16 << 20);
    arena_init(&b.arena, (size_t)16 << 20);
    sample_batch_realistic(&b.batch, &batch_arena, &random, SPANS);
    b.bytes = batch_packed_bytes(&b.batch);
    b.packed = malloc(b.bytes);
    b.copy = malloc(b.bytes);
    if (!b.packed || !b.copy) return 1;
    double pack = spans_per_second(&b, pack_once);
    double unpack = spans_per_second(&b, unpack_once);
    double copy = spans_per_second(&b, copy_once);
    printf("pack    %6.1f M spans/s   %5.1f x memcpy   goal 10\n", pack / 1e6, copy / pack);
    printf("unpack  %6.1f M spans/s   %5.1f x memcpy   goal 20\n", unpack / 1e6, copy / unpack);
    printf("size    %6.1f bytes/span                    goal 80\n", (double)b.bytes / SPANS);
    printf("lz4     %6.1f bytes/span                    goal 45\n", lz4_bytes(&b) / SPANS);
    free(b.packed);
    free(b.copy);
    arena_fini(&b.arena);
    arena_fini(&batch_arena);
    return 0;
}
