/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#include "base/clock.h"

/* The scene of most tests: a query for products, then A and B of 50 ms each, each asked for the list of products. */
struct scene {
    struct span *source, *a, *b;
};

static struct span *get(struct build *build, const char *host, int64_t for_ms)
{
    return call_http(build, request_of(build), host, "GET /of", for_ms * 1000, 1 + (uint64_t)build->last_id);
}

static void take_list(struct build *build, struct span *call, const struct span *from)
{
    link_to(build, call, from, LINK_LIST, 0, 20);
    call->input_count = 20;
}

static struct scene make_scene(struct build *build)
{
    struct scene scene;
    scene.source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    scene.source->rows = 20;
    scene.a = get(build, "a", 50);
    scene.b = get(build, "b", 50);
    return scene;
}

static struct scene make_list_scene(struct build *build)
{
    struct scene scene = make_scene(build);
    take_list(build, scene.a, scene.source);
    take_list(build, scene.b, scene.source);
    return scene;
}

/* What the trace alone says, possible findings too. */
static const struct finding *alone(struct build *build)
{
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.finding_count, 1);
    assert_int_equal(analysis.findings[0].kind, FINDING_sequential_independent);
    return &analysis.findings[0];
}

static void expect_dependent(struct build *build)
{
    struct analysis analysis = build_analysis(build);
    print_findings(analysis.findings, analysis.finding_count);
    assert_int_equal(analysis.finding_count, 0);
}

static void inputs_from_a_source_make_it_likely(void **state)
{
    struct build *build = *state;
    make_list_scene(build);
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->confidence, CONFIDENCE_LIKELY);
    assert_int_equal(both->count, 2);
    assert_int_equal(both->saving_ns, 50 * NS_PER_MS);
    assert_int_equal(both->cost_ns, 100 * NS_PER_MS);
    assert_int_equal(both->repaired_ns, 50 * NS_PER_MS);
    assert_true(str_is(both->source.text, "SELECT id FROM products"));
    assert_string_equal(both->advice.data, "start both, then wait for both");
}

static void without_links_it_is_only_possible(void **state)
{
    struct build *build = *state;
    make_scene(build);
    close_request(build);
    const struct finding *both = alone(build);
    assert_int_equal(both->confidence, CONFIDENCE_POSSIBLE);
    assert_int_equal(evidence_seen(both, EVIDENCE_no_value_passed), 1);
    assert_true(both->input_hash != 0);
    expect_none(build); /* and so it is not shown */
}

/* Where the answers were not all there to compare with, differing inputs prove nothing, however many requests have them. */
static void partial_evidence_says_nothing_of_values(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    scene.b->partial_evidence = true;
    close_request(build);
    const struct finding *both = alone(build);
    assert_int_equal(both->confidence, CONFIDENCE_POSSIBLE);
    assert_int_equal(evidence_seen(both, EVIDENCE_no_value_passed), UINT64_MAX); /* not claimed */
    assert_int_equal(both->input_hash, 0);
}

static void only_timing_known_passes_nothing_on(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    scene.b->input_hash = 0;
    close_request(build);
    assert_int_equal(evidence_seen(alone(build), EVIDENCE_no_value_passed), -1);
}

static void sent_before_read_proves_it(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    unread_of(build, scene.b, scene.a);
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->confidence, CONFIDENCE_PROVEN);
    assert_int_equal(evidence_seen(both, EVIDENCE_sent_before_read), 1);
}

/* What matches by accident cannot undo the proof. */
static void a_proof_beats_a_matched_value(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    unread_of(build, scene.b, scene.a);
    link_to(build, scene.b, scene.a, LINK_VALUE, 0, 0);
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_sequential_independent)->confidence, CONFIDENCE_PROVEN);
}

static void dependent_by_a_list(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    take_list(build, scene.b, scene.a);
    close_request(build);
    expect_dependent(build);
}

static void dependent_by_a_value(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    link_to(build, scene.b, scene.a, LINK_VALUE, 2, 0);
    close_request(build);
    expect_dependent(build);
}

static void dependent_by_one_unexplained_match(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    link_to(build, scene.b, scene.a, LINK_SEQUENCE, 0, 0);
    close_request(build);
    expect_dependent(build);
}

static void an_explained_input_needs_no_accident(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    link_to(build, scene.b, scene.a, LINK_SEQUENCE, 0, 0);
    close_request(build);
    expect_one(build, FINDING_sequential_independent);
}

static void a_list_that_is_not_the_whole_input(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    scene.b->input_count = 22; /* two more values, of which nothing is known */
    close_request(build);
    assert_int_equal(alone(build)->confidence, CONFIDENCE_POSSIBLE);
}

static void an_echo_is_no_answer(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    link_to(build, scene.b, scene.a, LINK_LIST, 0, 20); /* A's answer repeats the list it was asked with */
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_sequential_independent)->confidence, CONFIDENCE_LIKELY);
}

static void dependent_through_a_small_call(void **state)
{
    struct build *build = *state;
    struct span *a = get(build, "a", 50);
    struct span *between = call_cache(build, request_of(build), "GET token:{}", 20, 9);
    link_to(build, between, a, LINK_VALUE, 0, 0);
    struct span *b = get(build, "b", 50);
    link_to(build, b, between, LINK_VALUE, 0, 0);
    close_request(build);
    expect_dependent(build);
}

/* A, then B which needs A, then C which needs B: and so C needs A. */
static void dependent_in_a_chain(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    link_to(build, scene.b, scene.a, LINK_VALUE, 0, 0);
    link_to(build, get(build, "c", 50), scene.b, LINK_VALUE, 0, 0);
    close_request(build);
    expect_dependent(build);
}

static void one_connection_lowers_it(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    scene.a->connection = scene.b->connection = 4;
    close_request(build);
    const struct finding *both = alone(build);
    assert_int_equal(both->confidence, CONFIDENCE_POSSIBLE);
    assert_int_equal(evidence_seen(both, EVIDENCE_same_connection), 1);
    expect_none(build);
}

static void proven_on_one_connection_is_likely(void **state)
{
    struct build *build = *state;
    struct scene scene = make_scene(build);
    unread_of(build, scene.b, scene.a);
    scene.a->connection = scene.b->connection = 4;
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->confidence, CONFIDENCE_LIKELY);
    assert_string_equal(both->advice.data,
                        "start both, then wait for both (on a second connection, or in pipeline mode)");
}

static void a_write_between_lowers_it(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "a", 50), source);
    call_db(build, request_of(build), "UPDATE seen SET at = now() WHERE id = ?", 100, 4);
    take_list(build, get(build, "b", 50), source);
    close_request(build);
    const struct finding *both = alone(build);
    assert_int_equal(both->confidence, CONFIDENCE_POSSIBLE);
    assert_int_equal(evidence_seen(both, EVIDENCE_write_between), 1);
}

static void a_transaction_lowers_it(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "a", 50), source);
    call_db(build, request_of(build), "COMMIT", 100, 0);
    take_list(build, get(build, "b", 50), source);
    close_request(build);
    assert_int_equal(alone(build)->confidence, CONFIDENCE_POSSIBLE);
}

static void a_post_of_single_values_is_a_write(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "a", 50), source);
    struct span *pay = call_http(build, request_of(build), "pay:80", "POST /payments", 50000, 4);
    link_to(build, pay, source, LINK_VALUE, 0, 0);
    close_request(build);
    const struct finding *both = alone(build);
    assert_int_equal(evidence_seen(both, EVIDENCE_write_between), 1);
    assert_int_equal(both->confidence, CONFIDENCE_POSSIBLE);
}

static void calls_that_overlap_run_at_once_already(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    scene.b->start_ns = scene.a->start_ns + NS_PER_MS;
    close_request(build);
    expect_dependent(build);
}

static void under_ten_milliseconds_is_not_worth_it(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "a", 9), source);
    take_list(build, get(build, "b", 9), source);
    close_request(build);
    expect_dependent(build);
}

static void under_ten_percent_is_not_worth_it(void **state)
{
    struct build *build = *state;
    make_list_scene(build);
    build->now_us += 500000; /* the application's own time */
    close_request(build);
    expect_dependent(build);
}

static void one_operation_with_two_inputs_is_no_pair(void **state)
{
    struct build *build = *state;
    get(build, "a", 50);
    get(build, "a", 60);
    close_request(build);
    expect_dependent(build);
}

/* A, B, A again: the two A are two units, of which one can run beside B; both A at once is no finding. */
static void one_operation_around_another(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "a", 60), source);
    take_list(build, get(build, "b", 40), source);
    take_list(build, get(build, "a", 50), source);
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->operation_count, 2);
    assert_int_equal(both->count, 2);
    assert_int_equal(both->saving_ns, 40 * NS_PER_MS);
}

/* What the source gave was not there yet when A began, so A might have led to the source. */
static void a_source_that_came_after_a(void **state)
{
    struct build *build = *state;
    get(build, "a", 50);
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    take_list(build, get(build, "b", 50), source);
    close_request(build);
    assert_int_equal(alone(build)->confidence, CONFIDENCE_POSSIBLE);
}

/* Two queries share a connection: the one that costs more is put beside the call that has its own. */
static void of_two_on_one_connection_one_is_taken(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    struct span *c = get(build, "c", 40);
    take_list(build, c, scene.source);
    scene.a->connection = c->connection = 4;
    scene.b->connection = 5;
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->operation_count, 2);
    assert_true(str_is(both->operations[0].system, "a"));
    assert_true(str_is(both->operations[1].system, "b"));
}

static void three_are_one_finding(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    take_list(build, get(build, "c", 30), scene.source);
    close_request(build);
    const struct finding *all = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(all->operation_count, 3);
    assert_int_equal(all->saving_ns, 80 * NS_PER_MS);
    assert_string_equal(all->advice.data, "start all 3, then wait for all of them");
    assert_true(str_is(all->operations[0].system, "a"));
    assert_true(str_is(all->operations[2].system, "c"));
}

/* C needs A, so only B can run beside either. */
static void a_dependent_third_stays_out(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    link_to(build, get(build, "c", 40), scene.a, LINK_VALUE, 0, 0);
    close_request(build);
    const struct finding *both = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(both->operation_count, 2);
    assert_true(str_is(both->operations[0].system, "a"));
    assert_true(str_is(both->operations[1].system, "b"));
}

static void small_ones_beside_are_not_listed(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    take_list(build, get(build, "small", 4), scene.source);
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_sequential_independent)->operation_count, 2);
}

static void many_small_ones_count_together(void **state)
{
    struct build *build = *state;
    static const char *const hosts[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    for (int i = 0; i < 7; i++) take_list(build, get(build, hosts[i], 8), source);
    close_request(build);
    const struct finding *all = expect_one(build, FINDING_sequential_independent);
    assert_int_equal(all->operation_count, 7);
    assert_int_equal(all->saving_ns, 48 * NS_PER_MS);
}

static void a_loop_is_one_unit(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    source->rows = 20;
    loop_http(build, request_of(build), "stock:80", "GET /stock/{id}", 5000, 20, source, 0, 1);
    take_list(build, get(build, "prices", 40), source);
    close_request(build);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 2);
    const struct finding *both =
        find_finding(findings, count, FINDING_sequential_independent, "GET /stock/{id}");
    assert_int_equal(both->operations[0].count, 20);
    assert_int_equal(both->saving_ns, 40 * NS_PER_MS);
}

static void a_call_that_needs_the_loop(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    source->rows = 20;
    loop_http(build, request_of(build), "stock:80", "GET /stock/{id}", 5000, 20, source, 0, 1);
    struct span *last = build->spans[build->count - 1];
    link_to(build, get(build, "prices", 40), last, LINK_VALUE, 0, 0);
    close_request(build);
    expect_one(build, FINDING_n_plus_one_http);
}

/* The loop has a second input beside the row it walks, and nobody knows where that comes from. */
static void a_loop_with_a_further_input(void **state)
{
    struct build *build = *state;
    struct span *source = call_db(build, request_of(build), "SELECT id FROM products", 2000, 1);
    source->rows = 20;
    take_list(build, get(build, "prices", 40), source);
    loop_http(build, request_of(build), "stock:80", "GET /stock/{id}?at={}", 5000, 20, source, 0, 1);
    for (size_t i = 3; i < build->count; i++) build->spans[i]->input_count = 2;
    close_request(build);
    expect_one(build, FINDING_n_plus_one_http);
}

/* One call of the loop needs A, B needs another call of the loop: as one unit the loop stands between them. */
static void dependent_through_a_loop(void **state)
{
    struct build *build = *state;
    struct span *a = get(build, "a", 50);
    loop_http(build, request_of(build), "l", "GET /l/{id}", 200, 10, NULL, 0, 1);
    struct span *first = build->spans[2], *second = build->spans[3];
    link_to(build, second, a, LINK_VALUE, 0, 0);
    link_to(build, get(build, "b", 50), first, LINK_VALUE, 0, 0);
    close_request(build);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(count, 1);
    assert_int_equal(findings[0].kind, FINDING_n_plus_one_http);
    assert_int_equal(analysis.finding_count, 1);
}

static void a_repeat_is_not_also_sequential(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 2; i++)
        call_http(build, request_of(build), "a", "GET /of", 50000, 1)->answer_hash = 3;
    close_request(build);
    expect_one(build, FINDING_repeated_call);
}

/* Beside the pair runs a third call for half of the time: that half is not won. */
static void the_saving_is_replayed(void **state)
{
    struct build *build = *state;
    struct scene scene = make_list_scene(build);
    struct span *beside = call_db(build, request_of(build), "SELECT 1 FROM slow WHERE id = ?", 25000, 8);
    beside->start_ns = scene.b->start_ns;
    link_to(build, beside, scene.source, LINK_VALUE, 0, 0);
    link_to(build, beside, scene.a, LINK_VALUE, 0, 0);
    build->now_us = span_end_ns(scene.b) / NS_PER_US;
    close_request(build);
    assert_int_equal(expect_one(build, FINDING_sequential_independent)->saving_ns, 25 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(inputs_from_a_source_make_it_likely),
        REQUEST_TEST(without_links_it_is_only_possible),
        REQUEST_TEST(partial_evidence_says_nothing_of_values),
        REQUEST_TEST(only_timing_known_passes_nothing_on),
        REQUEST_TEST(sent_before_read_proves_it),
        REQUEST_TEST(a_proof_beats_a_matched_value),
        REQUEST_TEST(dependent_by_a_list),
        REQUEST_TEST(dependent_by_a_value),
        REQUEST_TEST(dependent_by_one_unexplained_match),
        REQUEST_TEST(an_explained_input_needs_no_accident),
        REQUEST_TEST(a_list_that_is_not_the_whole_input),
        REQUEST_TEST(an_echo_is_no_answer),
        REQUEST_TEST(dependent_through_a_small_call),
        REQUEST_TEST(dependent_in_a_chain),
        REQUEST_TEST(one_connection_lowers_it),
        REQUEST_TEST(proven_on_one_connection_is_likely),
        REQUEST_TEST(a_write_between_lowers_it),
        REQUEST_TEST(a_transaction_lowers_it),
        REQUEST_TEST(a_post_of_single_values_is_a_write),
        REQUEST_TEST(calls_that_overlap_run_at_once_already),
        REQUEST_TEST(under_ten_milliseconds_is_not_worth_it),
        REQUEST_TEST(under_ten_percent_is_not_worth_it),
        REQUEST_TEST(one_operation_with_two_inputs_is_no_pair),
        REQUEST_TEST(one_operation_around_another),
        REQUEST_TEST(a_source_that_came_after_a),
        REQUEST_TEST(of_two_on_one_connection_one_is_taken),
        REQUEST_TEST(a_loop_with_a_further_input),
        REQUEST_TEST(dependent_through_a_loop),
        REQUEST_TEST(three_are_one_finding),
        REQUEST_TEST(a_dependent_third_stays_out),
        REQUEST_TEST(small_ones_beside_are_not_listed),
        REQUEST_TEST(many_small_ones_count_together),
        REQUEST_TEST(a_loop_is_one_unit),
        REQUEST_TEST(a_call_that_needs_the_loop),
        REQUEST_TEST(a_repeat_is_not_also_sequential),
        REQUEST_TEST(the_saving_is_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
