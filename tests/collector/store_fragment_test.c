/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments without a database: encoding, and blobs that are not what they were. */
#include "tests/collector/store_support.h"

#include "collector/store/fragment.h"
#include "collector/store/partition.h"
#include "collector/store/text.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)256 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct fragment encode(const struct batch *batch, uint32_t which)
{
    struct fragment_index index;
    struct fragment fragment;
    int32_t *operation_ids = arena_array(&arena, batch->operation_count, sizeof *operation_ids);
    int32_t *site_ids = arena_array(&arena, batch->site_count, sizeof *site_ids);
    for (uint32_t i = 0; i < batch->operation_count; i++) operation_ids[i] = (int32_t)(1000 + i);
    for (uint32_t i = 0; i < batch->site_count; i++) site_ids[i] = (int32_t)(2000 + i);
    assert_true(fragment_index_make(&index, batch, &arena));
    assert_true(fragment_encode(&fragment, batch, &index, which, operation_ids, site_ids, &arena));
    return fragment;
}

static void sites_become_numbers_of_the_dictionary(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch *batch = test_request(&arena, &g, "shop", "1", "GET /x", TEST_NOW_NS, 1000000, 3);
    struct fragment fragment = encode(batch, 0);
    struct batch decoded;
    const char *why;
    assert_true(fragment_decode(&decoded, fragment.blob, 4, &arena, &why));
    assert_int_equal(decoded.site_count, 1);
    assert_int_equal(decoded.site_line[0], 2000);
    assert_int_equal(decoded.span_site[0], 0);
    assert_int_equal(decoded.span_site[3], 1);
    assert_null(decoded.span_operation);
    assert_null(decoded.duration_ns);
    assert_int_equal(decoded.string_count, 0);
    assert_int_equal(fragment.operation_id[3], 1001);
}

static void a_corrupt_blob_is_an_error(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {
        .traces = 1, .spans = 40, .operations = 3, .attributes = true, .links = true, .hashes = true};
    struct fragment fragment = encode(test_batch(&arena, &g, &shape), 0);
    struct arena own;
    arena_init(&own, (size_t)8 << 20);
    char *copy = arena_alloc(&arena, fragment.blob.len);
    struct batch decoded;
    const char *why;
    for (size_t cut = 0; cut < fragment.blob.len; cut++) {
        arena_reset(&own);
        why = NULL;
        assert_false(fragment_decode(&decoded, str_view(fragment.blob.data, cut), 40, &own, &why));
        assert_non_null(why);
    }
    for (int round = 0; round < 20000; round++) {
        arena_reset(&own);
        memcpy(copy, fragment.blob.data, fragment.blob.len);
        for (int k = 0; k < 3; k++) copy[id_next(&g) % fragment.blob.len] = (char)id_next(&g);
        why = NULL;
        bool fine = fragment_decode(&decoded, str_view(copy, fragment.blob.len), 40, &own, &why);
        assert_true(fine || why);
    }
    arena_fini(&own);
}

static void a_blob_that_claims_to_be_huge_allocates_nothing(void **state)
{
    (void)state;
    static const char huge[] = "\x01\xff\xff\xff\xff\x7f"
                               "abcdefgh";
    struct batch decoded;
    const char *why;
    assert_false(fragment_decode(&decoded, str_view(huge, sizeof huge - 1), 1, &arena, &why));
    assert_false(arena_exhausted(&arena));
    assert_true(arena.total_bytes < 1 << 20);
}

static void the_number_of_spans_must_be_that_of_the_arrays(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct fragment fragment =
        encode(test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 5, .operations = 1}), 0);
    struct batch decoded;
    const char *why;
    assert_true(fragment_decode(&decoded, fragment.blob, 5, &arena, &why));
    assert_false(fragment_decode(&decoded, fragment.blob, 6, &arena, &why));
}

/* Each fragment takes only its own part of the tables, however many fragments there are. */
static void many_traces_with_long_tables_stay_small(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 3000, .spans = 3000, .operations = 900, .attributes = true};
    struct batch *batch = test_batch(&arena, &g, &shape);
    struct fragment_index index;
    struct fragment fragment;
    struct arena own;
    int32_t ids[900] = {0};
    arena_init(&own, (size_t)1 << 16);
    assert_true(fragment_index_make(&index, batch, &arena));
    assert_int_equal(index.fragment_count, 3000);
    for (uint32_t i = 0; i < index.fragment_count; i++) {
        arena_reset(&own);
        assert_true(fragment_encode(&fragment, batch, &index, i, ids, ids, &own));
        assert_int_equal(fragment.span_count, 1);
        assert_true(fragment.blob.len < 400);
        if (i) assert_true(memcmp(batch->trace_ids + index.trace[i - 1] * 16, fragment.trace_id, 16) < 0);
    }
    arena_fini(&own);
}

static void a_day_stays_in_its_window(void **state)
{
    (void)state;
    const int64_t day_ns = 86400LL * 1000000000LL, today = TEST_NOW_NS / day_ns;
    assert_int_equal(partition_day(TEST_NOW_NS, TEST_NOW_NS), today);
    assert_int_equal(partition_day(TEST_NOW_NS - 3 * day_ns, TEST_NOW_NS), today - 3);
    assert_int_equal(partition_day(0, TEST_NOW_NS), today - PARTITION_PAST_DAYS);
    assert_int_equal(partition_day(INT64_MAX, TEST_NOW_NS), today + PARTITION_FUTURE_DAYS);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    struct str text = text_clean(&arena, str_of("ab€"), 4);
    assert_int_equal(text.len, 2);
    assert_int_equal(text_clean(&arena, str_of("ab€"), 5).len, 5);
    assert_string_equal(text_clean(&arena, str_view("a\0b\xff", 4), 10).data, "a?b?");
    struct buffer json;
    buffer_init(&json);
    text_add_json(&json, str_of("a\"b\\c\n€\x7f"));
    assert_string_equal(json.data, "\"a\\\"b\\\\c\\u000a€\\u007f\"");
    buffer_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(sites_become_numbers_of_the_dictionary),
        TEST(a_corrupt_blob_is_an_error),
        TEST(a_blob_that_claims_to_be_huge_allocates_nothing),
        TEST(the_number_of_spans_must_be_that_of_the_arrays),
        TEST(many_traces_with_long_tables_stay_small),
        TEST(a_day_stays_in_its_window),
        TEST(text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
