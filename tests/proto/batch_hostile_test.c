/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that no honest SDK sends: refused with a sentence, within the arena's cap, or taken in a harmless form. */
#include "tests/support/cmocka.h"

#include "proto/batch.h"
#include "proto/batch_columns.h"
#include "tests/proto/sample_batch.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)8 << 20)

struct fixture {
    struct arena arena;
    struct batch batch;
    unsigned char *packed;
    size_t bytes;
};

static void fixture_init(struct fixture *f)
{
    arena_init(&f->arena, ARENA_BYTES);
    sample_batch_fixed(&f->batch, &f->arena);
    f->packed = NULL;
}

static void fixture_pack(struct fixture *f)
{
    f->bytes = batch_packed_bytes(&f->batch);
    f->packed = realloc(f->packed, f->bytes + 64); /* room for a test to append */
    assert_int_equal(batch_pack(&f->batch, f->packed), f->bytes);
}

static void fixture_fini(struct fixture *f)
{
    free(f->packed);
    arena_fini(&f->arena);
}

/* Unpacks in an arena of its own; the sentence must contain `expected` (NULL: it must be taken). */
static void expect(struct fixture *f, const char *expected)
{
    struct batch out;
    struct arena arena;
    const char *why = NULL;
    arena_init(&arena, ARENA_BYTES);
    bool taken = batch_unpack(&out, &arena, f->packed, f->bytes, &why);
    if (!expected && !taken) fail_msg("refused: %s", why);
    if (expected && taken) fail_msg("not refused; expected: %s", expected);
    if (expected && !strstr(why, expected)) fail_msg("expected \"%s\", got \"%s\"", expected, why);
    arena_fini(&arena);
}

static void pack_and_expect(struct fixture *f, const char *expected)
{
    fixture_pack(f);
    expect(f, expected);
}

/* One change to the good batch, and what is said to it. */
#define CASE(name, change, sentence)                                                                         \
    static void name(struct batch *b) { change; }                                                            \
    static const char name##_sentence[] = sentence;

CASE(zero_span_id, b->span_id[2] = 0, "column span_id has a zero at 2")
CASE(zero_unread, b->unread_span_id[0] = 0, "column unread_span_id has a zero")
CASE(zero_link, b->link_span_id[1] = 0, "column link_span_id has a zero")
CASE(zero_trace, memset(b->trace_ids, 0, 16), "trace id 0 is zero")
CASE(trace_past, b->span_trace[1] = 1, "column span_trace has 1, past its table of 1")
CASE(operation_past, b->span_operation[0] = 4, "column span_operation has 4, past its table of 4")
CASE(no_operations, b->operation_count = 0, "column span_operation has 3, past its table of 0")
CASE(site_past, b->span_site[0] = 3, "column span_site has 3")
CASE(kind_past, b->span_kind[0] = 6, "column span_kind has 6")
CASE(status_past, b->status[0] = 3, "column status has 3")
CASE(key_past, b->attribute_key[0] = 99, "column attribute_key has 99")
CASE(system_past, b->operation_system[0] = 99, "column operation_system has 99")
CASE(text_past, b->operation_text[0] = UINT32_MAX, "column operation_text has 4294967295")
CASE(file_past, b->site_file[0] = 99, "column site_file has 99")
CASE(function_past, b->site_function[0] = 99, "column site_function has 99")
CASE(resource_key_past, b->resource_key[0] = 99, "column resource_key has 99")
CASE(resource_value_past, b->resource_value[0] = 99, "column resource_value has 99")
CASE(value_past, b->attribute_value[0] = 99, "attribute_value 99 is past")
CASE(value_negative, b->attribute_value[0] = -1, "attribute_value -1 is past")
CASE(type_zero, b->attribute_type[0] = 0, "attribute_type 0 is not known")
CASE(type_past, b->attribute_type[0] = 7, "attribute_type 7 is not known")
CASE(bytes_past, b->attribute_value[4] = 99, "attribute_value 99 is past")
CASE(json_past, b->attribute_value[5] = INT64_MAX, "attribute_value 9223372036854775807 is past")
CASE(scope_past, b->span_scope[0] = 3, "column span_scope has 3, past its table of 3")
CASE(scope_name_past, b->scope_name[1] = 99, "column scope_name has 99")
CASE(scope_version_past, b->scope_version[1] = 99, "column scope_version has 99")
CASE(sampling_past, b->span_sampling[3] = 2, "column span_sampling has 2, past its table of 2")
CASE(threshold_past, b->sampling_threshold[0] = SAMPLING_THRESHOLD_LIMIT,
     "sampling_threshold 72057594037927936 is not below 2^56")
CASE(message_past, b->status_message[0] = 99, "column status_message has 99")
CASE(state_past, b->trace_state[0] = 99, "column trace_state has 99")
CASE(events_many, b->event_count[1] = 129, "column event_count has 129, over the limit of 128")
CASE(events_none, b->event_count = NULL, "column event_count adds up to 0 of 3")
CASE(events_sum, b->event_count[0] = 1, "column event_count adds up to 4 of 3")
CASE(event_name_past, b->event_name[2] = 99, "column event_name has 99")
CASE(event_time_past, b->event_time_delta_ns[2] = INT64_MAX, "event_time_delta_ns 9223372036854775807 is out")
CASE(event_attributes_many, b->event_attribute_count[0] = 129,
     "column event_attribute_count has 129, over the limit of 128")
CASE(event_attributes_sum, b->event_attribute_count[0] = 1, "column event_attribute_count adds up to 4 of 3")
CASE(event_key_past, b->event_attribute_key[0] = 99, "column event_attribute_key has 99")
CASE(event_type_past, b->event_attribute_type[0] = 0, "attribute_type 0 is not known")
CASE(event_value_past, b->event_attribute_value[1] = 99, "attribute_value 99 is past")
CASE(span_links_many, b->span_link_count[0] = 129, "column span_link_count has 129, over the limit of 128")
CASE(span_links_sum, b->span_link_count[0] = 1, "column span_link_count adds up to 1 of 2")
CASE(span_link_state_past, b->span_link_trace_state[1] = 99, "column span_link_trace_state has 99")
CASE(span_link_attributes_none, b->span_link_attribute_count = NULL,
     "column span_link_attribute_count adds up to 0 of 1")
CASE(span_link_key_past, b->span_link_attribute_key[0] = 99, "column span_link_attribute_key has 99")
CASE(span_link_type_past, b->span_link_attribute_type[0] = 99, "attribute_type 99 is not known")
CASE(unread_many, b->unread_count[2] = 17, "column unread_count has 17, over the limit of 16")
CASE(links_many, b->link_count[3] = 17, "column link_count has 17, over the limit of 16")
CASE(attributes_many, b->attribute_count[0] = 129, "column attribute_count has 129, over the limit of 128")
CASE(unread_sum, b->unread_count[0] = 1, "column unread_count adds up to 2 of 1")
CASE(links_none, b->link_count = NULL, "column link_count adds up to 0 of 2")
CASE(attributes_sum, b->attribute_count[0] = 0, "column attribute_count adds up to 3 of 6")
CASE(strings_short, b->string_bytes[1] -= 1, "string_data has more than string_bytes counts")
CASE(strings_long, b->string_bytes[1] += 1, "string_bytes counts more than string_data has")
CASE(strings_huge, b->string_bytes[1] = UINT32_MAX, "string_bytes counts more than string_data has")
CASE(string_0, b->string_bytes[0] = 1, "string 0 is not the empty string")
CASE(base_past, b->base_time_unix_ns = (uint64_t)INT64_MAX + 1, "base_time_unix_ns is out of range")
CASE(start_before_1970, b->start_delta_ns[0] = INT64_MIN, "start of span 0 is out of range")
CASE(start_past, b->start_delta_ns[3] = INT64_MAX, "start of span 3 is out of range")
CASE(end_past, b->duration_ns[1] = INT64_MAX, "duration of span 1 is out of range")
CASE(duration_past, b->duration_ns[1] = UINT64_MAX, "duration of span 1 is out of range")

static void every_number_is_checked(void **state)
{
    (void)state;
#define ENTRY(name)                                                                                          \
    {                                                                                                        \
        name, name##_sentence                                                                                \
    }
    static const struct {
        void (*change)(struct batch *);
        const char *sentence;
    } cases[] = {
        ENTRY(zero_span_id),
        ENTRY(zero_unread),
        ENTRY(zero_link),
        ENTRY(zero_trace),
        ENTRY(trace_past),
        ENTRY(operation_past),
        ENTRY(no_operations),
        ENTRY(site_past),
        ENTRY(kind_past),
        ENTRY(status_past),
        ENTRY(key_past),
        ENTRY(system_past),
        ENTRY(text_past),
        ENTRY(file_past),
        ENTRY(function_past),
        ENTRY(resource_key_past),
        ENTRY(resource_value_past),
        ENTRY(value_past),
        ENTRY(value_negative),
        ENTRY(type_zero),
        ENTRY(type_past),
        ENTRY(unread_many),
        ENTRY(links_many),
        ENTRY(attributes_many),
        ENTRY(unread_sum),
        ENTRY(links_none),
        ENTRY(attributes_sum),
        ENTRY(strings_short),
        ENTRY(strings_long),
        ENTRY(strings_huge),
        ENTRY(string_0),
        ENTRY(base_past),
        ENTRY(start_before_1970),
        ENTRY(start_past),
        ENTRY(end_past),
        ENTRY(duration_past),
        ENTRY(bytes_past),
        ENTRY(json_past),
        ENTRY(scope_past),
        ENTRY(scope_name_past),
        ENTRY(scope_version_past),
        ENTRY(sampling_past),
        ENTRY(threshold_past),
        ENTRY(message_past),
        ENTRY(state_past),
        ENTRY(events_many),
        ENTRY(events_none),
        ENTRY(events_sum),
        ENTRY(event_name_past),
        ENTRY(event_time_past),
        ENTRY(event_attributes_many),
        ENTRY(event_attributes_sum),
        ENTRY(event_key_past),
        ENTRY(event_type_past),
        ENTRY(event_value_past),
        ENTRY(span_links_many),
        ENTRY(span_links_sum),
        ENTRY(span_link_state_past),
        ENTRY(span_link_attributes_none),
        ENTRY(span_link_key_past),
        ENTRY(span_link_type_past),
    };
#undef ENTRY
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        fixture_init(&f);
        cases[i].change(&f.batch);
        pack_and_expect(&f, cases[i].sentence);
        fixture_fini(&f);
    }
}

static size_t put_varint(unsigned char *to, uint64_t value)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) to[len++] = (unsigned char)(value | 0x80);
    to[len++] = (unsigned char)value;
    return len;
}

/* One element more, unpacked, behind the good batch: parsers must take it for part of the column. */
static void append_element(struct fixture *f, uint32_t field, size_t fixed_bytes)
{
    f->bytes += put_varint(f->packed + f->bytes, (uint64_t)field << 3 | (fixed_bytes ? 1 : 0));
    for (size_t i = 0; i < (fixed_bytes ? fixed_bytes : 1); i++) f->packed[f->bytes++] = 1;
}

static void a_column_of_another_length_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t field;
        size_t fixed_bytes;
        const char *column;
    } cases[] = {{31, 0, "span_trace has 1 of 4"},
                 {32, 8, "parent_span_id has 4 of 5"}, /* span_id counts */
                 {33, 8, "parent_span_id has 5 of 4"},
                 {34, 0, "span_kind has 5 of 4"},
                 {35, 0, "span_operation has 5 of 4"},
                 {36, 0, "span_site has 5 of 4"},
                 {37, 0, "start_delta_ns has 5 of 4"},
                 {38, 0, "duration_ns has 5 of 4"},
                 {39, 0, "status has 5 of 4"},
                 {40, 0, "flags has 5 of 4"},
                 {50, 0, "rows_plus_1 has 5 of 4"},
                 {51, 0, "connection has 5 of 4"},
                 {52, 8, "input_hash has 5 of 4"},
                 {53, 8, "answer_hash has 5 of 4"},
                 {54, 0, "input_count has 5 of 4"},
                 {60, 0, "unread_count has 5 of 4"},
                 {65, 0, "link_count has 5 of 4"},
                 {75, 0, "attribute_count has 5 of 4"},
                 {12, 0, "resource_value has 2 of 3"},
                 {13, 0, "resource_value has 3 of 2"},
                 {21, 0, "operation_system has 5 of 4"},
                 {22, 0, "operation_text has 5 of 4"},
                 {26, 0, "site_function has 3 of 2"},
                 {27, 0, "site_line has 3 of 2"},
                 {67, 0, "link_kind has 3 of 2"},
                 {68, 0, "link_column has 3 of 2"},
                 {69, 0, "link_row has 3 of 2"},
                 {77, 0, "attribute_type has 7 of 6"},
                 {78, 0, "attribute_value has 7 of 6"},
                 {29, 0, "scope_version has 3 of 2"},
                 {41, 0, "span_scope has 5 of 4"},
                 {42, 0, "span_sampling has 5 of 4"},
                 {43, 0, "status_message has 5 of 4"},
                 {44, 0, "trace_state has 5 of 4"},
                 {45, 0, "dropped_attributes has 5 of 4"},
                 {46, 0, "dropped_events has 5 of 4"},
                 {47, 0, "dropped_span_links has 5 of 4"},
                 {80, 0, "event_count has 5 of 4"},
                 {81, 0, "event_time_delta_ns has 4 of 3"},
                 {82, 0, "event_time_delta_ns has 3 of 4"},
                 {83, 0, "event_dropped_attributes has 4 of 3"},
                 {84, 0, "event_attribute_count has 4 of 3"},
                 {86, 0, "event_attribute_type has 4 of 3"},
                 {87, 0, "event_attribute_value has 4 of 3"},
                 {90, 0, "span_link_count has 5 of 4"},
                 {92, 8, "span_link_trace_ids has 32 of 48"},
                 {93, 0, "span_link_trace_state has 3 of 2"},
                 {94, 0, "span_link_flags has 3 of 2"},
                 {95, 0, "span_link_dropped_attributes has 3 of 2"},
                 {96, 0, "span_link_attribute_count has 3 of 2"},
                 {98, 0, "span_link_attribute_type has 2 of 1"},
                 {99, 0, "span_link_attribute_value has 2 of 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        fixture_init(&f);
        fixture_pack(&f);
        append_element(&f, cases[i].field, cases[i].fixed_bytes);
        expect(&f, cases[i].column);
        fixture_fini(&f);
    }
}

static void trace_ids_are_of_16_bytes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_pack(&f);
    f.packed[f.bytes++] = 14 << 3 | 2;
    f.packed[f.bytes++] = 1;
    f.packed[f.bytes++] = 'x';
    expect(&f, "trace_ids has 1 bytes");
    fixture_fini(&f);
}

static void every_truncation_is_refused_or_consistent(void **state)
{
    (void)state;
    struct fixture f;
    size_t refused = 0;
    fixture_init(&f);
    fixture_pack(&f);
    for (size_t bytes = 0; bytes < f.bytes; bytes++) {
        struct batch out;
        struct arena arena;
        const char *why;
        unsigned char *copy = malloc(bytes + 1); /* so that the sanitizer sees a read behind it */
        memcpy(copy, f.packed, bytes);
        arena_init(&arena, ARENA_BYTES);
        if (!batch_unpack(&out, &arena, copy, bytes, &why)) {
            refused++;
            assert_non_null(why);
        }
        arena_fini(&arena);
        free(copy);
    }
    assert_true(refused > f.bytes * 9 / 10);
    fixture_fini(&f);
}

static uint64_t use_event(const struct batch *b, uint32_t i)
{
    uint32_t first = 0, count = batch_u32(b->event_attribute_count, i);
    uint64_t sum = batch_string(b, b->event_name[i]).len + (uint64_t)b->event_time_delta_ns[i];
    for (uint32_t before = 0; before < i; before++) first += batch_u32(b->event_attribute_count, before);
    for (uint32_t k = first; k < first + count; k++)
        if (attribute_is_text(b->event_attribute_type[k]))
            sum += batch_string(b, (uint32_t)b->event_attribute_value[k]).len;
    return sum;
}

static uint64_t use_span_link(const struct batch *b, uint32_t i)
{
    uint32_t first = 0, count = batch_u32(b->span_link_attribute_count, i);
    uint64_t sum = b->span_link_trace_ids[(size_t)i * 16] + b->span_link_span_id[i];
    sum += batch_string(b, batch_u32(b->span_link_trace_state, i)).len;
    for (uint32_t before = 0; before < i; before++) first += batch_u32(b->span_link_attribute_count, before);
    for (uint32_t k = first; k < first + count; k++)
        if (attribute_is_text(b->span_link_attribute_type[k]))
            sum += batch_string(b, (uint32_t)b->span_link_attribute_value[k]).len;
    return sum;
}

/* Reads everything that a consumer may read without looking. */
static uint64_t use(const struct batch *b)
{
    uint64_t sum = 0;
    uint32_t unread = 0, links = 0, attributes = 0, events = 0, span_links = 0;
    for (uint32_t i = 0; i < b->span_count; i++) {
        if (b->operation_count && b->span_operation)
            sum += batch_string(b, b->operation_text[b->span_operation[i]]).len;
        if (b->span_trace) sum += b->trace_ids[(size_t)b->span_trace[i] * 16];
        uint32_t site = batch_u32(b->span_site, i);
        if (site) sum += batch_string(b, b->site_file[site - 1]).len + b->site_line[site - 1];
        for (uint32_t n = batch_u32(b->unread_count, i); n; n--) sum += b->unread_span_id[unread++];
        for (uint32_t n = batch_u32(b->link_count, i); n; n--) sum += b->link_row[links++];
        for (uint32_t n = batch_u32(b->attribute_count, i); n; n--, attributes++)
            if (attribute_is_text(b->attribute_type[attributes]))
                sum += batch_string(b, (uint32_t)b->attribute_value[attributes]).len;
        for (uint32_t n = batch_u32(b->event_count, i); n; n--) sum += use_event(b, events++);
        for (uint32_t n = batch_u32(b->span_link_count, i); n; n--) sum += use_span_link(b, span_links++);
        uint32_t scope = batch_u32(b->span_scope, i), sampling = batch_u32(b->span_sampling, i);
        if (scope) sum += batch_string(b, b->scope_name[scope - 1]).len;
        if (sampling) sum += b->sampling_threshold[sampling - 1];
        sum += batch_string(b, batch_u32(b->status_message, i)).len;
        sum += batch_string(b, batch_u32(b->trace_state, i)).len;
        sum += batch_u64(b->duration_ns, i) + b->span_id[i];
    }
    for (uint32_t i = 0; i < b->string_count; i++)
        for (size_t c = 0; c < b->string_bytes[i]; c++) sum += (unsigned char)batch_string(b, i).data[c];
    return sum;
}

static void every_flipped_bit_is_refused_or_consistent(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t sum = 0;
    fixture_init(&f);
    fixture_pack(&f);
    for (size_t bit = 0; bit < f.bytes * 8; bit++) {
        struct batch out;
        struct arena arena;
        const char *why;
        arena_init(&arena, ARENA_BYTES);
        f.packed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (batch_unpack(&out, &arena, f.packed, f.bytes, &why)) sum += use(&out);
        f.packed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        arena_fini(&arena);
    }
    assert_true(sum != 0);
    fixture_fini(&f);
}

static void versions_are_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    struct batch out;
    const char *why;
    fixture_init(&f);
    f.batch.version = 2;
    fixture_pack(&f);
    assert_false(batch_unpack(&out, &f.arena, f.packed, f.bytes, &why));
    assert_string_equal(why, "version 2 is newer than this collector's 1");
    assert_true(batch_is_newer(&out));
    f.batch.version = 0;
    fixture_pack(&f);
    assert_false(batch_unpack(&out, &f.arena, f.packed, f.bytes, &why));
    assert_string_equal(why, "version is missing");
    assert_false(batch_is_newer(&out));
    /* a message that only its own version can read */
    assert_false(batch_unpack(&out, &f.arena, "\x08\x03\x07\xff\xff", 5, &why));
    assert_true(batch_is_newer(&out) && out.version == 3);
    /* a version behind other fields */
    f.batch.version = 1;
    fixture_pack(&f);
    f.packed[f.bytes++] = 0x08;
    f.packed[f.bytes++] = 0x05;
    assert_false(batch_unpack(&out, &f.arena, f.packed, f.bytes, &why));
    assert_true(batch_is_newer(&out) && strncmp(why, "version 5", 9) == 0);
    fixture_fini(&f);
}

static void what_a_newer_sdk_adds_is_ignored(void **state)
{
    (void)state;
    static const char added[] = "\xfa\x3e\x05hello\xc0\x3f\x2a"; /* field 1007, bytes; field 1016, varint */
    struct fixture f;
    struct batch out;
    const char *why;
    fixture_init(&f);
    f.batch.operation_type[0] = 4711;
    f.batch.flags[0] = UINT32_MAX;
    f.batch.link_kind[0] = 99;
    fixture_pack(&f);
    memcpy(f.packed + f.bytes, added, sizeof added - 1);
    f.bytes += sizeof added - 1;
    for (int i = 0; i < 3; i++) append_element(&f, 6, 0); /* drop reasons of later versions */
    for (int i = 0; i < 5; i++) append_element(&f, 7, 0);
    if (!batch_unpack(&out, &f.arena, f.packed, f.bytes, &why)) fail_msg("refused: %s", why);
    assert_int_equal(out.operation_type[0], 0); /* a plain span */
    assert_int_equal(out.dropped[DROP_forked], 1);
    assert_int_equal(out.sampled_away[SAMPLED_AWAY_by_sampler], 120);
    fixture_fini(&f);
}

/* What a link names may be unknown; what is said to be JSON or base64 is not looked into: the reader's matter. */
static void details_are_taken_as_they_come(void **state)
{
    (void)state;
    struct fixture f;
    struct batch out;
    const char *why;
    fixture_init(&f);
    f.batch.attribute_type[0] = ATTRIBUTE_JSON; /* of "shop" */
    f.batch.dropped_events[0] = UINT32_MAX;
    f.batch.sampling_threshold[0] = SAMPLING_THRESHOLD_LIMIT - 1;
    fixture_pack(&f);
    if (!batch_unpack(&out, &f.arena, f.packed, f.bytes, &why)) fail_msg("refused: %s", why);
    assert_int_equal(out.span_link_span_id[1], 0);
    assert_int_equal(out.attribute_type[0], ATTRIBUTE_JSON);
    assert_int_equal(out.dropped_events[0], UINT32_MAX);
    fixture_fini(&f);
}

static void linked_trace_ids_are_of_16_bytes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_pack(&f);
    f.bytes += put_varint(f.packed + f.bytes, 91 << 3 | 2);
    f.packed[f.bytes++] = 1;
    f.packed[f.bytes++] = 'x';
    expect(&f, "span_link_trace_ids has 1 of 32");
    fixture_fini(&f);
}

static void malformed_strings_are_repaired(void **state)
{
    (void)state;
    struct fixture f;
    struct batch out;
    const char *why;
    fixture_init(&f);
    char *data = (char *)f.batch.string_data.data;
    data[0] = 0;
    data[1] = (char)0xff;
    data[f.batch.string_bytes[1] - 1] = (char)0xc3; /* its continuation would begin the next string */
    data[f.batch.string_bytes[1]] = (char)0xa4;
    fixture_pack(&f);
    assert_true(batch_unpack(&out, &f.arena, f.packed, f.bytes, &why));
    assert_true(str_is(batch_string(&out, 1), "??rvice.nam?"));
    assert_true(str_is(batch_string(&out, 2), "?hop"));
    fixture_fini(&f);
}

/* The bytes of the two strings are one character: valid as a whole, malformed each. */
static void a_boundary_may_cut_a_character(void **state)
{
    (void)state;
    struct fixture f;
    struct batch out;
    const char *why;
    fixture_init(&f);
    char *data = (char *)f.batch.string_data.data;
    data[f.batch.string_bytes[1] - 1] = (char)0xc3;
    data[f.batch.string_bytes[1]] = (char)0xa4;
    fixture_pack(&f);
    assert_true(batch_unpack(&out, &f.arena, f.packed, f.bytes, &why));
    assert_true(str_is(batch_string(&out, 1), "service.nam?"));
    assert_true(str_is(batch_string(&out, 2), "?hop"));
    fixture_fini(&f);
}

static void limits_hold(void **state)
{
    (void)state;
    struct batch in = {.version = BATCH_VERSION, .producer = 1, .sequence = 1}, out;
    struct arena arena;
    const char *why;
    arena_init(&arena, (size_t)64 << 20);
    in.span_count = BATCH_SPANS_MAX + 1;
    in.span_id = arena_alloc(&arena, in.span_count * sizeof *in.span_id);
    for (uint32_t i = 0; i < in.span_count; i++) in.span_id[i] = 1;
    unsigned char *packed = arena_alloc(&arena, batch_packed_bytes(&in));
    size_t bytes = batch_pack(&in, packed);
    assert_false(batch_unpack(&out, &arena, packed, bytes, &why));
    assert_string_equal(why, "65537 spans are more than 65536");
    in.span_count--;
    bytes = batch_pack(&in, packed);
    assert_true(batch_unpack(&out, &arena, packed, bytes, &why));
    assert_false(batch_check_complete(&out, &why));
    assert_false(batch_unpack(&out, &arena, packed, BATCH_BYTES_MAX + 1, &why));
    assert_string_equal(why, "batch of 16777217 bytes is longer than 16777216");
    arena_fini(&arena);
}

/* A megabyte of the smallest elements asks for many times its size; the cap answers. */
static void memory_ends_at_the_arenas_cap(void **state)
{
    (void)state;
    static unsigned char bytes[1 << 20];
    struct batch out;
    struct arena arena;
    const char *why;
    bytes[0] = 0x08;
    bytes[1] = 0x01;
    for (size_t i = 2; i + 1 < sizeof bytes; i += 2) bytes[i] = 0x30; /* dropped: 0 */
    arena_init(&arena, (size_t)4 << 20);
    assert_false(batch_unpack(&out, &arena, bytes, sizeof bytes, &why));
    assert_string_equal(why, "batch needs more memory than is allowed");
    assert_true(arena.total_bytes <= (size_t)4 << 20);
    arena_fini(&arena);
    arena_init(&arena, 0);
    assert_false(batch_unpack(&out, &arena, bytes, sizeof bytes, &why));
    arena_fini(&arena);
}

/* Whatever the cap, the answer is a sentence. */
static void every_cap_is_survived(void **state)
{
    (void)state;
    struct fixture f;
    bool taken = false;
    fixture_init(&f);
    fixture_pack(&f);
    for (size_t cap = 0; cap < (size_t)64 << 10; cap += 16) {
        struct batch out;
        struct arena arena;
        const char *why = "";
        arena_init(&arena, cap);
        taken = batch_unpack(&out, &arena, f.packed, f.bytes, &why);
        assert_true(taken == (why == NULL));
        arena_fini(&arena);
    }
    assert_true(taken);
    fixture_fini(&f);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "x",
                                        "GET / HTTP/1.1\r\n\r\n",
                                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                        "\x0b\x0c",
                                        "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct batch out;
        struct arena arena;
        const char *why = NULL;
        arena_init(&arena, ARENA_BYTES);
        assert_false(batch_unpack(&out, &arena, texts[i], strlen(texts[i]), &why));
        assert_non_null(why);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_checked),
        cmocka_unit_test(a_column_of_another_length_is_refused),
        cmocka_unit_test(trace_ids_are_of_16_bytes),
        cmocka_unit_test(every_truncation_is_refused_or_consistent),
        cmocka_unit_test(every_flipped_bit_is_refused_or_consistent),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(what_a_newer_sdk_adds_is_ignored),
        cmocka_unit_test(details_are_taken_as_they_come),
        cmocka_unit_test(linked_trace_ids_are_of_16_bytes),
        cmocka_unit_test(malformed_strings_are_repaired),
        cmocka_unit_test(a_boundary_may_cut_a_character),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(memory_ends_at_the_arenas_cap),
        cmocka_unit_test(every_cap_is_survived),
        cmocka_unit_test(garbage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
