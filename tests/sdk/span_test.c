/* SPDX-License-Identifier: Apache-2.0 */
/* Spans as they arrive at a real peer: nesting, ends out of order, stale and foreign handles, attributes, context. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "sdk/core/thread.h"
#include "tests/sdk/peer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/call.h>
#include <weir/context.h>

static struct peer *peer;

static int set_up(void **state)
{
    (void)state;
    peer = peer_start(0);
    struct weir_config config = {
        .endpoint = peer_url(peer), .service_name = "span-test", .export_interval_ms = 5};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_shutdown(2000);
    peer_stop(peer);
    return 0;
}

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats;
}

struct seen {
    const struct batch *batch;
    uint32_t span;
};

static struct seen find(const char *text)
{
    struct seen seen;
    if (!peer_find(peer, text, 0, &seen.batch, &seen.span)) fail_msg("no span \"%s\"", text);
    return seen;
}

static uint64_t id_of(const char *text)
{
    struct seen seen = find(text);
    return at64(seen.batch->span_id, seen.span);
}

static uint64_t parent_of(const char *text)
{
    struct seen seen = find(text);
    return at64(seen.batch->parent_span_id, seen.span);
}

static void nested_spans(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/items/{id}", NULL);
        weir_server_response(request, 503);
        {
            WEIR_SPAN("outer");
            {
                WEIR_SPAN("inner");
            }
            {
                WEIR_SPAN("second");
            }
        }
    }
    assert_true(peer_wait_spans(peer, 4));
    assert_int_equal(parent_of("GET /items/{id}"), 0);
    assert_int_equal(parent_of("outer"), id_of("GET /items/{id}"));
    assert_int_equal(parent_of("inner"), id_of("outer"));
    assert_int_equal(parent_of("second"), id_of("outer"));
    struct seen server = find("GET /items/{id}");
    int64_t code;
    assert_int_equal(at32(server.batch->span_kind, server.span), 2);
    assert_int_equal(at32(server.batch->status, server.span), 2);
    assert_true(peer_attribute(server.batch, server.span, "http.response.status_code", &code));
    assert_int_equal(code, 503);
    struct seen inner = find("inner");
    uint32_t site = at32(inner.batch->span_site, inner.span) - 1;
    assert_true(str_is(batch_string(inner.batch, inner.batch->site_function[site]), "nested_spans"));
}

/* Starts are told as differences from span to span: put together again they lie where the wall clock was. */
static void starts_are_wall_time(void **state)
{
    (void)state;
    int64_t before = clock_unix_ns();
    for (int i = 0; i < 100; i++) {
        WEIR_SPAN("timed");
        int64_t began = clock_unix_ns();
        while (clock_unix_ns() < began + 1000) continue;
    }
    int64_t after = clock_unix_ns();
    assert_true(peer_wait_spans(peer, 100));
    int64_t last = 0;
    for (uint32_t b = 0; b < peer_batch_count(peer); b++) {
        const struct batch *batch = &peer_batch(peer, b)->batch;
        int64_t start = (int64_t)batch->base_time_unix_ns;
        for (uint32_t i = 0; i < batch->span_count; i++) {
            start += batch->start_delta_ns ? batch->start_delta_ns[i] : 0;
            assert_true(start >= before - NS_PER_MS * 2 && start <= after + NS_PER_MS * 2);
            assert_true(start > last);
            assert_true(at64(batch->duration_ns, i) >= 500);
            last = start;
        }
    }
}

static void ends_out_of_order(void **state)
{
    (void)state;
    struct weir_span a = weir_span_begin(WEIR_SITE("a"));
    struct weir_span b = weir_span_begin(WEIR_SITE("b"));
    struct weir_span c = weir_span_begin(WEIR_SITE("c"));
    weir_span_end(b);
    struct weir_span d = weir_span_begin(WEIR_SITE("d")); /* takes b's slot, below c nothing changes */
    assert_int_equal(weir_span_current().generation, d.generation);
    weir_span_end(d);
    assert_int_equal(weir_span_current().slot, c.slot);
    weir_span_end(a);
    assert_int_equal(weir_span_current().slot, c.slot);
    weir_span_end(c);
    assert_int_equal(weir_span_current().slot, 0);
    assert_true(peer_wait_spans(peer, 4));
    assert_int_equal(parent_of("b"), id_of("a"));
    assert_int_equal(parent_of("c"), id_of("b"));
    assert_int_equal(parent_of("d"), id_of("c"));
}

static void *end_it(void *span)
{
    weir_span_end(*(struct weir_span *)span);
    weir_span_int(*(struct weir_span *)span, "foreign", 1);
    {
        WEIR_SPAN("other thread");
    }
    return NULL;
}

static void stale_and_foreign_handles_do_nothing(void **state)
{
    (void)state;
    uint64_t before = stats_now().created;
    pthread_t thread;
    struct weir_span span = weir_span_begin(WEIR_SITE("once"));
    assert_int_equal(pthread_create(&thread, NULL, end_it, &span), 0);
    pthread_join(thread, NULL);
    assert_int_equal(weir_span_current().slot, span.slot);
    weir_span_end((struct weir_span){0, 0});
    weir_span_end((struct weir_span){span.slot, span.generation + 2});
    weir_span_end((struct weir_span){UINT32_MAX, UINT32_MAX});
    weir_span_end(span);
    weir_span_end(span);
    weir_span_int(span, "late", 1);
    assert_int_equal(stats_now().created - before, 2);
}

static void too_deep_is_counted(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    struct weir_span spans[SPAN_DEPTH + 6];
    for (int i = 0; i < SPAN_DEPTH + 6; i++) spans[i] = weir_span_begin(WEIR_SITE("deep"));
    assert_int_equal(spans[SPAN_DEPTH].slot, 0);
    struct weir_context other = {.trace_id = {1}, .span_id = {2}, .flags = WEIR_CONTEXT_SAMPLED};
    assert_int_equal(weir_context_attach(&other, NULL).generation, 0); /* which is no span */
    for (int i = SPAN_DEPTH + 5; i >= 0; i--) weir_span_end(spans[i]);
    struct weir_stats after = stats_now();
    assert_int_equal(after.dropped_too_deep - before.dropped_too_deep, 6);
    assert_int_equal(after.created - before.created, SPAN_DEPTH + 6);
    assert_true(peer_wait_spans(peer, SPAN_DEPTH));
}

/* Calls that nobody ends do not take a thread's slots for good: the oldest goes for each new span. */
static void calls_that_never_end_make_room(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    const struct weir_call call = {WEIR_SITE("call"), WEIR_CALL_DB, "postgresql", NULL, "SELECT 1", 8, 0};
    struct weir_span first = weir_call_begin(&call);
    for (int i = 1; i < SPAN_DEPTH; i++) weir_call_begin(&call);
    for (int i = 0; i < 10; i++) {
        struct weir_span span = weir_span_begin(WEIR_SITE("after the calls"));
        assert_int_not_equal(span.generation, 0);
        weir_span_end(span);
    }
    weir_call_end(first); /* was the one that went */
    struct weir_stats after = stats_now();
    assert_int_equal(after.dropped_too_deep - before.dropped_too_deep, 1);
    assert_int_equal(after.created - before.created, 11);
}

static jmp_buf back;

static void leave_by_longjmp(void)
{
    WEIR_SERVER_SPAN(request, "GET", "/left", NULL);
    WEIR_SPAN("left");
    longjmp(back, 1);
}

/* What a longjmp leaves behind is never ended: a thread that lives on such errors goes on with its spans. */
static void spans_left_by_longjmp_make_room(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    for (volatile int i = 0; i < 2 * SPAN_DEPTH; i++)
        if (setjmp(back) == 0) leave_by_longjmp();
    for (int i = 0; i < 3; i++) {
        WEIR_SERVER_SPAN(request, "GET", "/after", NULL);
        WEIR_SPAN("after");
        WEIR_SPAN_AS(inner, "inner");
        assert_int_equal(weir_span_current().slot, inner.slot);
    }
    struct weir_stats after = stats_now();
    assert_true(peer_wait_spans(peer, 9));
    assert_int_equal(after.created - before.created - (after.dropped - before.dropped), 9);
    assert_int_equal(parent_of("inner"), id_of("after"));
    assert_int_equal(parent_of("after"), id_of("GET /after"));
}

/* Those that the current span is beneath stay, also where the same span is attached again. */
static void a_line_of_spans_makes_no_room(void **state)
{
    (void)state;
    struct weir_context context;
    struct weir_stats before = stats_now();
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/line", NULL);
    assert_true(weir_span_context(request, &context));
    struct weir_attachment attachment = weir_context_attach(&context, NULL);
    struct weir_span spans[SPAN_DEPTH];
    for (int i = 0; i < SPAN_DEPTH; i++) spans[i] = weir_span_begin(WEIR_SITE("in line"));
    for (int i = SPAN_DEPTH; i-- > 0;) weir_span_end(spans[i]);
    weir_context_detach(attachment);
    weir_span_end(request);
    assert_int_equal(stats_now().dropped_too_deep - before.dropped_too_deep, 2);
    assert_true(peer_wait_spans(peer, SPAN_DEPTH - 1));
    find("GET /line");
}

/* Names should be literals; whatever they are, the batch is one that a collector takes. */
static void a_long_name_is_cut(void **state)
{
    (void)state;
    size_t bytes = (size_t)17 << 20;
    char *name = malloc(bytes + 1);
    assert_non_null(name);
    memset(name, 'n', bytes);
    name[bytes] = 0;
    memcpy(name + 4095, "\xc3\xa9", 2);
    const struct weir_site site = {name, name, name, 1};
    {
        struct weir_span span = weir_span_begin(&site);
        weir_span_int(span, name, 1);
        weir_span_event(span, name, WEIR_NO_ATTRIBUTES);
        weir_span_error(span, name);
        weir_span_end(span);
    }
    assert_true(peer_wait_spans(peer, 1));
    const struct batch *batch = &peer_batch(peer, 0)->batch;
    struct str text = batch_string(batch, batch->operation_text[at32(batch->span_operation, 0)]);
    assert_int_equal(text.len, 4095); /* not through a character */
    free(name);
}

static void attributes_of_all_types(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    memcpy(text + 1023, "\xc3\xa9", 2); /* cut in the middle of a character */
    {
        WEIR_SPAN("attributes");
        weir_int("int", -7);
        weir_int("int", 8);
        weir_bool("bool", true);
        weir_double("double", 0.5);
        weir_string("string", text);
        weir_string("nothing", NULL);
        weir_error("timeout");
        for (int i = 0; i < 50; i++) weir_int("more", i);
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("attributes");
    int64_t value;
    double real;
    assert_true(peer_attribute(seen.batch, seen.span, "int", &value) && value == 8);
    assert_true(peer_attribute(seen.batch, seen.span, "bool", &value) && value == 1);
    assert_true(peer_attribute(seen.batch, seen.span, "double", &value));
    memcpy(&real, &value, sizeof real);
    assert_true(real == 0.5);
    assert_true(peer_attribute(seen.batch, seen.span, "string", &value));
    assert_int_equal(batch_string(seen.batch, (uint32_t)value).len, 1023);
    assert_true(peer_attribute(seen.batch, seen.span, "error.type", &value));
    assert_true(str_is(batch_string(seen.batch, (uint32_t)value), "timeout"));
    assert_false(peer_attribute(seen.batch, seen.span, "nothing", &value));
    assert_int_equal(at32(seen.batch->status, seen.span), 2);
    assert_true(stats_now().attributes_dropped > 0);
}

/* Something in the process writes over the ring: the exporter gives up what lies there, counts it, and goes on. */
static void a_damaged_ring_harms_nobody(void **state)
{
    (void)state;
    weir_shutdown(2000);
    struct weir_config config = {.endpoint = peer_url(peer),
                                 .export_interval_ms = 60000}; /* no look meanwhile */
    assert_int_equal(weir_init(&config), WEIR_OK);
    struct weir_stats before = stats_now();
    for (int i = 0; i < 3; i++) {
        WEIR_SPAN("overwritten");
        weir_string("key", "value");
    }
    const struct ring *ring = weir_thread->ring;
    uint64_t last = ring->next - (sizeof(struct record) + sizeof(struct record_entry) + 8);
    struct record *record = (void *)(ring->data + (last & (ring->size_bytes - 1)));
    assert_int_equal(record->bytes, ring->next - last);
    record->entry_bytes = 0xfff8;
    assert_int_equal(weir_shutdown(2000), WEIR_DROPPED);
    struct weir_stats after = stats_now();
    assert_int_equal(after.dropped_damaged - before.dropped_damaged, 1);
    assert_int_equal(after.created - before.created, 3);
    assert_int_equal(after.in_flight, 0);
    assert_int_equal(after.created, after.acknowledged + after.dropped);
}

static const char *header(const void *from, const char *name)
{
    return strcmp(name, "traceparent") ? NULL : from;
}

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"

static bool has_error_type(const char *name, const char *expected)
{
    struct seen seen = find(name);
    int64_t value;
    return peer_attribute(seen.batch, seen.span, "error.type", &value) &&
           str_is(batch_string(seen.batch, (uint32_t)value), expected);
}

static void the_status_is_an_error_type(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/503", NULL);
        weir_server_response(request, 503);
    }
    {
        WEIR_SERVER_SPAN(request, "GET", "/said", NULL);
        weir_span_error(request, "timeout");
        weir_server_response(request, 500);
    }
    {
        WEIR_SERVER_SPAN(request, "GET", "/404", NULL);
        weir_server_response(request, 404);
    }
    {
        WEIR_SERVER_SPAN(request, "GET", "/explained", NULL);
        weir_span_error_message(request, "the bank did not answer");
        weir_server_response(request, 504);
    }
    assert_true(peer_wait_spans(peer, 4));
    assert_true(has_error_type("GET /503", "503"));
    assert_true(has_error_type("GET /explained", "504"));
    assert_true(has_error_type("GET /said", "timeout"));
    int64_t value;
    assert_false(peer_attribute(find("GET /404").batch, find("GET /404").span, "error.type", &value));
}

static void joins_the_callers_trace(void **state)
{
    (void)state;
    char text[WEIR_TRACEPARENT_BYTES];
    {
        WEIR_SERVER_SPAN(request, "GET", "/joined",
                         (&(struct weir_headers){.get = header, .from = PARENT "1"}));
        weir_traceparent(request, text);
        assert_memory_equal(text, "00-0af7651916cd43dd8448eb211c80319c-", 36);
        assert_string_equal(text + 52, "-01");
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("GET /joined");
    assert_int_equal(at64(seen.batch->parent_span_id, seen.span), 0xb7ad6b7169203331);
    assert_int_equal(at32(seen.batch->flags, seen.span), SPAN_FLAG_REMOTE_PARENT);
    assert_memory_equal(seen.batch->trace_ids + at32(seen.batch->span_trace, seen.span) * 16,
                        "\x0a\xf7\x65\x19", 4);
}

/* What would not have been sent is not lost either. */
static void too_deep_and_unsampled_is_not_counted(void **state)
{
    (void)state;
    struct weir_stats before = stats_now();
    struct weir_context context = {.trace_id = {1}, .span_id = {2}};
    struct weir_span spans[SPAN_DEPTH + 6];
    WEIR_ATTACH(&context, NULL);
    for (int i = 0; i < SPAN_DEPTH + 6; i++) spans[i] = weir_span_begin(WEIR_SITE("deep"));
    assert_int_equal(spans[SPAN_DEPTH].slot, 0);
    for (int i = SPAN_DEPTH + 5; i >= 0; i--) weir_span_end(spans[i]);
    assert_int_equal(stats_now().created, before.created);
}

static void an_unsampled_caller_is_obeyed(void **state)
{
    (void)state;
    uint64_t before = stats_now().created;
    char text[WEIR_TRACEPARENT_BYTES];
    {
        WEIR_SERVER_SPAN(request, "GET", "/quiet",
                         (&(struct weir_headers){.get = header, .from = PARENT "0"}));
        WEIR_SPAN("inside");
        weir_traceparent(weir_span_current(), text);
        assert_string_equal(text + 52, "-00");
    }
    assert_int_equal(stats_now().created, before);
}

static void the_resource_says_who(void **state)
{
    (void)state;
    {
        WEIR_SPAN("any");
    }
    assert_true(peer_wait_spans(peer, 1));
    const struct batch *batch = &peer_batch(peer, 0)->batch;
    bool name = false, language = false, instance = false, pid = false;
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        struct str key = batch_string(batch, batch->resource_key[i]),
                   value = batch_string(batch, batch->resource_value[i]);
        name |= str_is(key, "service.name") && str_is(value, "span-test");
        language |= str_is(key, "telemetry.sdk.language") && str_is(value, "c");
        instance |= str_is(key, "service.instance.id") && value.len == 36;
        pid |= str_is(key, "process.pid");
    }
    assert_true(name && language && instance && pid);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nested_spans),
        TEST(starts_are_wall_time),
        TEST(ends_out_of_order),
        TEST(stale_and_foreign_handles_do_nothing),
        TEST(too_deep_is_counted),
        TEST(calls_that_never_end_make_room),
        TEST(spans_left_by_longjmp_make_room),
        TEST(a_line_of_spans_makes_no_room),
        TEST(a_long_name_is_cut),
        TEST(attributes_of_all_types),
        TEST(a_damaged_ring_harms_nobody),
        TEST(the_status_is_an_error_type),
        TEST(joins_the_callers_trace),
        TEST(an_unsampled_caller_is_obeyed),
        TEST(too_deep_and_unsampled_is_not_counted),
        TEST(the_resource_says_who),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
