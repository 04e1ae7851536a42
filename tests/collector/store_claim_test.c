/* SPDX-License-Identifier: Apache-2.0 */
/* Claims and contributions: who gets which trace, and what stays. */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "collector/store/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#define QUIET_MS        1000
#define WITHOUT_ROOT_MS 30000

static struct arena arena, claimed;
static struct store *store;
static struct id_generator generator;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    arena_init(&claimed, (size_t)1 << 28);
    store = test_store_fresh();
    generator = test_generator();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_free(store);
    arena_fini(&arena);
    arena_fini(&claimed);
    return 0;
}

static struct batch *request(uint32_t calls)
{
    return test_request(&arena, &generator, "shop", "1", "GET /x", TEST_NOW_NS - NS_PER_S, NS_PER_S, calls);
}

static void write_at(const struct batch *batch, int64_t received_ns)
{
    if (store_write_batch(store, batch, received_ns) != STORE_OK) fail_msg("%s", store_error(store));
}

static bool claim_by(struct store *who, struct trace *trace, int64_t after_ms)
{
    bool found;
    enum store_result outcome = store_claim_trace(who, TEST_NOW_NS + after_ms * NS_PER_MS, QUIET_MS,
                                                  WITHOUT_ROOT_MS, &claimed, trace, &found);
    if (outcome != STORE_OK) fail_msg("outcome %d: %s", outcome, store_error(who));
    return found;
}

static bool claim(struct trace *trace, int64_t after_ms) { return claim_by(store, trace, after_ms); }

/* A contribution with one request, as the analysis would draw from the first span. */
static enum store_result contribute(struct store *who, const struct trace *trace, int64_t duration_ns)
{
    struct request drawn = {.span = &trace->spans[0],
                            .service = str_of("shop"),
                            .service_version = str_of("1"),
                            .endpoint = str_of("GET /x"),
                            .start_ns = TEST_NOW_NS,
                            .duration_ns = duration_ns,
                            .db_calls = (uint32_t)trace->span_count - 1};
    struct operation_total total = {trace->spans[0].operation, 3, 5, -1};
    drawn.operation_count = 1;
    drawn.operations = &total;
    struct analysis analysis = {.request_count = 1, .requests = &drawn};
    return store_write_contribution(who, trace, &analysis);
}

/* Rows that say that a trace is to be looked at. */
static int64_t waiting(void)
{
    return test_number("SELECT (SELECT count(*) FROM weir.pending)"
                       " + (SELECT coalesce(sum(length(traces) / 16), 0)::bigint FROM weir.arrival)");
}

static void a_trace_is_due_when_it_has_been_quiet(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    assert_false(claim(&trace, QUIET_MS - 1));
    assert_true(claim(&trace, QUIET_MS));
    assert_memory_equal(trace.id, batch->trace_ids, 16);
    assert_int_equal(trace.span_count, 4);
    assert_int_equal(contribute(store, &trace, 7), STORE_OK);
    assert_false(claim(&trace, 1000 * QUIET_MS));
    assert_int_equal(waiting(), 0);
    assert_int_equal(test_number("SELECT duration_ns[1] FROM weir.contribution"), 7);
    assert_int_equal(test_number("SELECT db_calls FROM weir.request WHERE endpoint = 'GET /x'"), 3);
    assert_int_equal(test_number("SELECT operation_count[1] FROM weir.contribution c JOIN weir.operation o"
                                 " ON o.operation_id = c.operation_id[1] WHERE o.text = 'GET /x'"),
                     3);
}

/* A second batch keeps the trace waiting. */
static void more_of_a_trace_makes_it_wait(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    batch->sequence++;
    write_at(batch, TEST_NOW_NS + 900 * NS_PER_MS);
    assert_false(claim(&trace, QUIET_MS + 899));
    assert_true(claim(&trace, QUIET_MS + 900));
    assert_int_equal(trace.fragment_count, 2);
    store_release(store);
}

static void a_trace_without_its_root_waits_longer(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    batch->parent_span_id[1] = 12345;
    write_at(batch, TEST_NOW_NS);
    assert_false(claim(&trace, QUIET_MS));
    assert_int_equal(waiting(), 1);
    assert_false(claim(&trace, WITHOUT_ROOT_MS - 1));
    assert_true(claim(&trace, WITHOUT_ROOT_MS));
    store_release(store);
}

/* The late root makes it due after the short time again. */
static void a_root_that_comes_ends_the_waiting(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3), *root = request(0);
    batch->parent_span_id[0] = root->span_id[0];
    memcpy(root->trace_ids, batch->trace_ids, 16);
    write_at(batch, TEST_NOW_NS);
    assert_false(claim(&trace, QUIET_MS));
    write_at(root, TEST_NOW_NS + 2000 * NS_PER_MS);
    assert_false(claim(&trace, QUIET_MS + 1999));
    assert_true(claim(&trace, QUIET_MS + 2000));
    assert_int_equal(trace.span_count, 5);
    store_release(store);
}

static void an_incomplete_trace_does_not_stop_those_behind_it(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *incomplete = request(1), *complete = request(2);
    incomplete->parent_span_id[1] = 12345;
    write_at(incomplete, TEST_NOW_NS);
    write_at(complete, TEST_NOW_NS + 1);
    assert_true(claim(&trace, 2 * QUIET_MS));
    assert_memory_equal(trace.id, complete->trace_ids, 16);
    store_release(store);
}

static void two_claimers_never_hold_the_same_trace(void **state)
{
    (void)state;
    struct store *other = test_store_again();
    struct trace mine, theirs, none;
    write_at(request(1), TEST_NOW_NS);
    assert_true(claim(&mine, QUIET_MS));
    assert_false(claim_by(other, &theirs, QUIET_MS));
    struct batch *second = request(1);
    struct store *writer = test_store_again();
    assert_int_equal(store_write_batch(writer, second, TEST_NOW_NS), STORE_OK);
    assert_true(claim_by(other, &theirs, QUIET_MS));
    assert_memory_equal(theirs.id, second->trace_ids, 16);
    assert_false(claim_by(writer, &none, QUIET_MS));
    store_release(store);
    store_free(other);
    store_free(writer);
}

static void what_a_dead_claimer_held_is_free(void **state)
{
    (void)state;
    struct store *other = test_store_again();
    struct trace trace;
    write_at(request(1), TEST_NOW_NS);
    assert_true(claim_by(other, &trace, QUIET_MS));
    assert_false(claim(&trace, QUIET_MS));
    store_free(other); /* as when its process ends: the connection is cut, nothing is said */
    int64_t deadline_ns = clock_monotonic_ns() + 30 * NS_PER_S;
    while (!claim(&trace, QUIET_MS)) assert_true(clock_monotonic_ns() < deadline_ns);
    store_release(store);
}

struct worker {
    unsigned done;
};

static void *work(void *context)
{
    struct worker *worker = context;
    struct store *own = test_store_again();
    struct arena memory;
    struct trace trace;
    bool found = true;
    arena_init(&memory, (size_t)1 << 26);
    while (store_claim_trace(own, TEST_NOW_NS + NS_PER_S, QUIET_MS, WITHOUT_ROOT_MS, &memory, &trace,
                             &found) == STORE_OK &&
           found) {
        worker->done += contribute(own, &trace, 1) == STORE_OK;
    }
    arena_fini(&memory);
    store_free(own);
    return NULL;
}

static void workers_share_the_traces(void **state)
{
    (void)state;
    enum { WORKERS = 3 };
    pthread_t threads[WORKERS];
    struct worker workers[WORKERS] = {{0}};
    for (int i = 0; i < 200; i++) {
        write_at(request(2), TEST_NOW_NS);
        arena_reset(&arena);
    }
    for (int i = 0; i < WORKERS; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
    unsigned done = 0;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        done += workers[i].done;
    }
    assert_int_equal(done, 200);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution"), 200);
    assert_int_equal(waiting(), 0);
}

static void a_late_span_has_the_trace_analysed_again(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    batch->sequence++;
    write_at(batch, TEST_NOW_NS + 5 * NS_PER_S);
    assert_true(claim(&trace, QUIET_MS + 5000));
    assert_int_equal(trace.fragment_count, 2);
    assert_int_equal(contribute(store, &trace, 2), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution"), 1);
    assert_int_equal(test_number("SELECT fragment_count FROM weir.contribution"), 2);
    assert_int_equal(test_number("SELECT duration_ns[1] FROM weir.contribution"), 2);
}

static void a_contribution_from_fewer_fragments_replaces_nothing(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    batch->sequence++;
    write_at(batch, TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 2), STORE_OK);
    trace.fragment_count = 1;
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_int_equal(test_number("SELECT duration_ns[1] FROM weir.contribution"), 2);
    trace.fragment_count = 2;
    assert_int_equal(contribute(store, &trace, 3), STORE_OK);
    assert_int_equal(test_number("SELECT duration_ns[1] FROM weir.contribution"), 3);
}

/* A batch with more of a trace that is being analysed neither waits nor is forgotten. */
static void what_comes_during_the_analysis_is_analysed_later(void **state)
{
    (void)state;
    struct store *writer = test_store_again();
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS));
    batch->sequence++;
    assert_int_equal(store_write_batch(writer, batch, TEST_NOW_NS + NS_PER_S), STORE_OK);
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_true(claim(&trace, 2 * QUIET_MS));
    assert_int_equal(trace.fragment_count, 2);
    store_release(store);
    store_free(writer);
}

/* Traces that a claim did not come to are there for the next; none is looked at twice. */
static void what_a_claim_did_not_come_to_is_put_back(void **state)
{
    (void)state;
    struct trace trace;
    unsigned char first[16];
    for (int i = 0; i < 5; i++) write_at(request(1), TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS)); /* the first claim takes one */
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_true(claim(&trace, QUIET_MS));
    memcpy(first, trace.id, 16);
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_true(claim(&trace, QUIET_MS)); /* at hand, and then given back */
    assert_memory_not_equal(trace.id, first, 16);
    store_release(store);
    assert_int_equal(waiting(), 3);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution"), 2);
    unsigned done = 0;
    for (; claim(&trace, 2 * QUIET_MS); done++) assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_int_equal(done, 3);
    assert_int_equal(waiting(), 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution"), 5);
}

/* One batch names many traces; another collector takes the rest of them at the same moment only if they are its own. */
static void a_row_of_many_traces_is_handed_out_one_by_one(void **state)
{
    (void)state;
    struct trace trace;
    struct batch_shape shape = {.traces = 1500, .spans = 3000, .operations = 3};
    struct batch *batch = test_batch(&arena, &generator, &shape);
    write_at(batch, TEST_NOW_NS);
    assert_int_equal(test_number("SELECT count(*) FROM weir.arrival"), 2);
    unsigned done = 0;
    for (; claim(&trace, WITHOUT_ROOT_MS + QUIET_MS); done++)
        assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_int_equal(done, 1500);
    assert_int_equal(waiting(), 0);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution"), 1500);
}

/* Small ones are read together; what is too large for that is read all the same, and each whole. */
static void traces_of_any_size_come_whole_from_one_claim(void **state)
{
    (void)state;
    struct trace trace;
    size_t spans = 0;
    for (uint32_t i = 0; i < 40; i++) {
        write_at(request(i % 10 == 3 ? 30000 : i), TEST_NOW_NS);
        arena_reset(&arena);
    }
    for (int i = 0; i < 40; i++) {
        assert_true(claim(&trace, QUIET_MS));
        assert_int_equal(trace.fragment_count, 1);
        assert_int_equal(trace.spans[0].operation->type, OPERATION_ENDPOINT);
        assert_true(str_is(trace.spans[0].operation->text, "GET /x"));
        if (trace.span_count > 1) assert_true(str_is(trace.spans[1].site.file, "dashboard.c"));
        spans += trace.span_count;
        assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    }
    assert_false(claim(&trace, QUIET_MS));
    assert_int_equal(spans, test_number("SELECT count(*) FROM weir.span"));
}

static void a_corrupt_fragment_is_told_and_put_away(void **state)
{
    (void)state;
    struct trace trace;
    bool found;
    write_at(request(3), TEST_NOW_NS);
    test_run("UPDATE weir.fragment SET blob = '\\x01ff'");
    assert_int_equal(
        store_claim_trace(store, TEST_NOW_NS + NS_PER_S, QUIET_MS, WITHOUT_ROOT_MS, &claimed, &trace, &found),
        STORE_REFUSED);
    assert_true(found);
    assert_non_null(strstr(store_error(store), "corrupt"));
    char why[200];
    snprintf(why, sizeof why, "%s", store_error(store));
    assert_int_equal(store_write_failure(store, why), STORE_OK);
    assert_false(claim(&trace, QUIET_MS));
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution WHERE failure LIKE '%corrupt%'"), 1);
    assert_int_equal(read_trace(store, trace.id, &claimed, &trace, &found), STORE_OK);
}

static void a_trace_larger_than_the_arena_is_told_and_put_away(void **state)
{
    (void)state;
    struct trace trace;
    bool found;
    struct arena small;
    arena_init(&small, 8192);
    write_at(request(300), TEST_NOW_NS);
    assert_int_equal(
        store_claim_trace(store, TEST_NOW_NS + NS_PER_S, QUIET_MS, WITHOUT_ROOT_MS, &small, &trace, &found),
        STORE_REFUSED);
    assert_true(found);
    assert_int_equal(store_write_failure(store, store_error(store)), STORE_OK);
    assert_int_equal(waiting(), 0);
    arena_fini(&small);
}

/* The sanitizer keeps what is freed. */
#ifndef __SANITIZE_ADDRESS__
/* At its highest so far. */
static long process_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void a_trace_of_any_size_takes_no_more_memory_than_the_arena(void **state)
{
    (void)state;
    struct trace trace;
    bool found;
    struct arena small;
    write_at(request(3), TEST_NOW_NS);
    test_run(
        "INSERT INTO weir.fragment SELECT start_ns, trace_id, day, resource_id, operation_id, "
        "start_offset_ns,"
        " duration_ns, status, rows, convert_to(repeat(md5(n::text), 1 << 16), 'UTF8') FROM weir.fragment,"
        " generate_series(1, 64) AS n"); /* 2 MiB each */
    long before_kib = process_kib();
    arena_init(&small, (size_t)1 << 20);
    assert_int_equal(
        store_claim_trace(store, TEST_NOW_NS + NS_PER_S, QUIET_MS, WITHOUT_ROOT_MS, &small, &trace, &found),
        STORE_REFUSED);
    assert_in_range(process_kib() - before_kib, 0, 32 << 10);
    assert_int_equal(trace.fragment_count, 65); /* so that a contribution computed from fewer does not win */
    assert_int_equal(store_write_failure(store, store_error(store)), STORE_OK);
    arena_fini(&small);
}
#endif

/* Refused contributions give the claim back; the failure is stored all the same, unless more of the trace came. */
static void a_contribution_that_is_refused_leaves_a_failure(void **state)
{
    (void)state;
    struct trace trace;
    struct batch *batch = request(3);
    write_at(batch, TEST_NOW_NS);
    test_run("ALTER TABLE weir.contribution ADD CONSTRAINT broken CHECK (request_count = 0)");
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_REFUSED);
    assert_int_equal(store_write_failure(store, "broken"), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.contribution WHERE failure = 'broken'"), 1);
    assert_int_equal(waiting(), 0);
    batch->sequence++;
    write_at(batch, TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_REFUSED);
    batch->sequence++;
    write_at(batch, TEST_NOW_NS + 1);
    assert_int_equal(store_write_failure(store, "broken"), STORE_OK);
    assert_int_equal(waiting(), 1);
}

/* Numbers that a transaction gave which then did not commit may not be used again. */
static void endpoints_of_a_claim_that_was_undone_are_made_again(void **state)
{
    (void)state;
    struct trace trace;
    write_at(request(3), TEST_NOW_NS);
    test_run("ALTER TABLE weir.contribution ADD CONSTRAINT broken CHECK (request_count = 0)");
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_REFUSED);
    test_run("ALTER TABLE weir.contribution DROP CONSTRAINT broken");
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.request"), 1);
}

static void a_server_that_goes_during_a_claim_is_away(void **state)
{
    (void)state;
    struct trace trace;
    write_at(request(3), TEST_NOW_NS);
    assert_true(claim(&trace, QUIET_MS));
    test_run("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
             " WHERE application_name = 'weir-collector'");
    assert_int_equal(contribute(store, &trace, 1), STORE_AWAY);
    assert_true(claim(&trace, QUIET_MS));
    assert_int_equal(contribute(store, &trace, 1), STORE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_trace_is_due_when_it_has_been_quiet),
        TEST(more_of_a_trace_makes_it_wait),
        TEST(a_trace_without_its_root_waits_longer),
        TEST(a_root_that_comes_ends_the_waiting),
        TEST(an_incomplete_trace_does_not_stop_those_behind_it),
        TEST(two_claimers_never_hold_the_same_trace),
        TEST(what_a_dead_claimer_held_is_free),
        TEST(workers_share_the_traces),
        TEST(a_late_span_has_the_trace_analysed_again),
        TEST(a_contribution_from_fewer_fragments_replaces_nothing),
        TEST(what_comes_during_the_analysis_is_analysed_later),
        TEST(what_a_claim_did_not_come_to_is_put_back),
        TEST(a_row_of_many_traces_is_handed_out_one_by_one),
        TEST(traces_of_any_size_come_whole_from_one_claim),
        TEST(a_corrupt_fragment_is_told_and_put_away),
        TEST(a_trace_larger_than_the_arena_is_told_and_put_away),
#ifndef __SANITIZE_ADDRESS__
        TEST(a_trace_of_any_size_takes_no_more_memory_than_the_arena),
#endif
        TEST(a_contribution_that_is_refused_leaves_a_failure),
        TEST(endpoints_of_a_claim_that_was_undone_are_made_again),
        TEST(a_server_that_goes_during_a_claim_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
