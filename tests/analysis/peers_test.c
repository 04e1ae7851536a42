/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#define PODS 6

/* One call of each pod, and on the other side, if it is traced, the server span. */
static void ask_pods(struct build *build, bool traced)
{
    for (uint64_t pod = 0; pod < PODS; pod++) {
        const char *host = arena_printf(&build->arena, "10.2.0.%d:8081", (int)pod).data;
        build_service(build, "shop");
        struct span *call = call_http(build, request_of(build), host, "GET /stock/{id}", 20000, pod + 1);
        if (!traced) continue;
        build_service(build, "inventory");
        struct span *server = open_server(build, call, "GET /stock/{id}");
        server->remote_parent = true;
        span_close(build, server);
        server->start_ns = call->start_ns + 1000;
    }
    build_service(build, "shop");
    close_request(build);
}

static void calls_of_one_service_are_one_operation_wherever_it_runs(void **state)
{
    struct build *build = *state;
    ask_pods(build, true);
    uint32_t count;
    struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 1);
    assert_int_equal(findings[0].kind, FINDING_n_plus_one_http);
    assert_int_equal(findings[0].count, PODS);
    assert_true(str_is(findings[0].operations[0].system, "inventory"));
    assert_true(str_is(findings[0].operations[0].label, "GET inventory /stock/{id}"));
}

static void an_untraced_peer_keeps_its_address(void **state)
{
    struct build *build = *state;
    ask_pods(build, false);
    struct trace trace = build_trace(build);
    uint32_t http = 0;
    for (size_t i = 0; i < trace.span_count; i++) {
        if (trace.spans[i].operation->type != OPERATION_HTTP) continue;
        assert_true(str_starts(trace.spans[i].operation->system, "10.2.0."));
        http++;
    }
    assert_int_equal(http, PODS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(calls_of_one_service_are_one_operation_wherever_it_runs),
        REQUEST_TEST(an_untraced_peer_keeps_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
