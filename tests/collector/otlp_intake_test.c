/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies to batches: what libweir's exporter would pack, packed here by its own functions, comes back as columns. */
#include "tests/support/cmocka.h"

#include "collector/otlp/intake.h"
#include "model/operation.h"
#include "model/span.h"
#include "proto/batch.h"
#include "proto/otlp.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACE    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
#define SPAN     "\x11\x12\x13\x14\x15\x16\x17\x18"
#define PARENT   "\x21\x22\x23\x24\x25\x26\x27\x28"
#define START_NS 1700000000000000000

static struct intake *intake;
static struct arena arena, scratch;
static struct buffer body;
static struct intake_result result;
static struct batch batch;

static int set_up(void **state)
{
    (void)state;
    intake = intake_new();
    arena_init(&arena, (size_t)64 << 20);
    arena_init(&scratch, (size_t)8 << 20);
    buffer_init(&body);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    intake_result_fini(&result);
    intake_free(intake);
    arena_fini(&arena);
    arena_fini(&scratch);
    buffer_fini(&body);
    return 0;
}

static void add_request(const char *service, const struct otlp_span *spans, size_t count)
{
    const struct otlp_attribute name = {STR("service.name"), {.type = OTLP_STRING, .text = str_of(service)}};
    const struct otlp_attributes resource = {1, &name, 0};
    const struct otlp_scope scope = {.name = STR("library"), .version = STR("2")};
    struct buffer packed, scopes;
    buffer_init(&packed);
    buffer_init(&scopes);
    for (size_t i = 0; i < count; i++) assert_true(otlp_span_pack(&packed, &spans[i], &scratch));
    assert_true(otlp_scope_head_pack(&scopes, &scope, packed.len, &scratch));
    buffer_add_str(&scopes, buffer_str(&packed));
    assert_true(otlp_request_head_pack(&body, &resource, str_view("", 0), scopes.len, &scratch));
    buffer_add_str(&body, buffer_str(&scopes));
    buffer_fini(&packed);
    buffer_fini(&scopes);
}

static void read_body(void)
{
    const char *why = NULL;
    intake_result_fini(&result);
    assert_int_equal(intake_read(intake, BODY_OTLP_PROTOBUF, body.data, body.len, &result, &why),
                     INTAKE_READ);
}

static void unpack(const struct intake_batch *packed)
{
    const char *why = "";
    arena_reset(&arena);
    assert_true(batch_unpack(&batch, &arena, packed->packed, packed->bytes, &why));
    assert_true(batch_check_complete(&batch, &why));
}

static struct otlp_span plain(void)
{
    return (struct otlp_span){.trace_id = STR(TRACE),
                              .span_id = STR(SPAN),
                              .parent_span_id = STR(PARENT),
                              .trace_state = STR("a=b,ot=th:8"),
                              .name = STR("work"),
                              .kind = 1,
                              .flags = 0x301,
                              .start_unix_ns = START_NS,
                              .end_unix_ns = START_NS + 500,
                              .status = 2,
                              .status_message = STR("broke"),
                              .dropped_events = 3,
                              .dropped_links = 4};
}

static void assert_text(uint32_t index, const char *text)
{
    struct str got = batch_string(&batch, index);
    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(got.data, text, got.len);
}

static void a_plain_span(void **state)
{
    (void)state;
    const struct otlp_attribute attributes[] = {{STR("text"), {.type = OTLP_STRING, .text = STR("t")}},
                                                {STR("int"), {.type = OTLP_INT, .integer = -7}}};
    const struct otlp_event event = {
        .time_unix_ns = START_NS + 40, .name = STR("noted"), .attributes = {1, attributes, 2}};
    const struct otlp_link link = {
        .trace_id = STR(TRACE), .span_id = STR(PARENT), .attributes = {2, attributes, 1}};
    struct otlp_span span = plain();
    span.attributes = (struct otlp_attributes){2, attributes, 5};
    span.event_count = span.link_count = 1;
    span.events = &event;
    span.links = &link;
    add_request("shop", &span, 1);
    read_body();
    assert_int_equal(result.batch_count, 1);
    unpack(result.batches);
    assert_int_equal(batch.span_count, 1);
    assert_memory_equal(batch.trace_ids, TRACE, 16);
    assert_int_equal(batch.span_id[0], 0x1112131415161718);
    assert_int_equal(batch.parent_span_id[0], 0x2122232425262728);
    assert_int_equal(batch.base_time_unix_ns + (uint64_t)batch_i64(batch.start_delta_ns, 0), START_NS);
    assert_int_equal(batch.duration_ns[0], 500);
    assert_int_equal(batch.status[0], 2);
    assert_int_equal(batch.flags[0], SPAN_FLAG_REMOTE_PARENT | 1 << SPAN_FLAGS_TRACE_SHIFT);
    assert_int_equal(batch.sampling_threshold[batch.span_sampling[0] - 1], (uint64_t)1 << 55);
    assert_text(batch.status_message[0], "broke");
    assert_text(batch.scope_name[batch.span_scope[0] - 1], "library");
    assert_text(batch.operation_text[batch_u32(batch.span_operation, 0)], "work");
    assert_int_equal(batch.dropped_attributes[0], 5);
    assert_int_equal(batch.dropped_events[0], 3);
    assert_int_equal(batch.dropped_span_links[0], 4);
    assert_int_equal(batch.attribute_total, 2);
    assert_int_equal(batch.attribute_value[1], -7);
    assert_int_equal(batch.event_time_delta_ns[0], 40);
    assert_int_equal(batch.event_dropped_attributes[0], 2);
    assert_int_equal(batch.span_link_attribute_total, 2);
}

/* What libweir has seen of a call, as sdk/otlp writes it. */
static void a_call_of_ours(void **state)
{
    (void)state;
    const struct otlp_value id = {.type = OTLP_STRING, .text = STR("2122232425262728")};
    const struct otlp_attribute attributes[] = {
        {STR("weir.operation.type"), {.type = OTLP_STRING, .text = STR("db")}},
        {STR("db.system.name"), {.type = OTLP_STRING, .text = STR("sqlite")}},
        {STR("db.query.text"), {.type = OTLP_STRING, .text = STR("SELECT ?")}},
        {STR("db.query.summary"), {.type = OTLP_STRING, .text = STR("SELECT")}},
        {STR("db.response.returned_rows"), {.type = OTLP_INT, .integer = 0}},
        {STR("weir.input.hash"), {.type = OTLP_STRING, .text = STR("fedcba9876543210")}},
        {STR("weir.input.count"), {.type = OTLP_INT, .integer = 3}},
        {STR("weir.answer.hash"), {.type = OTLP_STRING, .text = STR("0000000000000001")}},
        {STR("weir.connection"), {.type = OTLP_INT, .integer = 9}},
        {STR("weir.unread"), {.type = OTLP_ARRAY, .count = 1, .values = &id}},
        {STR("code.function.name"), {.type = OTLP_STRING, .text = STR("f")}},
        {STR("code.line.number"), {.type = OTLP_INT, .integer = 12}}};
    const struct otlp_attribute seen[] = {{STR("weir.link.kind"), {.type = OTLP_STRING, .text = STR("list")}},
                                          {STR("weir.link.column"), {.type = OTLP_INT, .integer = 1}},
                                          {STR("weir.link.row"), {.type = OTLP_INT, .integer = 2}}};
    const struct otlp_link link = {
        .trace_id = STR(TRACE), .span_id = STR(PARENT), .attributes = {3, seen, 0}};
    struct otlp_span span = plain();
    span.kind = 3;
    span.attributes = (struct otlp_attributes){sizeof attributes / sizeof *attributes, attributes, 0};
    span.link_count = 1;
    span.links = &link;
    add_request("shop", &span, 1);
    read_body();
    unpack(result.batches);
    uint32_t operation = batch_u32(batch.span_operation, 0);
    assert_int_equal(batch.operation_type[operation], OPERATION_DB);
    assert_text(batch.operation_system[operation], "sqlite");
    assert_text(batch.operation_text[operation], "SELECT ?");
    assert_int_equal(batch.rows_plus_1[0], 1);
    assert_int_equal(batch.input_hash[0], 0xfedcba9876543210);
    assert_int_equal(batch.input_count[0], 3);
    assert_int_equal(batch.answer_hash[0], 1);
    assert_int_equal(batch.connection[0], 9);
    assert_int_equal(batch.unread_total, 1);
    assert_int_equal(batch.unread_span_id[0], 0x2122232425262728);
    assert_int_equal(batch.link_total, 1);
    assert_int_equal(batch.link_kind[0], LINK_LIST);
    assert_int_equal(batch.link_row[0], 2);
    assert_int_equal(batch.span_link_total, 0);
    assert_int_equal(batch.attribute_total, 0);
    assert_int_equal(batch.site_line[0], 12);
    assert_int_equal(batch.flags[0] & SPAN_FLAG_PARTIAL_EVIDENCE, 0);
}

static void a_call_of_others_has_partial_evidence(void **state)
{
    (void)state;
    const struct otlp_attribute attributes[] = {
        {STR("db.system"), {.type = OTLP_STRING, .text = STR("postgresql")}},
        {STR("db.statement"), {.type = OTLP_STRING, .text = STR("SELECT 1")}}};
    struct otlp_span span = plain();
    span.kind = 3;
    span.attributes = (struct otlp_attributes){2, attributes, 0};
    add_request("shop", &span, 1);
    read_body();
    unpack(result.batches);
    assert_true(batch.flags[0] & SPAN_FLAG_PARTIAL_EVIDENCE);
    assert_true(batch.input_hash[0]);
    assert_int_equal(batch.attribute_total, 0);
}

static void a_batch_for_each_resource_and_each_8192_spans(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct otlp_span *spans = calloc(COUNT, sizeof *spans);
    assert_non_null(spans);
    for (size_t i = 0; i < COUNT; i++) spans[i] = plain();
    add_request("one", spans, COUNT);
    add_request("two", spans, 1);
    add_request("two", spans, 0);
    free(spans);
    read_body();
    assert_int_equal(result.batch_count, 4);
    uint64_t producer = 0, sequence = 0;
    uint32_t all = 0;
    for (const struct intake_batch *packed = result.batches; packed; packed = packed->next) {
        unpack(packed);
        bool is_last = !packed->next;
        assert_text(batch.resource_value[0], is_last ? "two" : "one");
        assert_text(batch.scope_name[batch.span_scope[0] - 1], "library");
        if (producer) assert_int_equal(batch.producer == producer, !is_last);
        assert_true(batch.sequence > sequence);
        producer = batch.producer;
        sequence = batch.sequence;
        all += batch.span_count;
    }
    assert_int_equal(all, COUNT + 1);
}

static void spans_that_cannot_be_stored(void **state)
{
    (void)state;
    struct otlp_span spans[3] = {plain(), plain(), plain()};
    spans[0].span_id = str_view("\0\0\0\0\0\0\0\0", 8);
    spans[2].trace_id = str_view("short", 5);
    add_request("shop", spans, 3);
    read_body();
    assert_int_equal(result.rejected_spans, 2);
    assert_string_equal(result.why, "a span id is zero");
    assert_int_equal(result.batches->spans, 1);
}

static void a_malformed_end_leaves_nothing(void **state)
{
    (void)state;
    const struct otlp_span span = plain();
    const char *why = NULL;
    add_request("shop", &span, 1);
    buffer_add_char(&body, '\xff', 1);
    assert_int_equal(intake_read(intake, BODY_OTLP_PROTOBUF, body.data, body.len, &result, &why),
                     INTAKE_MALFORMED);
    assert_non_null(why);
    assert_null(result.batches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_span, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_of_others_has_partial_evidence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_for_each_resource_and_each_8192_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spans_that_cannot_be_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_malformed_end_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
