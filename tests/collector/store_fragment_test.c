/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments without a database: encoding, and blobs that are not what they were. */
#include "tests/collector/store_support.h"

#include "collector/store/fragment.h"
#include "collector/store/fragment_spans.h"
#include "collector/store/partition.h"
#include "collector/store/text.h"
#include "tests/proto/sample_batch.h"

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

/* ---- all of a span goes in and comes out ---- */

static bool same_attributes(const struct attribute *a, const struct attribute *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!str_equal(a[i].key, b[i].key) || a[i].type != b[i].type || !str_equal(a[i].text, b[i].text) ||
            a[i].integer != b[i].integer || memcmp(&a[i].real, &b[i].real, sizeof a[i].real) != 0)
            return false;
    }
    return true;
}

static bool same_event(const struct span_event *a, const struct span_event *b)
{
    return a->time_ns == b->time_ns && str_equal(a->name, b->name) &&
           a->dropped_attributes == b->dropped_attributes && a->attribute_count == b->attribute_count &&
           same_attributes(a->attributes, b->attributes, a->attribute_count);
}

static bool same_span_link(const struct span_link *a, const struct span_link *b)
{
    return memcmp(a->trace_id, b->trace_id, 16) == 0 && a->span_id == b->span_id &&
           str_equal(a->trace_state, b->trace_state) && a->trace_flags == b->trace_flags &&
           a->dropped_attributes == b->dropped_attributes && a->attribute_count == b->attribute_count &&
           same_attributes(a->attributes, b->attributes, a->attribute_count);
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
    return a && b ? str_equal(a->name, b->name) && str_equal(a->version, b->version) : a == b;
}

/* NULL, or what differs. */
static const char *difference(const struct span *a, const struct span *b)
{
    if (a->id != b->id || a->parent_id != b->parent_id || a->kind != b->kind) return "ids";
    if (a->remote_parent != b->remote_parent || a->trace_flags != b->trace_flags) return "flags";
    if (a->input_hash != b->input_hash || a->answer_hash != b->answer_hash ||
        a->connection != b->connection || a->input_count != b->input_count)
        return "call";
    if (a->unread_count != b->unread_count || a->link_count != b->link_count) return "unread or links";
    if (a->unread_count && memcmp(a->unread, b->unread, a->unread_count * sizeof *a->unread) != 0)
        return "unread";
    if (a->link_count && memcmp(a->links, b->links, a->link_count * sizeof *a->links) != 0) return "links";
    if (a->attribute_count != b->attribute_count ||
        !same_attributes(a->attributes, b->attributes, a->attribute_count))
        return "attributes";
    if (a->sampling_threshold != b->sampling_threshold) return "sampling";
    if (!same_scope(a->scope, b->scope)) return "scope";
    if (!str_equal(a->status_message, b->status_message)) return "status message";
    if (!str_equal(a->trace_state, b->trace_state)) return "trace state";
    if (a->dropped_attributes != b->dropped_attributes || a->dropped_events != b->dropped_events ||
        a->dropped_span_links != b->dropped_span_links)
        return "dropped";
    if (a->event_count != b->event_count || a->span_link_count != b->span_link_count)
        return "events or span links";
    for (uint32_t i = 0; i < a->event_count; i++)
        if (!same_event(&a->events[i], &b->events[i])) return "an event";
    for (uint32_t i = 0; i < a->span_link_count; i++)
        if (!same_span_link(&a->span_links[i], &b->span_links[i])) return "a span link";
    return NULL;
}

/* A batch as it comes off the wire. */
static struct batch *received(const struct batch *batch)
{
    struct batch *unpacked = arena_array(&arena, 1, sizeof *unpacked);
    unsigned char *packed = arena_alloc(&arena, batch_packed_bytes(batch));
    const char *why;
    size_t bytes = batch_pack(batch, packed);
    if (!batch_unpack(unpacked, &arena, packed, bytes, &why)) fail_msg("refused: %s", why);
    return unpacked;
}

static struct span *spans_of(const struct batch *batch, const int64_t *start_ns)
{
    struct span *spans = arena_array(&arena, batch->span_count, sizeof *spans);
    struct fragment_spans reading;
    assert_true(fragment_spans_begin(&reading, batch, &arena));
    for (uint32_t i = 0; i < batch->span_count; i++) {
        spans[i].start_ns = start_ns[i];
        assert_true(fragment_spans_next(&reading, &spans[i]));
    }
    return spans;
}

static void check_fragment(const struct batch *batch, const struct fragment_index *index, uint32_t which,
                           const struct span *all)
{
    struct fragment fragment = encode(batch, which);
    struct batch decoded;
    const char *why;
    if (!fragment_decode(&decoded, fragment.blob, fragment.span_count, &arena, &why)) fail_msg("%s", why);
    int64_t *start_ns = arena_array(&arena, fragment.span_count, sizeof *start_ns);
    for (uint32_t i = 0; i < fragment.span_count; i++)
        start_ns[i] = fragment.start_ns + fragment.start_offset_ns[i];
    const struct span *spans = spans_of(&decoded, start_ns);
    for (uint32_t i = 0; i < fragment.span_count; i++) {
        const char *what = difference(&all[index->order[index->first[which] + i]], &spans[i]);
        if (what) fail_msg("fragment %u, span %u: %s", which, i, what);
    }
}

static void check_batch(const struct batch *sent)
{
    struct batch *batch = received(sent);
    struct fragment_index index;
    assert_true(fragment_index_make(&index, batch, &arena));
    const struct span *all = spans_of(batch, index.start_ns);
    for (uint32_t i = 0; i < index.fragment_count; i++) check_fragment(batch, &index, i, all);
}

static void all_that_a_span_has_comes_back(void **state)
{
    (void)state;
    struct batch fixed;
    sample_batch_fixed(&fixed, &arena);
    check_batch(&fixed);
    struct id_generator g = test_generator();
    for (int round = 0; round < 60; round++) {
        struct batch random;
        arena_reset(&arena);
        sample_batch_random(&random, &arena, &g, 100);
        check_batch(&random);
    }
}

static void events_come_in_order_of_time(void **state)
{
    (void)state;
    struct batch fixed;
    sample_batch_fixed(&fixed, &arena);
    struct batch *batch = received(&fixed);
    struct fragment_index index;
    assert_true(fragment_index_make(&index, batch, &arena));
    const struct span *span = &spans_of(batch, index.start_ns)[2]; /* sent 20 ms, then -1 ns */
    assert_int_equal(span->event_count, 2);
    assert_true(str_is(span->events[0].name, "exception"));
    assert_int_equal(span->events[0].time_ns, span->start_ns - 1);
    assert_true(str_is(span->events[1].name, "retry"));
    assert_int_equal(span->events[1].time_ns, span->start_ns + 20000000);
    assert_true(str_is(span->events[1].attributes[0].key, "service.name"));
    assert_int_equal(span->dropped_events, 130);
}

/* Written before there were events, span links, scopes and sampling, with a list of drop counters in the blob. */
static void an_older_blob_is_read(void **state)
{
    (void)state;
    char blob[1024];
    FILE *from = fopen(VECTORS_DIR "/fragment_before_events.bin", "rb");
    assert_non_null(from);
    size_t bytes = fread(blob, 1, sizeof blob, from);
    fclose(from);
    struct batch decoded;
    const char *why;
    if (!fragment_decode(&decoded, str_view(blob, bytes), 4, &arena, &why)) fail_msg("%s", why);
    int64_t start_ns[4] = {0};
    const struct span *spans = spans_of(&decoded, start_ns);
    assert_int_equal(spans[0].id, 0xa000000000000000u);
    assert_true(spans[0].remote_parent);
    assert_int_equal(spans[0].attribute_count, 3);
    assert_true(str_is(spans[0].attributes[0].text, "shop"));
    assert_int_equal(spans[3].link_count, 2);
    assert_int_equal(spans[3].links[1].row, 50);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(spans[i].event_count + spans[i].span_link_count + spans[i].dropped_events, 0);
        assert_int_equal(spans[i].sampling_threshold, 0);
        assert_null(spans[i].scope);
        assert_int_equal(spans[i].status_message.len, 0);
    }
}

/* The form, the version, and the id: what a span does not have costs no byte. */
static void a_span_with_nothing_takes_its_id(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 1, .spans = 1, .operations = 1};
    struct batch *batch = test_batch(&arena, &g, &shape);
    batch->parent_span_id = NULL;
    batch->span_kind = batch->flags = batch->span_site = NULL;
    batch->connection = batch->input_count = NULL;
    batch->dropped[DROP_ring_full] = 3;
    assert_int_equal(encode(batch, 0).blob.len, 1 + 2 + 11);
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
        TEST(all_that_a_span_has_comes_back),
        TEST(events_come_in_order_of_time),
        TEST(an_older_blob_is_read),
        TEST(a_span_with_nothing_takes_its_id),
        TEST(a_corrupt_blob_is_an_error),
        TEST(a_blob_that_claims_to_be_huge_allocates_nothing),
        TEST(the_number_of_spans_must_be_that_of_the_arrays),
        TEST(many_traces_with_long_tables_stay_small),
        TEST(a_day_stays_in_its_window),
        TEST(text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
