/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/libcurl.h> against a real HTTP server. */
#include "tests/support/cmocka.h"

#include "tests/examples/http_server.h"
#include "tests/examples/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/context.h>
#include <weir/libcurl.h>

#define SECRET "sorrel-and-dill"

static struct http_server *server;

static const struct seen_span *call_of(const struct seen_span *request, size_t nth)
{
    return request_call(request, OPERATION_HTTP, nth);
}

static bool is_text(struct str text, const char *expected) { return str_is(text, expected); }

/* What the program's own callback is given. */
struct gathered {
    char data[1024];
    size_t bytes, total, calls;
    size_t refuse_after; /* calls; 0: never */
};

static size_t gather(char *data, size_t size, size_t count, void *to)
{
    struct gathered *gathered = to;
    size_t bytes = size * count, room = sizeof(gathered->data) - 1 - gathered->bytes;
    gathered->calls++;
    gathered->total += bytes;
    if (gathered->refuse_after && gathered->calls > gathered->refuse_after) return 0;
    size_t kept = bytes < room ? bytes : room;
    memcpy(gathered->data + gathered->bytes, data, kept);
    gathered->bytes += kept;
    return bytes;
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

static void a_transfer_is_a_call(void **state)
{
    (void)state;
    char room[64];
    struct gathered gathered = {0};
    CURL *handle = new_handle("/stock/17?key=" SECRET, &gathered);
    struct weir_span request = begin_request("/transfer");
    unsigned line = __LINE__ + 1;
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    curl_easy_cleanup(handle);
    const struct seen_span *call = call_of(end_request(request, "GET /transfer"), 0);

    assert_string_equal(gathered.data, "{\"id\":17,\"stock\":7}");
    assert_true(is_text(call->span.operation->text, "GET /stock/{id}?key={}"));
    assert_true(is_text(call->span.operation->system, http_server_url(server) + strlen("http://")));
    assert_int_equal(call->span.kind, SPAN_KIND_CLIENT);
    assert_int_equal(call->span.site.line, line);
    assert_int_equal(call->span.connection, 0);
    assert_int_equal(call->span.input_count, 2);
    assert_int_not_equal(call->span.answer_hash, 0);
    assert_string_equal(seen_attribute(call, "http.response.status_code", room), "200");
    assert_false(receiver_has_bytes(receiver, SECRET));
}

static void traceparent_goes_with_the_programs_headers(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/echo", &gathered);
    struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, "X-One: 1"), "X-Two: 2");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    struct weir_span request = begin_request("/headers");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    const struct seen_span *call = call_of(end_request(request, "GET /headers"), 0);

    char expected[128] = "traceparent: 00-";
    for (size_t i = 0; i < 16; i++) sprintf(expected + strlen(expected), "%02x", call->trace_id[i]);
    sprintf(expected + strlen(expected), "-%016llx-03", (unsigned long long)call->span.id);
    assert_non_null(strstr(gathered.data, expected));
    assert_non_null(strstr(gathered.data, "X-One: 1"));
    assert_non_null(strstr(gathered.data, "X-Two: 2"));
    assert_string_equal(headers->data, "X-One: 1");
    assert_string_equal(headers->next->data, "X-Two: 2");
    assert_null(headers->next->next);

    /* past weir, the handle is as the program made it */
    gathered = (struct gathered){0};
    assert_int_equal((curl_easy_perform)(handle), CURLE_OK);
    assert_null(strstr(gathered.data, "traceparent"));
    assert_non_null(strstr(gathered.data, "X-Two: 2"));
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
}

static void the_programs_own_traceparent_stays(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/echo", &gathered);
    struct curl_slist *headers = curl_slist_append(NULL, "TraceParent: mine");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    struct weir_span request = begin_request("/own");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    end_request(request, "GET /own");
    assert_non_null(strstr(gathered.data, "TraceParent: mine"));
    assert_null(strstr(gathered.data, "traceparent: 00"));
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
}

/* What came with the request: here, by an attached context. */
static void echo_in_context(const char *const *own, size_t count, struct gathered *gathered)
{
    struct weir_context context = {.trace_id = {1}, .span_id = {2}, .flags = WEIR_CONTEXT_SAMPLED};
    struct weir_baggage baggage = {0};
    strcpy(context.tracestate, "foo=1,bar=2");
    assert_true(weir_baggage_set(&baggage, "user", "1 2", NULL));
    CURL *handle = new_handle("/echo", gathered);
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < count; i++) headers = curl_slist_append(headers, own[i]);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    {
        WEIR_ATTACH(&context, &baggage);
        assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    }
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
}

static void tracestate_and_baggage_go_with_it(void **state)
{
    (void)state;
    static const char *const own[] = {"X-One: 1", "Baggage: mine=1", "TraceState: mine=2",
                                      "traceparent: mine"};
    struct gathered gathered = {0};
    echo_in_context(own, 1, &gathered);
    assert_non_null(strstr(gathered.data, "traceparent: 00-01000000000000000000000000000000-"));
    assert_non_null(strstr(gathered.data, "tracestate: foo=1,bar=2"));
    assert_non_null(strstr(gathered.data, "baggage: user=1%202"));
    assert_non_null(strstr(gathered.data, "X-One: 1"));

    gathered = (struct gathered){0}; /* the program's own header stays alone of its name */
    echo_in_context(own, 3, &gathered);
    assert_non_null(strstr(gathered.data, "traceparent: 00-01"));
    assert_null(strstr(gathered.data, "tracestate: foo"));
    assert_null(strstr(gathered.data, "baggage: user"));

    gathered = (struct gathered){0}; /* whose trace it is says its traceparent */
    echo_in_context(own + 3, 1, &gathered);
    assert_null(strstr(gathered.data, "traceparent: 00-01"));
    assert_null(strstr(gathered.data, "tracestate: foo"));
    assert_non_null(strstr(gathered.data, "baggage: user"));
}

static void errors_have_names(void **state)
{
    (void)state;
    char room[64];
    struct gathered gathered = {0};
    CURL *handle = new_handle("/status/404", &gathered);
    struct weir_span request = begin_request("/errors");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
    assert_int_equal(curl_easy_perform(handle), CURLE_HTTP_RETURNED_ERROR);
    curl_easy_setopt(handle, CURLOPT_URL, "http://127.0.0.1:1/x");
    assert_int_equal(curl_easy_perform(handle), CURLE_COULDNT_CONNECT);
    curl_easy_cleanup(handle);
    gathered = (struct gathered){.refuse_after = 1};
    handle = new_handle("/large/100000", &gathered);
    assert_int_equal(curl_easy_perform(handle), CURLE_WRITE_ERROR);
    curl_easy_cleanup(handle);
    const struct seen_span *seen = end_request(request, "GET /errors");

    static const char *const names[] = {"404", "404", "CURLE_COULDNT_CONNECT", "CURLE_WRITE_ERROR"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(seen_attribute(call_of(seen, i), "error.type", room), names[i]);
        assert_int_equal(call_of(seen, i)->span.status, SPAN_STATUS_ERROR);
    }
    assert_int_equal(call_of(seen, 3)->span.answer_hash, 0); /* half an answer is none */
    assert_int_equal(gathered.calls, 2);
}

static void bodies_are_inputs_and_answers(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/echo", &gathered);
    struct weir_span request = begin_request("/bodies");
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "{\"ids\":[11,12,13]}");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    assert_memory_equal(gathered.data, "POST\n", 5);
    assert_non_null(strstr(gathered.data, "\n\n{\"ids\":[11,12,13]}"));
    char copied[] = "{\"ids\":[1,2]} and more";
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, 13L);
    curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, copied);
    memset(copied, '?', sizeof(copied) - 1);
    gathered = (struct gathered){0};
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    assert_string_equal(strstr(gathered.data, "\n\n"), "\n\n{\"ids\":[1,2]}");
    curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    curl_easy_cleanup(handle);
    const struct seen_span *seen = end_request(request, "GET /bodies");

    assert_true(is_text(call_of(seen, 0)->span.operation->text, "POST /echo"));
    assert_int_equal(call_of(seen, 0)->span.input_count, 3);
    assert_int_equal(call_of(seen, 1)->span.input_count, 2);
    assert_true(is_text(call_of(seen, 2)->span.operation->text, "DELETE /echo"));
    assert_int_equal(call_of(seen, 2)->span.input_count, 0);
}

static void a_long_answer_reaches_the_program_whole(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/large/1000000", &gathered);
    struct weir_span request = begin_request("/long");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    curl_easy_cleanup(handle);
    const struct seen_span *call = call_of(end_request(request, "GET /long"), 0);
    assert_int_equal(gathered.total, 1000000);
    assert_int_equal(call->span.answer_hash, 0);
}

static void without_a_callback_the_answer_goes_to_the_file(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct gathered gathered = {0};
    CURL *handle = new_handle("/stock/3", &gathered);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, (curl_write_callback)NULL);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, file);
    struct weir_span request = begin_request("/file");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    assert_int_equal((curl_easy_perform)(handle), CURLE_OK);
    end_request(request, "GET /file");
    char text[64] = "";
    rewind(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 36);
    assert_string_equal(text, "{\"id\":3,\"stock\":7}{\"id\":3,\"stock\":7}");
    curl_easy_cleanup(handle);
    fclose(file);
}

/* With CURLOPT_HEADERDATA alone, curl gives the headers to the write callback. */
static void headers_go_where_they_went(void **state)
{
    (void)state;
    struct gathered body = {0}, headers = {0};
    CURL *handle = new_handle("/stock/4", &body);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &headers);
    struct weir_span request = begin_request("/header-data");
    assert_int_equal(curl_easy_perform(handle), CURLE_OK);
    assert_string_equal(body.data, "{\"id\":4,\"stock\":7}");
    assert_memory_equal(headers.data, "HTTP/1.1 200", 12);
    size_t once = headers.total;
    assert_int_equal((curl_easy_perform)(handle), CURLE_OK);
    assert_int_equal(headers.total, 2 * once);
    end_request(request, "GET /header-data");
    curl_easy_cleanup(handle);
}

static void copies_and_resets_are_followed(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/echo", &gathered);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE,
                     13L); /* without it, curl 7.88 cannot copy what it has copied */
    curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, "{\"a\":1,\"b\":2}");
    CURL *copy = curl_easy_duphandle(handle);
    curl_easy_cleanup(handle);
    struct weir_span request = begin_request("/copies");
    assert_int_equal(curl_easy_perform(copy), CURLE_OK);
    curl_easy_reset(copy);
    assert_int_equal(curl_easy_perform(copy), CURLE_URL_MALFORMAT);
    char url[128];
    snprintf(url, sizeof(url), "%s/stock/5", http_server_url(server));
    CURLU *parts = curl_url();
    curl_url_set(parts, CURLUPART_URL, url, 0);
    curl_easy_setopt(copy, CURLOPT_CURLU, parts);
    curl_easy_setopt(copy, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(copy, CURLOPT_WRITEDATA, &gathered);
    assert_int_equal(curl_easy_perform(copy), CURLE_OK);
    curl_easy_cleanup(copy);
    curl_url_cleanup(parts);
    const struct seen_span *seen = end_request(request, "GET /copies");

    assert_true(is_text(call_of(seen, 0)->span.operation->text, "POST /echo"));
    assert_int_equal(call_of(seen, 0)->span.input_count, 2);
    assert_true(is_text(call_of(seen, 1)->span.operation->text, "GET /stock/{id}"));
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 2));
}

struct nosy {
    CURL *handle, *copy;
    struct gathered before, after;
};

/* A callback that changes its handle in the middle of a transfer, and copies it. */
static size_t change(char *data, size_t size, size_t count, void *to)
{
    struct nosy *nosy = to;
    if (!nosy->copy) nosy->copy = curl_easy_duphandle(nosy->handle);
    curl_easy_setopt(nosy->handle, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(nosy->handle, CURLOPT_WRITEDATA, &nosy->after);
    return gather(data, size, count, &nosy->before);
}

static void a_callback_may_change_its_handle(void **state)
{
    (void)state;
    struct nosy nosy = {0};
    nosy.handle = new_handle("/large/200000", &nosy.after);
    struct weir_span request = begin_request("/change");
    assert_int_equal(curl_easy_perform(nosy.handle), CURLE_OK); /* as it is without */
    nosy.after = (struct gathered){0};

    curl_easy_setopt(nosy.handle, CURLOPT_WRITEFUNCTION, change);
    curl_easy_setopt(nosy.handle, CURLOPT_WRITEDATA, &nosy);
    assert_int_equal(curl_easy_perform(nosy.handle), CURLE_OK);
    assert_int_equal(nosy.before.calls, 1);
    assert_int_equal(nosy.before.total + nosy.after.total, 200000);
    nosy.after = (struct gathered){0};
    assert_int_equal((curl_easy_perform)(nosy.handle), CURLE_OK);
    assert_int_equal(nosy.after.total, 200000);
    nosy.before = nosy.after = (struct gathered){0};
    assert_int_equal((curl_easy_perform)(nosy.copy), CURLE_OK); /* still calls change, with nosy */
    assert_int_equal(nosy.before.total, 200000);
    const struct seen_span *seen = end_request(request, "GET /change");

    assert_int_not_equal(call_of(seen, 0)->span.answer_hash, 0);
    assert_int_equal(call_of(seen, 1)->span.answer_hash, call_of(seen, 0)->span.answer_hash);
    curl_easy_cleanup(nosy.handle);
    curl_easy_cleanup(nosy.copy);
}

static void other_protocols_are_let_be(void **state)
{
    (void)state;
    struct gathered gathered = {0};
    CURL *handle = new_handle("/", &gathered);
    curl_easy_setopt(handle, CURLOPT_URL, "file:///etc/hostname");
    struct weir_span request = begin_request("/file-url");
    curl_easy_perform(handle);
    const struct seen_span *seen = end_request(request, "GET /file-url");
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_HTTP, 0));
    curl_easy_cleanup(handle);
    curl_easy_cleanup(NULL);
}

static int start(void **state)
{
    (void)state;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    receiver = receiver_start();
    server = http_server_start();
    struct gathered gathered = {0};
    CURL *handle = new_handle("/stock/1", &gathered); /* before weir_init */
    bool works = curl_easy_perform(handle) == CURLE_OK && gathered.bytes > 0;
    curl_easy_cleanup(handle);
    struct weir_config config = {.endpoint = receiver_endpoint(receiver), .service_name = "libcurl_test"};
    return works && weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    enum weir_status status = weir_shutdown(5000);
    http_server_stop(server);
    receiver_stop(receiver);
    curl_global_cleanup();
    return status == WEIR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_is_a_call),
        cmocka_unit_test(traceparent_goes_with_the_programs_headers),
        cmocka_unit_test(the_programs_own_traceparent_stays),
        cmocka_unit_test(tracestate_and_baggage_go_with_it),
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(bodies_are_inputs_and_answers),
        cmocka_unit_test(a_long_answer_reaches_the_program_whole),
        cmocka_unit_test(without_a_callback_the_answer_goes_to_the_file),
        cmocka_unit_test(headers_go_where_they_went),
        cmocka_unit_test(copies_and_resets_are_followed),
        cmocka_unit_test(a_callback_may_change_its_handle),
        cmocka_unit_test(other_protocols_are_let_be),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
