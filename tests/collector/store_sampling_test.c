/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports under sampling: the same requests stored whole and stored as a consistent sampler would keep them, with a
 * threshold of its own for each endpoint and two for one of them. What the report says of the sample must agree with the
 * whole within the error that the sample has; percentiles of mixed weights must be those of the analysis, exactly.
 */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "collector/store/reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUESTS  3200
#define ENDPOINTS 4
#define CALLS_MAX 6
#define SIGMAS    6.0 /* one false alarm in some hundred million */

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

/* ---- the load ---- */

struct made {
    uint32_t endpoint;
    uint64_t randomness, threshold; /* kept when randomness >= threshold */
    int64_t duration_ns;
    uint32_t calls;
    bool failed;
};

static double chance(void) { return (double)(id_next(&generator) >> 11) / (double)((uint64_t)1 << 53); }

/* All; one in two; one in ten; one in two or one in eight. */
static uint64_t threshold_of(uint32_t endpoint)
{
    static const double kept[ENDPOINTS] = {1, 0.5, 0.1, 0.5};
    double ratio = endpoint == 3 && chance() < 0.5 ? 0.125 : kept[endpoint];
    return (uint64_t)((1 - ratio) * (double)SAMPLING_THRESHOLD_LIMIT);
}

static struct made make(uint32_t i)
{
    struct made made = {.endpoint = i % ENDPOINTS};
    made.randomness = id_next(&generator) >> 8;
    made.threshold = threshold_of(made.endpoint);
    made.duration_ns = (int64_t)((made.endpoint + 1) * 1e6 * (1 - log(1 - chance())));
    made.calls = chance() < 0.4 ? CALLS_MAX : (uint32_t)(chance() * 3);
    made.failed = chance() < 0.1;
    return made;
}

/* ---- as batches ---- */

static const char *const texts[] = {
    "",       "service.name", "whole",  "part",       "GET /0",
    "GET /1", "GET /2",       "GET /3", "postgresql", "SELECT * FROM t WHERE id = ?"};
enum { TEXT_WHOLE = 2, TEXT_PART = 3, TEXT_ENDPOINT = 4, TEXT_SYSTEM = 8, TEXT_SQL = 9, TEXTS = 10 };

static void add_tables(struct batch *b, uint32_t service)
{
    char *data = arena_array(&arena, 256, 1);
    b->string_count = TEXTS;
    b->string_bytes = arena_array(&arena, TEXTS, sizeof *b->string_bytes);
    for (uint32_t i = 0; i < TEXTS; i++) {
        b->string_bytes[i] = (uint32_t)strlen(texts[i]);
        memcpy(data + b->string_data.len, texts[i], b->string_bytes[i]);
        b->string_data = str_view(data, b->string_data.len + b->string_bytes[i]);
    }
    b->resource_count = 1;
    b->resource_key = arena_array(&arena, 1, sizeof *b->resource_key);
    b->resource_value = arena_array(&arena, 1, sizeof *b->resource_value);
    b->resource_key[0] = 1;
    b->resource_value[0] = service;
    b->operation_count = ENDPOINTS + 1;
    b->operation_type = arena_array(&arena, ENDPOINTS + 1, sizeof *b->operation_type);
    b->operation_system = arena_array(&arena, ENDPOINTS + 1, sizeof *b->operation_system);
    b->operation_text = arena_array(&arena, ENDPOINTS + 1, sizeof *b->operation_text);
    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        b->operation_type[i] = OPERATION_ENDPOINT;
        b->operation_text[i] = TEXT_ENDPOINT + i;
    }
    b->operation_type[ENDPOINTS] = OPERATION_DB;
    b->operation_system[ENDPOINTS] = TEXT_SYSTEM;
    b->operation_text[ENDPOINTS] = TEXT_SQL;
}

static void add_columns(struct batch *b, uint32_t requests)
{
    uint32_t spans = requests * (1 + CALLS_MAX);
    b->trace_ids = arena_array(&arena, requests, 16);
    b->sampling_threshold = arena_array(&arena, requests, sizeof *b->sampling_threshold);
    b->span_trace = arena_array(&arena, spans, sizeof *b->span_trace);
    b->span_id = arena_array(&arena, spans, sizeof *b->span_id);
    b->parent_span_id = arena_array(&arena, spans, sizeof *b->parent_span_id);
    b->span_kind = arena_array(&arena, spans, sizeof *b->span_kind);
    b->span_operation = arena_array(&arena, spans, sizeof *b->span_operation);
    b->span_sampling = arena_array(&arena, spans, sizeof *b->span_sampling);
    b->duration_ns = arena_array(&arena, spans, sizeof *b->duration_ns);
    b->status = arena_array(&arena, spans, sizeof *b->status);
    b->input_hash = arena_array(&arena, spans, sizeof *b->input_hash);
}

static uint32_t add_span(struct batch *b, uint32_t kind, uint32_t operation, int64_t duration_ns,
                         uint32_t sampling)
{
    uint32_t at = b->span_count++;
    b->span_trace[at] = b->trace_count - 1;
    b->span_id[at] = id_next(&generator);
    b->span_kind[at] = kind;
    b->span_operation[at] = operation;
    b->duration_ns[at] = (uint64_t)duration_ns;
    b->span_sampling[at] = sampling;
    return at;
}

static void add_request(struct batch *b, const struct made *made, bool is_sampled)
{
    unsigned char *id = b->trace_ids + b->trace_count++ * (size_t)16;
    uint64_t first = id_next(&generator), sampling = 0;
    memcpy(id, &first, 8);
    for (int i = 0; i < 7; i++) id[9 + i] = (unsigned char)(made->randomness >> (48 - 8 * i));
    if (is_sampled && made->threshold) {
        b->sampling_threshold[b->sampling_count++] = made->threshold;
        sampling = b->sampling_count;
    }
    uint32_t root = add_span(b, SPAN_KIND_SERVER, made->endpoint, made->duration_ns, (uint32_t)sampling);
    b->status[root] = made->failed ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
    for (uint32_t i = 0; i < made->calls; i++) {
        uint32_t call = add_span(b, SPAN_KIND_CLIENT, ENDPOINTS, 1000, (uint32_t)sampling);
        b->parent_span_id[call] = b->span_id[root];
        b->input_hash[call] = id_next(&generator);
    }
}

static void store_load(const struct made *all, uint32_t service)
{
    struct batch b = {.version = BATCH_VERSION, .producer = id_next(&generator), .sequence = 1};
    b.base_time_unix_ns = TEST_NOW_NS - 5 * NS_PER_S;
    add_tables(&b, service);
    add_columns(&b, REQUESTS);
    b.sampled_away[SAMPLED_AWAY_by_caller] = 1;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        bool is_kept = service == TEXT_WHOLE || all[i].randomness >= all[i].threshold;
        if (is_kept) add_request(&b, &all[i], service == TEXT_PART);
        b.sampled_away[SAMPLED_AWAY_by_sampler] += !is_kept;
    }
    struct batch *received = test_repack(&arena, &b);
    if (store_write_batch(store, received, TEST_NOW_NS) != STORE_OK) fail_msg("%s", store_error(store));
}

static void analyse_all(void)
{
    struct arena own;
    struct trace trace;
    struct analysis analysis;
    bool found = true;
    arena_init(&own, (size_t)1 << 26);
    while (found) {
        assert_int_equal(store_claim_trace(store, TEST_NOW_NS + NS_PER_S, 1000, 30000, &own, &trace, &found),
                         STORE_OK);
        if (!found) break;
        assert_true(trace_assemble(&trace, &own));
        assert_true(analyse_trace(&analysis, &trace, &settings, &own));
        assert_int_equal(store_write_contribution(store, &trace, &analysis), STORE_OK);
    }
    arena_fini(&own);
}

/* ---- what must hold ---- */

static const struct endpoint_summary *endpoint_of(const struct endpoint_summary *list, uint32_t count,
                                                  uint32_t which)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_is(list[i].endpoint, texts[TEXT_ENDPOINT + which])) return &list[i];
    fail_msg("no endpoint %u", which);
    return NULL;
}

static const struct endpoint_summary *ask(const char *service, uint32_t *count)
{
    struct endpoint_summary *found;
    struct request_filter filter = {.service = str_of(service)};
    enum store_result outcome = read_endpoints(store, &filter, &settings, &arena, &found, count);
    if (outcome != STORE_OK) fail_msg("outcome %d: %s", outcome, store_error(store));
    assert_int_equal(*count, ENDPOINTS);
    return found;
}

/* Of the sum of the weights of those that satisfy something, as the sample would vary: each of the whole is kept or not. */
static double deviation(const struct made *all, uint32_t endpoint, bool failed_only, bool loops_only)
{
    double variance = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (all[i].endpoint != endpoint || (failed_only && !all[i].failed) ||
            (loops_only && all[i].calls != CALLS_MAX))
            continue;
        variance += sampling_weight(all[i].threshold) - 1;
    }
    return sqrt(variance);
}

static void check_near(const char *what, uint32_t endpoint, double part, double whole, double one_sigma)
{
    print_message("/%u %s: %.0f of the sample, %.0f of the whole, deviation %.1f\n", endpoint, what, part,
                  whole, one_sigma);
    if (fabs(part - whole) > SIGMAS * one_sigma + 0.5) fail_msg("%s of /%u is off", what, endpoint);
}

/* Which part of the whole lies at or below the value that the sample gives for a percentile. */
static void check_percentile(const struct made *all, uint32_t endpoint, int64_t value_ns, double part,
                             double one_sigma)
{
    double below = 0, count = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (all[i].endpoint != endpoint) continue;
        count++;
        below += all[i].duration_ns <= value_ns;
    }
    print_message("/%u p%.0f: %.1f %% of the whole lie below\n", endpoint, part * 100, below / count * 100);
    if (fabs(below / count - part) > SIGMAS * one_sigma / count + 2 / count) fail_msg("a percentile is off");
}

static void a_sample_reports_what_the_whole_does(void **state)
{
    (void)state;
    struct made *all = arena_array(&arena, REQUESTS, sizeof *all);
    for (uint32_t i = 0; i < REQUESTS; i++) all[i] = make(i);
    store_load(all, TEXT_WHOLE);
    store_load(all, TEXT_PART);
    analyse_all();
    uint32_t count;
    const struct endpoint_summary *whole = ask("whole", &count), *part = ask("part", &count);
    for (uint32_t e = 0; e < ENDPOINTS; e++) {
        const struct endpoint_summary *w = endpoint_of(whole, count, e), *p = endpoint_of(part, count, e);
        double sigma = deviation(all, e, false, false);
        assert_int_equal(w->recorded, w->count);
        assert_true(e == 0 ? p->recorded == p->count : p->recorded < p->count * 7 / 10);
        check_near("requests", e, (double)p->count, (double)w->count, sigma);
        check_near("errors", e, (double)p->errors, (double)w->errors, deviation(all, e, true, false));
        check_percentile(all, e, p->p50_ns, 0.5, sigma);
        check_percentile(all, e, p->p95_ns, 0.95, sigma);
        assert_int_equal(w->finding_count, 1);
        assert_int_equal(p->finding_count, 1);
        double loops = deviation(all, e, false, true);
        check_near("findings", e, (double)p->findings->requests, (double)w->findings->requests, loops);
        check_near("of", e, (double)p->findings->requests_seen, (double)w->findings->requests_seen, sigma);
        assert_true(p->findings->recorded <= p->recorded);
        double saving = fabs((double)p->saving_total_ns - (double)w->saving_total_ns);
        assert_true(saving <=
                    (double)w->saving_total_ns * (SIGMAS * loops / (double)w->findings->requests) * 1.5 +
                        (double)w->findings->requests * 1000);
        if (e) continue; /* what was not sampled is the same to the last digit */
        assert_int_equal(p->p50_ns, w->p50_ns);
        assert_int_equal(p->p99_ns, w->p99_ns);
        assert_int_equal(p->findings->requests, w->findings->requests);
    }
}

/* ---- percentiles of mixed weights, to the digit ---- */

static int64_t percentile_of(const struct made *all, uint32_t endpoint, unsigned percent, bool of_calls)
{
    struct weighted *values = arena_array(&arena, REQUESTS, sizeof *values);
    size_t count = 0;
    for (uint32_t i = 0; i < REQUESTS; i++)
        if (all[i].endpoint == endpoint && all[i].randomness >= all[i].threshold)
            values[count++] = (struct weighted){of_calls ? all[i].calls : all[i].duration_ns,
                                                sampling_weight(all[i].threshold)};
    return percentile_weighted(values, count, percent);
}

static void mixed_weights_are_weighed_as_the_analysis_does(void **state)
{
    (void)state;
    struct made *all = arena_array(&arena, REQUESTS, sizeof *all);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        all[i] = make(i);
        if (i % ENDPOINTS == 0)
            all[i].threshold = id_next(&generator) >> (8 + i % 3);    /* any weight there is */
        if (i % ENDPOINTS == 1) all[i].threshold = (uint64_t)1 << 54; /* 4/3: no whole number */
    }
    store_load(all, TEXT_PART);
    analyse_all();
    uint32_t count;
    const struct endpoint_summary *part = ask("part", &count);
    for (uint32_t e = 0; e < ENDPOINTS; e++) {
        const struct endpoint_summary *found = endpoint_of(part, count, e);
        assert_int_equal(found->p50_ns, percentile_of(all, e, 50, false));
        assert_int_equal(found->p95_ns, percentile_of(all, e, 95, false));
        assert_int_equal(found->p99_ns, percentile_of(all, e, 99, false));
        assert_int_equal(found->db_calls, percentile_of(all, e, 50, true));
        if (e) assert_true(part[e - 1].p50_ns >= part[e].p50_ns);
    }
}

static void what_was_sampled_away_is_told(void **state)
{
    (void)state;
    struct made *all = arena_array(&arena, REQUESTS, sizeof *all);
    uint64_t away = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        all[i] = make(i);
        away += all[i].randomness < all[i].threshold;
    }
    store_load(all, TEXT_PART);
    struct store_status status;
    assert_int_equal(read_status(store, &arena, &status), STORE_OK);
    assert_int_equal(status.producer_count, 1);
    assert_int_equal(status.producers[0].sampled_away[SAMPLED_AWAY_by_sampler], away);
    assert_int_equal(status.producers[0].sampled_away[SAMPLED_AWAY_by_caller], 1);
    assert_int_equal(status.producers[0].sampled_away[SAMPLED_AWAY_by_rate_limit], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_sample_reports_what_the_whole_does),
        TEST(mixed_weights_are_weighed_as_the_analysis_does),
        TEST(what_was_sampled_away_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
