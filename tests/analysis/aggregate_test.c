/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/expect.h"

#define SAMPLING_ALL_BUT_ONE_IN_1024 0xffc00000000000

static const struct analysis_settings settings = {5, 10, 10, 3};

/* A loop as one request's analysis finds it. */
static struct finding loop(uint32_t calls, int64_t saving_ns, unsigned char trace)
{
    return (struct finding){
        .kind = FINDING_n_plus_one_query,
        .service = STR("shop"),
        .endpoint = STR("GET /x"),
        .operation_count = 1,
        .operations = {{OPERATION_DB, STR("reviews"), STR("postgresql"), STR("SELECT 1 WHERE a = ?"), calls,
                        10 * calls}},
        .count = calls,
        .requests = 1,
        .requests_seen = 1,
        .request_ns = 1000 + calls,
        .cost_ns = 10 * calls,
        .repaired_ns = calls,
        .saving_ns = saving_ns,
        .confidence = CONFIDENCE_PROVEN,
        .evidence_count = 2,
        .evidence = {{EVIDENCE_same_operation, calls, calls}, {EVIDENCE_inputs_differ, calls - 1, calls}},
        .site = {STR("shop.c"), STR("load"), 12},
        .trace_count = 1,
        .trace_ids = {{trace}},
    };
}

static struct finding pair(uint64_t input_hash, enum evidence_fact fact)
{
    return (struct finding){
        .kind = FINDING_sequential_independent,
        .service = STR("shop"),
        .endpoint = STR("GET /x"),
        .operation_count = 2,
        .operations = {{.type = OPERATION_HTTP, .text = STR("GET /a"), .count = 1},
                       {.type = OPERATION_HTTP, .text = STR("GET /b"), .count = 1}},
        .count = 2,
        .requests = 1,
        .saving_ns = 5000,
        .evidence_count = fact == EVIDENCE_no_value_passed ? 1 : 2,
        .evidence = {{EVIDENCE_no_value_passed, 1, 1}, {fact, 1, 1}},
        .input_hash = input_hash,
    };
}

static const struct finding *aggregate(struct build *build, const struct finding *findings, size_t count,
                                       uint32_t *results)
{
    const struct finding *list[64] = {NULL};
    for (size_t i = 0; i < count; i++) list[i] = &findings[i];
    return aggregate_findings(list, count, 10, &settings, &build->arena, results);
}

static void nothing_gives_nothing(void **state)
{
    struct build *build = *state;
    uint32_t count = 7;
    aggregate(build, NULL, 0, &count);
    assert_int_equal(count, 0);
    assert_false(arena_exhausted(&build->arena));
}

/* Requests and medians are of all that there were; evidence is of those that were seen. */
static void sampled_requests_count_for_those_like_them(void **state)
{
    struct finding findings[] = {loop(30, 300, 3), loop(10, 100, 2), loop(20, 200, 1)};
    uint32_t count;
    findings[1].sampling_threshold = 0xc0000000000000; /* one in four */
    const struct finding *all = aggregate(*state, findings, 3, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all->recorded, 3);
    assert_int_equal(all->requests, 1 + 4 + 1);
    assert_int_equal(all->requests_seen, 10);
    assert_true(finding_is_estimate(all));
    assert_int_equal(all->count, 10);
    assert_int_equal(all->saving_ns, 100);
    assert_int_equal(all->operations[0].count, 10);
    assert_int_equal(evidence_seen(all, EVIDENCE_same_operation), 60);
    assert_int_equal(all->sampling_threshold, 0);
    findings[1].sampling_threshold = 0;
    all = aggregate(*state, findings, 3, &count);
    assert_false(finding_is_estimate(all));
}

/* Six requests that were seen are no more evidence because each stands for a thousand. */
static void weight_is_no_evidence(void **state)
{
    struct finding findings[] = {pair(7, EVIDENCE_same_connection), pair(7, EVIDENCE_same_connection)};
    uint32_t count, weighted_count;
    aggregate(*state, findings, 2, &count);
    findings[0].sampling_threshold = findings[1].sampling_threshold = SAMPLING_ALL_BUT_ONE_IN_1024;
    aggregate(*state, findings, 2, &weighted_count);
    assert_int_equal(weighted_count, count);
}

static void medians_and_sums(void **state)
{
    struct finding findings[] = {loop(30, 300, 3), loop(10, 100, 2), loop(20, 200, 1)};
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 3, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all->count, 20);
    assert_int_equal(all->requests, 3);
    assert_int_equal(all->requests_seen, 10);
    assert_int_equal(all->saving_ns, 200);
    assert_int_equal(all->cost_ns, 200);
    assert_int_equal(all->repaired_ns, 20);
    assert_int_equal(all->request_ns, 1020);
    assert_int_equal(all->operations[0].count, 20);
    assert_int_equal(all->operations[0].cost_ns, 200);
    assert_int_equal(evidence_seen(all, EVIDENCE_same_operation), 60);
    assert_int_equal(evidence_seen(all, EVIDENCE_inputs_differ), 57);
    assert_int_equal(all->confidence, CONFIDENCE_PROVEN);
    assert_int_equal(all->site.line, 12);
}

static void the_newest_traces_are_kept(void **state)
{
    struct finding findings[7];
    for (unsigned char i = 0; i < 7; i++) findings[i] = loop(10, 100, (unsigned char)(9 - i));
    findings[1].trace_ids[0][0] = 9; /* a second request of the same trace */
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 7, &count);
    static const unsigned char newest[] = {9, 7, 6, 5, 4};
    assert_int_equal(all->requests, 7);
    assert_int_equal(all->trace_count, 5);
    for (int i = 0; i < 5; i++) assert_int_equal(all->trace_ids[i][0], newest[i]);
}

static void places_that_differ_are_not_named(void **state)
{
    struct finding findings[] = {loop(10, 100, 1), loop(10, 100, 2)};
    findings[1].site.line = 13;
    uint32_t count;
    assert_int_equal(aggregate(*state, findings, 2, &count)->site.line, 0);
}

static void another_source_is_another_finding(void **state)
{
    struct finding findings[] = {loop(10, 100, 1), loop(10, 200, 2), loop(10, 300, 3)};
    findings[1].has_source = findings[2].has_source = true;
    findings[1].source = (struct finding_operation){.type = OPERATION_DB, .text = STR("SELECT a")};
    findings[2].source = (struct finding_operation){.type = OPERATION_DB, .text = STR("SELECT b")};
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 3, &count);
    assert_int_equal(count, 3);
    assert_int_equal(all[0].saving_ns, 300); /* largest first */
    assert_int_equal(all[2].saving_ns, 100);
}

static void what_saves_more_over_all_requests_comes_first(void **state)
{
    struct finding findings[] = {loop(10, 250, 1), loop(10, 100, 2), loop(10, 100, 3), loop(10, 100, 4)};
    findings[0].has_source = true;
    findings[0].source = (struct finding_operation){.type = OPERATION_DB, .text = STR("SELECT a")};
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 4, &count);
    assert_int_equal(count, 2);
    assert_int_equal(all[0].saving_ns, 100);
    assert_int_equal(all[0].requests, 3);
    assert_int_equal(all[1].saving_ns, 250);
}

static void the_least_sure_request_decides(void **state)
{
    struct finding findings[] = {loop(10, 100, 1), loop(10, 100, 2)};
    findings[1].confidence = CONFIDENCE_LIKELY;
    uint32_t count;
    assert_int_equal(aggregate(*state, findings, 2, &count)->confidence, CONFIDENCE_LIKELY);
}

static void three_differing_inputs_make_it_likely(void **state)
{
    struct finding findings[] = {pair(1, EVIDENCE_no_value_passed), pair(2, EVIDENCE_no_value_passed),
                                 pair(1, EVIDENCE_no_value_passed), pair(3, EVIDENCE_no_value_passed)};
    uint32_t count;
    aggregate(*state, findings, 3, &count); /* only two differ */
    assert_int_equal(count, 0);
    const struct finding *all = aggregate(*state, findings, 4, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all->confidence, CONFIDENCE_LIKELY);
    assert_int_equal(all->requests, 4);
}

static void unknown_inputs_do_not_count(void **state)
{
    struct finding findings[] = {pair(0, EVIDENCE_no_value_passed), pair(0, EVIDENCE_no_value_passed),
                                 pair(0, EVIDENCE_no_value_passed), pair(5, EVIDENCE_no_value_passed)};
    uint32_t count;
    aggregate(*state, findings, 4, &count);
    assert_int_equal(count, 0);
}

/* In one of the requests it is not known whether a value was passed on. */
static void one_doubtful_request_keeps_it_possible(void **state)
{
    struct finding findings[] = {
        pair(1, EVIDENCE_no_value_passed),
        pair(2, EVIDENCE_no_value_passed),
        pair(3, EVIDENCE_no_value_passed),
        pair(0, EVIDENCE_no_value_passed),
    };
    findings[3].evidence_count = 0;
    uint32_t count;
    aggregate(*state, findings, 4, &count);
    assert_int_equal(count, 0);
}

static void one_connection_keeps_it_possible(void **state)
{
    struct finding findings[] = {pair(1, EVIDENCE_same_connection), pair(2, EVIDENCE_same_connection),
                                 pair(3, EVIDENCE_same_connection)};
    uint32_t count;
    aggregate(*state, findings, 3, &count);
    assert_int_equal(count, 0);
}

static void one_proof_is_a_proof_for_all(void **state)
{
    struct finding findings[] = {pair(1, EVIDENCE_no_value_passed), pair(1, EVIDENCE_sent_before_read)};
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 2, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all->confidence, CONFIDENCE_PROVEN);
    for (uint32_t i = 0; i < all->evidence_count; i++) {
        if (all->evidence[i].fact == EVIDENCE_sent_before_read) assert_int_equal(all->evidence[i].of, 2);
    }
}

static void two_calls_may_change_places(void **state)
{
    struct finding findings[] = {pair(1, EVIDENCE_inputs_from_source), pair(2, EVIDENCE_inputs_from_source)};
    struct finding_operation first = findings[1].operations[0];
    findings[1].operations[0] = findings[1].operations[1];
    findings[1].operations[1] = first;
    uint32_t count;
    const struct finding *all = aggregate(*state, findings, 2, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all->requests, 2);
}

static void endpoints_stay_apart(void **state)
{
    struct finding findings[] = {loop(10, 100, 1), loop(10, 100, 2)};
    findings[1].endpoint = (struct str)STR("GET /y");
    uint32_t count;
    aggregate(*state, findings, 2, &count);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(nothing_gives_nothing),
        REQUEST_TEST(medians_and_sums),
        REQUEST_TEST(sampled_requests_count_for_those_like_them),
        REQUEST_TEST(weight_is_no_evidence),
        REQUEST_TEST(the_newest_traces_are_kept),
        REQUEST_TEST(places_that_differ_are_not_named),
        REQUEST_TEST(another_source_is_another_finding),
        REQUEST_TEST(what_saves_more_over_all_requests_comes_first),
        REQUEST_TEST(the_least_sure_request_decides),
        REQUEST_TEST(three_differing_inputs_make_it_likely),
        REQUEST_TEST(unknown_inputs_do_not_count),
        REQUEST_TEST(one_doubtful_request_keeps_it_possible),
        REQUEST_TEST(one_connection_keeps_it_possible),
        REQUEST_TEST(one_proof_is_a_proof_for_all),
        REQUEST_TEST(two_calls_may_change_places),
        REQUEST_TEST(endpoints_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
