/* SPDX-License-Identifier: Apache-2.0 */
/* decode∘encode is the identity, hostile texts included; what is no such array is refused. */
#include "tests/support/cmocka.h"

#include "model/finding_json.h"

static void fill(struct finding *f)
{
    memset(f, 0, sizeof *f);
    f->kind = FINDING_n_plus_one_query;
    f->service = str_of("dashboard");
    f->service_version = str_of("before");
    f->endpoint = str_of("GET /api/dashboard/{merchant_id}");
    f->operation_count = 1;
    f->operations[0] = (struct finding_operation){OPERATION_DB,
                                                  str_of("orders by customer"),
                                                  str_of("postgresql"),
                                                  str_of("SELECT \"x\" FROM orders WHERE customer_id = ?"),
                                                  3000,
                                                  1210000001};
    f->has_source = true;
    f->source = (struct finding_operation){OPERATION_DB,
                                           str_of("customers by merchant"),
                                           str_of("postgresql"),
                                           str_of("SELECT id FROM customers WHERE merchant_id = ?"),
                                           1,
                                           7};
    f->count = 3000;
    f->requests = 5;
    f->requests_seen = UINT32_MAX;
    f->request_ns = 2130000000;
    f->cost_ns = INT64_MAX; /* more than a double holds exactly */
    f->repaired_ns = 25000003;
    f->saving_ns = -1;
    f->confidence = CONFIDENCE_PROVEN;
    f->evidence_count = 2;
    f->evidence[0] = (struct evidence){EVIDENCE_same_operation, 3000, 3000};
    f->evidence[1] = (struct evidence){EVIDENCE_walks_rows, 32, 32};
    f->advice = str_of("join, or WHERE customer_id = ANY($1) – \x01\x1b[31m ü");
    f->site = (struct call_site){str_of("dashboard.c"), str_of("load"), 212};
    f->trace_count = 2;
    for (size_t i = 0; i < 16; i++) f->trace_ids[0][i] = (unsigned char)(i * 17);
    f->trace_ids[1][15] = 1;
}

static void assert_str_equal(struct str a, struct str b) { assert_true(str_equal(a, b)); }

static void assert_operation_equal(const struct finding_operation *a, const struct finding_operation *b)
{
    assert_int_equal(a->type, b->type);
    assert_str_equal(a->label, b->label);
    assert_str_equal(a->system, b->system);
    assert_str_equal(a->text, b->text);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->cost_ns, b->cost_ns);
}

static void assert_finding_equal(const struct finding *a, const struct finding *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_str_equal(a->service, b->service);
    assert_str_equal(a->service_version, b->service_version);
    assert_str_equal(a->endpoint, b->endpoint);
    assert_int_equal(a->operation_count, b->operation_count);
    for (uint32_t i = 0; i < a->operation_count; i++)
        assert_operation_equal(&a->operations[i], &b->operations[i]);
    assert_int_equal(a->has_source, b->has_source);
    if (a->has_source) assert_operation_equal(&a->source, &b->source);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->requests, b->requests);
    assert_int_equal(a->requests_seen, b->requests_seen);
    assert_int_equal(a->request_ns, b->request_ns);
    assert_int_equal(a->cost_ns, b->cost_ns);
    assert_int_equal(a->repaired_ns, b->repaired_ns);
    assert_int_equal(a->saving_ns, b->saving_ns);
    assert_int_equal(a->confidence, b->confidence);
    assert_int_equal(a->evidence_count, b->evidence_count);
    for (uint32_t i = 0; i < a->evidence_count; i++) {
        assert_int_equal(a->evidence[i].fact, b->evidence[i].fact);
        assert_int_equal(a->evidence[i].seen, b->evidence[i].seen);
        assert_int_equal(a->evidence[i].of, b->evidence[i].of);
    }
    assert_str_equal(a->advice, b->advice);
    assert_str_equal(a->site.file, b->site.file);
    assert_str_equal(a->site.function, b->site.function);
    assert_int_equal(a->site.line, b->site.line);
    assert_int_equal(a->trace_count, b->trace_count);
    assert_memory_equal(a->trace_ids, b->trace_ids, a->trace_count * (size_t)16);
}

static void what_is_decoded_is_what_was_encoded(void **state)
{
    (void)state;
    struct finding in[3], *out;
    uint32_t count;
    struct buffer json;
    struct arena arena;
    fill(&in[0]);
    memset(&in[1], 0, sizeof in[1]); /* everything empty */
    fill(&in[2]);
    in[2].kind = FINDING_sequential_independent;
    in[2].operation_count = FINDING_OPERATIONS_MAX;
    for (uint32_t i = 1; i < FINDING_OPERATIONS_MAX; i++) in[2].operations[i] = in[2].operations[0];
    in[2].has_source = false;
    buffer_init(&json);
    arena_init(&arena, (size_t)1 << 20);
    finding_json_encode(&json, in, 3);
    assert_false(json.failed);
    assert_true(finding_json_decode(&arena, buffer_str(&json), &out, &count));
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < 3; i++) assert_finding_equal(&in[i], &out[i]);
    arena_fini(&arena);
    buffer_fini(&json);
}

static void no_findings_are_an_empty_array(void **state)
{
    (void)state;
    struct finding *out;
    uint32_t count = 7;
    struct buffer json;
    struct arena arena;
    buffer_init(&json);
    arena_init(&arena, (size_t)1 << 16);
    finding_json_encode(&json, NULL, 0);
    assert_string_equal(json.data, "[]");
    assert_true(finding_json_decode(&arena, buffer_str(&json), &out, &count));
    assert_int_equal(count, 0);
    arena_fini(&arena);
    buffer_fini(&json);
}

static void public_names_are_as_documented(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "\"kind\":\"n_plus_one_query\"",
        "\"endpoint\":\"GET /api/dashboard/{merchant_id}\"",
        "\"service\":\"dashboard\"",
        "\"version\":\"before\"",
        "\"operations\":[{\"type\":\"db\",\"label\":\"orders by customer\"",
        "\"count\":3000",
        "\"requests\":5",
        "\"confidence\":\"proven\"",
        "\"evidence\":[{\"fact\":\"same_operation\",\"seen\":3000,\"of\":3000}",
        "\"call_site\":{\"file\":\"dashboard.c\",\"line\":212,\"function\":\"load\"}",
        "\"trace_ids\":[\"00112233445566778899aabbccddeeff\"",
        "\"request_ms\":2130.0",
        "\"cost_ms\":1210.000001"};
    struct finding f;
    struct buffer json;
    fill(&f);
    buffer_init(&json);
    finding_json_encode(&json, &f, 1);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (!strstr(json.data, pieces[i])) fail_msg("%s is not in %s", pieces[i], json.data);
    buffer_fini(&json);
}

/* JSON has no bytes that are not UTF-8, and no NUL: they become '?'. */
static void malformed_text_is_repaired(void **state)
{
    (void)state;
    struct finding f, *out;
    uint32_t count;
    struct buffer json;
    struct arena arena;
    fill(&f);
    f.advice = str_view("a\xff\0b\xc3", 5);
    buffer_init(&json);
    arena_init(&arena, (size_t)1 << 16);
    finding_json_encode(&json, &f, 1);
    assert_false(json.failed);
    assert_true(finding_json_decode(&arena, buffer_str(&json), &out, &count));
    assert_true(str_is(out[0].advice, "a??b?"));
    arena_fini(&arena);
    buffer_fini(&json);
}

static void other_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{}", "[1]", "[{}]", "[", "null", "[{\"kind\":\"x\"}]"};
    struct arena arena;
    arena_init(&arena, (size_t)1 << 16);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct finding *out;
        uint32_t count;
        assert_false(finding_json_decode(&arena, str_of(texts[i]), &out, &count));
        assert_int_equal(count, 0);
    }
    arena_fini(&arena);
}

/* Each byte of a good text damaged: refused or another finding, never a crash. */
static void damaged_json_is_harmless(void **state)
{
    (void)state;
    struct finding f;
    struct buffer json;
    fill(&f);
    buffer_init(&json);
    finding_json_encode(&json, &f, 1);
    for (size_t i = 0; i < json.len; i++) {
        struct finding *out;
        uint32_t count;
        struct arena arena;
        char was = json.data[i];
        arena_init(&arena, (size_t)1 << 16);
        json.data[i] = (char)(was == '9' ? '-' : '9');
        finding_json_decode(&arena, buffer_str(&json), &out, &count);
        assert_in_range(count, 0, 1);
        json.data[i] = was;
        arena_fini(&arena);
    }
    buffer_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_decoded_is_what_was_encoded),
        cmocka_unit_test(no_findings_are_an_empty_array),
        cmocka_unit_test(public_names_are_as_documented),
        cmocka_unit_test(malformed_text_is_repaired),
        cmocka_unit_test(other_json_is_refused),
        cmocka_unit_test(damaged_json_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
