/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as a client library makes them, as they arrive at a real peer. */
#include "tests/support/cmocka.h"

#include "model/span.h"
#include "tests/sdk/peer.h"

#include <stdio.h>
#include <weir/call.h>
#include <weir/context.h>

static struct peer *peer;

static int set_up(void **state)
{
    (void)state;
    peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_shutdown(2000);
    peer_stop(peer);
    return 0;
}

/* rows × 2: id from 1, name */
static const char *cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    static char text[32];
    (void)from;
    if (column == 1 && row % 2) return NULL;
    *bytes = (size_t)snprintf(text, sizeof text, column ? "name %zu" : "%zu", row + 1);
    return text;
}

static struct weir_span query(const char *sql, const char *input, size_t rows, const void *handle)
{
    struct weir_span call = weir_call_begin(
        &(struct weir_call){WEIR_SITE("query"), WEIR_CALL_DB, "postgresql", NULL, sql, strlen(sql), 3});
    if (input) weir_call_input(call, input, strlen(input));
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_table(call, rows, 2, cell, NULL);
    if (handle) weir_call_unread(call, handle);
    weir_call_end(call);
    return call;
}

static struct weir_span http(const char *method, const char *url, const char *body, const char *answer)
{
    struct weir_span call = weir_call_begin(
        &(struct weir_call){WEIR_SITE("http"), WEIR_CALL_HTTP, NULL, method, url, strlen(url), 0});
    if (body) weir_call_input(call, body, strlen(body));
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_body(call, answer, strlen(answer));
    weir_call_end(call);
    return call;
}

struct seen {
    const struct batch *batch;
    uint32_t span, links, unread; /* where its links and unread calls begin */
};

static struct seen find_nth(const char *text, uint32_t nth)
{
    struct seen seen = {0};
    if (!peer_find(peer, text, nth, &seen.batch, &seen.span)) fail_msg("no call \"%s\"", text);
    for (uint32_t i = 0; i < seen.span; i++) {
        seen.links += at32(seen.batch->link_count, i);
        seen.unread += at32(seen.batch->unread_count, i);
    }
    return seen;
}

static struct seen find(const char *text) { return find_nth(text, 0); }
static uint32_t links_of(struct seen seen) { return at32(seen.batch->link_count, seen.span); }
static uint32_t flags_of(struct seen seen) { return at32(seen.batch->flags, seen.span) & 0xff; }
static uint32_t unread_of(struct seen seen) { return at32(seen.batch->unread_count, seen.span); }

static void a_loop_carries_links(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/loop", NULL);
        query("SELECT id, name FROM products WHERE merchant_id = 7", NULL, 5, NULL);
        for (int i = 1; i <= 5; i++) {
            char id[8];
            snprintf(id, sizeof id, "%d", i);
            WEIR_SPAN("wrapper");
            query("SELECT r FROM reviews WHERE product_id = $1", id, 0, NULL);
        }
    }
    assert_true(peer_wait_spans(peer, 12));
    struct seen source = find("SELECT id, name FROM products WHERE merchant_id = ?");
    assert_int_equal(at64(source.batch->rows_plus_1, source.span), 6);
    assert_int_equal(at32(source.batch->connection, source.span), 3);
    assert_int_equal(at32(source.batch->input_count, source.span), 1);
    assert_int_equal(at32(source.batch->span_kind, source.span), SPAN_KIND_CLIENT);
    assert_int_not_equal(at64(source.batch->input_hash, source.span), 0);
    assert_int_not_equal(at64(source.batch->answer_hash, source.span), 0);
    for (uint32_t row = 0; row < 5; row++) {
        struct seen call = find_nth("SELECT r FROM reviews WHERE product_id = ?", row);
        assert_int_equal(links_of(call), 1);
        assert_int_equal(at64(call.batch->link_span_id, call.links),
                         at64(source.batch->span_id, source.span));
        assert_int_equal(at32(call.batch->link_kind, call.links), LINK_SEQUENCE);
        assert_int_equal(at32(call.batch->link_column, call.links), 0);
        assert_int_equal(at32(call.batch->link_row, call.links), row);
    }
}

static uint64_t input_of(struct seen seen) { return at64(seen.batch->input_hash, seen.span); }
static uint64_t answer_of(struct seen seen) { return at64(seen.batch->answer_hash, seen.span); }

static void same_input_same_hash(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/same", NULL);
        query("SELECT a", NULL, 2, NULL);
        query("SELECT a", NULL, 2, NULL);
        query("SELECT a", NULL, 3, NULL);
        query("SELECT b WHERE c = 1", NULL, 2, NULL);
        query("SELECT b WHERE c = 2", NULL, 2, NULL);
    }
    assert_true(peer_wait_spans(peer, 6));
    assert_int_equal(input_of(find_nth("SELECT a", 0)), input_of(find_nth("SELECT a", 1)));
    assert_int_equal(answer_of(find_nth("SELECT a", 0)), answer_of(find_nth("SELECT a", 1)));
    assert_int_not_equal(answer_of(find_nth("SELECT a", 0)), answer_of(find_nth("SELECT a", 2)));
    assert_int_not_equal(input_of(find_nth("SELECT b WHERE c = ?", 0)),
                         input_of(find_nth("SELECT b WHERE c = ?", 1)));
}

static void unread_answers_are_named(void **state)
{
    (void)state;
    int one, two;
    {
        WEIR_SERVER_SPAN(request, "GET", "/unread", NULL);
        query("SELECT one", NULL, 1, &one);
        query("SELECT two", NULL, 1, &two); /* one is unread */
        weir_answer_read(&one);
        query("SELECT three", NULL, 1, NULL); /* two is unread */
        weir_answer_forget(&two);
        weir_answer_read(&two); /* too late: it is forgotten, unread for ever */
        query("SELECT four", NULL, 1, NULL);
    }
    {
        WEIR_SERVER_SPAN(request, "GET", "/next", NULL);
        query("SELECT five", NULL, 1, NULL);
    }
    assert_true(peer_wait_spans(peer, 7));
    uint64_t one_id = at64(find("SELECT one").batch->span_id, find("SELECT one").span);
    uint64_t two_id = at64(find("SELECT two").batch->span_id, find("SELECT two").span);
    assert_int_equal(unread_of(find("SELECT one")), 0);
    assert_int_equal(unread_of(find("SELECT two")), 1);
    assert_int_equal(at64(find("SELECT two").batch->unread_span_id, find("SELECT two").unread), one_id);
    assert_int_equal(unread_of(find("SELECT three")), 1);
    assert_int_equal(at64(find("SELECT three").batch->unread_span_id, find("SELECT three").unread), two_id);
    assert_int_equal(unread_of(find("SELECT four")), 1);
    assert_int_equal(unread_of(find("SELECT five")), 0);
}

static void bodies_are_sources_and_lists(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/bodies", NULL);
        http("GET", "http://shop/products", NULL,
             "{\"items\":[{\"id\":21,\"n\":1},{\"id\":22,\"n\":1},{\"id\":23,\"n\":1},{\"id\":24,\"n\":1},{"
             "\"id\":25,\"n\":1}]}");
        http("POST", "http://stock/bulk", "{\"ids\":[21,22,23,24,25],\"full\":true}", "{}");
        http("GET", "http://stock/stock/21", NULL, "[]");
        http("GET", "http://price/prices?ids=21,22,23,24,25", NULL, "not JSON");
    }
    assert_true(peer_wait_spans(peer, 5));
    static const char *const names[] = {"POST /bulk", "GET /prices?ids={}"};
    uint64_t source = at64(find("GET /products").batch->span_id, find("GET /products").span);
    for (int i = 0; i < 2; i++) {
        struct seen seen = find(names[i]);
        bool list = false;
        for (uint32_t l = seen.links; l < seen.links + links_of(seen); l++)
            list |= at32(seen.batch->link_kind, l) == LINK_LIST &&
                    at64(seen.batch->link_span_id, l) == source && at32(seen.batch->link_row, l) == 5;
        if (!list) fail_msg("%s has no list link", names[i]);
    }
    assert_true(links_of(find("GET /stock/{id}")) >= 1);
}

/* Two calls at once, as an event loop has them: neither is the other's child, and they end in any order. */
static void calls_stand_side_by_side(void **state)
{
    (void)state;
    {
        WEIR_SERVER_SPAN(request, "GET", "/side", NULL);
        struct weir_call what = {WEIR_SITE("x"), WEIR_CALL_HTTP, NULL, "GET", "http://a/first", 14, 0};
        struct weir_span first = weir_call_begin(&what);
        weir_call_send(first);
        what.text = "http://b/other";
        struct weir_span other = weir_call_begin(&what);
        weir_call_send(other);
        assert_int_equal(weir_span_current().slot, request.slot);
        weir_span_int(first, "http.response.status_code", 200);
        weir_call_end(first);
        weir_span_end(other); /* ends a call as well */
        weir_call_end(other);
    }
    assert_true(peer_wait_spans(peer, 3));
    struct seen request = find("GET /side"), first = find("GET /first"), other = find("GET /other");
    assert_int_equal(at64(first.batch->parent_span_id, first.span),
                     at64(request.batch->span_id, request.span));
    assert_int_equal(at64(other.batch->parent_span_id, other.span),
                     at64(request.batch->span_id, request.span));
}

/* Without a request each call is one of its own and knows no other. */
static void calls_without_a_request(void **state)
{
    (void)state;
    query("SELECT id FROM alone", NULL, 5, NULL);
    query("SELECT x FROM other WHERE id = $1", "1", 0, NULL);
    assert_true(peer_wait_spans(peer, 2));
    struct seen seen = find("SELECT x FROM other WHERE id = ?");
    assert_int_equal(links_of(seen), 0);
    assert_int_equal(at64(seen.batch->parent_span_id, seen.span), 0);
}

/* Calls outside any request are requests of their own; ended in another order than begun, they leave nothing behind
 * that would crowd out what a later request knows. */
static void roots_that_overlap_leave_nothing(void **state)
{
    (void)state;
    struct weir_call what = {WEIR_SITE("x"), WEIR_CALL_HTTP, NULL, "GET", "http://a/17", 11, 0};
    for (int i = 0; i < 63; i++) {
        struct weir_span first = weir_call_begin(&what);
        weir_call_send(first);
        struct weir_span other = weir_call_begin(&what);
        weir_call_send(other);
        weir_call_end(first);
        weir_call_end(other);
    }
    {
        WEIR_SERVER_SPAN(request, "GET", "/after", NULL);
        query("SELECT id FROM source", NULL, 5, NULL);
        query("SELECT x FROM between", "17", 5, NULL);
        query("SELECT x FROM target WHERE id = $1", "1", 0, NULL);
    }
    assert_true(peer_wait_spans(peer, 130));
    struct seen source = find("SELECT id FROM source"), target = find("SELECT x FROM target WHERE id = ?");
    bool linked = false;
    for (uint32_t l = target.links; l < target.links + links_of(target); l++)
        linked |= at64(target.batch->link_span_id, l) == at64(source.batch->span_id, source.span);
    assert_true(linked);
}

/* A call that outlives its request is no part of the next one. */
static void a_call_that_outlives_its_request(void **state)
{
    (void)state;
    static const char sql[] = "SELECT late WHERE id = $1";
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/early", NULL);
    struct weir_span late = weir_call_begin(
        &(struct weir_call){WEIR_SITE("late"), WEIR_CALL_DB, "postgresql", NULL, sql, sizeof sql - 1, 0});
    weir_span_end(request);
    {
        WEIR_SERVER_SPAN(next, "GET", "/next", NULL);
        query("SELECT id FROM products", NULL, 5, NULL);
        weir_call_input(late, "1", 1);
        weir_call_send(late);
        weir_call_end(late);
    }
    assert_true(peer_wait_spans(peer, 4));
    assert_int_equal(links_of(find("SELECT late WHERE id = ?")), 0);
    assert_int_equal(flags_of(find("SELECT late WHERE id = ?")), SPAN_FLAG_PARTIAL_EVIDENCE);
    assert_int_equal(flags_of(find("SELECT id FROM products")), 0);
}

/* What another thread, or an earlier callback, got of the request is not here: links are found within, and the rest is not
 * taken for independent. */
static void an_attached_context_sees_a_part(void **state)
{
    (void)state;
    struct weir_context context;
    {
        WEIR_SERVER_SPAN(request, "GET", "/parts", NULL);
        assert_true(weir_span_context(request, &context));
        query("SELECT id FROM elsewhere", NULL, 5, NULL);
        {
            WEIR_ATTACH(&context, NULL);
            query("SELECT id FROM here", NULL, 5, NULL);
            query("SELECT a WHERE id = $1", "1", 1, NULL);
        }
        query("SELECT b WHERE id = $1", "1", 1, NULL);
    }
    assert_true(peer_wait_spans(peer, 5));
    struct seen a = find("SELECT a WHERE id = ?"), b = find("SELECT b WHERE id = ?");
    assert_int_equal(flags_of(a), SPAN_FLAG_PARTIAL_EVIDENCE);
    assert_int_equal(flags_of(b), 0);
    assert_true(at64(a.batch->input_hash, a.span) != 0); /* a repetition is one all the same */
    assert_int_equal(links_of(a), 1);
    assert_int_equal(at64(a.batch->link_span_id, a.links),
                     at64(a.batch->span_id, find("SELECT id FROM here").span));
    assert_true(links_of(b) > 0);
}

static const char *same_cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    (void)row, (void)column;
    *bytes = strlen(from);
    return from;
}

/* As many rows, another value in the last of them. */
static void another_cell_is_another_answer(void **state)
{
    (void)state;
    static const char *const cells[] = {"1", "1", "2"};
    for (int i = 0; i < 3; i++) {
        struct weir_span call = weir_call_begin(
            &(struct weir_call){WEIR_SITE("c"), WEIR_CALL_DB, "postgresql", NULL, "SELECT cell", 11, 0});
        weir_call_send(call);
        weir_call_table(call, 40, 1, same_cell, cells[i]);
        weir_call_end(call);
    }
    assert_true(peer_wait_spans(peer, 3));
    assert_int_equal(answer_of(find_nth("SELECT cell", 0)), answer_of(find_nth("SELECT cell", 1)));
    assert_int_not_equal(answer_of(find_nth("SELECT cell", 0)), answer_of(find_nth("SELECT cell", 2)));
}

static void hostile_arguments(void **state)
{
    (void)state;
    struct weir_span call = weir_call_begin(&(struct weir_call){NULL, WEIR_CALL_DB, NULL, NULL, NULL, 99, 0});
    weir_call_input(call, NULL, 0);
    weir_call_send(call);
    weir_call_send(call);
    weir_call_table(call, 1000000, 1, NULL, NULL);
    weir_call_body(call, NULL, 7);
    weir_call_rows(call, -4);
    weir_call_unread(call, NULL);
    weir_call_end(call);
    weir_call_end(call);
    weir_call_send((struct weir_span){0, 0});
    weir_span_end(weir_call_begin(NULL));
    weir_traceparent(call, NULL);
    weir_stats(NULL);
    weir_answer_read(NULL);
    weir_answer_forget(&call);
    assert_true(peer_wait_spans(peer, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_loop_carries_links),
        TEST(same_input_same_hash),
        TEST(unread_answers_are_named),
        TEST(bodies_are_sources_and_lists),
        TEST(calls_stand_side_by_side),
        TEST(calls_without_a_request),
        TEST(roots_that_overlap_leave_nothing),
        TEST(a_call_that_outlives_its_request),
        TEST(an_attached_context_sees_a_part),
        TEST(another_cell_is_another_answer),
        TEST(hostile_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
