/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden vectors: files of packed bytes that docs/wire-format.md describes. Packing must give them byte for byte, and
 * unpacking must give the batch back, for as long as version 1 lives. They are written only by
 *
 *     proto_vectors_test --write
 *
 * which takes a reason: a vector that changes is a wire that changed.
 */
#include "tests/support/cmocka.h"

#include "proto/batch.h"
#include "proto/sp.h"
#include "tests/proto/batch_equal.h"
#include "tests/proto/sample_batch.h"

#include <stdio.h>
#include <stdlib.h>

#define VECTOR_BYTES_MAX 4096

static size_t make_full_batch(unsigned char *to)
{
    struct batch batch;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    sample_batch_fixed(&batch, &arena);
    size_t bytes = batch_pack(&batch, to);
    arena_fini(&arena);
    return bytes;
}

static size_t make_smallest_batch(unsigned char *to)
{
    uint64_t span_id = 0x0102030405060708u;
    uint32_t type = 0, system = 0, text = 1, string_bytes[2] = {0, 4};
    unsigned char trace_id[16] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                  0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};
    uint64_t duration_ns = 1500;
    struct batch batch = {.version = 1, .producer = 0x1122334455667788u, .sequence = 1, .created = 1};
    batch.string_data = str_of("work");
    batch.string_count = 2;
    batch.string_bytes = string_bytes;
    batch.trace_count = 1;
    batch.trace_ids = trace_id;
    batch.operation_count = 1;
    batch.operation_type = &type;
    batch.operation_system = &system;
    batch.operation_text = &text;
    batch.base_time_unix_ns = 1700000000000000000u;
    batch.span_count = 1;
    batch.span_id = &span_id;
    batch.duration_ns = &duration_ns;
    return batch_pack(&batch, to);
}

static size_t make_counters(unsigned char *to)
{
    struct batch batch = {
        .version = 1, .producer = 0x1122334455667788u, .sequence = 2, .created = 10, .acknowledged = 7};
    batch.dropped[DROP_ring_full] = 3;
    return batch_pack(&batch, to);
}

static size_t make_reply(unsigned char *to, enum reply_status status, const char *reason,
                         uint32_t retry_after_ms)
{
    return reply_pack(&(struct reply){status, str_of(reason), retry_after_ms}, to);
}

static size_t make_stored(unsigned char *to) { return make_reply(to, REPLY_STORED, "", 0); }
static size_t make_refused(unsigned char *to)
{
    return make_reply(to, REPLY_REFUSED, "version 2 is newer than this collector's 1", 0);
}
static size_t make_retry(unsigned char *to)
{
    return make_reply(to, REPLY_RETRY, "the database is away", 1000);
}

/* Greeting and first frame, as they go over tcp. */
static size_t make_request_stream(unsigned char *to)
{
    unsigned char body[VECTOR_BYTES_MAX];
    size_t body_bytes = make_smallest_batch(body), at = SP_GREETING_BYTES;
    sp_greeting(to, SP_PROTOCOL_REQ0);
    at += sp_prefix(to + at, SP_TCP, 4 + body_bytes);
    sp_request_id(to + at, 1);
    memcpy(to + at + 4, body, body_bytes);
    return at + 4 + body_bytes;
}

static const struct {
    const char *file;
    size_t (*make)(unsigned char *to);
} vectors[] = {
    {"batch_full.bin", make_full_batch},
    {"batch_smallest.bin", make_smallest_batch},
    {"batch_counters.bin", make_counters},
    {"reply_stored.bin", make_stored},
    {"reply_refused.bin", make_refused},
    {"reply_retry.bin", make_retry},
    {"request_tcp_stream.bin", make_request_stream},
};

static FILE *open_vector(const char *file, const char *mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VECTORS_DIR, file);
    return fopen(path, mode);
}

static size_t read_vector(const char *file, unsigned char *to)
{
    FILE *from = open_vector(file, "rb");
    if (!from) fail_msg("%s cannot be read", file);
    size_t bytes = fread(to, 1, VECTOR_BYTES_MAX, from);
    fclose(from);
    return bytes;
}

static void packing_gives_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        unsigned char golden[VECTOR_BYTES_MAX], made[VECTOR_BYTES_MAX];
        size_t bytes = read_vector(vectors[i].file, golden);
        print_message("%s: %zu bytes\n", vectors[i].file, bytes);
        assert_int_equal(vectors[i].make(made), bytes);
        assert_memory_equal(made, golden, bytes);
    }
}

static void unpacking_gives_the_batch(void **state)
{
    (void)state;
    unsigned char golden[VECTOR_BYTES_MAX];
    struct batch in, out;
    struct arena arena;
    const char *why;
    arena_init(&arena, (size_t)1 << 20);
    sample_batch_fixed(&in, &arena);
    size_t bytes = read_vector("batch_full.bin", golden);
    assert_true(batch_unpack(&out, &arena, golden, bytes, &why));
    assert_null(batch_difference(&in, &out));
    arena_fini(&arena);
}

/* Packed before there were events, span links, scopes and sampling, with all drop counters: it must stay readable. */
static void an_older_batch_is_read(void **state)
{
    (void)state;
    unsigned char golden[VECTOR_BYTES_MAX];
    struct batch out;
    struct arena arena;
    const char *why;
    arena_init(&arena, (size_t)1 << 20);
    size_t bytes = read_vector("batch_before_events.bin", golden);
    if (!batch_unpack(&out, &arena, golden, bytes, &why)) fail_msg("refused: %s", why);
    assert_true(batch_check_complete(&out, &why));
    assert_int_equal(out.span_count, 4);
    assert_int_equal(out.dropped[DROP_ring_full], 5);
    assert_int_equal(out.dropped[DROP_forked], 1);
    assert_int_equal(out.attribute_total, 4);
    assert_int_equal(out.event_total + out.span_link_total + out.scope_count + out.sampling_count, 0);
    assert_null(out.span_sampling);
    arena_fini(&arena);
}

static int write_vectors(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        unsigned char made[VECTOR_BYTES_MAX];
        size_t bytes = vectors[i].make(made);
        FILE *to = open_vector(vectors[i].file, "wb");
        if (!to || fwrite(made, 1, bytes, to) != bytes || fclose(to) != 0) return 1;
        printf("%s: %zu bytes\n", vectors[i].file, bytes);
    }
    return 0;
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_gives_the_vectors),
        cmocka_unit_test(unpacking_gives_the_batch),
        cmocka_unit_test(an_older_batch_is_read),
    };
    if (count == 2 && strcmp(arguments[1], "--write") == 0) return write_vectors();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
