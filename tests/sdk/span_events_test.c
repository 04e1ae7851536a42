/* SPDX-License-Identifier: Apache-2.0 */
/* Events, links and status messages as they arrive at a real peer; limits, and what does not fit. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "model/span.h"
#include "tests/sdk/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <weir/call.h>
#include <weir/context.h>
#include <weir/weir.h>

static struct peer *peer;

static int start(const struct weir_config *more)
{
    struct weir_config config = *more;
    peer = peer_start(0);
    config.endpoint = peer_url(peer);
    config.service_name = "events-test";
    config.export_interval_ms = 5;
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int set_up(void **state)
{
    (void)state;
    return start(&(struct weir_config){0});
}

static int set_up_limited(void **state)
{
    (void)state;
    return start(&(struct weir_config){.event_count_limit = 3,
                                       .link_count_limit = WEIR_ZERO,
                                       .event_attribute_count_limit = 1,
                                       .attribute_value_length_limit = 4});
}

static int tear_down(void **state)
{
    (void)state;
    weir_shutdown(2000);
    peer_stop(peer);
    return 0;
}

static uint64_t dropped_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats.attributes_dropped;
}

/* ---- what arrived of a span ---- */

struct seen {
    const struct batch *batch;
    uint32_t span, event, event_attribute, link, link_attribute; /* where its lists begin */
};

static uint32_t sum(const uint32_t *counts, uint32_t until)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < until; i++) total += at32(counts, i);
    return total;
}

static struct seen find(const char *text)
{
    struct seen seen = {0};
    if (!peer_find(peer, text, 0, &seen.batch, &seen.span)) fail_msg("no span \"%s\"", text);
    seen.event = sum(seen.batch->event_count, seen.span);
    seen.event_attribute = sum(seen.batch->event_attribute_count, seen.event);
    seen.link = sum(seen.batch->span_link_count, seen.span);
    seen.link_attribute = sum(seen.batch->span_link_attribute_count, seen.link);
    return seen;
}

static void check_event(const struct seen *seen, uint32_t which, const char *name, uint32_t attributes)
{
    const struct batch *batch = seen->batch;
    uint32_t at = seen->event + which;
    struct str sent = batch_string(batch, batch->event_name[at]);
    if (!str_is(sent, name)) fail_msg("event %u is %.*s", which, (int)sent.len, sent.data);
    assert_int_equal(at32(batch->event_attribute_count, at), attributes);
    assert_in_range(batch->event_time_delta_ns[at], 0, at64(batch->duration_ns, seen->span));
}

static void check_key(const struct seen *seen, uint32_t which, const char *key, uint32_t type)
{
    const struct batch *batch = seen->batch;
    uint32_t at = seen->event_attribute + which;
    assert_true(str_is(batch_string(batch, batch->event_attribute_key[at]), key));
    assert_int_equal(batch->event_attribute_type[at], type);
}

/* ---- the tests ---- */

static void events_come_with_time_and_attributes(void **state)
{
    (void)state;
    char text[] = "it was away";
    {
        WEIR_SPAN_AS(span, "fetch");
        weir_event("cold", WEIR_NO_ATTRIBUTES);
        weir_int("items", 3); /* an attribute of the span, between them */
        weir_span_event(span, "retry",
                        WEIR_ATTRIBUTES(weir_attribute_int("attempt", -2), weir_attribute_string("why", text),
                                        weir_attribute_bool("last", true),
                                        weir_attribute_double("backoff_s", 0.25)));
        memset(text, 'x', sizeof text - 1); /* it was copied */
        WEIR_SPAN("inner");
        weir_event("of inner", WEIR_NO_ATTRIBUTES);
        weir_span_event(span, "of outer", WEIR_NO_ATTRIBUTES);
    }
    assert_true(peer_wait_spans(peer, 2));
    struct seen seen = find("fetch");
    const struct batch *batch = seen.batch;
    assert_int_equal(batch->event_count[seen.span], 3);
    check_event(&seen, 0, "cold", 0);
    check_event(&seen, 1, "retry", 4);
    check_event(&seen, 2, "of outer", 0);
    assert_true(batch->event_time_delta_ns[seen.event] <= batch->event_time_delta_ns[seen.event + 1]);
    check_key(&seen, 0, "attempt", ATTRIBUTE_INT);
    check_key(&seen, 1, "why", ATTRIBUTE_STRING);
    check_key(&seen, 2, "last", ATTRIBUTE_BOOL);
    check_key(&seen, 3, "backoff_s", ATTRIBUTE_DOUBLE);
    const int64_t *values = batch->event_attribute_value + seen.event_attribute;
    double backoff;
    memcpy(&backoff, &values[3], sizeof backoff);
    assert_int_equal(values[0], -2);
    assert_true(str_is(batch_string(batch, (uint32_t)values[1]), "it was away"));
    assert_int_equal(values[2], 1);
    assert_true(backoff == 0.25);
    int64_t items;
    assert_true(peer_attribute(batch, seen.span, "items", &items));
    assert_int_equal(items, 3);
    seen = find("inner");
    check_event(&seen, 0, "of inner", 0);
    assert_int_equal(at32(batch->dropped_events, seen.span), 0);
}

static void links_name_other_traces(void **state)
{
    (void)state;
    struct weir_context job = {.flags = WEIR_CONTEXT_SAMPLED, .remote = true};
    memset(job.trace_id, 0xab, sizeof job.trace_id);
    memset(job.span_id, 0xcd, sizeof job.span_id);
    job.tracestate_bytes = (uint16_t)snprintf(job.tracestate, sizeof job.tracestate, "vendor=1");
    const struct weir_context none = {0};
    {
        WEIR_SPAN_AS(first, "first");
        struct weir_context own;
        assert_true(weir_span_context(first, &own));
        WEIR_SPAN_AS(second, "second");
        weir_span_link(second, &job, WEIR_ATTRIBUTES(weir_attribute_string("queue", "mail")));
        weir_span_link(second, &own, WEIR_NO_ATTRIBUTES);
        weir_span_link(second, &none, WEIR_NO_ATTRIBUTES);
        weir_span_link(second, NULL, WEIR_NO_ATTRIBUTES);
    }
    assert_true(peer_wait_spans(peer, 2));
    struct seen seen = find("second"), first = find("first");
    const struct batch *batch = seen.batch;
    assert_int_equal(batch->span_link_count[seen.span], 2);
    assert_memory_equal(batch->span_link_trace_ids + seen.link * 16, job.trace_id, 16);
    assert_int_equal(batch->span_link_span_id[seen.link], 0xcdcdcdcdcdcdcdcdu);
    assert_true(str_is(batch_string(batch, at32(batch->span_link_trace_state, seen.link)), "vendor=1"));
    assert_int_equal(at32(batch->span_link_flags, seen.link), WEIR_CONTEXT_SAMPLED);
    assert_int_equal(at32(batch->span_link_attribute_count, seen.link), 1);
    uint32_t key = batch->span_link_attribute_key[seen.link_attribute];
    assert_true(str_is(batch_string(batch, key), "queue"));
    assert_int_equal(batch->span_link_span_id[seen.link + 1], first.batch->span_id[first.span]);
    assert_memory_equal(batch->span_link_trace_ids + (seen.link + 1) * 16,
                        batch->trace_ids + at32(batch->span_trace, seen.span) * 16, 16);
}

static void an_error_says_what_happened(void **state)
{
    (void)state;
    {
        WEIR_SPAN("failing");
        weir_error("timeout");
        weir_error_message("first");
        weir_error_message("the bank did not answer within 3 s");
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("failing");
    assert_int_equal(at32(seen.batch->status, seen.span), 2);
    struct str message = batch_string(seen.batch, at32(seen.batch->status_message, seen.span));
    assert_true(str_is(message, "the bank did not answer within 3 s"));
}

static void ok_is_the_last_word(void **state)
{
    (void)state;
    {
        WEIR_SPAN_AS(span, "all is well");
        weir_error_message("not so");
        weir_span_ok(span);
        weir_error("timeout");
        weir_error_message("too late");
        weir_server_response(span, 500);
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("all is well");
    assert_int_equal(at32(seen.batch->status, seen.span), SPAN_STATUS_OK);
    assert_int_equal(at32(seen.batch->status_message, seen.span), 0);
    assert_int_equal(seen.batch->attribute_total, 1); /* the response's */
}

/* Calls have events, too; what no span is has none, and what nobody records costs nothing. */
static void handles_without_a_span_take_nothing(void **state)
{
    (void)state;
    const struct weir_span none = {0, 0};
    const struct weir_context job = {.trace_id = {1}, .span_id = {1}};
    weir_event("nobody's", WEIR_NO_ATTRIBUTES);
    weir_error_message("nobody's");
    weir_span_event(none, "nobody's", WEIR_NO_ATTRIBUTES);
    weir_span_link(none, &job, WEIR_NO_ATTRIBUTES);
    struct weir_span ended = weir_span_begin(WEIR_SITE("ended"));
    weir_span_event(ended, NULL, NULL, 3);
    weir_span_error_message(ended, NULL);
    weir_span_end(ended);
    weir_span_event(ended, "too late", WEIR_NO_ATTRIBUTES);
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("ended");
    assert_int_equal(seen.batch->event_total, 1);
    check_event(&seen, 0, "", 0);
    assert_int_equal(seen.batch->span_link_total, 0);
    assert_null(seen.batch->status);
    assert_int_equal(dropped_now(), 0);
}

static void what_is_no_attribute_is_passed_over(void **state)
{
    (void)state;
    struct weir_attribute odd = weir_attribute_int("odd", 1);
    odd.type = (enum weir_type)77;
    {
        WEIR_SPAN("careless");
        weir_event("one", WEIR_ATTRIBUTES(weir_attribute_string("null", NULL), weir_attribute_int(NULL, 1),
                                          odd, weir_attribute_int("kept", 1)));
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("careless");
    check_event(&seen, 0, "one", 1);
    check_key(&seen, 0, "kept", ATTRIBUTE_INT);
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    uint64_t before = dropped_now();
    {
        WEIR_SPAN_AS(span, "full");
        weir_event("long",
                   WEIR_ATTRIBUTES(weir_attribute_string("text", text), weir_attribute_string("more", text),
                                   weir_attribute_int("number", 1)));
        struct weir_context job = {.trace_id = {1}, .span_id = {1}};
        job.tracestate_bytes = 1000;
        memset(job.tracestate, 'b', 1000);
        weir_span_link(span, &job, WEIR_NO_ATTRIBUTES); /* without its tracestate */
        for (int i = 0; i < 100; i++) weir_event("another", WEIR_NO_ATTRIBUTES);
        for (int i = 0; i < 5; i++) weir_string("attribute", text);
        weir_span_link(span, &job, WEIR_NO_ATTRIBUTES);
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("full");
    const struct batch *batch = seen.batch;
    uint32_t events = batch->event_count[seen.span];
    check_event(&seen, 0, "long", 2); /* one text of 1,024 bytes, and the number */
    assert_int_equal(at32(batch->event_dropped_attributes, seen.event), 1);
    assert_int_equal(batch->span_link_count[seen.span], 1);
    assert_int_equal(at32(batch->span_link_trace_state, seen.link), 0);
    assert_in_range(events, 10, 60);
    assert_int_equal(at32(batch->dropped_events, seen.span), 101 - events);
    assert_int_equal(at32(batch->dropped_attributes, seen.span), 5);
    assert_int_equal(at32(batch->dropped_span_links, seen.span), 1);
    assert_int_equal(dropped_now() - before, 1 + 101 - events + 5 + 1);
}

static void limits_are_obeyed(void **state)
{
    (void)state;
    const struct weir_context job = {.trace_id = {1}, .span_id = {1}};
    {
        WEIR_SPAN_AS(span, "limited");
        for (int i = 0; i < 5; i++)
            weir_event("event", WEIR_ATTRIBUTES(weir_attribute_string("text", "gr\xc3\xb6\xc3\x9f"
                                                                              "e"),
                                                weir_attribute_int("second", i)));
        weir_span_link(span, &job, WEIR_NO_ATTRIBUTES);
    }
    assert_true(peer_wait_spans(peer, 1));
    struct seen seen = find("limited");
    assert_int_equal(seen.batch->event_count[seen.span], 3);
    check_event(&seen, 2, "event", 1);
    assert_int_equal(at32(seen.batch->event_dropped_attributes, seen.event), 1);
    assert_int_equal(at32(seen.batch->dropped_events, seen.span), 2);
    assert_int_equal(at32(seen.batch->dropped_span_links, seen.span), 1);
    uint32_t text = (uint32_t)seen.batch->event_attribute_value[seen.event_attribute];
    assert_true(str_is(batch_string(seen.batch, text), "gr\xc3\xb6\xc3\x9f")); /* 4 characters */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(events_come_with_time_and_attributes),
        TEST(links_name_other_traces),
        TEST(an_error_says_what_happened),
        TEST(ok_is_the_last_word),
        TEST(handles_without_a_span_take_nothing),
        TEST(what_is_no_attribute_is_passed_over),
        TEST(what_does_not_fit_is_counted),
        cmocka_unit_test_setup_teardown(limits_are_obeyed, set_up_limited, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
