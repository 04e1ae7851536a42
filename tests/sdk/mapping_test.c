/* SPDX-License-Identifier: Apache-2.0 */
/* Batches as OpenTelemetry sees them: all that a batch can say, random batches against their columns, JSON and lines. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "model/operation.h"
#include "model/span.h"
#include "sdk/otlp/json.h"
#include "sdk/otlp/line.h"
#include "sdk/otlp/mapping.h"
#include "sdk/otlp/trace_state.h"
#include "tests/proto/sample_batch.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct mapping mapping;
static struct buffer out;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)64 << 20);
    mapping_init(&mapping);
    buffer_init(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    mapping_fini(&mapping);
    buffer_fini(&out);
    return 0;
}

/* Through the wire, as outputs get it. */
static void read_packed(const struct batch *batch)
{
    struct weir_delivery delivery = {.outcome = WEIR_BATCH_STORED};
    size_t bytes = batch_packed_bytes(batch);
    unsigned char *packed = malloc(bytes);
    assert_non_null(packed);
    batch_pack(batch, packed);
    if (!mapping_unpack(&mapping, packed, bytes, &delivery)) fail_msg("%s", delivery.reason);
    free(packed);
}

static const struct otlp_value *find(const struct otlp_attributes *attributes, const char *key)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (str_is(attributes->items[i].key, key)) return &attributes->items[i].value;
    return NULL;
}

static void has_text(const struct otlp_attributes *attributes, const char *key, const char *text)
{
    const struct otlp_value *value = find(attributes, key);
    assert_non_null(value);
    assert_int_equal(value->type, OTLP_STRING);
    if (!str_is(value->text, text)) fail_msg("%s is %.*s, not %s", key, STR_ARG(value->text), text);
}

static void has_int(const struct otlp_attributes *attributes, const char *key, int64_t integer)
{
    const struct otlp_value *value = find(attributes, key);
    assert_non_null(value);
    assert_int_equal(value->type, OTLP_INT);
    assert_int_equal(value->integer, integer);
}

/* ---- one span, made by hand ---- */

static char strings[4096];
static uint32_t string_bytes[64];

static uint32_t string(struct batch *batch, const char *text)
{
    if (batch->string_count == 0) batch->string_count = 1;
    batch->string_data.data = strings;
    batch->string_bytes = string_bytes;
    memcpy(strings + batch->string_data.len, text, strlen(text));
    batch->string_data.len += strlen(text);
    string_bytes[batch->string_count] = (uint32_t)strlen(text);
    return batch->string_count++;
}

/* A span of one operation, mapped. */
static struct otlp_span span_of(enum operation_type type, uint32_t kind, const char *system, const char *text)
{
    static unsigned char trace[16] = {1};
    uint32_t types[1] = {type}, systems[1], texts[1], kinds[1] = {kind};
    uint64_t ids[1] = {0x0102030405060708}, rows[1] = {4};
    struct batch batch = {.version = 1, .producer = 1, .sequence = 1, .trace_count = 1, .trace_ids = trace};
    struct otlp_span span;
    systems[0] = *system ? string(&batch, system) : 0;
    texts[0] = string(&batch, text);
    batch.operation_count = batch.span_count = 1;
    batch.operation_type = types;
    batch.operation_system = systems;
    batch.operation_text = texts;
    batch.span_id = ids;
    batch.span_kind = kinds;
    batch.rows_plus_1 = rows;
    read_packed(&batch);
    assert_true(mapping_next(&mapping, &span));
    return span;
}

static void names_of_operations(void **state)
{
    (void)state;
    static const struct {
        enum operation_type type;
        const char *system, *text, *name;
    } table[] = {
        {OPERATION_SPAN, "", "load items", "load items"},
        {OPERATION_SPAN, "", "", "span"},
        {OPERATION_ENDPOINT, "", "GET /items/{id}", "GET /items/{id}"},
        {OPERATION_ENDPOINT, "", "/items", "/items"},
        {OPERATION_ENDPOINT, "", "GET", "GET"},
        {OPERATION_ENDPOINT, "", "PURGE /items", "HTTP /items"},
        {OPERATION_ENDPOINT, "", "orders process", "HTTP process"},
        {OPERATION_DB, "postgresql", "SELECT a FROM t JOIN u ON t.id = u.id", "SELECT t u"},
        {OPERATION_DB, "postgresql", "", "postgresql"},
        {OPERATION_HTTP, "api", "GET /x", "GET /x"},
        {OPERATION_HTTP, "api", "get /x", "HTTP /x"},
        {OPERATION_HTTP, "api", "", "HTTP"},
        {OPERATION_CACHE, "redis", "MGET a:{} b:{}", "MGET a:{} b:{}"},
        {OPERATION_CONNECT, "redis", "connect", "connect to redis"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct otlp_span span = span_of(table[i].type, 3, table[i].system, table[i].text);
        if (!str_is(span.name, table[i].name))
            fail_msg("%s is called %.*s, not %s", table[i].text, STR_ARG(span.name), table[i].name);
    }
}

static void servers_of_http_calls(void **state)
{
    (void)state;
    static const struct {
        const char *host, *address;
        int port;
    } table[] = {{"inventory:8081", "inventory", 8081},
                 {"inventory", "inventory", -1},
                 {"10.0.0.1:80", "10.0.0.1", 80},
                 {"[::1]:8080", "::1", 8080},
                 {"[::1]", "::1", -1},
                 {"host:", "host:", -1},
                 {"host:99999", "host:99999", -1},
                 {"::1", "::1", -1}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct otlp_span span = span_of(OPERATION_HTTP, 3, table[i].host, "GET /");
        has_text(&span.attributes, "server.address", table[i].address);
        if (table[i].port >= 0) has_int(&span.attributes, "server.port", table[i].port);
        if (table[i].port < 0) assert_null(find(&span.attributes, "server.port"));
    }
}

static void rows_of_reads_and_of_writes(void **state)
{
    (void)state;
    struct otlp_span span = span_of(OPERATION_DB, 3, "postgresql", "SELECT a FROM t");
    has_int(&span.attributes, "db.response.returned_rows", 3);
    span = span_of(OPERATION_DB, 3, "postgresql", "DELETE FROM t");
    has_int(&span.attributes, "weir.rows", 3);
    assert_null(find(&span.attributes, "db.response.returned_rows"));
}

/* ---- the sample that has everything ---- */

static void everything_that_a_batch_can_say(void **state)
{
    (void)state;
    struct batch batch;
    struct otlp_span span;
    uint32_t events = 0, links = 0, spans = 0, thresholds = 0;
    sample_batch_fixed(&batch, &arena);
    read_packed(&batch);
    assert_true(batch.scope_count > 0 && batch.event_total > 0 && batch.span_link_total > 0);
    for (uint32_t scope = 0; scope <= batch.scope_count; scope++) {
        mapping_begin(&mapping, scope);
        while (mapping_next(&mapping, &span)) {
            spans++;
            events += (uint32_t)span.event_count;
            links += (uint32_t)span.link_count;
            thresholds += span.trace_state.len && strstr(span.trace_state.data, "ot=th:") != NULL;
            assert_true(span.end_unix_ns >= span.start_unix_ns);
        }
    }
    assert_false(mapping.failed);
    assert_int_equal(spans, batch.span_count);
    assert_int_equal(events, batch.event_total);
    assert_int_equal(links, batch.span_link_total + batch.link_total);
    assert_true(thresholds > 0);
    assert_true(json_line(&out, &mapping));
    assert_int_equal(out.data[out.len - 1], '\n');
    assert_null(memchr(out.data, '\n', out.len - 1));
}

/* ---- random batches: every span, attribute, event and link comes out once, in its place ---- */

struct place { /* in the lists of the whole batch */
    uint32_t event, event_attribute, span_link, span_link_attribute, link, unread, attribute;
};

static uint64_t number_of_id(struct str id)
{
    uint64_t number = 0;
    assert_int_equal(id.len, 8);
    for (int i = 0; i < 8; i++) number = number << 8 | (unsigned char)id.data[i];
    return number;
}

static struct str text_at(uint32_t index) { return batch_string(mapping.batch, index); }

/* NULL: those of a span that is passed over. */
static void check_lists(const struct batch *batch, uint32_t i, struct place *place,
                        const struct otlp_span *span)
{
    for (uint32_t e = 0; e < batch_u32(batch->event_count, i); e++, place->event++) {
        uint32_t count = batch_u32(batch->event_attribute_count, place->event);
        if (span) assert_true(str_equal(span->events[e].name, text_at(batch->event_name[place->event])));
        if (span) assert_int_equal(span->events[e].attributes.count, count);
        for (uint32_t a = 0; a < count; a++, place->event_attribute++)
            if (span)
                assert_true(str_equal(span->events[e].attributes.items[a].key,
                                      text_at(batch->event_attribute_key[place->event_attribute])));
    }
    for (uint32_t l = 0; l < batch_u32(batch->span_link_count, i); l++, place->span_link++) {
        uint32_t count = batch_u32(batch->span_link_attribute_count, place->span_link);
        if (span) assert_int_equal(span->links[l].attributes.count, count);
        for (uint32_t a = 0; a < count; a++, place->span_link_attribute++)
            if (span)
                assert_true(str_equal(span->links[l].attributes.items[a].key,
                                      text_at(batch->span_link_attribute_key[place->span_link_attribute])));
    }
}

static void check_evidence(const struct batch *batch, uint32_t i, struct place *place,
                           const struct otlp_span *span)
{
    uint32_t first = batch_u32(batch->span_link_count, i), unread = batch_u32(batch->unread_count, i);
    for (uint32_t l = 0; l < batch_u32(batch->link_count, i); l++, place->link++)
        if (span)
            assert_int_equal(number_of_id(span->links[first + l].span_id), batch->link_span_id[place->link]);
    for (uint32_t u = 0; u < unread; u++, place->unread++) {
        char hex[17];
        snprintf(hex, sizeof hex, "%016llx", (unsigned long long)batch->unread_span_id[place->unread]);
        if (span) assert_true(str_is(find(&span->attributes, "weir.unread")->values[u].text, hex));
    }
    for (uint32_t a = 0; a < batch_u32(batch->attribute_count, i); a++, place->attribute++)
        if (span)
            assert_true(
                str_equal(span->attributes.items[a].key, text_at(batch->attribute_key[place->attribute])));
}

static void one_random_batch(struct id_generator *random)
{
    struct batch batch;
    struct otlp_span span;
    uint32_t scopes = 0;
    sample_batch_random(&batch, &arena, random, 40);
    if (batch.span_count == 0) return;
    read_packed(&batch);
    uint32_t seen = 0;
    for (uint32_t scope = 0; scope <= batch.scope_count; scope++) {
        uint32_t i = 0;
        struct place place = {0};
        int64_t start = (int64_t)batch.base_time_unix_ns;
        mapping_begin(&mapping, scope);
        for (; i < batch.span_count; i++) {
            start += batch.start_delta_ns[i];
            bool is_mine = batch_u32(batch.span_scope, i) == scope;
            if (is_mine) assert_true(mapping_next(&mapping, &span));
            check_lists(&batch, i, &place, is_mine ? &span : NULL);
            check_evidence(&batch, i, &place, is_mine ? &span : NULL);
            if (!is_mine) continue;
            assert_int_equal(number_of_id(span.span_id), batch.span_id[i]);
            assert_memory_equal(span.trace_id.data, batch.trace_ids + batch.span_trace[i] * 16ull, 16);
            assert_int_equal(span.start_unix_ns, start);
            assert_int_equal(span.end_unix_ns - span.start_unix_ns, batch.duration_ns[i]);
            assert_int_equal(span.kind, batch.span_kind[i]);
            assert_int_equal(span.flags & 0xff, (batch.flags[i] >> SPAN_FLAGS_TRACE_SHIFT & 0xff) | 1);
            assert_int_equal(span.flags >> 8, batch.flags[i] & SPAN_FLAG_REMOTE_PARENT ? 3 : 1);
            assert_int_equal(span.event_count, batch_u32(batch.event_count, i));
            assert_int_equal(span.link_count,
                             batch_u32(batch.span_link_count, i) + batch_u32(batch.link_count, i));
            assert_true(span.attributes.count >= batch_u32(batch.attribute_count, i));
            seen++;
        }
        assert_false(mapping_next(&mapping, &span));
        scopes++;
    }
    assert_int_equal(seen, batch.span_count);
    assert_int_equal(scopes, batch.scope_count + 1);
    buffer_clear(&out);
    assert_true(json_line(&out, &mapping));
}

static void random_batches(void **state)
{
    (void)state;
    struct id_generator random;
    uint64_t seed = clock_monotonic_ns() & 0xffffffff;
    const char *given = getenv("WEIR_SEED");
    if (given) seed = strtoull(given, NULL, 10);
    print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
    random = (struct id_generator){{seed, 1, 2, 3}};
    for (int i = 0; i < 200; i++) {
        one_random_batch(&random);
        arena_reset(&arena);
    }
}

static void what_is_no_batch(void **state)
{
    (void)state;
    struct weir_delivery delivery = {.outcome = WEIR_BATCH_STORED};
    assert_false(mapping_unpack(&mapping, "nonsense", 8, &delivery));
    assert_int_equal(delivery.outcome, WEIR_BATCH_REFUSED);
    assert_true(delivery.reason[0] != 0);
}

/* ---- trace state ---- */

static void thresholds_in_a_trace_state(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        uint64_t threshold;
        const char *after;
    } table[] = {
        {"", 0, "ot=th:0"},
        {"", 0xc0000000000000, "ot=th:c"},
        {"", 0xfffffffffffff1, "ot=th:fffffffffffff1"},
        {"", 1, "ot=th:00000000000001"},
        {"a=b,c=d", 0x80000000000000, "ot=th:8,a=b,c=d"},
        {"a=b,ot=rv:1234;th:4,c=d", 0x80000000000000, "ot=th:8;rv:1234,a=b,c=d"},
        {" a=b , ot=th:4 ", 0x80000000000000, "ot=th:8,a=b"},
        {"ot=", 0x80000000000000, "ot=th:8"},
        {",,ot=;;x:y;", 0x80000000000000, "ot=th:8;x:y"},
        {"other=1", 0x80000000000000, "ot=th:8,other=1"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str after = trace_state_with_threshold(&arena, str_of(table[i].before), table[i].threshold);
        if (!str_is(after, table[i].after))
            fail_msg("%s became %.*s, not %s", table[i].before, STR_ARG(after), table[i].after);
    }
}

/* ---- text ---- */

static void doubles_read_back(void **state)
{
    (void)state;
    static const struct {
        double real;
        const char *text;
    } table[] = {{0, "0"},
                 {0.1, "0.1"},
                 {-1.5, "-1.5"},
                 {1e100, "1e+100"},
                 {1.0 / 3, "0.33333333333333331"},
                 {DBL_MAX, "1.7976931348623157e+308"}};
    const char *locale = setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where it is installed: a comma */
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        buffer_clear(&out);
        json_double(&out, table[i].real);
        assert_string_equal(out.data, table[i].text);
    }
    if (locale) setlocale(LC_NUMERIC, "C");
}

static void a_line_stays_a_line(void **state)
{
    (void)state;
    const struct otlp_attribute attributes[] = {
        {STR("plain"), {.type = OTLP_STRING, .text = STR("word")}},
        {STR("evil\nkey"), {.type = OTLP_STRING, .text = STR("\"\\ \x1b]0;title\x07 \xe2\x80\xae\xff")}},
        {STR("empty"), {.type = OTLP_STRING, .text = STR("")}},
    };
    const struct otlp_span span = {.trace_id = STR("0123456789abcdef"),
                                   .span_id = STR("01234567"),
                                   .name = STR("name\r\n\x9b"),
                                   .kind = 99,
                                   .start_unix_ns = 3723123456789,
                                   .end_unix_ns = 3723123457789,
                                   .attributes = {3, attributes, 2}};
    line_of_span(&out, str_of("s\tvc"), &span);
    assert_string_equal(
        out.data, "01:02:03.123456 s\\u{9}vc span       1.00 us  name\\u{d}\\u{a}\\x9b  plain=word  "
                  "\"evil\\u{a}key\"=\"\\\"\\\\ \\u{1b}]0;title\\u{7} \\u{202e}\\xff\"  empty=\"\"  "
                  "(2 more attributes)  trace 30313233343536373839616263646566 span 3031323334353637\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_operations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(servers_of_http_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_of_reads_and_of_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everything_that_a_batch_can_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thresholds_in_a_trace_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubles_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_stays_a_line, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
