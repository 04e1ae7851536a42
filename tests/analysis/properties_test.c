/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold for any trace: the order in which spans came, and that some came twice, changes nothing; nothing that
 * spans claim breaks it. The seed is printed and can be given: analysis_properties_test SEED.
 */
#include "tests/analysis/case_studies.h"
#include "tests/analysis/expect.h"

#include "base/hash.h"
#include "base/id.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t seed;

static uint64_t next_random(uint64_t *state)
{
    *state = hash_combine(*state, 0x9e3779b97f4a7c15u);
    return *state;
}

static uint64_t hash_finding(const struct finding *finding)
{
    uint64_t hash = hash_combine(finding->kind, finding->count);
    hash = hash_combine(hash, (uint64_t)finding->saving_ns);
    hash = hash_combine(hash, (uint64_t)finding->cost_ns);
    hash = hash_combine(hash, (uint64_t)finding->repaired_ns);
    hash = hash_combine(hash, finding->confidence);
    hash = hash_combine(hash, finding->input_hash);
    hash = hash_combine(hash, finding->site.line);
    for (uint32_t i = 0; i < finding->operation_count; i++) {
        hash =
            hash_combine(hash, hash_bytes(finding->operations[i].text.data, finding->operations[i].text.len));
        hash = hash_combine(hash, finding->operations[i].count);
    }
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        hash = hash_combine(hash, finding->evidence[i].fact);
        hash = hash_combine(hash, finding->evidence[i].seen);
    }
    return hash_combine(hash, hash_bytes(finding->source.text.data, finding->source.text.len));
}

static uint64_t hash_analysis(const struct analysis *analysis)
{
    uint64_t hash = hash_combine(analysis->request_count, analysis->finding_count);
    for (uint32_t r = 0; r < analysis->request_count; r++) {
        const struct request *request = &analysis->requests[r];
        hash = hash_combine(hash, request->db_calls);
        hash = hash_combine(hash, request->http_calls);
        hash = hash_combine(hash, (uint64_t)request->db_ns);
        for (uint32_t i = 0; i < request->operation_count; i++) {
            hash = hash_combine(hash, (uint64_t)request->operations[i].total_ns);
        }
    }
    for (uint32_t i = 0; i < analysis->finding_count; i++)
        hash = hash_combine(hash, hash_finding(&analysis->findings[i]));
    return hash;
}

static uint64_t analyse(struct build *build, const struct trace *trace)
{
    struct analysis_settings settings = analysis_settings_default();
    struct analysis analysis;
    assert_true(analyse_trace(&analysis, trace, &settings, &build->arena));
    return hash_analysis(&analysis);
}

static void expect_blind_to_order(struct build *build)
{
    struct trace trace = build_trace(build);
    uint64_t expected = analyse(build, &trace);
    for (uint64_t round = 0; round < 10; round++) {
        struct trace shuffled = build_trace_shuffled(build, seed + round);
        assert_int_equal(shuffled.span_count, trace.span_count);
        assert_int_equal(shuffled.root_count, trace.root_count);
        assert_int_equal(analyse(build, &shuffled), expected);
    }
}

static void the_case_studies_in_any_order(void **state)
{
    struct build *build = *state;
    case_dashboard_before(build, 1);
    case_products_before(build, 1);
    case_products_bulk(build, 2);
    close_request(build);
    expect_blind_to_order(build);
}

/* Any spans, any parents, any times, any links: the wildest trace that ids and numbers allow. */
static void make_wild(struct build *build, uint64_t *state)
{
    static const char *const texts[] = {"SELECT a FROM b WHERE c = ?", "UPDATE b SET c = ?", "BEGIN",
                                        "SELECT 1"};
    uint64_t count = 1 + next_random(state) % 400;
    build->count = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t dice = next_random(state);
        const struct span *parent =
            build->count && dice % 5 ? build->spans[next_random(state) % build->count] : NULL;
        struct span *span;
        build->now_us += (int64_t)(next_random(state) % 50);
        switch (dice >> 8 & 7) {
        case 0:
            span = open_server(build, parent, "GET /wild");
            break;
        case 1:
            span = open_span(build, parent, "part");
            break;
        case 2:
            span =
                call_http(build, parent, "h", "GET /x/{id}", (int64_t)(dice >> 16 & 0x7fff), dice >> 40 & 15);
            break;
        case 3:
            span = call_http(build, parent, "i", "POST /y", (int64_t)(dice >> 16 & 0x7fff), dice >> 40 & 15);
            break;
        case 4:
            span = call_cache(build, parent, "GET k:{}", (int64_t)(dice >> 16 & 0x7fff), dice >> 40 & 3);
            break;
        default:
            span = call_db(build, parent, texts[dice >> 16 & 3], (int64_t)(dice >> 20 & 0x7fff),
                           dice >> 40 & 15);
            break;
        }
        if (dice >> 50 & 1) build->now_us -= (int64_t)(next_random(state) % 20000);
        if ((dice >> 51 & 15) == 0) span->parent_id = next_random(state) % (count + 5);
        if (span->kind != SPAN_KIND_CLIENT) span->duration_ns = (int64_t)(next_random(state) % 300000000);
        span->rows = (int64_t)(dice >> 55 & 15) - 1;
        span->connection = dice >> 59 & 3;
        for (uint64_t link = 0; link < (dice >> 61 & 3) && build->count; link++) {
            const struct span *from = build->spans[next_random(state) % build->count];
            uint64_t what = next_random(state);
            link_to(build, span, from, (enum link_kind)(what % 4), what >> 8 & 1,
                    (uint32_t)(what >> 16 & 31));
        }
        if ((dice >> 57 & 7) == 0) unread_of(build, span, build->spans[next_random(state) % build->count]);
    }
}

static void wild_traces_in_any_order(void **state)
{
    struct build *build = *state;
    uint64_t random = seed;
    for (int round = 0; round < 60; round++) {
        build_fini(build);
        build_init(build);
        make_wild(build, &random);
        expect_blind_to_order(build);
    }
}

/* Savings are within the request, counts within its calls. */
static void findings_stay_within_their_request(void **state)
{
    struct build *build = *state;
    uint64_t random = seed ^ 0x5555;
    for (int round = 0; round < 100; round++) {
        build_fini(build);
        build_init(build);
        make_wild(build, &random);
        struct analysis analysis = build_analysis(build);
        for (uint32_t i = 0; i < analysis.finding_count; i++) {
            const struct finding *finding = &analysis.findings[i];
            assert_true(finding->saving_ns >= 0 && finding->saving_ns <= finding->request_ns);
            assert_true(finding->repaired_ns <= finding->cost_ns);
            assert_true(finding->count >= 2 && finding->count <= build->count);
            assert_true(finding->advice.len > 0);
            for (uint32_t e = 0; e < finding->evidence_count; e++) {
                assert_true(finding->evidence[e].seen <= finding->evidence[e].of);
            }
        }
    }
}

int main(int argc, char **argv)
{
    id_random_bytes(&seed, sizeof seed);
    if (argc > 1) seed = strtoull(argv[1], NULL, 10);
    print_message("seed %" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(the_case_studies_in_any_order),
        REQUEST_TEST(wild_traces_in_any_order),
        REQUEST_TEST(findings_stay_within_their_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
