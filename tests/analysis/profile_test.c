/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: what adds up, what belongs to which part of the service, what counts as hit or miss. */
#include "tests/analysis/expect.h"

#include "base/clock.h"
#include "base/id.h"
#include "collector/analysis/profile.h"
#include "collector/analysis/requests.h"
#include "proto/batch.h"

#include <inttypes.h>
#include <stdlib.h>

static struct profile profile_of(struct build *build)
{
    struct profile profile;
    struct trace trace = build_trace(build);
    struct profile_builder *builder = profile_begin(&build->arena);
    struct profile_note *notes = profile_notes(&trace, &build->arena);
    for (size_t i = 0; i < trace.span_count; i++) {
        if (starts_request(&trace.spans[i]) && str_is(trace.spans[i].operation->text, "GET /x"))
            assert_true(profile_add(builder, &trace, notes, &trace.spans[i], 1));
    }
    assert_true(profile_end(builder, &profile));
    return profile;
}

static const struct profile_operation *operation_of(const struct profile *profile, const char *text)
{
    for (uint32_t i = 0; i < profile->operation_count; i++) {
        if (str_is(profile->operations[i].operation->text, text)) return &profile->operations[i];
    }
    fail_msg("no operation %s", text);
    return NULL;
}

static const struct profile_component *component_of(const struct profile *profile, const char *label)
{
    for (uint32_t i = 0; i < profile->component_count; i++) {
        if (str_is(profile->components[i].label, label)) return &profile->components[i];
    }
    return NULL;
}

static void expect_us(int64_t ns, int64_t us) { assert_int_equal(ns, us * NS_PER_US); }

/* 500 of its own, then a span of 1,000 in which a query runs 300 and another, half beside it, 200. */
static void self_is_what_no_child_ran(void **state)
{
    struct build *build = *state;
    build->now_us += 500;
    struct span *load = open_span(build, request_of(build), "load");
    call_db(build, load, "SELECT 1", 300, 1)->rows = 4;
    build->now_us -= 100;
    call_db(build, load, "SELECT 2", 200, 1);
    build->now_us += 600;
    span_close(build, load);
    close_request(build);
    struct profile profile = profile_of(build);
    assert_int_equal(profile.requests, 1);
    assert_int_equal(profile.operation_count, 4);
    expect_us(profile.total_ns, 1500);
    expect_us(operation_of(&profile, "GET /x")->total_ns, 1500);
    expect_us(operation_of(&profile, "GET /x")->self_ns, 500);
    assert_true(operation_of(&profile, "GET /x")->is_request);
    expect_us(operation_of(&profile, "load")->total_ns, 1000);
    expect_us(operation_of(&profile, "load")->self_ns, 600);
    expect_us(operation_of(&profile, "SELECT 2")->self_ns, 200);
    assert_int_equal(operation_of(&profile, "SELECT 1")->rows, 4);
    assert_int_equal(operation_of(&profile, "SELECT 2")->rows, -1);
    assert_true(str_is(profile.operations[0].operation->text, "load"));
}

/* What a child does after its parent has ended is not taken from the parent. */
static void a_child_that_outlives_its_parent(void **state)
{
    struct build *build = *state;
    struct span *load = open_span(build, request_of(build), "load");
    struct span *query = call_db(build, load, "SELECT 1", 100, 1);
    span_close(build, load);
    close_request(build);
    query->duration_ns *= 5;
    struct profile profile = profile_of(build);
    expect_us(operation_of(&profile, "load")->self_ns, 0);
    expect_us(operation_of(&profile, "SELECT 1")->self_ns, 500);
    expect_us(component_of(&profile, "load")->call_ns, 100);
}

static void calls_belong_to_the_span_around_them(void **state)
{
    struct build *build = *state;
    call_db(build, request_of(build), "SELECT 1", 100, 1);
    for (int i = 0; i < 3; i++) {
        struct span *load = open_span(build, request_of(build), "load");
        call_db(build, load, "SELECT 2", 100, 1);
        call_connect(build, load, 1000);
        struct span *call = call_http(build, load, "stock", "GET /s/{id}", 300, 1);
        build->now_us -= 200;
        call_cache(build, call, "GET k:{}", 50, 1); /* under a call: still of the span around that */
        build->now_us += 150;
        span_close(build, load);
    }
    open_span(build, request_of(build), "no calls");
    close_request(build);
    struct profile profile = profile_of(build);
    assert_int_equal(profile.component_count, 2);
    const struct profile_component *load = component_of(&profile, "load");
    assert_int_equal(load->db_calls, 3);
    assert_int_equal(load->http_calls, 3);
    assert_int_equal(load->cache_calls, 3);
    expect_us(load->call_ns, 3 * 400);
    assert_false(load->is_request);
    assert_true(component_of(&profile, "GET /x")->is_request);
    assert_int_equal(component_of(&profile, "GET /x")->db_calls, 1);
    assert_int_equal(profile.db_calls, 4);
    assert_int_equal(profile.http_calls, 3);
    assert_int_equal(profile.cache_calls, 3);
}

/* A call's time is the caller's, whatever the other service did in it; its spans are of another profile. */
static void other_services_are_not_ours(void **state)
{
    struct build *build = *state;
    struct span *call = call_http(build, request_of(build), "stock", "GET /s/{id}", 300, 1);
    build->now_us -= 250;
    build_service(build, "stock");
    struct span *served = open_server(build, call, "GET /s/{id}");
    call_db(build, served, "SELECT 1", 100, 1);
    span_close(build, served);
    build->now_us += 150;
    close_request(build);
    struct profile profile = profile_of(build);
    assert_int_equal(profile.operation_count, 2);
    assert_int_equal(profile.db_calls, 0);
    for (uint32_t i = 0; i < profile.operation_count; i++)
        if (!profile.operations[i].is_request) expect_us(profile.operations[i].self_ns, 300);
}

static void requests_of_several_traces_are_added(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 26);
    struct profile_builder *builder = profile_begin(&arena);
    for (int i = 1; i <= 40; i++) {
        struct build build;
        build_init(&build);
        open_server(&build, NULL, "GET /x");
        call_db(&build, request_of(&build), "SELECT 1", i, 1)->rows = 2;
        close_request(&build);
        struct trace trace = build_trace(&build);
        assert_true(profile_add(builder, &trace, profile_notes(&trace, &build.arena), &trace.spans[0], 1));
        build_fini(&build); /* nothing of the trace is needed any more */
    }
    assert_int_equal(profile_span_count(builder), 80);
    struct profile profile;
    assert_true(profile_end(builder, &profile));
    assert_int_equal(profile.requests, 40);
    expect_us(profile.p50_ns, 20);
    expect_us(profile.p95_ns, 38);
    expect_us(profile.max_ns, 40);
    const struct profile_operation *query = operation_of(&profile, "SELECT 1");
    assert_int_equal(query->calls, 40);
    assert_int_equal(query->rows, 80);
    expect_us(query->total_ns, 20 * 41);
    expect_us(query->median_ns, 20);
    expect_us(query->p95_ns, 38);
    expect_us(query->max_ns, 40);
    arena_fini(&arena);
}

static void say(struct span *span, struct attribute *attribute, const char *key, int type, int64_t value)
{
    *attribute = (struct attribute){.key = str_of(key), .type = type, .integer = value};
    span->attributes = attribute;
    span->attribute_count = 1;
}

static struct cache_split *split_of(struct build *build, struct profile *profile)
{
    struct analysis analysis = build_analysis(build);
    *profile = profile_of(build);
    assert_int_equal(analysis.requests[0].cache_hits + analysis.requests[0].cache_misses > 0,
                     profile->cache[0].count + profile->cache[1].count + profile->cache[2].count > 0);
    return profile->cache;
}

static void hits_and_misses(void **state)
{
    struct build *build = *state;
    struct attribute attributes[2];
    struct profile profile;
    struct span *one = call_cache(build, request_of(build), "GET k:{}", 50, 1);
    struct span *many = call_cache(build, request_of(build), "MGET k:{}", 50, 2);
    close_request(build);
    assert_int_equal(split_of(build, &profile)[CACHE_ALL_HIT].count, 0);
    say(one, &attributes[0], "weir.cache.hit", ATTRIBUTE_BOOL, 1);
    assert_int_equal(split_of(build, &profile)[CACHE_ALL_HIT].count, 1);
    expect_us(profile.cache[CACHE_ALL_HIT].p50_ns, 100);
    assert_int_equal(profile.cache[CACHE_ALL_HIT].cache_calls, 2);
    say(many, &attributes[1], "weir.cache.misses", ATTRIBUTE_INT, 7);
    assert_int_equal(split_of(build, &profile)[CACHE_SOME_MISSED].count, 1);
    say(one, &attributes[0], "weir.cache.hit", ATTRIBUTE_BOOL, 0);
    assert_int_equal(split_of(build, &profile)[CACHE_ALL_MISSED].count, 1);
    say(many, &attributes[1], "weir.cache.hits", ATTRIBUTE_INT, INT64_MAX);
    assert_int_equal(split_of(build, &profile)[CACHE_SOME_MISSED].count, 1);
    assert_int_equal(build_analysis(build).requests[0].cache_hits, INT32_MAX);
    say(many, &attributes[1], "weir.cache.hits", ATTRIBUTE_INT, -5); /* as if nothing were said */
    assert_int_equal(split_of(build, &profile)[CACHE_ALL_MISSED].count, 1);
}

/* ---- whatever the trace ---- */

static uint64_t seed;

static void random_trace(struct build *build, struct id_generator *ids)
{
    static const char *const texts[] = {"a", "b", "SELECT 1", "GET k:{}"};
    size_t count = 1 + id_next(ids) % 60;
    for (size_t i = 0; i < count; i++) {
        const struct span *parent = build->count ? build->spans[id_next(ids) % build->count] : NULL;
        const char *text = texts[id_next(ids) % 4];
        struct span *span;
        build->now_us = (int64_t)(id_next(ids) % 1000);
        switch (id_next(ids) % 4) {
        case 0:
            span = open_server(build, parent, "GET /x");
            break;
        case 1:
            span = call_db(build, parent, text, 1, 0);
            break;
        case 2:
            span = call_cache(build, parent, text, 1, 0);
            break;
        default:
            span = open_span(build, parent, text);
        }
        span->duration_ns = (int64_t)(id_next(ids) % 2000) * NS_PER_US;
        if (id_next(ids) % 10 == 0) span->duration_ns = (int64_t)(id_next(ids) >> 2);
    }
}

static void check(const struct profile *profile, uint64_t span_count)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; i < profile->operation_count; i++) {
        const struct profile_operation *operation = &profile->operations[i];
        calls += operation->calls;
        if (operation->self_ns < 0 || operation->self_ns > operation->total_ns ||
            operation->median_ns > operation->p95_ns || operation->p95_ns > operation->max_ns ||
            operation->max_ns > operation->total_ns)
            fail_msg("seed %" PRIu64 ": operation %u does not add up", seed, i);
        if (i && profile->operations[i - 1].self_ns < operation->self_ns)
            fail_msg("seed %" PRIu64 ": not the most self first", seed);
    }
    if (calls != span_count) fail_msg("seed %" PRIu64 ": %" PRIu64 " calls", seed, calls);
    for (uint32_t i = 0; i < profile->component_count; i++)
        if (profile->components[i].call_ns < 0)
            fail_msg("seed %" PRIu64 ": component %u runs less than no time", seed, i);
}

static void every_profile_adds_up(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED");
    id_random_bytes(&seed, sizeof seed);
    if (given) seed = strtoull(given, NULL, 10);
    for (unsigned round = 0; round < 500; round++, seed++) {
        struct build build;
        struct id_generator ids;
        struct profile profile;
        for (unsigned i = 0; i < 4; i++) ids.state[i] = (seed + i + 1) * 0x9e3779b97f4a7c15u;
        build_init(&build);
        random_trace(&build, &ids);
        struct trace trace = build_trace_shuffled(&build, seed);
        struct profile_builder *builder = profile_begin(&build.arena);
        struct profile_note *notes = profile_notes(&trace, &build.arena);
        for (size_t i = 0; i < trace.span_count; i++)
            if (starts_request(&trace.spans[i]))
                assert_true(profile_add(builder, &trace, notes, &trace.spans[i], 1));
        uint64_t spans = profile_span_count(builder);
        assert_true(spans <= trace.span_count);
        assert_true(profile_end(builder, &profile));
        check(&profile, spans);
        build_fini(&build);
    }
}

/* A request of 10 ms for itself, one of 20 ms for three: as if there were four, scaled to the two that there are. */
static void requests_weigh_what_they_stand_for(void **state)
{
    struct build *build = *state;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    struct profile_builder *builder = profile_begin(&arena);
    for (int i = 0; i < 2; i++) {
        struct build own;
        build_init(&own);
        struct span *request = open_server(&own, NULL, "GET /x");
        for (int k = 0; k < (i ? 3 : 1); k++) call_db(&own, request, "SELECT 1", 1000, 1)->rows = 2;
        request->duration_ns = (i ? 20 : 10) * NS_PER_MS;
        struct trace trace = build_trace(&own);
        assert_true(
            profile_add(builder, &trace, profile_notes(&trace, &own.arena), &trace.spans[0], i ? 3 : 1));
        build_fini(&own);
    }
    struct profile profile;
    assert_true(profile_end(builder, &profile));
    assert_int_equal(profile.requests, 2);
    assert_int_equal(profile.total_ns, (10 + 3 * 20) * NS_PER_MS / 2);
    assert_int_equal(profile.p50_ns, 20 * NS_PER_MS);
    assert_int_equal(profile.db_calls, (1 + 3 * 3) / 2);
    const struct profile_operation *query = operation_of(&profile, "SELECT 1");
    assert_int_equal(query->calls, 5);
    assert_int_equal(query->rows, 10);
    assert_int_equal(query->self_ns, 5 * NS_PER_MS);
    (void)build;
    arena_fini(&arena);
}

static void a_small_arena_is_told(void **state)
{
    struct build *build = *state;
    for (int i = 0; i < 1000; i++) call_db(build, request_of(build), "SELECT 1", 10, 1);
    close_request(build);
    struct trace trace = build_trace(build);
    bool done = false;
    for (size_t cap = 1024; !done && cap < (1 << 22); cap *= 2) {
        struct arena arena;
        struct profile profile;
        arena_init(&arena, cap);
        struct profile_builder *builder = profile_begin(&arena);
        struct profile_note *notes = profile_notes(&trace, &build->arena);
        done = builder && profile_add(builder, &trace, notes, &trace.spans[0], 1) &&
               profile_end(builder, &profile);
        assert_true(done || arena_exhausted(&arena));
        arena_fini(&arena);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(self_is_what_no_child_ran),
        REQUEST_TEST(a_child_that_outlives_its_parent),
        REQUEST_TEST(calls_belong_to_the_span_around_them),
        REQUEST_TEST(other_services_are_not_ours),
        cmocka_unit_test(requests_of_several_traces_are_added),
        REQUEST_TEST(hits_and_misses),
        cmocka_unit_test(every_profile_adds_up),
        REQUEST_TEST(requests_weigh_what_they_stand_for),
        REQUEST_TEST(a_small_arena_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
