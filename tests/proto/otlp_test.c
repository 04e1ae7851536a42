/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP's bytes, counted out by hand from its field numbers: what we write is what others read. */
#include "tests/support/cmocka.h"

#include "proto/otlp.h"

static struct arena scratch;
static struct buffer out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&scratch, (size_t)1 << 20);
    buffer_init(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&scratch);
    buffer_fini(&out);
    return 0;
}

static struct str bytes(const char *text, size_t len) { return str_view(text, len); }

/* Behind \x.. a letter that is a hex digit begins a literal of its own. */
#define BYTES(literal) bytes(literal, sizeof(literal) - 1)

static void expect_bytes(struct str wanted)
{
    assert_false(out.failed);
    assert_int_equal(out.len, wanted.len);
    assert_memory_equal(out.data, wanted.data, wanted.len);
}

#define TRACE "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
#define SPAN  "\x11\x12\x13\x14\x15\x16\x17\x18"

static void a_span_by_hand(void **state)
{
    (void)state;
    const struct otlp_attribute attribute = {STR("k"), {.type = OTLP_INT, .integer = 300}};
    const struct otlp_event event = {.time_unix_ns = 1, .name = STR("e")};
    const struct otlp_link link = {.trace_id = STR(TRACE), .span_id = STR(SPAN), .flags = 1};
    const struct otlp_span span = {.trace_id = STR(TRACE),
                                   .span_id = STR(SPAN),
                                   .parent_span_id = STR(SPAN),
                                   .trace_state = STR("a=b"),
                                   .name = STR("n"),
                                   .kind = 3,
                                   .flags = 0x301,
                                   .start_unix_ns = 2,
                                   .end_unix_ns = 0x0102030405060708,
                                   .status = 2,
                                   .status_message = STR("no"),
                                   .attributes = {1, &attribute, 7},
                                   .event_count = 1,
                                   .events = &event,
                                   .link_count = 1,
                                   .links = &link,
                                   .dropped_events = 8,
                                   .dropped_links = 9};
    assert_true(otlp_span_pack(&out, &span, &scratch));
    expect_bytes(BYTES("\x12\x91\x01"
                       "\x0a\x10" TRACE "\x12\x08" SPAN "\x1a\x03"
                       "a=b"
                       "\x22\x08" SPAN "\x2a\x01n"
                       "\x30\x03"
                       "\x39\x02\0\0\0\0\0\0\0"
                       "\x41\x08\x07\x06\x05\x04\x03\x02\x01"
                       "\x4a\x08\x0a\x01k\x12\x03\x18\xac\x02"
                       "\x50\x07"
                       "\x5a\x0c\x09\x01\0\0\0\0\0\0\0\x12\x01"
                       "e"
                       "\x60\x08"
                       "\x6a\x21\x0a\x10" TRACE "\x12\x08" SPAN "\x35\x01\0\0\0"
                       "\x70\x09"
                       "\x7a\x06\x12\x02no\x18\x02"
                       "\x85\x01\x01\x03\0\0"));
}

static void every_type_of_value_by_hand(void **state)
{
    (void)state;
    const struct otlp_value one = {.type = OTLP_STRING, .text = STR("s")};
    const struct otlp_attribute inner = {STR("i"), {.type = OTLP_BOOL, .integer = 1}};
    const struct otlp_attribute attributes[] = {
        {STR("a"), {.type = OTLP_DOUBLE, .real = 1.0}},
        {STR("b"), {.type = OTLP_ARRAY, .count = 1, .values = &one}},
        {STR("c"), {.type = OTLP_MAP, .count = 1, .attributes = &inner}},
        {STR("d"), {.type = OTLP_BYTES, .text = STR("\xff")}},
        {STR("e"), {.type = OTLP_NONE}},
        {STR("f"), {.type = OTLP_STRING}},
        {STR("g"), {.type = OTLP_BOOL}},
    };
    const struct otlp_attributes resource = {sizeof attributes / sizeof *attributes, attributes, 0};
    assert_true(otlp_request_head_pack(&out, &resource, str_of("u"), 0, &scratch));
    expect_bytes(BYTES("\x0a\x58\x0a\x53"
                       "\x0a\x0e\x0a\x01"
                       "a\x12\x09\x21\0\0\0\0\0\0\xf0\x3f"
                       "\x0a\x0c\x0a\x01"
                       "b\x12\x07\x2a\x05\x0a\x03\x0a\x01s"
                       "\x0a\x10\x0a\x01"
                       "c\x12\x0b\x32\x09\x0a\x07\x0a\x01i\x12\x02\x10\x01"
                       "\x0a\x08\x0a\x01"
                       "d\x12\x03\x3a\x01\xff"
                       "\x0a\x05\x0a\x01"
                       "e\x12\x00"
                       "\x0a\x07\x0a\x01"
                       "f\x12\x02\x0a\x00"
                       "\x0a\x07\x0a\x01"
                       "g\x12\x02\x10\x00"
                       "\x1a\x01u"));
}

/* Heads name the bytes behind them, as many as there are. */
static void heads_count_what_follows(void **state)
{
    (void)state;
    const struct otlp_scope scope = {.name = STR("weir"), .version = STR("1")};
    assert_true(otlp_scope_head_pack(&out, &scope, 200, &scratch));
    expect_bytes(BYTES("\x12\xd3\x01\x0a\x09\x0a\x04weir\x12\x01\x31"));
    buffer_clear(&out);
    const struct otlp_attributes nothing = {0};
    assert_true(otlp_request_head_pack(&out, &nothing, str_of(""), 70000, &scratch));
    expect_bytes(BYTES("\x0a\xf2\xa2\x04\x0a\x00"));
}

static void out_of_scratch_nothing_is_added(void **state)
{
    (void)state;
    struct arena small;
    const struct otlp_attribute attributes[64] = {{STR("k"), {.type = OTLP_INT, .integer = 1}}};
    const struct otlp_span span = {.attributes = {64, attributes, 0}};
    arena_init(&small, 2048);
    assert_false(otlp_span_pack(&out, &span, &small));
    assert_int_equal(out.len, 0);
    arena_fini(&small);
}

static void answers_are_read(void **state)
{
    (void)state;
    struct otlp_response response;
    assert_true(otlp_response_unpack(&response, &scratch, "", 0));
    assert_int_equal(response.rejected_spans, 0);
    assert_true(otlp_response_unpack(&response, &scratch, "\x0a\x00", 2));
    assert_int_equal(response.rejected_spans, 0);
    assert_true(otlp_response_unpack(&response, &scratch, "\x0a\x07\x08\x83\x01\x12\x02no", 9));
    assert_int_equal(response.rejected_spans, 131);
    assert_true(str_is(response.error_message, "no"));
    assert_false(otlp_response_unpack(&response, &scratch, "<html>", 6));
    assert_true(str_is(otlp_failure_unpack(&scratch,
                                           "\x08\x03\x12\x03"
                                           "bad\x1a\x01x",
                                           10),
                       "bad"));
    assert_int_equal(otlp_failure_unpack(&scratch, "<html>", 6).len, 0);
    assert_int_equal(otlp_failure_unpack(&scratch, "", 0).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_span_by_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_type_of_value_by_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heads_count_what_follows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_scratch_nothing_is_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_are_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
