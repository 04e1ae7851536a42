/* SPDX-License-Identifier: Apache-2.0 */
/* What the store answers about endpoints, over contributions that the real analysis has drawn. */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "collector/store/reader.h"

#include <stdlib.h>

static struct arena arena;
static struct store *store;
static struct id_generator generator;
static struct analysis_settings settings;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    store = test_store_fresh();
    generator = test_generator();
    settings = analysis_settings_default();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_free(store);
    arena_fini(&arena);
    return 0;
}

struct made {
    unsigned char trace_id[16];
    uint64_t span_id;
};

static struct made make(const char *service, const char *version, const char *endpoint, int64_t start_ns,
                        int64_t duration_ns, uint32_t calls)
{
    struct made made;
    struct arena own;
    arena_init(&own, (size_t)1 << 26);
    struct batch *batch =
        test_request(&own, &generator, service, version, endpoint, start_ns, duration_ns, calls);
    if (store_write_batch(store, batch, TEST_NOW_NS) != STORE_OK) fail_msg("%s", store_error(store));
    memcpy(made.trace_id, batch->trace_ids, 16);
    made.span_id = batch->span_id[0];
    arena_fini(&own);
    return made;
}

static void analyse_all(void)
{
    struct arena own;
    struct trace trace;
    struct analysis analysis;
    bool found = true;
    arena_init(&own, (size_t)1 << 26);
    for (;;) {
        assert_int_equal(store_claim_trace(store, TEST_NOW_NS + NS_PER_S, 1000, 30000, &own, &trace, &found),
                         STORE_OK);
        if (!found) break;
        assert_true(trace_assemble(&trace, &own));
        assert_true(analyse_trace(&analysis, &trace, &settings, &own));
        assert_int_equal(store_write_contribution(store, &trace, &analysis), STORE_OK);
    }
    arena_fini(&own);
}

static uint32_t ask(const struct request_filter *filter, struct endpoint_summary **endpoints)
{
    uint32_t count;
    enum store_result outcome = read_endpoints(store, filter, &settings, &arena, endpoints, &count);
    if (outcome != STORE_OK) fail_msg("outcome %d: %s", outcome, store_error(store));
    return count;
}

static void nothing_stored_is_no_endpoint(void **state)
{
    (void)state;
    struct request_filter all = {0};
    struct endpoint_summary *endpoints;
    assert_int_equal(ask(&all, &endpoints), 0);
    struct made made;
    bool found = true;
    assert_int_equal(read_slowest(store, &all, made.trace_id, &made.span_id, &found), STORE_OK);
    assert_false(found);
}

/* Against percentile() of the analysis, over numbers of requests around where ranks jump. */
static void percentiles_are_nearest_rank(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 2, 19, 20, 21, 100, 101};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        int64_t durations[101];
        char endpoint[32];
        snprintf(endpoint, sizeof endpoint, "GET /%u", counts[k]);
        for (unsigned i = 0; i < counts[k]; i++) {
            durations[i] = 1 + (int64_t)(id_next(&generator) % 1000000);
            make("shop", "1", endpoint, TEST_NOW_NS - (int64_t)i, durations[i], 0);
        }
        analyse_all();
        struct request_filter filter = {.endpoint = str_of(endpoint)};
        struct endpoint_summary *found;
        assert_int_equal(ask(&filter, &found), 1);
        assert_int_equal(found->count, counts[k]);
        assert_int_equal(found->p50_ns, percentile(durations, counts[k], 50));
        assert_int_equal(found->p95_ns, percentile(durations, counts[k], 95));
        assert_int_equal(found->p99_ns, percentile(durations, counts[k], 99));
        assert_int_equal(found->max_ns, percentile(durations, counts[k], 100));
        assert_int_equal(found->last_start_ns, TEST_NOW_NS);
        assert_int_equal(found->finding_count, 0);
    }
}

static void findings_of_an_endpoint_are_merged(void **state)
{
    (void)state;
    struct made newest = {{0}, 0};
    for (int i = 0; i < 7; i++) {
        newest = make("shop", "1", "GET /x", TEST_NOW_NS - (10 - i) * NS_PER_S, 100 * NS_PER_MS,
                      20 + (uint32_t)i % 3);
    }
    make("shop", "1", "GET /fast", TEST_NOW_NS, NS_PER_MS, 1);
    analyse_all();
    struct request_filter all = {0};
    struct endpoint_summary *endpoints;
    assert_int_equal(ask(&all, &endpoints), 2);
    const struct endpoint_summary *slow = &endpoints[0];
    assert_true(str_is(slow->endpoint, "GET /x"));
    assert_int_equal(slow->count, 7);
    assert_int_equal(slow->db_calls, 21);
    assert_int_equal(slow->calls_min, 20);
    assert_int_equal(slow->calls_max, 22);
    assert_true(slow->db_ns > 80 * NS_PER_MS && slow->db_ns < 100 * NS_PER_MS);
    assert_int_equal(slow->finding_count, 1);
    const struct finding *finding = &slow->findings[0];
    assert_int_equal(finding->kind, FINDING_n_plus_one_query);
    assert_int_equal(finding->requests, 7);
    assert_int_equal(finding->requests_seen, 7);
    assert_int_equal(finding->count, 21);
    assert_true(str_is(finding->service, "shop"));
    assert_true(str_is(finding->operations[0].text, "SELECT * FROM reviews WHERE product_id = ?"));
    assert_memory_equal(finding->trace_ids[0], newest.trace_id, 16);
    assert_true(slow->saving_ns == finding->saving_ns && slow->saving_ns > 0);
    assert_int_equal(endpoints[1].finding_count, 0);
    assert_int_equal(endpoints[1].db_calls, 1);
}

static void versions_are_kept_apart_and_shared_names_are_marked(void **state)
{
    (void)state;
    make("shop", "1", "GET /x", TEST_NOW_NS, 40, 0);
    make("shop", "2", "GET /x", TEST_NOW_NS, 30, 0);
    make("shop", "2", "GET /y", TEST_NOW_NS, 20, 0);
    analyse_all();
    struct request_filter all = {0};
    struct endpoint_summary *endpoints;
    assert_int_equal(ask(&all, &endpoints), 3);
    for (int i = 0; i < 3; i++) assert_false(endpoints[i].name_is_shared);
    assert_true(str_is(endpoints[0].service_version, "1"));
    make("cart", "2", "GET /x", TEST_NOW_NS, 10, 0);
    analyse_all();
    assert_int_equal(ask(&all, &endpoints), 4);
    assert_true(endpoints[0].name_is_shared && endpoints[1].name_is_shared && endpoints[3].name_is_shared);
    assert_false(endpoints[2].name_is_shared);
    assert_true(str_is(endpoints[3].service, "cart"));
}

/* A route that is no template makes an endpoint of each id. */
static void many_endpoints_take_seconds_not_minutes(void **state)
{
    (void)state;
    make("shop", "1", "GET /x", TEST_NOW_NS, 40, 0);
    analyse_all();
    test_run(
        "INSERT INTO weir.endpoint (service_name, service_version, name, hash)"
        " SELECT 'shop', '1', 'GET /' || n, convert_to(n::text, 'UTF8') FROM generate_series(1, 16000) AS n");
    test_run(
        "INSERT INTO weir.contribution SELECT gen_random_uuid(), 1, 1, c.first_start_ns, c.last_start_ns,"
        " ARRAY[e.endpoint_id], c.span_id, c.start_ns, c.duration_ns, c.error, c.db_calls, c.http_calls,"
        " c.cache_calls, c.db_ns, c.call_ns, c.operation_requests, c.operation_id, c.operation_count,"
        " c.operation_total_ns, NULL, NULL FROM weir.contribution c, weir.endpoint e WHERE e.name <> 'GET "
        "/x'");
    struct request_filter all = {0};
    struct endpoint_summary *endpoints;
    int64_t before_ns = clock_monotonic_ns();
    assert_int_equal(ask(&all, &endpoints), 16001);
    assert_in_range(clock_monotonic_ns() - before_ns, 0, 10 * NS_PER_S);
}

static uint32_t count_of(struct request_filter filter)
{
    struct endpoint_summary *endpoints;
    uint32_t count = ask(&filter, &endpoints), requests = 0;
    for (uint32_t i = 0; i < count; i++) requests += (uint32_t)endpoints[i].count;
    return requests;
}

static void filters_choose_requests(void **state)
{
    (void)state;
    make("shop", "1", "GET /x", TEST_NOW_NS - 30, 40, 0);
    make("shop", "2", "GET /x", TEST_NOW_NS - 20, 30, 0);
    struct made slowest_cart = make("cart", "2", "GET /x", TEST_NOW_NS - 10, 60, 0);
    struct made slowest = make("shop", "2", "GET /y", TEST_NOW_NS, 200, 0);
    analyse_all();
    assert_int_equal(count_of((struct request_filter){0}), 4);
    assert_int_equal(count_of((struct request_filter){.service = STR("shop")}), 3);
    assert_int_equal(count_of((struct request_filter){.service_version = STR("2")}), 3);
    assert_int_equal(count_of((struct request_filter){.endpoint = STR("GET /x")}), 3);
    assert_int_equal(count_of((struct request_filter){.endpoint = STR("cart:GET /x")}), 1);
    assert_int_equal(count_of((struct request_filter){.endpoint = STR("GET /")}), 0);
    assert_int_equal(count_of((struct request_filter){.endpoint = STR("'; DROP SCHEMA weir CASCADE; --")}),
                     0);
    assert_int_equal(count_of((struct request_filter){.endpoint = STR("\xff\xfe")}), 0);
    assert_int_equal(count_of((struct request_filter){.since_ns = TEST_NOW_NS - 20}), 3);
    assert_int_equal(count_of((struct request_filter){.until_ns = TEST_NOW_NS - 20}), 2);
    assert_int_equal(
        count_of((struct request_filter){.since_ns = TEST_NOW_NS - 20, .until_ns = TEST_NOW_NS - 10}), 2);
    struct request_filter all = {0}, cart = {.endpoint = STR("cart:GET /x")};
    struct made made;
    bool found;
    assert_int_equal(read_slowest(store, &all, made.trace_id, &made.span_id, &found), STORE_OK);
    assert_true(found && made.span_id == slowest.span_id);
    assert_memory_equal(made.trace_id, slowest.trace_id, 16);
    assert_int_equal(read_slowest(store, &cart, made.trace_id, &made.span_id, &found), STORE_OK);
    assert_true(found && made.span_id == slowest_cart.span_id);
}

static void the_status_adds_up(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) make("shop", "1", "GET /x", TEST_NOW_NS, 10, 3);
    analyse_all();
    make("shop", "1", "GET /x", TEST_NOW_NS, 10, 3);
    struct store_status status;
    assert_int_equal(read_status(store, &arena, &status), STORE_OK);
    assert_int_equal(status.spans, 24);
    assert_int_equal(status.requests, 5);
    assert_int_equal(status.traces_pending, 1);
    assert_int_equal(status.producer_count, 6);
    assert_true(str_is(status.producers[0].service_name, "shop"));
}

/* After a failure in the middle the same store answers again. */
static void a_small_arena_is_told_and_does_no_harm(void **state)
{
    (void)state;
    struct arena small;
    struct request_filter all = {0};
    struct endpoint_summary *endpoints;
    uint32_t count;
    make("shop", "1", "GET /x", TEST_NOW_NS, 100 * NS_PER_MS, 20);
    analyse_all();
    for (size_t cap = 64; cap < 4096; cap *= 2) {
        arena_init(&small, cap);
        enum store_result outcome = read_endpoints(store, &all, &settings, &small, &endpoints, &count);
        assert_true(outcome == STORE_OK || outcome == STORE_REFUSED);
        arena_fini(&small);
    }
    assert_int_equal(ask(&all, &endpoints), 1);
    assert_int_equal(endpoints[0].finding_count, 1);
}

/* Each outcome's requests are summed apart; those that look nothing up are in none. */
static void a_cached_endpoint_is_split(void **state)
{
    (void)state;
    static const struct {
        int64_t duration_ns;
        uint32_t calls;
        int hits, misses;
    } made[] = {{3000, 0, 1, 0},  {1000, 0, 1, 0},  {2000, 0, 9, 0},
                {50000, 4, 0, 1}, {40000, 2, 3, 6}, {7, 0, 0, 0}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        make("shop", "1", "GET /cached", TEST_NOW_NS, made[i].duration_ns, made[i].calls);
        analyse_all();
        char sql[256];
        snprintf(sql, sizeof sql,
                 "UPDATE weir.contribution SET cache_hits = nullif('{%d}', '{0}')::int[],"
                 " cache_misses = nullif('{%d}', '{0}')::int[] WHERE duration_ns = '{%lld}'",
                 made[i].hits, made[i].misses, (long long)made[i].duration_ns);
        test_run(sql);
    }
    struct request_filter filter = {.endpoint = STR("GET /cached")};
    struct endpoint_summary *found;
    assert_int_equal(ask(&filter, &found), 1);
    assert_int_equal(found->count, 6);
    const struct cache_split *split = found->cache;
    assert_int_equal(split[CACHE_ALL_HIT].count, 3);
    assert_int_equal(split[CACHE_ALL_HIT].p50_ns, 2000);
    assert_int_equal(split[CACHE_ALL_HIT].db_calls, 0);
    assert_int_equal(split[CACHE_SOME_MISSED].count, 1);
    assert_int_equal(split[CACHE_SOME_MISSED].p50_ns, 40000);
    assert_int_equal(split[CACHE_ALL_MISSED].count, 1);
    assert_int_equal(split[CACHE_ALL_MISSED].db_calls, 4);
}

/* Newest first, the endpoint last asked for first, never more than asked for. */
static void newest_requests_of_each_version(void **state)
{
    (void)state;
    struct made last = {0};
    for (int i = 0; i < 5; i++) {
        make("shop", "old", "GET /n", TEST_NOW_NS - NS_PER_S + i, 1000, 0);
        last = make("shop", "new", "GET /n", TEST_NOW_NS + i, 1000, 0);
    }
    make("shop", "old", "GET /m", TEST_NOW_NS, 1000, 0);
    analyse_all();
    struct request_filter filter = {.endpoint = STR("shop:GET /n")};
    struct newest_requests *found;
    uint32_t count;
    assert_int_equal(read_newest(store, &filter, 3, &arena, &found, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_true(str_is(found[0].service_version, "new"));
    assert_true(str_is(found[1].service_version, "old"));
    assert_int_equal(found[0].count, 5);
    assert_int_equal(found[0].newest_count, 3);
    assert_int_equal(found[0].newest[0].span_id, last.span_id);
    assert_memory_equal(found[0].newest[0].trace_id, last.trace_id, 16);
    filter.until_ns = TEST_NOW_NS - NS_PER_S + 1;
    assert_int_equal(read_newest(store, &filter, 3, &arena, &found, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(found->newest_count, 2);
    filter.endpoint = str_of("GET /none");
    assert_int_equal(read_newest(store, &filter, 3, &arena, &found, &count), STORE_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(nothing_stored_is_no_endpoint),
        TEST(percentiles_are_nearest_rank),
        TEST(findings_of_an_endpoint_are_merged),
        TEST(versions_are_kept_apart_and_shared_names_are_marked),
        TEST(many_endpoints_take_seconds_not_minutes),
        TEST(filters_choose_requests),
        TEST(a_cached_endpoint_is_split),
        TEST(newest_requests_of_each_version),
        TEST(the_status_adds_up),
        TEST(a_small_arena_is_told_and_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
