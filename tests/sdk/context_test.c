/* SPDX-License-Identifier: Apache-2.0 */
/* Context in the library as programs use it: through headers, across threads, attached. */
#include "tests/support/cmocka.h"

#include "proto/batch.h"
#include "tests/sdk/peer.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/call.h>
#include <weir/context.h>

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static struct peer *peer;

/* ---- a carrier: lines of headers, in and out ---- */

struct carrier {
    size_t count;
    struct {
        char name[32];
        char value[9000];
    } line[80];
};

static size_t lines_of(const void *from, const char *name, const char **values, size_t room)
{
    const struct carrier *carrier = from;
    size_t count = 0;
    for (size_t i = 0; i < carrier->count; i++) {
        if (strcmp(carrier->line[i].name, name) != 0) continue;
        if (count < room) values[count] = carrier->line[i].value;
        count++;
    }
    return count;
}

static void add(void *to, const char *name, const char *value)
{
    struct carrier *carrier = to;
    strcpy(carrier->line[carrier->count].name, name);
    strcpy(carrier->line[carrier->count++].value, value);
}

static const char *line_of(const struct carrier *carrier, const char *name)
{
    const char *value = "";
    assert_true(lines_of(carrier, name, &value, 1) <= 1);
    return value;
}

static struct carrier in, out;
static const struct weir_headers headers = {.from = &in, .all = lines_of};
static const struct weir_header_writer writer = {add, &out};

/* The headers of a request, up to a NULL name. */
static void request_with(const char *traceparent, const char *tracestate, const char *baggage)
{
    in.count = 0;
    if (traceparent) add(&in, "traceparent", traceparent);
    if (tracestate) add(&in, "tracestate", tracestate);
    if (baggage) add(&in, "baggage", baggage);
}

static const struct carrier *injected(struct weir_span span)
{
    out.count = 0;
    weir_span_inject(span, &writer);
    return &out;
}

/* ---- what came ---- */

struct seen {
    const struct batch *batch;
    uint32_t span;
};

static struct seen find(const char *name)
{
    struct seen seen;
    if (!peer_find(peer, name, 0, &seen.batch, &seen.span)) fail_msg("no span \"%s\" has come", name);
    return seen;
}

static uint64_t id_of(struct seen seen) { return seen.batch->span_id[seen.span]; }
static uint64_t parent_of(struct seen seen) { return at64(seen.batch->parent_span_id, seen.span); }
static const unsigned char *trace_of(struct seen seen)
{
    return seen.batch->trace_ids + at32(seen.batch->span_trace, seen.span) * 16;
}

static uint64_t number_of(const unsigned char id[8])
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | id[i];
    return number;
}

/* ---- tests ---- */

static void a_request_is_carried_to_its_calls(void **state)
{
    (void)state;
    request_with("00-" TRACE "-" PARENT "-03", "foo=1, bar=2", "user=1 ;p, b=%20");
    {
        WEIR_SERVER_SPAN(request, "GET", "/carried", &headers);
        assert_string_equal(line_of(injected(request), "tracestate"), "foo=1,bar=2");
        WEIR_SPAN("inside");
        WEIR_SPAN("further inside");
        struct weir_span call = weir_call_begin(&(struct weir_call){
            .type = WEIR_CALL_HTTP, .method = "GET", .text = "http://x/", .text_bytes = 9});
        injected(call);
        assert_memory_equal(line_of(&out, "traceparent"), "00-" TRACE "-", 36);
        assert_string_equal(line_of(&out, "traceparent") + 52, "-03");
        assert_string_equal(line_of(&out, "tracestate"), "foo=1,bar=2");
        assert_string_equal(line_of(&out, "baggage"), "user=1;p,b=%20");
        weir_call_end(call);
    }
    { /* nothing of it is left for the next one */
        request_with(NULL, "foo=1", NULL);
        WEIR_SERVER_SPAN(request, "GET", "/fresh", &headers);
        WEIR_SPAN("inside");
        injected(weir_span_current());
        assert_int_equal(out.count, 1);
        assert_memory_not_equal(line_of(&out, "traceparent"), "00-" TRACE "-", 36);
        assert_string_equal(line_of(&out, "traceparent") + 52, "-03"); /* our ids are random */
    }
    injected((struct weir_span){0, 0});
    assert_int_equal(out.count, 0);
}

static void nested_requests_keep_apart(void **state)
{
    (void)state;
    request_with("00-" TRACE "-" PARENT "-01", "outer=1", "outer=1");
    WEIR_SERVER_SPAN(outer, "GET", "/outer", &headers);
    {
        request_with("00-" TRACE "-00000000000000aa-01", "inner=1", NULL);
        WEIR_SERVER_SPAN(inner, "GET", "/inner", &headers);
        WEIR_SPAN("in inner");
        assert_string_equal(line_of(injected(weir_span_current()), "tracestate"), "inner=1");
        assert_string_equal(line_of(&out, "baggage"), "");
    }
    WEIR_SPAN("in outer");
    assert_string_equal(line_of(injected(weir_span_current()), "tracestate"), "outer=1");
    assert_string_equal(line_of(&out, "baggage"), "outer=1");
}

static void a_span_may_outlive_its_request(void **state)
{
    (void)state;
    request_with("00-" TRACE "-" PARENT "-01", "foo=1", NULL);
    struct weir_span request = weir_server_begin(WEIR_SITE(NULL), "GET", "/short", &headers);
    struct weir_span span = weir_span_begin(WEIR_SITE("long"));
    weir_span_end(request);
    assert_string_equal(line_of(injected(span), "tracestate"), "foo=1");
    assert_string_equal(line_of(&out, "traceparent") + 52, "-01");
    weir_span_end(span);
    assert_int_equal(injected(span)->count, 0);
}

static void several_traceparents_are_none(void **state)
{
    (void)state;
    struct weir_context context;
    request_with("00-" TRACE "-" PARENT "-01", "foo=1", NULL);
    assert_true(weir_context_extract(&headers, &context, NULL));
    assert_true(context.remote && weir_context_is_valid(&context));
    assert_int_equal(context.flags, WEIR_CONTEXT_SAMPLED);
    assert_string_equal(context.tracestate, "foo=1");
    assert_int_equal(number_of(context.span_id), 0xb7ad6b7169203331);
    add(&in, "traceparent", "00-" TRACE "-" PARENT "-01");
    assert_false(weir_context_extract(&headers, &context, NULL));
    assert_false(weir_context_is_valid(&context));
    assert_string_equal(context.tracestate, "");

    request_with("00-" TRACE "-" PARENT "-01", NULL, NULL);
    for (int i = 0; i < 64; i++) add(&in, "tracestate", i ? "" : "foo=1");
    assert_true(weir_context_extract(&headers, &context, NULL));
    assert_string_equal(context.tracestate, "foo=1");
    add(&in, "tracestate", ""); /* more lines than anybody sends */
    assert_true(weir_context_extract(&headers, &context, NULL));
    assert_string_equal(context.tracestate, "");
    assert_false(weir_context_extract(NULL, &context, NULL));
    assert_false(weir_context_extract(&(struct weir_headers){0}, &context, NULL));
}

static size_t lines_without_text(const void *from, const char *name, const char **values, size_t room)
{
    (void)from, (void)room;
    values[0] = strcmp(name, "traceparent") == 0 ? "00-" TRACE "-" PARENT "-01" : NULL;
    return 1;
}

static void a_line_may_have_no_text(void **state)
{
    (void)state;
    struct weir_context context;
    struct weir_baggage baggage;
    assert_true(weir_context_extract(&(struct weir_headers){.all = lines_without_text}, &context, &baggage));
    assert_int_equal(context.tracestate_bytes + baggage.bytes, 0);
}

static void what_is_captured_is_injected_the_same(void **state)
{
    (void)state;
    struct weir_context context;
    struct weir_baggage baggage;
    assert_false(weir_context_capture(&context, &baggage));
    assert_false(weir_context_is_valid(&context));
    request_with("00-" TRACE "-" PARENT "-02", "foo=1", "a=1");
    WEIR_SERVER_SPAN(request, "GET", "/captured", &headers);
    assert_true(weir_context_capture(&context, &baggage));
    assert_false(context.remote);
    assert_int_equal(context.flags, WEIR_CONTEXT_RANDOM); /* the caller does not record it */
    injected(request);
    struct carrier first = out;
    out.count = 0;
    weir_context_inject(&context, &baggage, &writer);
    assert_int_equal(out.count, 3);
    assert_memory_equal(&out, &first, sizeof out);

    struct weir_context again;
    assert_true(weir_span_context(request, &again));
    assert_memory_equal(again.span_id, context.span_id, 8);
    assert_false(weir_span_context((struct weir_span){0, 0}, &again));
    assert_false(weir_context_is_valid(&again));
}

struct job {
    struct weir_context context;
    struct weir_baggage baggage;
    struct weir_context seen; /* of the span that the worker began */
};

static void *work(void *argument)
{
    struct job *job = argument;
    WEIR_ATTACH(&job->context, &job->baggage);
    struct weir_span none = weir_span_current();
    assert_int_equal(none.slot + none.generation, 0);
    WEIR_SPAN("work");
    weir_span_context(weir_span_current(), &job->seen);
    struct weir_baggage baggage;
    assert_true(weir_baggage_current(&baggage));
    assert_string_equal(baggage.text, "a=1");
    return NULL;
}

static void a_worker_goes_on_with_the_request(void **state)
{
    (void)state;
    struct job job;
    pthread_t thread;
    request_with("00-" TRACE "-" PARENT "-03", "foo=1", "a=1");
    {
        WEIR_SERVER_SPAN(request, "GET", "/with/worker", &headers);
        assert_true(weir_context_capture(&job.context, &job.baggage));
        assert_int_equal(pthread_create(&thread, NULL, work, &job), 0);
        pthread_join(thread, NULL);
    }
    assert_true(peer_wait_spans(peer, 2));
    struct seen request = find("GET /with/worker"), worked = find("work");
    assert_int_equal(parent_of(worked), id_of(request));
    assert_int_equal(number_of(job.seen.span_id), id_of(worked));
    assert_memory_equal(trace_of(worked), job.context.trace_id, 16);
    assert_string_equal(job.seen.tracestate, "foo=1");
    assert_int_equal(job.seen.flags, WEIR_CONTEXT_SAMPLED | WEIR_CONTEXT_RANDOM);
    assert_int_equal(peer_stored_spans(peer), 2); /* nothing was sent of what was attached */
}

static void attachments_nest_and_end_in_any_order(void **state)
{
    (void)state;
    struct weir_context a = {.trace_id = {1}, .span_id = {0xa}, .flags = WEIR_CONTEXT_SAMPLED};
    struct weir_context b = {.trace_id = {2}, .span_id = {0xb}, .flags = WEIR_CONTEXT_SAMPLED}, here;
    struct weir_attachment first = weir_context_attach(&a, NULL), second = weir_context_attach(&b, NULL);
    assert_true(weir_context_capture(&here, NULL));
    assert_memory_equal(here.span_id, b.span_id, 8);
    struct weir_span span = weir_span_begin(WEIR_SITE("under b"));
    weir_context_detach(first);
    weir_context_detach(first); /* has no effect */
    weir_context_detach(second);
    weir_context_detach((struct weir_attachment){span.slot, span.generation}); /* nor has this */
    assert_true(weir_context_capture(&here, NULL));
    assert_memory_equal(here.trace_id, b.trace_id, 16);
    weir_span_end(span);
    assert_false(weir_context_capture(&here, NULL));
    weir_context_attach(&(struct weir_context){.trace_id = {1}}, NULL); /* without a span id: nothing */
    weir_context_attach(NULL, NULL);
    assert_false(weir_context_capture(&here, NULL));
    weir_context_detach((struct weir_attachment){0, 0});
}

static void the_unsampled_stay_unsampled(void **state)
{
    (void)state;
    struct weir_context context = {.trace_id = {1}, .span_id = {2}};
    struct weir_stats before, after;
    weir_stats(&before);
    {
        WEIR_ATTACH(&context, NULL);
        WEIR_SPAN("quiet");
        injected(weir_span_current());
        assert_string_equal(line_of(&out, "traceparent") + 52, "-00");
    }
    weir_stats(&after);
    assert_int_equal(after.created, before.created);
}

static void baggage_is_set_for_what_follows(void **state)
{
    (void)state;
    struct weir_baggage baggage;
    assert_false(weir_baggage_current(&baggage));
    weir_baggage_use(&baggage); /* without a span: nothing */
    request_with("00-" TRACE "-" PARENT "-01", "foo=1", "a=1");
    WEIR_SERVER_SPAN(request, "GET", "/baggage", &headers);
    {
        WEIR_SPAN("with more");
        assert_true(weir_baggage_current(&baggage));
        assert_true(weir_baggage_set(&baggage, "b", "2", NULL));
        weir_baggage_use(&baggage);
        WEIR_SPAN("inside");
        injected(weir_span_current());
        assert_string_equal(line_of(&out, "baggage"), "a=1,b=2");
        assert_string_equal(line_of(&out, "tracestate"), "foo=1");
        assert_string_equal(line_of(&out, "traceparent") + 52, "-01");
    }
    assert_true(weir_baggage_current(&baggage));
    assert_string_equal(baggage.text, "a=1");
    weir_baggage_use(NULL);
    WEIR_SPAN("without");
    assert_string_equal(line_of(injected(weir_span_current()), "baggage"), "");
    assert_string_equal(line_of(&out, "tracestate"), "foo=1");
}

/* The child begins clean; what was captured before is attached anew. */
static int in_the_child(const struct weir_context *captured)
{
    struct weir_context here;
    struct weir_stats stats;
    weir_stats(&stats);
    if (stats.created != 1 || stats.dropped_forked != 1) return 1; /* the request; not what was attached */
    if (weir_context_capture(&here, NULL)) return 2;
    WEIR_ATTACH(captured, NULL);
    WEIR_SPAN("in the child");
    weir_context_capture(&here, NULL);
    if (memcmp(here.trace_id, captured->trace_id, 16) != 0 || strcmp(here.tracestate, "foo=1") != 0) return 3;
    return memcmp(here.span_id, captured->span_id, 8) == 0 ? 4 : 0;
}

static void a_child_attaches_what_was_captured(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    skip(); /* neither sanitizer follows a fork of several threads */
#endif
    struct weir_context captured, other = {.trace_id = {1}, .span_id = {2}, .flags = WEIR_CONTEXT_SAMPLED};
    request_with("00-" TRACE "-" PARENT "-01", "foo=1", NULL);
    WEIR_SERVER_SPAN(request, "GET", "/forks", &headers);
    assert_true(weir_context_capture(&captured, NULL));
    WEIR_ATTACH(&other, NULL);
    pid_t child = fork();
    if (child == 0) _exit(in_the_child(&captured));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void more_than_fits_is_lost_and_counted(void **state)
{
    (void)state;
    struct weir_context context = {.trace_id = {1}, .span_id = {2}, .flags = WEIR_CONTEXT_SAMPLED};
    struct weir_attachment attached[70];
    for (int i = 0; i < 70; i++) attached[i] = weir_context_attach(&context, NULL);
    assert_int_equal(attached[64].slot + attached[64].generation, 0);
    for (int i = 0; i < 70; i++) weir_context_detach(attached[i]);
    assert_false(weir_context_capture(&context, NULL));
}

/* ---- ---- */

static int begin(void **state)
{
    (void)state;
    peer = peer_start(0);
    struct weir_config config = {
        .endpoint = peer_url(peer), .service_name = "context", .export_interval_ms = 5};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    weir_shutdown(5000);
    peer_stop(peer);
    return 0;
}

static void off_does_nothing(void **state)
{
    (void)state;
    struct weir_context context = {.trace_id = {1}, .span_id = {2}, .flags = WEIR_CONTEXT_SAMPLED};
    struct weir_baggage baggage = {0};
    assert_int_equal(weir_context_attach(&context, NULL).generation, 0);
    assert_false(weir_context_capture(&context, &baggage));
    weir_baggage_use(&baggage);
    assert_int_equal(injected((struct weir_span){65, 1})->count, 0);
    request_with("00-" TRACE "-" PARENT "-01", "foo=1", "a=1");
    assert_true(weir_context_extract(&headers, &context, &baggage)); /* needs no tracing */
    out.count = 0;
    weir_context_inject(&context, &baggage, &writer);
    assert_int_equal(out.count, 3);
    weir_context_inject(&context, &baggage, NULL);
}

/* OpenTelemetry: OTEL_SDK_DISABLED has no effect on propagators. */
static void a_disabled_service_passes_on_what_came(void **state)
{
    (void)state;
    struct weir_context context;
    static struct weir_baggage baggage;
    assert_int_equal(weir_init(&(struct weir_config){.disabled = WEIR_SWITCH_ON}), WEIR_DISABLED);
    request_with("00-" TRACE "-" PARENT "-03", "foo=1", "a=1");
    assert_true(weir_context_extract(&headers, &context, &baggage));
    out.count = 0;
    weir_context_inject(&context, &baggage, &writer);
    assert_string_equal(line_of(&out, "traceparent"), "00-" TRACE "-" PARENT "-03");
    assert_string_equal(line_of(&out, "tracestate"), "foo=1");
    assert_string_equal(line_of(&out, "baggage"), "a=1");

    assert_int_equal(weir_init(&(struct weir_config){.disabled = WEIR_SWITCH_ON, .propagators = "baggage"}),
                     WEIR_DISABLED);
    assert_false(weir_context_extract(&headers, NULL, &baggage));
    assert_string_equal(baggage.text, "a=1");
    weir_init(&(struct weir_config){.disabled = WEIR_SWITCH_ON});
}

int main(void)
{
#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_does_nothing),
        WITH_PEER(a_request_is_carried_to_its_calls),
        WITH_PEER(nested_requests_keep_apart),
        WITH_PEER(a_span_may_outlive_its_request),
        WITH_PEER(several_traceparents_are_none),
        WITH_PEER(a_line_may_have_no_text),
        WITH_PEER(what_is_captured_is_injected_the_same),
        WITH_PEER(a_worker_goes_on_with_the_request),
        WITH_PEER(attachments_nest_and_end_in_any_order),
        WITH_PEER(the_unsampled_stay_unsampled),
        WITH_PEER(baggage_is_set_for_what_follows),
        WITH_PEER(a_child_attaches_what_was_captured),
        WITH_PEER(more_than_fits_is_lost_and_counted),
        cmocka_unit_test(off_does_nothing),
        cmocka_unit_test(a_disabled_service_passes_on_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
