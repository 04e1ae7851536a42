/* SPDX-License-Identifier: Apache-2.0 */
/* The multi interface of <weir/libcurl.h> against a real HTTP server that can make requests wait for each other. */
#include "tests/support/cmocka.h"

#include "tests/examples/http_server.h"
#include "tests/examples/request.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libcurl.h>

#define POLL_MS 10000

static struct http_server *server;
static CURLM *multi;

/* The request's call with this text. */
static const struct seen_span *call_named(const struct seen_span *request, const char *text)
{
    const struct seen_span *seen;
    for (size_t i = 0; (seen = receiver_span(receiver, request->trace_id, OPERATION_HTTP, i)); i++)
        if (str_is(seen->span.operation->text, text)) return seen;
    fail_msg("no call %s", text);
    return NULL;
}

static void assert_attribute(const struct seen_span *seen, const char *key, const char *expected)
{
    char room[64];
    assert_string_equal(seen_attribute(seen, key, room), expected);
}

struct gathered {
    char data[1024];
    size_t bytes;
};

static size_t gather(char *data, size_t size, size_t count, void *to)
{
    struct gathered *gathered = to;
    size_t room = sizeof(gathered->data) - 1 - gathered->bytes;
    size_t kept = size * count < room ? size * count : room;
    memcpy(gathered->data + gathered->bytes, data, kept);
    gathered->bytes += kept;
    return size * count;
}

static CURL *new_handle(const char *path, struct gathered *gathered)
{
    char url[256];
    snprintf(url, sizeof(url), "%s%s", http_server_url(server), path);
    CURL *handle = curl_easy_init();
    assert_non_null(handle);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, gathered);
    return handle;
}

static CURL *add(const char *path, struct gathered *gathered)
{
    CURL *handle = new_handle(path, gathered);
    assert_int_equal(curl_multi_add_handle(multi, handle), CURLM_OK);
    return handle;
}

/* Until no more than so many are running. */
static void perform_until(int wanted)
{
    int running;
    for (;;) {
        assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
        if (running <= wanted) return;
        assert_int_equal(curl_multi_poll(multi, NULL, 0, POLL_MS, NULL), CURLM_OK);
    }
}

static void finish(CURL *handle)
{
    assert_int_equal(curl_multi_remove_handle(multi, handle), CURLM_OK);
    curl_easy_cleanup(handle);
}

static int64_t end_ns(const struct seen_span *seen) { return seen->span.start_ns + seen->span.duration_ns; }

static void transfers_are_calls_that_overlap(void **state)
{
    (void)state;
    struct gathered one = {0}, two = {0};
    struct weir_span request = begin_request("/overlap");
    unsigned line = __LINE__ + 2;
    CURL *handle = new_handle("/meet/2?a=1", &one);
    assert_int_equal(curl_multi_add_handle(multi, handle), CURLM_OK);
    struct weir_span inner = weir_span_begin(WEIR_SITE("inner"));
    CURL *other = add("/meet/2?b=2", &two); /* neither is answered before both are there */
    perform_until(0);
    weir_span_end(inner);
    assert_string_equal(one.data, "{}");
    assert_string_equal(two.data, "{}");
    finish(handle);
    finish(other);
    const struct seen_span *seen = end_request(request, "GET /overlap");

    const struct seen_span *a = call_named(seen, "GET /meet/{id}?a={}"),
                           *b = call_named(seen, "GET /meet/{id}?b={}");
    assert_true(a->span.start_ns <= b->span.start_ns);
    assert_true(b->span.start_ns < end_ns(a));
    assert_true(a->span.start_ns < end_ns(b));
    assert_int_equal(a->span.parent_id, seen->span.id);
    assert_int_not_equal(b->span.parent_id, seen->span.id);
    assert_int_not_equal(b->span.parent_id, a->span.id);
    assert_int_equal(a->span.site.line, line);
    assert_int_equal(a->span.kind, SPAN_KIND_CLIENT);
    assert_int_equal(a->span.status, SPAN_STATUS_UNSET);
    assert_attribute(a, "http.response.status_code", "200");
    assert_int_not_equal(a->span.answer_hash, 0);
    assert_int_equal(a->span.link_count + b->span.link_count, 0);
}

/* A transfer's call ends when it is done, however late its message is read. */
static void a_call_ends_when_its_transfer_does(void **state)
{
    (void)state;
    struct gathered fast = {0}, slow = {0};
    int left;
    struct weir_span request = begin_request("/late");
    CURL *held = add("/hold", &slow), *quick = add("/stock/1", &fast);
    perform_until(1);
    struct weir_span between = weir_span_begin(WEIR_SITE("between"));
    http_server_release(server);
    perform_until(0);
    weir_span_end(between);

    CURLMsg *message = curl_multi_info_read(multi, &left);
    assert_ptr_equal(message->easy_handle, quick);
    assert_int_equal(message->msg, CURLMSG_DONE);
    assert_int_equal(message->data.result, CURLE_OK);
    assert_int_equal(left, 1);
    message = curl_multi_info_read(multi, &left);
    assert_ptr_equal(message->easy_handle, held);
    assert_int_equal(left, 0);
    assert_null(curl_multi_info_read(multi, &left));
    assert_int_equal(left, 0);
    finish(held);
    finish(quick);
    const struct seen_span *seen = end_request(request, "GET /late");

    const struct seen_span *span = receiver_span(receiver, seen->trace_id, OPERATION_SPAN, 0);
    assert_true(end_ns(call_named(seen, "GET /stock/{id}")) <= span->span.start_ns);
    assert_true(end_ns(call_named(seen, "GET /hold")) >= span->span.start_ns);
    assert_true(end_ns(call_named(seen, "GET /hold")) <= end_ns(span));
    assert_true(call_named(seen, "GET /hold")->span.start_ns <=
                call_named(seen, "GET /stock/{id}")->span.start_ns);
}

static const char *token_in(const struct gathered *gathered)
{
    static char token[32];
    assert_int_equal(sscanf(gathered->data, "{\"token\":\"%31[^\"]", token), 1);
    return token;
}

static bool has_link(const struct seen_span *call, const struct seen_span *to)
{
    for (uint32_t i = 0; i < call->span.link_count; i++)
        if (call->span.links[i].kind == LINK_VALUE && call->span.links[i].span_id == to->span.id) return true;
    return false;
}

/* Each answer is evidence for what is asked later, and for nothing that was asked before it came. */
static void answers_of_overlapping_calls_are_evidence(void **state)
{
    (void)state;
    struct gathered one = {0}, two = {0}, three = {0};
    char path[128], body[64];
    struct weir_span request = begin_request("/tokens");
    CURL *a = add("/token/1", &one), *b = add("/token/2/b", &two);
    perform_until(0);
    snprintf(path, sizeof(path), "/stock/3?key=%s", token_in(&one));
    CURL *c = add(path, &three);
    CURL *d = new_handle("/echo", &three);
    snprintf(body, sizeof(body), "{\"key\":\"%s\"}", token_in(&two));
    curl_easy_setopt(d, CURLOPT_POSTFIELDS, body);
    curl_multi_add_handle(multi, d);
    perform_until(0);
    finish(a);
    finish(b);
    finish(c);
    finish(d);
    const struct seen_span *seen = end_request(request, "GET /tokens");

    const struct seen_span *source = call_named(seen, "GET /token/{id}"),
                           *other = call_named(seen, "GET /token/{id}/b");
    assert_true(has_link(call_named(seen, "GET /stock/{id}?key={}"), source));
    assert_false(has_link(call_named(seen, "GET /stock/{id}?key={}"), other));
    assert_true(has_link(call_named(seen, "POST /echo"), other));
    assert_false(has_link(call_named(seen, "POST /echo"), source));
    assert_int_equal(source->span.link_count + other->span.link_count, 0);
}

static void headers_set_after_adding_are_sent(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "X-One: 1");
    struct weir_span request = begin_request("/headers");
    CURL *handle = add("/echo", &gathered);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    perform_until(0);
    const struct seen_span *seen;
    finish(handle);
    seen = end_request(request, "GET /headers");
    char expected[64];
    sprintf(expected, "-%016llx-03", (unsigned long long)call_named(seen, "GET /echo")->span.id);
    assert_non_null(strstr(gathered.data, "traceparent: 00-"));
    assert_non_null(strstr(gathered.data, expected));
    assert_non_null(strstr(gathered.data, "X-One: 1"));
    curl_slist_free_all(headers);
}

static void a_handle_may_go_again(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    int left;
    struct weir_span request = begin_request("/again");
    CURL *handle = add("/stock/1", &gathered);
    perform_until(0);
    curl_multi_remove_handle(multi, handle); /* its message was not read, and never will be */
    assert_null(curl_multi_info_read(multi, &left));
    curl_multi_add_handle(multi, handle);
    perform_until(0);
    assert_ptr_equal(curl_multi_info_read(multi, &left)->easy_handle, handle);
    curl_multi_remove_handle(multi, handle);
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    assert_int_equal((curl_easy_perform)(handle), CURLE_OK);
    curl_easy_cleanup(handle);
    const struct seen_span *seen = end_request(request, "GET /again");
    assert_int_equal(gathered.bytes, 4 * strlen("{\"id\":1,\"stock\":7}"));
    assert_non_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 2));
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 3));
    uint64_t hash = receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 0)->span.answer_hash;
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, i)->span.answer_hash, hash);
}

static void failed_and_abandoned_transfers_are_errors(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    int left;
    struct weir_span request = begin_request("/errors");
    CURL *refused = new_handle("/", &gathered), *missing = add("/status/404", &gathered);
    curl_easy_setopt(refused, CURLOPT_URL, "http://127.0.0.1:1/refused");
    curl_multi_add_handle(multi, refused);
    perform_until(0);
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        assert_int_equal(message->data.result,
                         message->easy_handle == refused ? CURLE_COULDNT_CONNECT : CURLE_OK);
    finish(refused);
    finish(missing);

    CURL *removed = add("/meet/9?removed=1", &gathered), *cleaned = add("/meet/9?cleaned=1", &gathered);
    int running;
    curl_multi_perform(multi, &running);
    finish(removed);
    curl_easy_cleanup(cleaned);
    CURLM *whole = multi;
    multi = curl_multi_init();
    CURL *left_behind = new_handle("/meet/9?left=1", &gathered);
    curl_multi_add_handle(whole, left_behind);
    curl_multi_perform(whole, &running);
    curl_multi_cleanup(whole);
    char url[128];
    snprintf(url, sizeof(url), "%s/stock/8", http_server_url(server));
    curl_easy_setopt(left_behind, CURLOPT_URL, url);
    assert_int_equal(curl_easy_perform(left_behind), CURLE_OK); /* it is free again */
    curl_easy_cleanup(left_behind);
    const struct seen_span *seen = end_request(request, "GET /errors");

    static const struct {
        const char *text, *type;
    } expected[] = {{"GET /refused", "CURLE_COULDNT_CONNECT"},
                    {"GET /status/{id}", "404"},
                    {"GET /meet/{id}?removed={}", "abandoned"},
                    {"GET /meet/{id}?cleaned={}", "abandoned"},
                    {"GET /meet/{id}?left={}", "abandoned"}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct seen_span *call = call_named(seen, expected[i].text);
        assert_attribute(call, "error.type", expected[i].type);
        assert_int_equal(call->span.status, SPAN_STATUS_ERROR);
    }
    assert_int_equal(call_named(seen, "GET /meet/{id}?left={}")->span.answer_hash, 0);
    assert_int_equal(call_named(seen, "GET /stock/{id}")->span.status, SPAN_STATUS_UNSET);
}

/* What libcurl's own functions did with a handle that weir knows, and the other way round. */
static void what_libcurl_did_alone_is_let_be(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    int left, running;
    struct weir_span request = begin_request("/alone");
    CURL *traced = add("/stock/1", &gathered), *alone = new_handle("/stock/2", &gathered);
    assert_int_equal((curl_multi_add_handle)(multi, alone), CURLM_OK);
    do {
        (curl_multi_perform)(multi, &running);
        if (running) curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    } while (running);
    bool seen_traced = false, seen_alone = false;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
        seen_traced = seen_traced || message->easy_handle == traced;
        seen_alone = seen_alone || message->easy_handle == alone;
        assert_int_equal(left, seen_traced && seen_alone ? 0 : 1);
    }
    assert_true(seen_traced && seen_alone);
    finish(traced);
    finish(alone);

    traced = add("/stock/3", &gathered); /* one message is with weir, the next with libcurl */
    perform_until(0);
    alone = new_handle("/stock/4", &gathered);
    assert_int_equal((curl_multi_add_handle)(multi, alone), CURLM_OK);
    perform_until(0);
    assert_ptr_equal(curl_multi_info_read(multi, &left)->easy_handle, traced);
    assert_int_equal(left, 1);
    assert_ptr_equal(curl_multi_info_read(multi, &left)->easy_handle, alone);
    assert_int_equal(left, 0);
    finish(traced);
    finish(alone);
    assert_int_equal(curl_multi_add_handle(multi, NULL), CURLM_BAD_EASY_HANDLE);
    assert_int_equal(curl_multi_cleanup(NULL), CURLM_BAD_HANDLE);
    const struct seen_span *seen = end_request(request, "GET /alone");
    assert_non_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 1));
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 2));
}

/* ---- an event loop of one socket ---- */

static struct pollfd watched = {.fd = -1};

static int watch(CURL *handle, curl_socket_t socket, int what, void *context, void *of_socket)
{
    (void)handle;
    (void)context;
    (void)of_socket;
    watched.fd = what == CURL_POLL_REMOVE ? -1 : socket;
    watched.events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static void event_loops_are_followed(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    int running = 1, left;
    CURLM *loop = curl_multi_init();
    curl_multi_setopt(loop, CURLMOPT_SOCKETFUNCTION, watch);
    struct weir_span request = begin_request("/loop");
    CURL *handle = new_handle("/stock/6", &gathered);
    curl_multi_add_handle(loop, handle);
    curl_multi_socket_action(loop, CURL_SOCKET_TIMEOUT, 0, &running);
    while (running) {
        if (watched.fd >= 0 && poll(&watched, 1, POLL_MS) > 0)
            curl_multi_socket_action(loop, watched.fd,
                                     (watched.revents & POLLIN ? CURL_CSELECT_IN : 0) |
                                         (watched.revents & POLLOUT ? CURL_CSELECT_OUT : 0),
                                     &running);
        else
            curl_multi_socket_action(loop, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    const struct seen_span *seen = end_request(request, "GET /loop"); /* the call ended before, unread */
    assert_true(end_ns(call_named(seen, "GET /stock/{id}")) <= end_ns(seen));
    assert_ptr_equal(curl_multi_info_read(loop, &left)->easy_handle, handle);
    assert_string_equal(gathered.data, "{\"id\":6,\"stock\":7}");
    curl_multi_cleanup(loop);
    curl_easy_cleanup(handle);
}

/* A thread has 64 slots for what is open: transfers beyond them are made all the same, and counted as lost. */
static void more_transfers_than_slots_are_made_and_counted(void **state)
{
    (void)state;
    enum { TRANSFERS = 80 };
    static struct gathered gathered[TRANSFERS];
    CURL *handles[TRANSFERS];
    struct weir_stats before, after;
    weir_stats(&before);
    struct weir_span request = begin_request("/many");
    for (int i = 0; i < TRANSFERS; i++) handles[i] = add("/stock/2", &gathered[i]);
    perform_until(0);
    for (int i = 0; i < TRANSFERS; i++) {
        assert_string_equal(gathered[i].data, "{\"id\":2,\"stock\":7}");
        finish(handles[i]);
    }
    const struct seen_span *seen = end_request(request, "GET /many");
    weir_stats(&after);
    const size_t lost = TRANSFERS + 1 - 64;
    assert_int_equal(after.created - before.created, TRANSFERS + 1);
    assert_int_equal(after.dropped_too_deep - before.dropped_too_deep, lost);
    assert_non_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, TRANSFERS - lost - 1));
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, TRANSFERS - lost));
}

struct loop {
    pthread_t thread;
    CURLM *multi;
    const char *route, *text;
    struct gathered gathered[8];
};

static void *run_loop(void *of)
{
    struct loop *loop = of;
    CURL *handles[8];
    int running = 1, left;
    struct weir_span request = begin_request(loop->route);
    for (int i = 0; i < 8; i++) {
        handles[i] = new_handle("/stock/4", &loop->gathered[i]);
        curl_multi_add_handle(loop->multi, handles[i]);
    }
    while (running) {
        curl_multi_perform(loop->multi, &running);
        if (running) curl_multi_poll(loop->multi, NULL, 0, POLL_MS, NULL);
    }
    while (curl_multi_info_read(loop->multi, &left)) continue;
    curl_multi_cleanup(loop->multi);
    for (int i = 0; i < 8; i++) curl_easy_cleanup(handles[i]);
    weir_span_end(request);
    return NULL;
}

static void threads_have_their_own(void **state)
{
    (void)state;
    static struct loop loops[] = {{.route = "/thread-a", .text = "GET /thread-a"},
                                  {.route = "/thread-b", .text = "GET /thread-b"},
                                  {.route = "/thread-c", .text = "GET /thread-c"}};
    for (size_t i = 0; i < 3; i++) {
        loops[i].multi = curl_multi_init(); /* here, and used there */
        assert_int_equal(pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(loops[i].thread, NULL);
        const struct seen_span *seen = receiver_wait(receiver, loops[i].text);
        assert_non_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 7));
        for (size_t k = 0; k < 8; k++) assert_int_equal(loops[i].gathered[k].bytes, 18);
    }
}

static int start(void **state)
{
    (void)state;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    receiver = receiver_start();
    server = http_server_start();
    multi = curl_multi_init();
    struct gathered gathered = {0};
    CURL *handle = add("/stock/1", &gathered); /* before weir_init */
    perform_until(0);
    finish(handle);
    struct weir_config config = {.endpoint = receiver_endpoint(receiver),
                                 .service_name = "libcurl_multi_test"};
    return gathered.bytes > 0 && weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    enum weir_status status = weir_shutdown(5000);
    curl_multi_cleanup(multi);
    http_server_stop(server);
    receiver_stop(receiver);
    curl_global_cleanup();
    return status == WEIR_DROPPED ? 0 : -1; /* those beyond the slots; all else was sent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers_are_calls_that_overlap),
        cmocka_unit_test(answers_of_overlapping_calls_are_evidence),
        cmocka_unit_test(headers_set_after_adding_are_sent),
        cmocka_unit_test(a_handle_may_go_again),
        cmocka_unit_test(failed_and_abandoned_transfers_are_errors),
        cmocka_unit_test(what_libcurl_did_alone_is_let_be),
        cmocka_unit_test(event_loops_are_followed),
        cmocka_unit_test(more_transfers_than_slots_are_made_and_counted),
        cmocka_unit_test(threads_have_their_own),
        cmocka_unit_test(
            a_call_ends_when_its_transfer_does), /* last: it lets the server hold nothing any more */
    };
    return cmocka_run_group_tests(tests, start, stop);
}
