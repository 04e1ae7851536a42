/* SPDX-License-Identifier: Apache-2.0 */
/* weir import: which parts of which document are traces, and what a trace of Jaeger becomes; also where bytes are hostile. */
#include "viewer/import/jaeger.h"
#include "viewer/import/reader.h"
#include "viewer/import/tally.h"

#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading: what was found, as text ---- */

struct input {
    struct str text;
    size_t step; /* bytes that come at once */
    struct buffer found;
};

static size_t read_step(void *context, char *to, size_t bytes)
{
    struct input *input = context;
    size_t come = input->text.len;
    if (come > input->step) come = input->step;
    if (come > bytes) come = bytes;
    memcpy(to, input->text.data, come);
    input->text = str_view(input->text.data + come, input->text.len - come);
    return come;
}

static bool take_part(void *context, const struct part *part)
{
    static const char *const kinds[] = {
        [PART_OTLP] = "otlp", [PART_JAEGER] = "jaeger", [PART_ZIPKIN] = "zipkin"};
    struct input *input = context;
    buffer_printf(&input->found, "%s:%d ", kinds[part->kind], (int)part->line);
    return true;
}

static void take_problem(void *context, uint64_t line, const char *why, bool rest_is_lost)
{
    struct input *input = context;
    buffer_printf(&input->found, "%s:%d(%.24s) ", rest_is_lost ? "lost" : "line", (int)line, why);
}

static void expect_found(const char *text, size_t len, const char *expected)
{
    static const size_t windows[] = {1 << 16, 64};
    for (size_t i = 0; i < 2; i++) {
        for (size_t step = 1; step < 100; step += 33) {
            struct input input = {.text = str_view(text, len), .step = step};
            const struct reader_visitor visitor = {&input, take_part, take_problem};
            struct stream stream;
            char *window = malloc(windows[i]);
            assert_non_null(window);
            buffer_init(&input.found);
            stream_init(&stream, window, windows[i], read_step, &input);
            reader_read(&stream, &visitor);
            assert_string_equal(input.found.data ? input.found.data : "", expected);
            buffer_fini(&input.found);
            free(window);
        }
    }
}

static void finds_parts(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"resourceSpans\":[{},\n{}]}", "otlp:1 otlp:2 "},
        {"{\"x\":[1,{\"resourceSpans\":[]}],\"resourceSpans\":[{\"a\":\"]}\\\"\"}],\"y\":null}", "otlp:1 "},
        {"{\"resourceSpans\":[]} {\"resourceSpans\":[{}]}", "otlp:1 "},
        {"{\"total\":0,\"data\":[{\"spans\":[],\"processes\":{}},\n\n{\"traceID\":\"1\",\"spans\":[]}],"
         "\"errors\":null}",
         "jaeger:1 jaeger:3 "},
        {"{\"spans\":[]}", "jaeger:1 "},
        {"[{\"traceId\":\"1\",\"id\":\"2\"},{\"id\":\"2\",\"traceId\":\"1\"}]", "zipkin:1 zipkin:1 "},
        {"\n[[{\"traceId\":\"1\",\"id\":\"2\"}],[]]", "zipkin:2 "},
        {"{\"traceId\":\"1\",\"id\":\"2\"}\n{\"traceId\":\"1\",\"id\":\"3\"}\n", "zipkin:1 zipkin:2 "},
        {"{\"resourceMetrics\":[{}]}\n{\"resourceSpans\":[{}]}\n", "otlp:2 "},
        {"", ""},
        {"[]", ""},
        {"{}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_found(cases[i].text, strlen(cases[i].text), cases[i].expected);
}

/* A window that shows the second line, so that lines are known as lines. */
static void leaves_out_a_line(void **state)
{
    static const char text[] =
        "{\"resourceSpans\":[{}]}\n{\"resourceSpans\":[{},{\"a\":\"b\n{\"resourceSpans\":[{}]}\n";
    (void)state;
    expect_found(text, strlen(text), "otlp:1 otlp:2 line:2(it ends in the middle of) otlp:3 ");
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"resourceSpans\":[{\"a\":1]}", "lost:1('}' expected near ']' (a) "},
        {"{\"resourceSpans\":{}}", "lost:1(what should be a list is) "},
        {"{\"resourceSpans\":[7]}", "lost:1('[' or '{' expected near) "},
        {"{\"resourceSpans\":[{}", "otlp:1 lost:1(a list does not end) "},
        {"{\"resourceSpans\"", "lost:1(a colon is missing) "},
        {"{\"a\":}", "lost:1(a value is missing) "},
        {"{5:1}", "lost:1(a member has no name) "},
        {"[{\"traceId\":\"a\nb\"}]", "lost:1(a line ends inside a tex) "},
        {"{\"a\":1}", "lost:1(this object is of none o) "},
        {"[1]", "lost:1(this is no JSON of trace) "},
        {"[[[[[[[[", "lost:1(lists are nested too dee) "},
        {"hello", "lost:1(this is no JSON of trace) "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct input input = {.text = str_of(cases[i].text), .step = 5};
        const struct reader_visitor visitor = {&input, take_part, take_problem};
        struct stream stream;
        char window[1024];
        buffer_init(&input.found);
        stream_init(&stream, window, sizeof window, read_step, &input);
        reader_read(&stream, &visitor);
        assert_string_equal(input.found.data, cases[i].expected);
        buffer_fini(&input.found);
    }
}

static void bounds_depth_and_size(void **state)
{
    struct buffer deep;
    (void)state;
    buffer_init(&deep);
    buffer_add_text(&deep, "{\"resourceSpans\":[");
    buffer_add_char(&deep, '[', 100000);
    expect_found(deep.data, deep.len, "lost:1(it is nested too deeply) ");
    buffer_clear(&deep);
    buffer_add_text(&deep, "{\"resourceSpans\":[{\"a\":\"");
    buffer_add_char(&deep, 'x', PART_BYTES_MAX + 1);
    struct input input = {.text = buffer_str(&deep), .step = 1 << 16};
    const struct reader_visitor visitor = {&input, take_part, take_problem};
    struct stream stream;
    char window[4096];
    buffer_init(&input.found);
    stream_init(&stream, window, sizeof window, read_step, &input);
    reader_read(&stream, &visitor);
    assert_string_equal(input.found.data, "lost:1(a value is larger than w) ");
    buffer_fini(&input.found);
    buffer_fini(&deep);
}

/* ---- Jaeger ---- */

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void expect_converted(const char *trace, uint64_t refused, const char *expected)
{
    struct jaeger_result result;
    json_t *from = json_of(trace), *wanted = json_of(expected);
    json_t *elements = jaeger_convert(from, &result);
    char *text = json_dumps(elements, JSON_SORT_KEYS), *wanted_text = json_dumps(wanted, JSON_SORT_KEYS);
    assert_string_equal(text, wanted_text);
    assert_int_equal(result.refused, refused);
    free(text);
    free(wanted_text);
    json_decref(from);
    json_decref(wanted);
    json_decref(elements);
}

static void converts_a_span(void **state)
{
    (void)state;
    expect_converted(
        "{\"traceID\":\"1f\",\"spans\":[{\"traceID\":\"1f\",\"spanID\":\"a\",\"operationName\":\"GET "
        "/\",\"processID\":\"p\","
        "\"references\":[{\"refType\":\"FOLLOWS_FROM\",\"traceID\":\"1f\",\"spanID\":\"d\"},"
        "{\"refType\":\"CHILD_OF\",\"traceID\":\"1f\",\"spanID\":\"b\"},"
        "{\"refType\":\"CHILD_OF\",\"traceID\":\"2\",\"spanID\":\"c\"}],"
        "\"startTime\":1700000000000000,\"duration\":5,"
        "\"tags\":[{\"key\":\"span.kind\",\"type\":\"string\",\"value\":\"client\"},"
        "{\"key\":\"error\",\"type\":\"bool\",\"value\":true},"
        "{\"key\":\"otel.status_description\",\"type\":\"string\",\"value\":\"no\"},"
        "{\"key\":\"n\",\"type\":\"int64\",\"value\":\"7\"},{\"key\":\"f\",\"type\":\"float64\",\"value\":1."
        "5},"
        "{\"key\":\"b\",\"type\":\"bool\",\"value\":\"true\"},{\"key\":\"s\",\"type\":\"string\",\"value\":"
        "\"x\"}],"
        "\"logs\":[{\"timestamp\":1700000000000001,\"fields\":[{\"key\":\"event\",\"type\":\"string\","
        "\"value\":\"e\"},"
        "{\"key\":\"k\",\"type\":\"int64\",\"value\":1}]}]}],"
        "\"processes\":{\"p\":{\"serviceName\":\"shop\",\"tags\":[{\"key\":\"h\",\"type\":\"string\","
        "\"value\":\"m\"}]}}}",
        0,
        "[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
        "{\"key\":\"h\",\"value\":{\"stringValue\":\"m\"}}]},\"scopeSpans\":[{\"spans\":[{"
        "\"traceId\":\"0000000000000000000000000000001f\",\"spanId\":\"000000000000000a\","
        "\"parentSpanId\":\"000000000000000b\",\"name\":\"GET /\",\"kind\":3,"
        "\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000000000005000\","
        "\"status\":{\"code\":2,\"message\":\"no\"},\"attributes\":["
        "{\"key\":\"n\",\"value\":{\"intValue\":\"7\"}},{\"key\":\"f\",\"value\":{\"doubleValue\":1.5}},"
        "{\"key\":\"b\",\"value\":{\"boolValue\":true}},{\"key\":\"s\",\"value\":{\"stringValue\":\"x\"}}],"
        "\"links\":[{\"traceId\":\"0000000000000000000000000000001f\",\"spanId\":\"000000000000000d\"},"
        "{\"traceId\":\"00000000000000000000000000000002\",\"spanId\":\"000000000000000c\"}],"
        "\"events\":[{\"timeUnixNano\":\"1700000000000001000\",\"name\":\"e\","
        "\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"1\"}}]}]}]}]}]");
}

#define BARE_SPAN                                                                                            \
    "{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000002\",\"name\":\"\","       \
    "\"startTimeUnixNano\":\"3000\",\"endTimeUnixNano\":\"7000\",\"attributes\":[],\"links\":[],\"events\":" \
    "[]"
#define AROUND(service, span)                                                                                \
    "[{\"resource\":{\"attributes\":[" service "]},\"scopeSpans\":[{\"spans\":[" span "]}]}]"

static void finds_another_parent(void **state)
{
    (void)state;
    expect_converted("{\"traceID\":\"1\",\"spans\":[{\"spanID\":\"2\",\"startTime\":3,\"duration\":4,"
                     "\"references\":[{\"refType\":\"FOLLOWS_FROM\",\"traceID\":\"1\",\"spanID\":\"5\"}]}]}",
                     0, AROUND("", BARE_SPAN ",\"parentSpanId\":\"0000000000000005\"}"));
    expect_converted("{\"traceID\":\"1\",\"spans\":[{\"spanID\":\"2\",\"startTime\":3,\"duration\":4,"
                     "\"parentSpanID\":\"6\","
                     "\"process\":{\"serviceName\":\"s\"}}]}",
                     0,
                     AROUND("{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s\"}}",
                            BARE_SPAN ",\"parentSpanId\":\"0000000000000006\"}"));
}

/* What is wrong in a span goes; the trace stays. */
static void survives_hostile_spans(void **state)
{
    (void)state;
    expect_converted(
        "{\"traceID\":\"1\",\"spans\":[7,null,[],{},{\"spanID\":\"2\"},"
        "{\"spanID\":\"0\",\"startTime\":3,\"duration\":4},"
        "{\"spanID\":\"12345678901234567\",\"startTime\":3,\"duration\":4},"
        "{\"spanID\":\"2\",\"startTime\":-3,\"duration\":4},"
        "{\"spanID\":\"2\",\"startTime\":3,\"duration\":1e300},"
        "{\"spanID\":\"2\",\"startTime\":9223372036854775,\"duration\":9223372036854775},"
        "{\"spanID\":\"2\",\"startTime\":9223372036854775807,\"duration\":1},"
        "{\"spanID\":\"2\",\"startTime\":\"3\",\"duration\":4},"
        "{\"spanID\":\"2\",\"startTime\":3,\"duration\":4,\"references\":[5,{}],\"tags\":[{\"key\":1},"
        "{\"key\":\"a\"},{\"key\":\"b\",\"value\":{}},9],\"logs\":[4,{\"timestamp\":\"x\"}],"
        "\"processID\":\"absent\",\"operationName\":{}}],\"processes\":[]}",
        12, AROUND("", BARE_SPAN "}"));
    expect_converted("{}", 0, "[]");
}

static void splits_many_spans(void **state)
{
    struct jaeger_result result;
    json_t *spans = json_array();
    (void)state;
    for (int i = 1; i <= JAEGER_SPANS_A_RESOURCE + 1; i++) {
        char id[20];
        snprintf(id, sizeof id, "%x", (unsigned)i);
        json_array_append_new(spans, json_pack("{s:s, s:i, s:i, s:s}", "spanID", id, "startTime", i,
                                               "duration", 1, "processID", "p"));
    }
    json_t *trace = json_pack("{s:s, s:o, s:{}}", "traceID", "1", "spans", spans, "processes");
    json_t *elements = jaeger_convert(trace, &result);
    struct tally tally;
    tally_init(&tally);
    assert_int_equal(json_array_size(elements), 2);
    assert_int_equal(tally_otlp(&tally, json_array_get(elements, 0)), JAEGER_SPANS_A_RESOURCE);
    assert_int_equal(tally_otlp(&tally, json_array_get(elements, 1)), 1);
    assert_int_equal(tally.trace_count, 1);
    assert_int_equal(tally.first_ns, 1000);
    assert_int_equal(tally.last_ns, (JAEGER_SPANS_A_RESOURCE + 2) * 1000);
    tally_fini(&tally);
    json_decref(elements);
    json_decref(trace);
}

static void counts_traces(void **state)
{
    struct tally tally;
    (void)state;
    tally_init(&tally);
    for (int i = 0; i < 20000; i++) {
        char id[20];
        snprintf(id, sizeof id, "%x", (unsigned)(i % 7000));
        json_t *span = json_pack("{s:s, s:i}", "traceId", id, "timestamp", i);
        tally_zipkin(&tally, span);
        json_decref(span);
    }
    assert_int_equal(tally.spans, 20000);
    assert_int_equal(tally.trace_count, 7000);
    assert_false(tally.more_traces);
    tally_fini(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_parts),
        cmocka_unit_test(leaves_out_a_line),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(bounds_depth_and_size),
        cmocka_unit_test(converts_a_span),
        cmocka_unit_test(finds_another_parent),
        cmocka_unit_test(survives_hostile_spans),
        cmocka_unit_test(splits_many_spans),
        cmocka_unit_test(counts_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
