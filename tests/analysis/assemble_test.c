/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

static const struct span *by_id(const struct trace *trace, uint64_t id)
{
    for (size_t i = 0; i < trace->span_count; i++) {
        if (trace->spans[i].id == id) return &trace->spans[i];
    }
    return NULL;
}

static void a_trace_of_none(void **state)
{
    struct build *build = *state;
    build->count = 0;
    struct trace trace = build_trace(build);
    assert_int_equal(trace.span_count, 0);
    assert_int_equal(trace.root_count, 0);
    assert_true(trace.complete);
}

static void children_are_in_order_of_start(void **state)
{
    struct build *build = *state;
    struct span *late = call_db(build, request_of(build), "SELECT 1", 10, 1);
    struct span *early = call_db(build, request_of(build), "SELECT 2", 10, 1);
    early->start_ns = late->start_ns - 5;
    close_request(build);
    request_of(build)->start_ns -= 100;
    struct trace trace = build_trace(build);
    assert_int_equal(trace.root_count, 1);
    assert_int_equal(trace.roots[0]->first_child->id, early->id);
    assert_int_equal(trace.roots[0]->last_child->id, late->id);
    assert_ptr_equal(trace.roots[0]->first_child->next_sibling, trace.roots[0]->last_child);
    assert_null(trace.roots[0]->last_child->next_sibling);
    assert_ptr_equal(trace.roots[0]->first_child->parent, trace.roots[0]);
    assert_true(trace.complete);
}

static void at_one_start_the_longer_comes_first(void **state)
{
    struct build *build = *state;
    struct span *inner = open_span(build, NULL, "inner");
    request_of(build)->id = 99; /* ids decide only where times do not */
    inner->parent_id = 99;
    build->now_us += 10;
    span_close(build, inner);
    build->now_us += 10;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_int_equal(trace.spans[0].id, request_of(build)->id);
}

static void doubles_are_dropped(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 10; i++) call_db(build, request_of(build), "SELECT 1", 10, 1);
    close_request(build);
    struct trace trace = build_trace_shuffled(build, 1);
    assert_int_equal(trace.span_count, 11);
    assert_int_equal(trace.roots[0]->first_child->id, 2);
}

/* Two spans that claim one id: which of them stays does not depend on who came first. */
static void forged_doubles_are_decided_by_content(void **state)
{
    struct build *build = *state;
    struct span *one = call_db(build, request_of(build), "SELECT 1", 10, 1);
    struct span *two = call_db(build, request_of(build), "SELECT 2", 10, 1);
    two->id = one->id;
    two->start_ns = one->start_ns;
    struct span *child = open_span(build, one, "child");
    close_request(build);
    struct trace first = build_trace(build);
    build->spans[1] = two;
    build->spans[2] = one;
    struct trace second = build_trace(build);
    assert_int_equal(first.span_count, 3);
    assert_int_equal(second.span_count, 3);
    assert_int_equal(by_id(&first, child->id)->parent->id, one->id);
    assert_int_equal(by_id(&second, child->id)->parent->id, one->id);
    assert_true(str_equal(by_id(&first, one->id)->operation->text, by_id(&second, one->id)->operation->text));
}

static void a_missing_parent_makes_a_root(void **state)
{
    struct build *build = *state;
    struct span *orphan = call_db(build, request_of(build), "SELECT 1", 10, 1);
    orphan->parent_id = 424242;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_false(trace.complete);
    assert_int_equal(trace.root_count, 2);
}

static void its_own_parent(void **state)
{
    struct build *build = *state;
    request_of(build)->parent_id = request_of(build)->id;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_int_equal(trace.root_count, 1);
    assert_null(trace.roots[0]->parent);
}

static void a_cycle_is_cut_at_its_earliest(void **state)
{
    struct build *build = *state;
    struct span *a = open_span(build, request_of(build), "a");
    build->now_us++;
    struct span *b = open_span(build, a, "b");
    build->now_us++;
    struct span *c = open_span(build, b, "c");
    struct span *hanging = open_span(build, c, "hanging");
    hanging->start_ns = a->start_ns - 1; /* who leads into the cycle is none of it */
    a->parent_id = c->id;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_int_equal(trace.root_count, 2);
    assert_null(by_id(&trace, a->id)->parent);
    assert_int_equal(by_id(&trace, b->id)->parent->id, a->id);
    assert_int_equal(by_id(&trace, c->id)->parent->id, b->id);
    assert_int_equal(by_id(&trace, hanging->id)->parent->id, c->id);
}

static void a_chain_of_ten_thousand(void **state)
{
    struct build *build = *state;
    struct span *parent = request_of(build);
    for (int i = 0; i < 10000; i++) {
        build->now_us++;
        parent = open_span(build, parent, "deeper");
    }
    call_db(build, parent, "SELECT 1", 10, 1);
    close_request(build);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 1);
    assert_int_equal(analysis.requests[0].db_calls, 1);
}

/* The clock of another machine is behind: times stay as they came, the tree holds. */
static void a_child_before_its_parent(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "stock:80", "GET /all", 1000, 1);
    struct span *inner = open_server(build, call, "GET /all");
    inner->start_ns = request_of(build)->start_ns - 5000000;
    inner->duration_ns = 700000;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_int_equal(trace.root_count, 1);
    assert_int_equal(trace.spans[0].id, inner->id);
    assert_int_equal(trace.spans[0].parent->id, call->id);
    assert_int_equal(trace.spans[0].start_ns, inner->start_ns);
}

static void impossible_durations_are_mended(void **state)
{
    struct build *build = *state;
    struct span *backwards = call_db(build, request_of(build), "SELECT 1", 10, 1);
    struct span *endless = call_db(build, request_of(build), "SELECT 2", 10, 1);
    backwards->duration_ns = INT64_MIN;
    endless->duration_ns = INT64_MAX;
    close_request(build);
    struct trace trace = build_trace(build);
    assert_int_equal(by_id(&trace, backwards->id)->duration_ns, 0);
    assert_true(span_end_ns(by_id(&trace, endless->id)) == INT64_MAX);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.requests[0].db_calls, 2);
    assert_true(analysis.requests[0].db_ns <= analysis.requests[0].duration_ns);
}

static void out_of_memory_is_said(void **state)
{
    struct build *build = *state;
    loop_db(build, request_of(build), "SELECT 1 WHERE a = ?", 10, 1000, NULL, 0, 1);
    close_request(build);
    struct analysis_settings settings = analysis_settings_default();
    struct trace trace = build_trace(build);
    for (size_t cap = 1024; cap < 1 << 20; cap = cap * 5 / 4) {
        struct arena small;
        struct trace copy = trace;
        struct analysis analysis;
        arena_init(&small, cap);
        bool done = trace_assemble(&copy, &small) && analyse_trace(&analysis, &copy, &settings, &small);
        if (!done) assert_true(arena_exhausted(&small));
        if (done) assert_int_equal(analysis.finding_count, 1);
        arena_fini(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(a_trace_of_none),
        REQUEST_TEST(children_are_in_order_of_start),
        REQUEST_TEST(at_one_start_the_longer_comes_first),
        REQUEST_TEST(doubles_are_dropped),
        REQUEST_TEST(forged_doubles_are_decided_by_content),
        REQUEST_TEST(a_missing_parent_makes_a_root),
        REQUEST_TEST(its_own_parent),
        REQUEST_TEST(a_cycle_is_cut_at_its_earliest),
        REQUEST_TEST(a_chain_of_ten_thousand),
        REQUEST_TEST(a_child_before_its_parent),
        REQUEST_TEST(impossible_durations_are_mended),
        REQUEST_TEST(out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
