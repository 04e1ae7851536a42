/* SPDX-License-Identifier: Apache-2.0 */
/* The contracts of docs/json.md: field names, types, values. */
#include "tests/support/cmocka.h"

#include "tests/viewer/samples.h"

#include <jansson.h>
#include <math.h>

/* One letter a type: s string, i integer, r real, b bool, o object, a array, n null; capital: or null. */
static void check_fields(json_t *object, const char *const fields[][2])
{
    assert_true(json_is_object(object));
    size_t count = 0;
    for (; fields[count][0]; count++) {
        json_t *value = json_object_get(object, fields[count][0]);
        if (!value) fail_msg("no field %s", fields[count][0]);
        char type = fields[count][1][0];
        bool may_be_null = type >= 'A' && type <= 'Z';
        if (may_be_null && json_is_null(value)) continue;
        static const char *const letters[] = {"o", "a", "s", "i", "r", "b", "b", "n"}; /* json_type's order */
        if (letters[json_typeof(value)][0] != (type | 0x20))
            fail_msg("field %s is of another type", fields[count][0]);
    }
    assert_int_equal(json_object_size(object), count);
}

static json_t *parse(struct buffer *out)
{
    json_error_t error;
    assert_false(out->failed);
    json_t *document = json_loadb(out->data, out->len, JSON_REJECT_DUPLICATES, &error);
    if (!document) fail_msg("%s", error.text);
    buffer_fini(out);
    return document;
}

static void near(json_t *value, double expected)
{
    assert_true(fabs(json_real_value(value) - expected) < 1e-6);
}

static const char *const operation_fields[][2] = {
    {"type", "s"}, {"label", "s"}, {"system", "s"}, {"text", "s"}, {"count", "i"}, {"cost_ms", "r"}, {NULL}};
static const char *const finding_fields[][2] = {
    {"kind", "s"},       {"endpoint", "s"}, {"service", "s"},     {"version", "s"},       {"operations", "a"},
    {"source", "O"},     {"count", "i"},    {"requests", "i"},    {"requests_seen", "i"}, {"recorded", "i"},
    {"request_ms", "r"}, {"cost_ms", "r"},  {"repaired_ms", "r"}, {"saving_ms", "r"},     {"confidence", "s"},
    {"evidence", "a"},   {"advice", "s"},   {"call_site", "O"},   {"trace_ids", "a"},     {NULL}};
static const char *const site_fields[][2] = {{"file", "s"}, {"line", "I"}, {"function", "S"}, {NULL}};

static void findings_keep_their_contract(void **state)
{
    (void)state;
    struct buffer out;
    uint32_t count;
    const struct endpoint_summary *dashboard = &sample_endpoints(&count)[1];
    buffer_init(&out);
    json_findings(&out, dashboard->findings, dashboard->finding_count);
    json_t *document = parse(&out), *array = json_object_get(document, "findings"), *finding, *value;
    assert_int_equal(json_array_size(array), 3);
    size_t index;
    json_array_foreach(array, index, finding)
    {
        check_fields(finding, finding_fields);
        check_fields(json_array_get(json_object_get(finding, "operations"), 0), operation_fields);
    }
    finding = json_array_get(array, 0);
    assert_string_equal(json_string_value(json_object_get(finding, "kind")), "n_plus_one_query");
    assert_string_equal(json_string_value(json_object_get(finding, "confidence")), "proven");
    assert_int_equal(json_integer_value(json_object_get(finding, "count")), 3000);
    near(json_object_get(finding, "saving_ms"), 1185);
    value = json_object_get(finding, "call_site");
    check_fields(value, site_fields);
    assert_int_equal(json_integer_value(json_object_get(value, "line")), 212);
    check_fields(json_object_get(finding, "source"), operation_fields);
    value = json_array_get(json_object_get(finding, "evidence"), 2);
    assert_string_equal(json_string_value(json_object_get(value, "fact")), "walks_rows");
    assert_int_equal(json_integer_value(json_object_get(value, "seen")), 160);
    assert_int_equal(json_integer_value(json_object_get(value, "of")), 160);
    value = json_array_get(json_object_get(finding, "trace_ids"), 0);
    assert_string_equal(json_string_value(value), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_true(json_is_null(json_object_get(json_array_get(array, 2), "call_site")));
    assert_true(json_is_null(json_object_get(json_array_get(array, 2), "source")));
    json_decref(document);
}

static const char *const request_fields[][2] = {
    {"service", "s"},         {"version", "s"},    {"endpoint", "s"},      {"count", "i"},
    {"recorded", "i"},        {"errors", "i"},     {"p50_ms", "r"},        {"p95_ms", "r"},
    {"p99_ms", "r"},          {"max_ms", "r"},     {"calls", "o"},         {"calls_min", "i"},
    {"calls_max", "i"},       {"db_time_ms", "r"}, {"findings", "i"},      {"saving_ms", "r"},
    {"saving_total_ms", "r"}, {"cache", "O"},      {"last_start_ns", "i"}, {NULL}};
static const char *const call_fields[][2] = {{"db", "i"}, {"http", "i"}, {"cache", "i"}, {NULL}};

static void requests_keep_their_contract(void **state)
{
    (void)state;
    struct buffer out;
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    buffer_init(&out);
    json_requests(&out, endpoints, count);
    json_t *document = parse(&out), *array = json_object_get(document, "requests");
    assert_int_equal(json_array_size(array), count);
    json_t *request = json_array_get(array, 1);
    check_fields(request, request_fields);
    check_fields(json_object_get(request, "calls"), call_fields);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(request, "calls"), "db")), 3604);
    assert_int_equal(json_integer_value(json_object_get(request, "findings")), 3);
    assert_string_equal(json_string_value(json_object_get(request, "endpoint")),
                        "GET /api/dashboard/{merchant_id}");
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 2), "endpoint")),
                        "GET /health");
    near(json_object_get(request, "p50_ms"), 2134);
    json_decref(document);
}

static const char *const split_fields[][2] = {{"hit", "o"}, {"part", "o"}, {"miss", "o"}, {NULL}};
static const char *const outcome_fields[][2] = {{"count", "i"}, {"p50_ms", "r"}, {"calls", "o"}, {NULL}};

static void a_cached_endpoint_is_split(void **state)
{
    (void)state;
    struct buffer out;
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    buffer_init(&out);
    json_requests(&out, endpoints, count);
    json_t *document = parse(&out), *array = json_object_get(document, "requests");
    assert_true(json_is_null(json_object_get(json_array_get(array, 0), "cache")));
    json_t *split = json_object_get(json_array_get(array, 3), "cache");
    check_fields(split, split_fields);
    check_fields(json_object_get(split, "miss"), outcome_fields);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(split, "miss"), "count")), 250);
    near(json_object_get(json_object_get(split, "hit"), "p50_ms"), 0.39);
    near(json_object_get(json_array_get(array, 0), "saving_total_ms"), 49725);
    json_decref(document);
}

static const char *const profile_fields[][2] = {
    {"service", "s"},    {"version", "s"},       {"endpoint", "s"},
    {"requests", "i"},   {"requests_seen", "i"}, {"requests_estimated", "i"},
    {"total_ms", "r"},   {"p50_ms", "r"},        {"p95_ms", "r"},
    {"max_ms", "r"},     {"calls", "o"},         {"operations", "a"},
    {"components", "a"}, {"cache", "O"},         {NULL}};
static const char *const profile_operation_fields[][2] = {{"type", "s"},
                                                          {"label", "s"},
                                                          {"system", "s"},
                                                          {"text", "s"},
                                                          {"is_request", "b"},
                                                          {"calls", "i"},
                                                          {"calls_per_request", "r"},
                                                          {"total_ms", "r"},
                                                          {"self_ms", "r"},
                                                          {"mean_ms", "r"},
                                                          {"median_ms", "r"},
                                                          {"p95_ms", "r"},
                                                          {"max_ms", "r"},
                                                          {"rows", "I"},
                                                          {"share", "r"},
                                                          {"cumulative_share", "r"},
                                                          {NULL}};
static const char *const component_fields[][2] = {
    {"label", "s"},   {"is_request", "b"}, {"calls", "o"}, {"queries_per_request", "r"},
    {"time_ms", "r"}, {"share", "r"},      {NULL}};

static void profiles_keep_their_contract(void **state)
{
    (void)state;
    struct buffer out;
    uint32_t count;
    const struct profile *profiles = sample_profiles(&count);
    buffer_init(&out);
    json_profiles(&out, profiles, count, 3);
    json_t *document = parse(&out), *array = json_object_get(document, "profiles");
    assert_int_equal(json_array_size(array), count);
    assert_int_equal(json_integer_value(json_object_get(document, "left_out")), 3);
    json_t *profile = json_array_get(array, 0);
    check_fields(profile, profile_fields);
    json_t *operations = json_object_get(profile, "operations"), *operation = json_array_get(operations, 1);
    check_fields(operation, profile_operation_fields);
    near(json_object_get(json_array_get(operations, 0), "calls_per_request"), 3000);
    near(json_object_get(operation, "mean_ms"), 89);
    near(json_object_get(operation, "share"), 445.0 / 10670);
    near(json_object_get(operation, "cumulative_share"), 6495.0 / 10670);
    assert_int_equal(json_integer_value(json_object_get(operation, "rows")), 75000);
    assert_true(json_is_null(json_object_get(json_array_get(operations, 2), "rows")));
    assert_true(json_is_true(json_object_get(json_array_get(operations, 2), "is_request")));
    json_t *component = json_array_get(json_object_get(profile, "components"), 0);
    check_fields(component, component_fields);
    near(json_object_get(component, "queries_per_request"), 3000);
    check_fields(json_object_get(profile, "cache"), split_fields);
    assert_true(json_is_null(json_object_get(json_array_get(array, 1), "cache")));
    json_decref(document);
}

static void a_report_has_its_findings_whole(void **state)
{
    (void)state;
    struct buffer out;
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    buffer_init(&out);
    json_report(&out, endpoints, count, sample_status());
    json_t *document = parse(&out), *array = json_object_get(document, "endpoints");
    json_t *findings = json_object_get(json_array_get(array, 1), "findings");
    assert_int_equal(json_array_size(findings), 3);
    check_fields(json_array_get(findings, 0), finding_fields);
    assert_true(json_is_object(json_object_get(document, "status")));
    json_decref(document);
}

static const char *const status_fields[][2] = {{"version", "s"},
                                               {"listen", "s"},
                                               {"http", "s"},
                                               {"postgres", "s"},
                                               {"started_ns", "i"},
                                               {"spans", "i"},
                                               {"requests", "i"},
                                               {"traces_pending", "i"},
                                               {"oldest_pending_ns", "I"},
                                               {"database_away", "b"},
                                               {"spool", "O"},
                                               {"database_bytes", "i"},
                                               {"disk_free_bytes", "I"},
                                               {"spans_last_minute", "i"},
                                               {"last_refusal", "o"},
                                               {"counters", "o"},
                                               {"producers", "a"},
                                               {NULL}};
static const char *const producer_fields[][2] = {{"service", "s"},
                                                 {"version", "s"},
                                                 {"instance", "s"},
                                                 {"producer", "s"},
                                                 {"last_seen_ns", "i"},
                                                 {"created", "i"},
                                                 {"acknowledged", "i"},
                                                 {"stored", "i"},
                                                 {"clock_ahead_ns", "I"},
                                                 {"clock", "S"},
                                                 {"dropped_total", "i"},
                                                 {"dropped", "o"},
                                                 {"sampled_away_total", "i"},
                                                 {"sampled_away", "o"},
                                                 {NULL}};

static void status_keeps_its_contract(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    json_status(&out, sample_status());
    json_t *document = parse(&out), *producer = json_array_get(json_object_get(document, "producers"), 0);
    check_fields(document, status_fields);
    check_fields(producer, producer_fields);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(producer, "dropped"), "ring_full")),
                     1200);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(document, "counters"), "batches_refused")), 3);
    assert_string_equal(json_string_value(json_object_get(producer, "clock")), "fine");
    producer = json_array_get(json_object_get(document, "producers"), 1);
    assert_string_equal(json_string_value(json_object_get(producer, "clock")), "ahead");
    json_decref(document);
}

static const char *const span_fields[][2] = {{"span_id", "s"},        {"parent_span_id", "S"},
                                             {"service", "s"},        {"version", "s"},
                                             {"name", "s"},           {"kind", "s"},
                                             {"operation", "s"},      {"system", "s"},
                                             {"start_ns", "i"},       {"duration_ns", "i"},
                                             {"status", "s"},         {"rows", "I"},
                                             {"call_site", "O"},      {"attributes", "o"},
                                             {"links", "a"},          {"unread", "a"},
                                             {"status_message", "s"}, {"events", "a"},
                                             {"span_links", "a"},     {"dropped", "o"},
                                             {"scope", "O"},          {"trace_state", "s"},
                                             {"trace_flags", "i"},    {"sampling_threshold", "S"},
                                             {"weight", "r"},         {NULL}};

static void traces_keep_their_contract(void **state)
{
    (void)state;
    struct scene scene;
    struct trace_view view;
    struct buffer out;
    sample_troubled(&scene, &view);
    buffer_init(&out);
    json_trace(&out, &view);
    json_t *document = parse(&out), *spans = json_object_get(document, "spans"), *span;
    assert_int_equal(json_string_length(json_object_get(document, "trace_id")), 32);
    assert_true(json_is_false(json_object_get(document, "complete")));
    assert_int_equal(json_array_size(spans), view.trace->span_count);
    size_t index;
    bool hostile = false, failed = false;
    json_array_foreach(spans, index, span)
    {
        check_fields(span, span_fields);
        const char *name = json_string_value(json_object_get(span, "operation"));
        hostile |= strcmp(name, "render \x1b[2J\xe2\x80\xae"
                                "evil\n\xef\xbf\xbd") == 0; /* \xff became U+FFFD */
        json_t *type = json_object_get(json_object_get(span, "attributes"), "error.type");
        failed |= type && strcmp(json_string_value(type), "40001") == 0;
    }
    assert_true(hostile);
    assert_true(failed);
    json_decref(document);
    scene_fini(&scene);
}

static void every_kind_of_attribute_and_link_is_written(void **state)
{
    (void)state;
    struct scene scene;
    struct buffer out;
    scene_init(&scene, 1);
    size_t added = scene_add(&scene, NO_PARENT,
                             scene_operation(&scene, OPERATION_DB, "postgresql", "SELECT ?"), NULL, 0, 5);
    const struct attribute attributes[] = {{STR("text"), 1, STR("x\0y"), 0, 0},
                                           {STR("yes"), 2, {NULL, 0}, 1, 0},
                                           {STR("number"), 3, {NULL, 0}, INT64_MIN, 0},
                                           {STR("part"), 4, {NULL, 0}, 0, 0.1},
                                           {STR("nothing"), 4, {NULL, 0}, 0, NAN}};
    const struct link links[] = {{0xab, LINK_LIST, 2, 50}};
    const uint64_t unread[] = {0xcd};
    struct span *span = scene_span(&scene, added);
    span->attributes = attributes;
    span->attribute_count = sizeof attributes / sizeof *attributes;
    span->links = links;
    span->link_count = 1;
    span->unread = unread;
    span->unread_count = 1;
    scene_finish(&scene);
    struct trace_view view = {.trace = &scene.trace};
    buffer_init(&out);
    json_trace(&out, &view);
    assert_non_null(strstr(out.data, "\"attributes\":{\"text\":\"x\xef\xbf\xbdy\",\"yes\":true,"
                                     "\"number\":-9223372036854775808,\"part\":0.1,\"nothing\":\"NaN\"}"));
    assert_non_null(
        strstr(out.data,
               "\"links\":[{\"span_id\":\"00000000000000ab\",\"kind\":\"list\",\"column\":2,\"row\":50}]"));
    assert_non_null(strstr(out.data, "\"unread\":[\"00000000000000cd\"]"));
    buffer_fini(&out);
    scene_fini(&scene);
}

static void events_and_span_links_are_written(void **state)
{
    (void)state;
    struct scene scene;
    struct trace_view view;
    struct buffer out;
    sample_events(&scene, &view);
    struct scope scope = {STR("weir-pq"), STR("0.1")};
    view.trace->spans[0].scope = &scope;
    view.trace->spans[0].trace_state = str_of("ot=th:c");
    view.trace->spans[0].trace_flags = 3;
    buffer_init(&out);
    json_trace(&out, &view);
    static const char *const parts[] = {
        "\"sampling_threshold\":\"c\",\"weight\":4.0,",
        "\"scope\":{\"name\":\"weir-pq\",\"version\":\"0.1\"}",
        "\"trace_state\":\"ot=th:c\",\"trace_flags\":3,",
        "\"dropped\":{\"attributes\":1204,\"events\":1,\"span_links\":0}",
        "\"status_message\":\"the bank does not answer\"",
        "\"events\":[{\"time_ns\":1795000000136000000,\"name\":\"retry\",\"attributes\":{\"attempt\":2,"
        "\"backoff_s\":0.05,\"final\":false},\"dropped_attributes\":0},",
        "\"exception.tried\":[\"10.0.0.1\",\"10.0.0.2\"]}",
        "\"span_links\":[{\"trace_id\":\"ca270000000000000000000000000000\",\"span_id\":\"00f067aa0ba902b7\","
        "\"trace_state\":\"\",\"trace_flags\":0,\"attributes\":{},\"dropped_attributes\":0},",
        "{\"trace_id\":null,\"span_id\":null,\"trace_state\":\"\",\"trace_flags\":0,\"attributes\":{},"
        "\"dropped_attributes\":2}]",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(out.data, parts[i])) fail_msg("%s is not in %s", parts[i], out.data);
    json_decref(parse(&out)); /* parse frees the text */
    scene_fini(&scene);
}

/* What a sender calls an array may be anything. */
static void what_is_no_json_is_a_string(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *written;
    } cases[] = {
        {"[1,{\"a\":null}]", "[1,{\"a\":null}]"},
        {"{}", "{}"},
        {"[1,", "\"[1,\""},
        {"", "\"\""},
        {"[1] ]", "\"[1] ]\""},
        {"[1e999]", "\"[1e999]\""},
        {"17", "\"17\""},
        {"{\"a\":1,\"a\":2}", "\"{\\\"a\\\":1,\\\"a\\\":2}\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        struct buffer out;
        char expected[256];
        scene_init(&scene, 1);
        size_t added = scene_add(&scene, NO_PARENT, NULL, NULL, 0, 5);
        const struct attribute attribute = {STR("list"), 6, str_of(cases[i].sent), 0, 0};
        scene_span(&scene, added)->attributes = &attribute;
        scene_span(&scene, added)->attribute_count = 1;
        scene_finish(&scene);
        buffer_init(&out);
        json_trace(&out, &(struct trace_view){.trace = &scene.trace});
        snprintf(expected, sizeof expected, "\"attributes\":{\"list\":%s}", cases[i].written);
        if (!strstr(out.data, expected)) fail_msg("%s is not in %s", expected, out.data);
        buffer_fini(&out);
        scene_fini(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_keep_their_contract),
        cmocka_unit_test(requests_keep_their_contract),
        cmocka_unit_test(a_cached_endpoint_is_split),
        cmocka_unit_test(profiles_keep_their_contract),
        cmocka_unit_test(a_report_has_its_findings_whole),
        cmocka_unit_test(status_keeps_its_contract),
        cmocka_unit_test(traces_keep_their_contract),
        cmocka_unit_test(every_kind_of_attribute_and_link_is_written),
        cmocka_unit_test(events_and_span_links_are_written),
        cmocka_unit_test(what_is_no_json_is_a_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
