/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property: what is unpacked is what was packed, for any batch that the wire allows. The seed is printed;
 * `WEIR_TEST_SEED=… proto_batch_test` plays the same batches again.
 */
#include "tests/support/cmocka.h"

#include "base/id.h"
#include "proto/batch.h"
#include "tests/proto/batch_equal.h"
#include "tests/proto/sample_batch.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define ROUNDS      400

static uint64_t seed_from_environment(void)
{
    const char *text = getenv("WEIR_TEST_SEED");
    uint64_t seed;
    if (text) return strtoull(text, NULL, 0);
    id_random_bytes(&seed, sizeof seed);
    return seed;
}

static unsigned char *pack(const struct batch *batch, size_t *bytes)
{
    *bytes = batch_packed_bytes(batch);
    unsigned char *packed = malloc(*bytes + 1);
    assert_int_equal(batch_pack(batch, packed), *bytes);
    return packed;
}

static void round_trip(const struct batch *in)
{
    struct batch out;
    struct arena arena;
    const char *why;
    size_t bytes;
    unsigned char *packed = pack(in, &bytes);
    arena_init(&arena, ARENA_BYTES);
    if (!batch_unpack(&out, &arena, packed, bytes, &why)) fail_msg("refused: %s", why);
    const char *difference = batch_difference(in, &out);
    if (difference) fail_msg("%s differs", difference);
    assert_true(batch_check_complete(&out, &why));
    arena_fini(&arena);
    free(packed);
}

static void unpack_of_pack_is_the_identity(void **state)
{
    (void)state;
    uint64_t seed = seed_from_environment();
    print_message("WEIR_TEST_SEED=0x%llx\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct id_generator random = {{seed + i, 1, 2, 3}};
        struct batch in;
        struct arena arena;
        for (int warm = 0; warm < 8; warm++) id_next(&random);
        arena_init(&arena, ARENA_BYTES);
        sample_batch_random(&in, &arena, &random, 300);
        round_trip(&in);
        arena_fini(&arena);
    }
}

static void all_columns_come_back(void **state)
{
    (void)state;
    struct batch in;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    sample_batch_fixed(&in, &arena);
    round_trip(&in);
    arena_fini(&arena);
}

static void strings_are_found_by_index(void **state)
{
    (void)state;
    struct batch in, out;
    struct arena arena;
    const char *why;
    size_t bytes;
    arena_init(&arena, ARENA_BYTES);
    sample_batch_fixed(&in, &arena);
    unsigned char *packed = pack(&in, &bytes);
    assert_true(batch_unpack(&out, &arena, packed, bytes, &why));
    free(packed); /* nothing may point there */
    assert_true(str_is(batch_string(&out, out.resource_key[0]), "service.name"));
    assert_true(
        str_is(batch_string(&out, out.operation_text[3]), "SELECT * FROM reviews WHERE product_id = ?"));
    assert_true(str_is(batch_string(&out, out.site_function[1]), "größe"));
    assert_true(str_is(batch_string(&out, 0), ""));
    assert_true(str_is(batch_string(&out, UINT32_MAX), ""));
    arena_fini(&arena);
}

static void a_column_of_zeros_is_not_sent(void **state)
{
    (void)state;
    struct batch in, out;
    struct arena arena;
    const char *why;
    size_t with, without;
    arena_init(&arena, ARENA_BYTES);
    sample_batch_fixed(&in, &arena);
    free(pack(&in, &with));
    memset(in.answer_hash, 0, in.span_count * sizeof *in.answer_hash);
    unsigned char *packed = pack(&in, &without);
    assert_int_equal(with - without, 3 + in.span_count * 8); /* tag of two bytes, length, ids */
    assert_true(batch_unpack(&out, &arena, packed, without, &why));
    assert_null(out.answer_hash);
    assert_int_equal(batch_u64(out.answer_hash, 2), 0);
    free(packed);
    arena_fini(&arena);
}

/* A span that has none of it pays nothing for events, links, sampling, scopes and drop counters. */
static void what_is_absent_costs_no_byte(void **state)
{
    (void)state;
    static const size_t spans[] = {1, 512};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        struct id_generator random = {{1, 2, 3, 4}};
        struct batch in;
        struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        sample_batch_realistic(&in, &arena, &random, (uint32_t)spans[i]);
        size_t with_columns = batch_packed_bytes(&in);
#define X(name) assert_null(in.name);
        X(event_name)
        X(span_link_span_id)
        X(scope_name)
        X(sampling_threshold)
#undef X
            in.span_scope = in.span_sampling = in.status_message = in.trace_state = NULL;
        in.dropped_attributes = in.dropped_events = in.dropped_span_links = NULL;
        in.event_count = in.span_link_count = NULL;
        assert_int_equal(batch_packed_bytes(&in), with_columns);
        in.sampled_away[0] = 1;
        assert_int_equal(batch_packed_bytes(&in), with_columns + 3); /* tag, length, value */
        in.dropped[1] = 1;
        assert_int_equal(batch_packed_bytes(&in), with_columns + 3 + 4);
        arena_fini(&arena);
    }
}

static void counters_alone_are_a_batch(void **state)
{
    (void)state;
    struct batch in = {.version = BATCH_VERSION, .producer = 1, .sequence = 2, .created = 3};
    in.dropped[DROP_shutdown] = 3;
    round_trip(&in);
}

/* A fragment's blob: Postgres holds operations, times and status; the rest is here. */
static void a_fragment_may_lack_what_a_batch_has(void **state)
{
    (void)state;
    struct batch in, out;
    struct arena arena;
    const char *why;
    size_t bytes;
    arena_init(&arena, ARENA_BYTES);
    sample_batch_fixed(&in, &arena);
    in.producer = in.sequence = in.base_time_unix_ns = 0;
    in.operation_count = in.trace_count = 0;
    in.span_operation = in.span_trace = in.status = NULL;
    in.start_delta_ns = NULL;
    in.duration_ns = in.rows_plus_1 = NULL;
    unsigned char *packed = pack(&in, &bytes);
    if (!batch_unpack(&out, &arena, packed, bytes, &why)) fail_msg("refused: %s", why);
    assert_null(batch_difference(&in, &out));
    assert_null(out.span_operation);
    assert_false(batch_check_complete(&out, &why));
    assert_string_equal(why, "producer is zero");
    free(packed);
    arena_fini(&arena);
}

static void replies_come_back(void **state)
{
    (void)state;
    static const struct reply replies[] = {
        {REPLY_STORED, STR(""), 0},
        {REPLY_REFUSED, STR("column status has 3 of 8 elements"), 0},
        {REPLY_RETRY, STR("the database is away"), 4000000000u},
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        unsigned char packed[REPLY_BYTES_MAX];
        struct reply out;
        struct arena arena;
        arena_init(&arena, 1 << 16);
        size_t bytes = reply_pack(&replies[i], packed);
        assert_true(reply_unpack(&out, &arena, packed, bytes));
        assert_int_equal(out.status, replies[i].status);
        assert_true(str_equal(out.reason, replies[i].reason));
        assert_int_equal(out.retry_after_ms, replies[i].retry_after_ms);
        arena_fini(&arena);
    }
}

static void a_long_or_malformed_reason_still_is_a_reply(void **state)
{
    (void)state;
    char reason[2000] = "";
    unsigned char packed[REPLY_BYTES_MAX];
    struct reply in = {REPLY_RETRY, str_view(reason, sizeof reason), UINT32_MAX}, out;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    memset(reason, 0xff, sizeof reason);
    reason[3] = 0;
    size_t bytes = reply_pack(&in, packed);
    assert_in_range(bytes, 100, REPLY_BYTES_MAX);
    assert_true(reply_unpack(&out, &arena, packed, bytes));
    assert_true(str_starts(out.reason, "??????"));
    assert_false(reply_unpack(&out, &arena, "\xff\xff\xff", 3));
    assert_true(reply_unpack(&out, &arena, "\x08\x63", 2)); /* status 99 */
    assert_int_equal(out.status, REPLY_UNKNOWN);
    arena_fini(&arena);
}

/* ---- joining ---- */

static void assert_same_text(const struct batch *a, uint32_t i, const struct batch *b, uint32_t k)
{
    struct str x = batch_string(a, i), y = batch_string(b, k);
    assert_int_equal(x.len, y.len);
    if (x.len) assert_memory_equal(x.data, y.data, x.len);
}

static uint32_t counted_before(const uint32_t *counts, uint32_t span)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; counts && i < span; i++) sum += counts[i];
    return sum;
}

static void assert_same_attributes(const struct batch *a, uint32_t i, const struct batch *b, uint32_t k)
{
    uint32_t x = counted_before(a->attribute_count, i), y = counted_before(b->attribute_count, k);
    assert_int_equal(batch_u32(a->attribute_count, i), batch_u32(b->attribute_count, k));
    for (uint32_t n = 0; n < batch_u32(b->attribute_count, k); n++, x++, y++) {
        assert_same_text(a, a->attribute_key[x], b, b->attribute_key[y]);
        assert_int_equal(a->attribute_type[x], b->attribute_type[y]);
        if (attribute_is_text(b->attribute_type[y]))
            assert_same_text(a, (uint32_t)a->attribute_value[x], b, (uint32_t)b->attribute_value[y]);
        else
            assert_true(a->attribute_value[x] == b->attribute_value[y]);
    }
}

static void assert_same_events(const struct batch *a, uint32_t i, const struct batch *b, uint32_t k)
{
    uint32_t x = counted_before(a->event_count, i), y = counted_before(b->event_count, k);
    assert_int_equal(batch_u32(a->event_count, i), batch_u32(b->event_count, k));
    for (uint32_t n = 0; n < batch_u32(b->event_count, k); n++) {
        assert_same_text(a, a->event_name[x + n], b, b->event_name[y + n]);
        assert_true(a->event_time_delta_ns[x + n] == b->event_time_delta_ns[y + n]);
    }
}

static uint64_t start_of(const struct batch *b, uint32_t span)
{
    uint64_t start_ns = b->base_time_unix_ns;
    for (uint32_t i = 0; i <= span; i++) start_ns += (uint64_t)batch_i64(b->start_delta_ns, i);
    return start_ns;
}

static void assert_same_site(const struct batch *a, uint32_t i, const struct batch *b, uint32_t k)
{
    uint32_t x = batch_u32(a->span_site, i), y = batch_u32(b->span_site, k);
    assert_int_equal(x != 0, y != 0);
    if (!y) return;
    assert_same_text(a, a->site_file[x - 1], b, b->site_file[y - 1]);
    assert_int_equal(a->site_line[x - 1], b->site_line[y - 1]);
}

static void assert_same_span(const struct batch *a, uint32_t i, const struct batch *b, uint32_t k)
{
    assert_memory_equal(a->trace_ids + (size_t)batch_u32(a->span_trace, i) * 16,
                        b->trace_ids + (size_t)batch_u32(b->span_trace, k) * 16, 16);
    assert_true(a->span_id[i] == b->span_id[k]);
    assert_true(batch_u64(a->parent_span_id, i) == batch_u64(b->parent_span_id, k));
    assert_true(start_of(a, i) == start_of(b, k));
    assert_true(batch_u64(a->duration_ns, i) == batch_u64(b->duration_ns, k));
    assert_int_equal(batch_u32(a->status, i), batch_u32(b->status, k));
    assert_same_text(a, batch_u32(a->status_message, i), b, batch_u32(b->status_message, k));
    assert_same_text(a, a->operation_text[batch_u32(a->span_operation, i)], b,
                     b->operation_text[batch_u32(b->span_operation, k)]);
    assert_same_site(a, i, b, k);
    assert_same_attributes(a, i, b, k);
    assert_same_events(a, i, b, k);
}

static void round_trip_joined(const struct batch *joined)
{
    struct batch out;
    struct arena arena;
    const char *why;
    size_t bytes;
    unsigned char *packed = pack(joined, &bytes);
    arena_init(&arena, ARENA_BYTES);
    if (!batch_unpack(&out, &arena, packed, bytes, &why)) fail_msg("refused: %s", why);
    arena_fini(&arena);
    free(packed);
}

/* Every span of every part is in the joined batch as it was, and the joined batch is one that the wire would take. */
static void joined_batches_are_what_they_were(void **state)
{
    (void)state;
    struct id_generator random = {{1, 2, 3, 4}};
    uint64_t seed = seed_from_environment();
    print_message("WEIR_TEST_SEED=%llu\n", (unsigned long long)seed);
    random.state[0] ^= seed;
    for (int round = 0; round < ROUNDS / 4; round++) {
        enum { PARTS_MAX = 4 };
        struct arena arena;
        struct batch made[PARTS_MAX], parts[PARTS_MAX], joined;
        const struct batch *list[PARTS_MAX];
        const char *why;
        size_t count = 1 + id_next(&random) % PARTS_MAX, bytes;
        arena_init(&arena, ARENA_BYTES);
        for (size_t i = 0; i < count; i++) {
            sample_batch_random(&made[i], &arena, &random, 20);
            unsigned char *packed = pack(&made[i], &bytes);
            assert_true(batch_unpack(&parts[i], &arena, packed, bytes, &why));
            free(packed);
            list[i] = &parts[i];
        }
        assert_true(batch_join(&joined, &arena, list, count));
        uint32_t at = 0;
        for (size_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < parts[i].span_count; k++) assert_same_span(&joined, at++, &parts[i], k);
        assert_int_equal(joined.span_count, at);
        round_trip_joined(&joined);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_columns_come_back),
        cmocka_unit_test(unpack_of_pack_is_the_identity),
        cmocka_unit_test(strings_are_found_by_index),
        cmocka_unit_test(a_column_of_zeros_is_not_sent),
        cmocka_unit_test(what_is_absent_costs_no_byte),
        cmocka_unit_test(counters_alone_are_a_batch),
        cmocka_unit_test(a_fragment_may_lack_what_a_batch_has),
        cmocka_unit_test(joined_batches_are_what_they_were),
        cmocka_unit_test(replies_come_back),
        cmocka_unit_test(a_long_or_malformed_reason_still_is_a_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
