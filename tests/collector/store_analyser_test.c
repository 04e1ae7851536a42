/* SPDX-License-Identifier: Apache-2.0 */
/* The analyser's thread on a real store: traces become contributions, through an outage and past a trace it cannot read. */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/analyser.h"
#include "collector/counters.h"
#include "collector/store/store.h"

#include <stdlib.h>

static struct arena arena;
static struct store *store;
static struct id_generator generator;
static struct analyser *analyser;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    arena_init(&arena, (size_t)1 << 28);
    store = test_store_fresh();
    generator = test_generator();
    atomic_store(&counters.traces_analysed, 0);
    atomic_store(&counters.traces_failed, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    analyser_stop(analyser);
    analyser = NULL;
    store_free(store);
    arena_fini(&arena);
    return 0;
}

static void start(int64_t quiet_ms, int64_t quiet_without_root_ms)
{
    struct analyser_options options;
    analyser_options_default(&options);
    options.dsn = test_dsn();
    options.quiet_ms = quiet_ms;
    options.quiet_without_root_ms = quiet_without_root_ms;
    analyser = analyser_start(&options);
    assert_non_null(analyser);
}

static void write_now(const struct batch *batch)
{
    int64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_S;
    while (store_write_batch(store, batch, clock_unix_ns()) == STORE_AWAY)
        assert_true(clock_monotonic_ns() < deadline_ns);
}

static struct batch *request(uint32_t calls)
{
    return test_request(&arena, &generator, "shop", "1", "GET /x", clock_unix_ns(), NS_PER_S, calls);
}

static void wait_until(const char *sql, int64_t expected)
{
    int64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_S;
    while (test_number(sql) != expected) {
        if (clock_monotonic_ns() > deadline_ns) fail_msg("%s never became %lld", sql, (long long)expected);
    }
}

static void quiet_traces_become_contributions(void **state)
{
    (void)state;
    start(20, 1000000);
    for (int i = 0; i < 30; i++) write_now(request(20));
    wait_until("SELECT count(*) FROM weir.contribution WHERE failure IS NULL", 30);
    wait_until("SELECT (SELECT count(*) FROM weir.pending) + (SELECT count(*) FROM weir.arrival)", 0);
    assert_int_equal(test_number("SELECT sum(jsonb_array_length(findings)) FROM weir.contribution"), 30);
    assert_int_equal(
        test_number("SELECT count(*) FROM weir.request WHERE db_calls = 20 AND endpoint = 'GET /x'"), 30);
    analyser_stop(analyser);
    analyser = NULL;
    assert_int_equal(atomic_load(&counters.traces_analysed), 30);
    assert_int_equal(atomic_load(&counters.traces_failed), 0);
}

static void a_corrupt_trace_is_passed_and_the_rest_goes_on(void **state)
{
    (void)state;
    write_now(request(3));
    test_run("UPDATE weir.fragment SET blob = '\\x0000'");
    write_now(request(3));
    start(1, 1);
    wait_until("SELECT count(*) FROM weir.contribution WHERE failure IS NULL", 1);
    wait_until("SELECT count(*) FROM weir.contribution WHERE failure IS NOT NULL", 1);
    wait_until("SELECT (SELECT count(*) FROM weir.pending) + (SELECT count(*) FROM weir.arrival)", 0);
}

static void a_refused_contribution_does_not_spin(void **state)
{
    (void)state;
    test_run("ALTER TABLE weir.contribution ADD CONSTRAINT broken CHECK (request_count = 0)");
    write_now(request(3));
    start(1, 1);
    wait_until("SELECT count(*) FROM weir.contribution WHERE failure LIKE '%broken%'", 1);
    wait_until("SELECT (SELECT count(*) FROM weir.pending) + (SELECT count(*) FROM weir.arrival)", 0);
}

static void an_outage_is_waited_for(void **state)
{
    (void)state;
    start(1, 1);
    write_now(request(3));
    wait_until("SELECT count(*) FROM weir.contribution", 1);
    test_run("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
             " WHERE application_name = 'weir-collector'");
    write_now(request(3));
    wait_until("SELECT count(*) FROM weir.contribution", 2);
}

static void stopping_does_not_wait_for_the_quiet(void **state)
{
    (void)state;
    start(1000000, 1000000);
    write_now(request(3));
    int64_t began_ns = clock_monotonic_ns();
    analyser_stop(analyser);
    analyser = NULL;
    assert_true(clock_monotonic_ns() - began_ns < 30 * NS_PER_S);
    assert_int_equal(test_number("SELECT count(*) FROM weir.arrival"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(quiet_traces_become_contributions),    TEST(a_corrupt_trace_is_passed_and_the_rest_goes_on),
        TEST(a_refused_contribution_does_not_spin), TEST(an_outage_is_waited_for),
        TEST(stopping_does_not_wait_for_the_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
