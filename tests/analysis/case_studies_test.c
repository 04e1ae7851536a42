/* SPDX-License-Identifier: Apache-2.0 */
/* The two case studies, whole: every finding of theirs, and nothing else. */
#include "tests/analysis/case_studies.h"
#include "tests/analysis/expect.h"

#include "base/clock.h"

static int begin(void **state)
{
    static struct build build;
    build_init(&build);
    *state = &build;
    return 0;
}

#define CASE_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end_request)

static void expect_loop(const struct finding *findings, uint32_t count, const char *operation, uint32_t calls,
                        const char *source)
{
    const struct finding *loop = find_finding(findings, count, FINDING_n_plus_one_query, operation);
    assert_non_null(loop);
    assert_int_equal(loop->count, calls);
    assert_int_equal(loop->confidence, CONFIDENCE_PROVEN);
    assert_true(loop->has_source);
    assert_true(str_is(loop->source.text, source));
    assert_int_equal(evidence_seen(loop, EVIDENCE_walks_rows), 32);
    assert_int_equal(evidence_seen(loop, EVIDENCE_inputs_differ), calls);
    assert_true(loop->saving_ns > 0 && loop->repaired_ns < loop->cost_ns);
    assert_int_equal(loop->saving_ns, loop->cost_ns - loop->repaired_ns); /* nothing else ran meanwhile */
}

static void the_dashboard_before(void **state)
{
    struct build *build = *state;
    const char *products = "SELECT id, name, price_cents FROM products WHERE merchant_id = ? ORDER BY id";
    const char *customers = "SELECT id, name FROM customers WHERE merchant_id = ?";
    case_dashboard_before(build, 1);
    struct analysis analysis = build_analysis(build);
    assert_int_equal(analysis.request_count, 1);
    assert_int_equal(analysis.requests[0].db_calls, 3604);
    assert_int_equal(analysis.requests[0].http_calls, 0);
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 4);
    expect_loop(findings, count, "SELECT rating, comment FROM reviews WHERE product_id = ?", 200, products);
    expect_loop(findings, count, "SELECT quantity, price_cents FROM order_items WHERE product_id = ?", 200,
                products);
    expect_loop(findings, count, "SELECT id, total_cents FROM orders WHERE customer_id = ?", 3000, customers);
    expect_loop(findings, count, "SELECT quantity, reorder_level FROM stock WHERE product_id = ?", 200,
                products);
    for (uint32_t i = 1; i < count; i++) assert_true(findings[i - 1].saving_ns >= findings[i].saving_ns);
    assert_string_equal(find_finding(findings, count, FINDING_n_plus_one_query,
                                     "SELECT id, total_cents FROM orders WHERE customer_id = ?")
                            ->advice.data,
                        "join, or WHERE customer_id = ANY($1)");
}

/* Fifty requests of different merchants: everything is on one connection, so nothing more may be claimed. */
static void many_dashboards(void **state)
{
    struct build *build = *state;
    struct analysis_settings settings = analysis_settings_default();
    const struct finding *list[1000];
    size_t listed = 0;
    for (uint64_t merchant = 1; merchant <= 8; merchant++) {
        build->count = 0;
        case_dashboard_before(build, merchant);
        struct analysis analysis = build_analysis(build);
        for (uint32_t i = 0; i < analysis.finding_count; i++) list[listed++] = &analysis.findings[i];
    }
    uint32_t count;
    const struct finding *findings = aggregate_findings(list, listed, 8, &settings, &build->arena, &count);
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(findings[i].kind, FINDING_n_plus_one_query);
        assert_int_equal(findings[i].requests, 8);
        assert_int_equal(findings[i].requests_seen, 8);
    }
}

static void the_dashboard_joined(void **state)
{
    case_dashboard_joined(*state, 1);
    expect_none(*state);
}

static void expect_at_once(const struct finding *both, const char *stock, uint32_t calls, int64_t saving_ns)
{
    assert_non_null(both);
    assert_int_equal(both->operation_count, 2);
    assert_true(str_is(both->operations[0].text, stock));
    assert_true(str_is(both->operations[1].text, "POST /prices"));
    assert_int_equal(both->operations[0].count, calls);
    assert_int_equal(both->operations[1].count, 1);
    assert_int_equal(both->confidence, CONFIDENCE_LIKELY);
    assert_true(both->has_source);
    assert_true(
        str_is(both->source.text, "SELECT id, name, category_id FROM products ORDER BY id LIMIT ? OFFSET ?"));
    assert_int_equal(evidence_seen(both, EVIDENCE_inputs_from_source), 1);
    assert_int_equal(evidence_seen(both, EVIDENCE_same_connection), -1);
    assert_int_equal(both->saving_ns, saving_ns);
}

static void the_products_before(void **state)
{
    struct build *build = *state;
    uint32_t count;
    case_products_before(build, 1);
    const struct finding *findings = build_findings(build, &count);
    assert_int_equal(count, 2);
    const struct finding *loop = find_finding(findings, count, FINDING_n_plus_one_http, "GET /stock/{id}");
    assert_non_null(loop);
    assert_int_equal(loop->count, 50);
    assert_int_equal(loop->confidence, CONFIDENCE_PROVEN);
    assert_true(str_starts(loop->source.text, "SELECT id, name, category_id FROM products"));
    assert_int_equal(loop->saving_ns, 49 * 40500 * NS_PER_US);
    expect_at_once(find_finding(findings, count, FINDING_sequential_independent, "GET /stock/{id}"),
                   "GET /stock/{id}", 50, 850 * NS_PER_MS);
}

static void the_products_in_bulk(void **state)
{
    struct build *build = *state;
    case_products_bulk(build, 1);
    expect_at_once(expect_one(build, FINDING_sequential_independent), "POST /stock/bulk", 1, 250 * NS_PER_MS);
}

static void a_small_request(void **state)
{
    case_small(*state, 1);
    expect_none(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(the_dashboard_before), CASE_TEST(many_dashboards),      CASE_TEST(the_dashboard_joined),
        CASE_TEST(the_products_before),  CASE_TEST(the_products_in_bulk), CASE_TEST(a_small_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
