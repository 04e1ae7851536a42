/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: many at a time on one thread, handed to others, and what must not happen to them. */
#include "tests/support/cmocka.h"

#include "model/span.h"
#include "proto/batch.h"
#include "tests/sdk/peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/task.h>

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static struct peer *peer;

struct seen {
    const struct batch *batch;
    uint32_t span;
};

static struct seen find_nth(const char *name, uint32_t nth)
{
    struct seen seen;
    if (!peer_find(peer, name, nth, &seen.batch, &seen.span))
        fail_msg("no %uth span \"%s\" has come", nth, name);
    return seen;
}

static struct seen find(const char *name) { return find_nth(name, 0); }
static uint64_t id_of(struct seen seen) { return seen.batch->span_id[seen.span]; }
static uint64_t parent_of(struct seen seen) { return at64(seen.batch->parent_span_id, seen.span); }
static uint32_t kind_of(struct seen seen) { return at32(seen.batch->span_kind, seen.span); }
static uint32_t status_of(struct seen seen) { return at32(seen.batch->status, seen.span); }
static uint64_t duration_of(struct seen seen) { return at64(seen.batch->duration_ns, seen.span); }
static const unsigned char *trace_of(struct seen seen)
{
    return seen.batch->trace_ids + at32(seen.batch->span_trace, seen.span) * 16;
}

static void has_text(struct seen seen, const char *key, const char *expected)
{
    int64_t value;
    assert_true(peer_attribute(seen.batch, seen.span, key, &value));
    struct str text = batch_string(seen.batch, (uint32_t)value);
    if (!str_is(text, expected)) fail_msg("%s is %.*s", key, STR_ARG(text));
}

static void has_number(struct seen seen, const char *key, int64_t expected)
{
    int64_t value;
    assert_true(peer_attribute(seen.batch, seen.span, key, &value));
    assert_int_equal(value, expected);
}

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats;
}

static const char *caller(const void *from, const char *name)
{
    return strcmp(name, "traceparent") == 0  ? from
           : strcmp(name, "tracestate") == 0 ? "foo=1"
           : strcmp(name, "baggage") == 0    ? "a=1"
                                             : NULL;
}

static const struct weir_headers sampled = {.get = caller, .from = "00-" TRACE "-" PARENT "-01"};
static const struct weir_headers unsampled = {.get = caller, .from = "00-" TRACE "-" PARENT "-00"};

static const struct weir_call a_query = {
    .type = WEIR_CALL_DB, .system = "postgresql", .text = "SELECT * FROM a WHERE id = 17", .text_bytes = 29};

/* ---- tests ---- */

static void a_task_says_all_that_a_span_does(void **state)
{
    (void)state;
    struct weir_task request, query, step;
    struct weir_baggage baggage;
    weir_task_server(&request, WEIR_SITE(NULL), "GET", "/task", &sampled, &baggage);
    assert_string_equal(baggage.text, "a=1");
    assert_string_equal(weir_task_context(&request)->tracestate, "foo=1");
    assert_int_equal(weir_task_context(&request)->flags, WEIR_CONTEXT_SAMPLED);
    weir_task_call(&query, &a_query, weir_task_context(&request));
    weir_task_rows(&query, 12);
    weir_task_begin(&step, WEIR_SITE("step"), WEIR_TASK_INTERNAL, weir_task_context(&query));
    weir_task_int(&step, "int", -5);
    weir_task_double(&step, "double", 2.5);
    weir_task_bool(&step, "bool", true);
    weir_task_string(&step, "string", "text");
    weir_task_error(&step, "timeout");
    weir_task_event(&step, "happened", NULL, 0);
    weir_task_link(&step, weir_task_context(&request), NULL, 0);
    weir_task_end(&request); /* in any order */
    weir_task_end(&step);
    weir_task_ok(&query);
    weir_task_end(&query);

    assert_true(peer_wait_spans(peer, 3));
    struct seen server = find("GET /task"), call = find("SELECT * FROM a WHERE id = ?"), inner = find("step");
    assert_int_equal(parent_of(server), 0xb7ad6b7169203331);
    assert_int_equal(parent_of(call), id_of(server));
    assert_int_equal(parent_of(inner), id_of(call));
    assert_memory_equal(trace_of(inner), "\x0a\xf7\x65\x19", 4);
    assert_int_equal(kind_of(server), SPAN_KIND_SERVER);
    assert_int_equal(kind_of(call), SPAN_KIND_CLIENT);
    assert_int_equal(kind_of(inner), SPAN_KIND_INTERNAL);
    assert_int_equal(at32(server.batch->flags, server.span) & SPAN_FLAG_REMOTE_PARENT,
                     SPAN_FLAG_REMOTE_PARENT);
    assert_int_equal(at64(call.batch->rows_plus_1, call.span), 13);
    assert_int_equal(at64(call.batch->input_hash, call.span), 0); /* not known */
    assert_int_equal(status_of(call), SPAN_STATUS_OK);
    assert_int_equal(status_of(inner), SPAN_STATUS_ERROR);
    has_number(inner, "int", -5);
    has_number(inner, "bool", 1);
    has_text(inner, "string", "text");
    has_text(inner, "error.type", "timeout");
    assert_int_equal(at32(inner.batch->event_count, inner.span), 1);
    assert_int_equal(at32(inner.batch->span_link_count, inner.span), 1);
    assert_true(duration_of(server) > 0 && duration_of(server) < 1000000000);
}

#define MANY 1000

/* All spans of a name, as they came. */
static uint32_t find_all(const char *name, struct seen *all)
{
    uint32_t count = 0;
    for (uint32_t b = 0; b < peer_batch_count(peer); b++) {
        const struct batch *batch = &peer_batch(peer, b)->batch;
        for (uint32_t i = 0; i < batch->span_count; i++)
            if (str_is(batch_string(batch, at32(batch->operation_text, at32(batch->span_operation, i))),
                       name) &&
                count < MANY)
                all[count++] = (struct seen){batch, i};
    }
    return count;
}

static void each_is_under_its_own(const struct seen *children, const struct seen *requests)
{
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t k = 0;
        while (k < MANY && id_of(requests[k]) != parent_of(children[i])) k++;
        assert_true(k < MANY);
        assert_memory_equal(trace_of(children[i]), trace_of(requests[k]), 16);
        if (i) assert_int_not_equal(parent_of(children[i]), parent_of(children[i - 1]));
    }
}

/* Far more at once than a thread has slots; each with a call, answered in another order. */
static void a_thousand_requests_at_once(void **state)
{
    (void)state;
    struct weir_task *requests = calloc(MANY, sizeof *requests), *calls = calloc(MANY, sizeof *calls);
    struct weir_stats before = stats_now();
    for (int i = 0; i < MANY; i++)
        weir_task_server(&requests[i], WEIR_SITE(NULL), "GET", "/many", NULL, NULL);
    for (int i = MANY; i-- > 0;) weir_task_call(&calls[i], &a_query, weir_task_context(&requests[i]));
    for (int i = 0; i < MANY; i++) {
        int at = (i * 7) % MANY;
        WEIR_ATTACH(weir_task_context(&requests[at]), NULL);
        WEIR_SPAN("render");
        weir_task_end(&calls[at]);
    }
    for (int i = MANY; i-- > 0;) weir_task_end(&requests[i]);
    assert_true(peer_wait_spans(peer, 3 * MANY));
    assert_int_equal(stats_now().created - before.created, 3 * MANY);
    assert_int_equal(stats_now().dropped, before.dropped);

    static struct seen servers[MANY], queries[MANY], renders[MANY];
    assert_int_equal(find_all("GET /many", servers), MANY);
    assert_int_equal(find_all("SELECT * FROM a WHERE id = ?", queries), MANY);
    assert_int_equal(find_all("render", renders), MANY);
    each_is_under_its_own(queries, servers);
    each_is_under_its_own(renders, servers);
    free(requests);
    free(calls);
}

static void *end_elsewhere(void *task)
{
    weir_task_string(task, "ended", "elsewhere");
    weir_task_end(task);
    return NULL;
}

static void any_thread_may_end_it(void **state)
{
    (void)state;
    struct weir_task task;
    pthread_t thread;
    weir_task_begin(&task, WEIR_SITE("handed over"), WEIR_TASK_CONSUMER, NULL);
    assert_true(weir_context_is_valid(weir_task_context(&task)));
    assert_int_equal(weir_task_context(&task)->flags, WEIR_CONTEXT_SAMPLED | WEIR_CONTEXT_RANDOM);
    assert_int_equal(pthread_create(&thread, NULL, end_elsewhere, &task), 0);
    pthread_join(thread, NULL);
    assert_false(weir_context_is_valid(weir_task_context(&task)));
    assert_true(peer_wait_spans(peer, 1));
    assert_int_equal(kind_of(find("handed over")), SPAN_KIND_CONSUMER);
    assert_int_equal(parent_of(find("handed over")), 0);
    has_text(find("handed over"), "ended", "elsewhere");
}

static void without_a_parent_it_is_the_current_spans(void **state)
{
    (void)state;
    struct weir_task task, other;
    struct weir_context of_other_trace = {.trace_id = {1}, .span_id = {2}, .flags = 1, .remote = true};
    {
        WEIR_SPAN("current");
        weir_task_begin(&task, WEIR_SITE("beneath"), WEIR_TASK_INTERNAL, NULL);
        weir_task_begin(&other, WEIR_SITE("of another"), WEIR_TASK_CONSUMER, &of_other_trace);
    }
    weir_task_end(&task);
    weir_task_end(&other);
    assert_true(peer_wait_spans(peer, 3));
    assert_int_equal(parent_of(find("beneath")), id_of(find("current")));
    assert_int_equal(parent_of(find("of another")), 0x0200000000000000);
    assert_memory_equal(trace_of(find("of another")), of_other_trace.trace_id, 16);
    assert_int_equal(at32(find("of another").batch->flags, find("of another").span), SPAN_FLAG_REMOTE_PARENT);
}

static void a_kind_that_is_none_is_internal(void **state)
{
    (void)state;
    static const int kinds[] = {0, 2, 3, 6, 99, 256 + WEIR_TASK_CONSUMER, -1};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct weir_task task;
        weir_task_begin(&task, WEIR_SITE("of no kind"), (enum weir_task_kind)kinds[i], NULL);
        weir_task_end(&task);
    }
    assert_true(peer_wait_spans(peer, sizeof kinds / sizeof kinds[0]));
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_equal(kind_of(find_nth("of no kind", i)), SPAN_KIND_INTERNAL);
}

static void responses_tell_errors(void **state)
{
    (void)state;
    static const struct weir_call get = {
        .type = WEIR_CALL_HTTP, .method = "GET", .text = "http://x/", .text_bytes = 9};
    struct weir_task tasks[5];
    weir_task_server(&tasks[0], WEIR_SITE(NULL), "GET", "/404", NULL, NULL);
    weir_task_response(&tasks[0], 404);
    weir_task_server(&tasks[1], WEIR_SITE(NULL), "GET", "/503", NULL, NULL);
    weir_task_response(&tasks[1], 503);
    weir_task_call(&tasks[2], &get, NULL);
    weir_task_response(&tasks[2], 404);
    weir_task_server(&tasks[3], WEIR_SITE(NULL), "GET", "/200", NULL, NULL);
    weir_task_response(&tasks[3], 200);
    weir_task_server(&tasks[4], WEIR_SITE(NULL), "GET", "/said", NULL, NULL);
    weir_task_error(&tasks[4], "timeout");
    weir_task_response(&tasks[4], 500);
    for (int i = 0; i < 5; i++) weir_task_end(&tasks[i]);
    assert_true(peer_wait_spans(peer, 5));
    has_text(find("GET /said"), "error.type", "timeout");
    assert_int_equal(status_of(find("GET /404")), SPAN_STATUS_UNSET);
    assert_int_equal(status_of(find("GET /503")), SPAN_STATUS_ERROR);
    assert_int_equal(status_of(find("GET /")), SPAN_STATUS_ERROR);
    assert_int_equal(status_of(find("GET /200")), SPAN_STATUS_UNSET);
    has_text(find("GET /503"), "error.type", "503");
    has_text(find("GET /"), "error.type", "404");
    has_number(find("GET /404"), "http.response.status_code", 404);
}

static void the_unsampled_are_passed_on(void **state)
{
    (void)state;
    struct weir_task request, call;
    struct weir_stats before = stats_now();
    weir_task_server(&request, WEIR_SITE(NULL), "GET", "/quiet", &unsampled, NULL);
    weir_task_call(&call, &a_query, weir_task_context(&request));
    assert_int_equal(weir_task_context(&call)->flags, 0);
    assert_memory_equal(weir_task_context(&call)->trace_id, weir_task_context(&request)->trace_id, 16);
    assert_string_equal(weir_task_context(&call)->tracestate, "foo=1");
    weir_task_int(&call, "int", 1);
    weir_task_end(&call);
    weir_task_end(&request);
    assert_int_equal(stats_now().created, before.created);
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    struct weir_task task;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    uint64_t before = stats_now().attributes_dropped;
    weir_task_begin(&task, WEIR_SITE("full"), WEIR_TASK_INTERNAL, NULL);
    weir_task_string(&task, "cut", text);
    weir_task_string(&task, "too much", text);
    weir_task_int(&task, "fits", 1);
    weir_task_int(&task, NULL, 1);
    weir_task_string(&task, "none", NULL);
    weir_task_end(&task);
    assert_true(peer_wait_spans(peer, 1));
    assert_int_equal(stats_now().attributes_dropped, before + 1);
    has_number(find("full"), "fits", 1);
    text[1024] = 0;
    has_text(find("full"), "cut", text);
}

static void use_all(struct weir_task *task)
{
    weir_task_int(task, "a", 1);
    weir_task_double(task, "a", 1);
    weir_task_bool(task, "a", true);
    weir_task_string(task, "a", "b");
    weir_task_error(task, "a");
    weir_task_ok(task);
    weir_task_response(task, 500);
    weir_task_rows(task, 1);
    weir_task_event(task, "a", NULL, 0);
    weir_task_link(task, &(struct weir_context){.trace_id = {1}, .span_id = {2}}, NULL, 0);
    weir_task_error_message(task, "a");
    assert_false(weir_context_is_valid(weir_task_context(task)));
    weir_task_end(task);
}

static void no_task_does_nothing(void **state)
{
    (void)state;
    static struct weir_task zeroed, ended;
    struct weir_stats before = stats_now();
    use_all(NULL);
    use_all(&zeroed);
    weir_task_begin(NULL, WEIR_SITE("none"), WEIR_TASK_INTERNAL, NULL);
    weir_task_server(NULL, WEIR_SITE(NULL), "GET", "/", NULL, NULL);
    weir_task_call(NULL, &a_query, NULL);
    weir_task_call(&ended, NULL, NULL);
    use_all(&ended);
    assert_int_equal(stats_now().created, before.created);
    weir_task_begin(&ended, WEIR_SITE("once"), WEIR_TASK_INTERNAL, NULL);
    weir_task_end(&ended);
    use_all(&ended);
    assert_int_equal(stats_now().created,
                     before.created + (stats_now().in_flight || stats_now().acknowledged));
}

static void the_childs_copy_is_not_sent(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    skip(); /* neither sanitizer follows a fork of several threads */
#endif
    struct weir_task task;
    weir_task_begin(&task, WEIR_SITE("before the fork"), WEIR_TASK_INTERNAL, NULL);
    pid_t child = fork();
    if (child == 0) {
        weir_task_int(&task, "child", 1);
        weir_task_end(&task);
        _exit(stats_now().created != 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    weir_task_end(&task);
    assert_true(peer_wait_spans(peer, 1));
    int64_t value;
    assert_false(
        peer_attribute(find("before the fork").batch, find("before the fork").span, "child", &value));
}

static int begin(void **state)
{
    (void)state;
    peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer), .service_name = "task", .export_interval_ms = 5};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    weir_shutdown(5000);
    peer_stop(peer);
    return 0;
}

static void one_left_by_a_shutdown_is_not_sent(void **state)
{
    struct weir_task task;
    begin(state);
    weir_task_begin(&task, WEIR_SITE("left"), WEIR_TASK_INTERNAL, NULL);
    end(state);
    weir_task_end(&task);
    begin(state);
    weir_task_begin(&task, WEIR_SITE("left"), WEIR_TASK_INTERNAL, NULL);
    end(state);
    begin(state);
    weir_task_end(&task);
    assert_int_equal(stats_now().in_flight, 0);
    assert_int_equal(peer_stored_spans(peer), 0);
    end(state);
}

/* A trace that stands for others does so in all of its parts, wherever they were begun. */
static void weights_go_with_the_context(void **state)
{
    (void)state;
    struct weir_task request, call;
    peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer),
                                 .export_interval_ms = 5,
                                 .sampler = WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO,
                                 .sample_ratio = 0.25};
    assert_int_equal(weir_init(&config), WEIR_OK);
    do weir_task_server(&request, WEIR_SITE(NULL), "GET", "/weighed", NULL, NULL);
    while (!(weir_task_context(&request)->flags & WEIR_CONTEXT_SAMPLED));
    assert_string_equal(weir_task_context(&request)->tracestate, "ot=th:c");
    weir_task_call(&call, &a_query, weir_task_context(&request));
    assert_string_equal(weir_task_context(&call)->tracestate, "ot=th:c");
    {
        WEIR_ATTACH(weir_task_context(&call), NULL);
        WEIR_SPAN("attached");
        struct weir_context here;
        assert_true(weir_context_capture(&here, NULL));
        assert_string_equal(here.tracestate, "ot=th:c");
    }
    weir_task_end(&call);
    weir_task_end(&request);
    assert_true(peer_wait_spans(peer, 3));
    static const char *const names[] = {"GET /weighed", "SELECT * FROM a WHERE id = ?", "attached"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct seen seen = find(names[i]);
        uint32_t sampling = at32(seen.batch->span_sampling, seen.span);
        if (sampling == 0 || seen.batch->sampling_threshold[sampling - 1] != 0xc0000000000000)
            fail_msg("%s stands for itself alone", names[i]);
    }
    end(state);
}

int main(void)
{
#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_left_by_a_shutdown_is_not_sent),
        cmocka_unit_test(weights_go_with_the_context),
        WITH_PEER(a_task_says_all_that_a_span_does),
        WITH_PEER(a_thousand_requests_at_once),
        WITH_PEER(any_thread_may_end_it),
        WITH_PEER(without_a_parent_it_is_the_current_spans),
        WITH_PEER(a_kind_that_is_none_is_internal),
        WITH_PEER(responses_tell_errors),
        WITH_PEER(the_unsampled_are_passed_on),
        WITH_PEER(what_does_not_fit_is_counted),
        WITH_PEER(no_task_does_nothing),
        WITH_PEER(the_childs_copy_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
