/* SPDX-License-Identifier: Apache-2.0 */
/* Batches into a real Postgres and out again. */
#include "tests/collector/store_support.h"

#include "base/clock.h"
#include "collector/store/reader.h"
#include "proto/batch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static struct arena arena;
static struct store *store;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 30);
    store = test_store_fresh();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_free(store);
    arena_fini(&arena);
    return 0;
}

static void assert_stored(const struct batch *batch)
{
    enum store_result outcome = store_write_batch(store, batch, TEST_NOW_NS);
    if (outcome != STORE_OK) fail_msg("outcome %d: %s", outcome, store_error(store));
}

/* ---- the same spans come out ---- */

static uint64_t u64_at(const uint64_t *column, uint32_t i) { return column ? column[i] : 0; }
static uint32_t u32_at(const uint32_t *column, uint32_t i) { return column ? column[i] : 0; }

static void assert_text(struct str got, struct str expected)
{
    if (!str_equal(got, expected)) fail_msg("\"%.*s\" is not \"%.*s\"", STR_ARG(got), STR_ARG(expected));
}

static uint32_t sum_before(const uint32_t *counts, uint32_t i)
{
    uint32_t total = 0;
    for (uint32_t k = 0; counts && k < i; k++) total += counts[k];
    return total;
}

static void assert_lists(const struct span *span, const struct batch *batch, uint32_t i)
{
    uint32_t unread = sum_before(batch->unread_count, i), link = sum_before(batch->link_count, i);
    assert_int_equal(span->unread_count, u32_at(batch->unread_count, i));
    for (uint32_t k = 0; k < span->unread_count; k++) {
        assert_true(span->unread[k] == batch->unread_span_id[unread + k]);
    }
    assert_int_equal(span->link_count, u32_at(batch->link_count, i));
    for (uint32_t k = 0; k < span->link_count; k++) {
        assert_true(span->links[k].span_id == batch->link_span_id[link + k]);
        assert_int_equal(span->links[k].kind, batch->link_kind[link + k]);
        assert_int_equal(span->links[k].column, batch->link_column[link + k]);
        assert_int_equal(span->links[k].row, batch->link_row[link + k]);
    }
}

static void assert_attributes(const struct span *span, const struct batch *batch, uint32_t i)
{
    uint32_t at = sum_before(batch->attribute_count, i);
    assert_int_equal(span->attribute_count, u32_at(batch->attribute_count, i));
    for (uint32_t k = 0; k < span->attribute_count; k++, at++) {
        const struct attribute *attribute = &span->attributes[k];
        int64_t value = batch->attribute_value[at];
        assert_text(attribute->key, batch_string(batch, batch->attribute_key[at]));
        assert_int_equal(attribute->type, batch->attribute_type[at]);
        if (attribute->type == ATTRIBUTE_STRING) {
            assert_text(attribute->text, batch_string(batch, (uint32_t)value));
        } else if (attribute->type == ATTRIBUTE_DOUBLE) {
            assert_memory_equal(&attribute->real, &value, sizeof value);
        } else {
            assert_true(attribute->integer == value);
        }
    }
}

static void assert_site(const struct call_site *site, const struct batch *batch, uint32_t which)
{
    if (which == 0) {
        assert_int_equal(site->line, 0);
        return;
    }
    assert_text(site->file, batch_string(batch, batch->site_file[which - 1]));
    assert_text(site->function, batch_string(batch, batch->site_function[which - 1]));
    assert_int_equal(site->line, batch->site_line[which - 1]);
}

static void assert_span(const struct span *span, const struct batch *batch, uint32_t i, int64_t start_ns)
{
    uint32_t operation = u32_at(batch->span_operation, i);
    assert_true(span->id == batch->span_id[i]);
    assert_true(span->parent_id == u64_at(batch->parent_span_id, i));
    assert_int_equal(span->kind, u32_at(batch->span_kind, i));
    assert_int_equal(span->status, u32_at(batch->status, i));
    assert_int_equal(span->remote_parent, u32_at(batch->flags, i) & SPAN_FLAG_REMOTE_PARENT);
    assert_int_equal(span->operation->type, batch->operation_type[operation]);
    assert_text(span->operation->system, batch_string(batch, batch->operation_system[operation]));
    assert_text(span->operation->text, batch_string(batch, batch->operation_text[operation]));
    assert_text(span->resource->service_name, str_of("shop"));
    assert_text(span->resource->service_version, str_of("1.0"));
    assert_int_equal(span->start_ns, start_ns);
    assert_int_equal(span->duration_ns, u64_at(batch->duration_ns, i));
    assert_int_equal(span->rows, (int64_t)u64_at(batch->rows_plus_1, i) - 1);
    assert_int_equal(span->connection, u32_at(batch->connection, i));
    assert_int_equal(span->input_count, u32_at(batch->input_count, i));
    assert_true(span->input_hash == u64_at(batch->input_hash, i));
    assert_true(span->answer_hash == u64_at(batch->answer_hash, i));
    assert_site(&span->site, batch, u32_at(batch->span_site, i));
    assert_lists(span, batch, i);
    assert_attributes(span, batch, i);
}

/* Every trace of the batch holds exactly its spans, in the order of the batch. */
static void assert_reads_back(const struct batch *batch)
{
    struct trace *traces = arena_array(&arena, batch->trace_count, sizeof *traces);
    size_t *next = arena_array(&arena, batch->trace_count, sizeof *next);
    for (uint32_t t = 0; t < batch->trace_count; t++) {
        bool found;
        assert_int_equal(read_trace(store, batch->trace_ids + (size_t)t * 16, &arena, &traces[t], &found),
                         STORE_OK);
        assert_true(found);
        assert_int_equal(traces[t].fragment_count, 1);
    }
    int64_t start_ns = (int64_t)batch->base_time_unix_ns;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        uint32_t t = u32_at(batch->span_trace, i);
        start_ns += batch->start_delta_ns ? batch->start_delta_ns[i] : 0;
        assert_true(next[t] < traces[t].span_count);
        assert_span(&traces[t].spans[next[t]++], batch, i, start_ns);
    }
    for (uint32_t t = 0; t < batch->trace_count; t++) assert_int_equal(next[t], traces[t].span_count);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    for (int round = 0; round < 40; round++) {
        struct batch_shape shape = {.traces = 1 + (uint32_t)(id_next(&g) % 5), .operations = 7};
        uint64_t coins = id_next(&g);
        shape.spans = shape.traces + (uint32_t)(id_next(&g) % (round % 10 == 0 ? 3000 : 40));
        shape.attributes = coins & 1;
        shape.links = coins & 2;
        shape.hashes = coins & 4;
        shape.errors = coins & 8;
        shape.wide = coins & 16;
        struct batch *batch = test_batch(&arena, &g, &shape);
        assert_stored(batch);
        assert_reads_back(batch);
        arena_reset(&arena);
    }
}

static void a_trace_named_twice_in_the_table_is_one_fragment(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 3, .spans = 9, .operations = 2};
    struct batch *batch = test_batch(&arena, &g, &shape);
    memcpy(batch->trace_ids + 32, batch->trace_ids, 16);
    assert_stored(batch);
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 2);
    assert_int_equal(test_number("SELECT length(traces) / 16 FROM weir.arrival"), 2);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 9);
}

static void the_span_view_shows_one_row_a_span(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    assert_stored(test_request(&arena, &g, "shop", "1", "GET /x", TEST_NOW_NS - NS_PER_S, 4 * NS_PER_S, 3));
    char *text = test_text(
        "SELECT string_agg(concat_ws('|', service, operation, type, extract(epoch FROM start)::bigint,"
        " duration_ms::float, rows, status), E'\\n' ORDER BY start) FROM weir.span");
    assert_string_equal(text, "shop|GET /x|endpoint|1789999999|4000|0\n"
                              "shop|SELECT * FROM reviews WHERE product_id = ?|db|1790000000|900|3|0\n"
                              "shop|SELECT * FROM reviews WHERE product_id = ?|db|1790000001|900|3|0\n"
                              "shop|SELECT * FROM reviews WHERE product_id = ?|db|1790000002|900|3|0");
    free(text);
}

static void an_unknown_trace_is_not_found(void **state)
{
    (void)state;
    struct trace trace;
    bool found = true;
    assert_int_equal(read_trace(store, (const unsigned char *)"0123456789abcdef", &arena, &trace, &found),
                     STORE_OK);
    assert_false(found);
}

/* ---- once ---- */

static void a_batch_is_stored_once(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 2, .spans = 10, .operations = 3};
    struct batch *batch = test_batch(&arena, &g, &shape);
    assert_stored(batch);
    assert_int_equal(store_write_batch(store, batch, TEST_NOW_NS), STORE_DUPLICATE);
    batch->sequence++;
    assert_stored(batch);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 20);
    assert_int_equal(test_number("SELECT stored FROM weir.producer"), 20);
}

struct racer {
    struct batch *batch;
    pthread_barrier_t *barrier;
    unsigned stored, duplicates;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct store *own = store_new(test_dsn());
    struct batch batch = *racer->batch;
    for (uint64_t round = 1; round <= 20; round++) {
        batch.sequence = round;
        pthread_barrier_wait(racer->barrier);
        enum store_result outcome = store_write_batch(own, &batch, TEST_NOW_NS);
        racer->stored += outcome == STORE_OK;
        racer->duplicates += outcome == STORE_DUPLICATE;
        if (outcome != STORE_OK && outcome != STORE_DUPLICATE) print_error("%s\n", store_error(own));
    }
    store_free(own);
    return NULL;
}

static void two_stores_with_the_same_batch_store_it_once(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 5, .spans = 30, .operations = 9};
    struct batch *batch = test_batch(&arena, &g, &shape);
    pthread_barrier_t barrier;
    pthread_t threads[2];
    struct racer racers[2] = {{.batch = batch, .barrier = &barrier}, {.batch = batch, .barrier = &barrier}};
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(racers[0].stored + racers[1].stored, 20);
    assert_int_equal(racers[0].duplicates + racers[1].duplicates, 20);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 600);
    assert_int_equal(test_number("SELECT count(*) FROM weir.operation"), 9);
    assert_int_equal(test_number("SELECT stored FROM weir.producer"), 600);
    assert_int_equal(test_number("SELECT sum(length(traces) / 16)::bigint FROM weir.arrival"), 100);
}

/* Batches of several collectors that share traces, named in opposite order. */
static void *cross(void *context)
{
    struct racer *racer = context;
    struct store *own = store_new(test_dsn());
    for (int round = 0; round < 30; round++) {
        racer->batch->sequence++;
        enum store_result outcome = store_write_batch(own, racer->batch, TEST_NOW_NS);
        racer->stored += outcome == STORE_OK;
    }
    store_free(own);
    return NULL;
}

static void stores_with_traces_in_common_do_not_deadlock(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 50, .spans = 60, .operations = 3};
    struct batch *one = test_batch(&arena, &g, &shape);
    struct batch *other = test_batch(&arena, &g, &shape);
    for (uint32_t i = 0; i < 50; i++) memcpy(other->trace_ids + i * 16, one->trace_ids + (49 - i) * 16, 16);
    pthread_t threads[2];
    struct racer racers[2] = {{.batch = one}, {.batch = other}};
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, cross, &racers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(racers[0].stored, 30);
    assert_int_equal(racers[1].stored, 30);
    assert_int_equal(test_number("SELECT sum(length(traces) / 16)::bigint FROM weir.arrival"), 3000);
}

/* ---- Postgres goes away ---- */

static void an_idle_connection_that_was_cut_is_made_anew(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 1, .spans = 3, .operations = 3};
    assert_stored(test_batch(&arena, &g, &shape));
    test_run("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
             " WHERE application_name = 'weir-collector'");
    assert_stored(test_batch(&arena, &g, &shape));
}

struct killer {
    pid_t victim;
    int64_t delay_ns;
};

static void *kill_backend(void *context)
{
    struct killer *killer = context;
    struct timespec delay = {0,
                             killer->delay_ns}; /* where in the batch it strikes, not a wait for anything */
    nanosleep(&delay, NULL);
    kill(killer->victim, SIGKILL);
    return NULL;
}

static pid_t backend(void)
{
    return (pid_t)test_number("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir-collector'");
}

/* The sender's rule: the same batch again until it is stored. */
static unsigned store_until_done(const struct batch *batch)
{
    unsigned away = 0;
    int64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_S;
    for (;;) {
        enum store_result outcome = store_write_batch(store, batch, TEST_NOW_NS);
        if (outcome == STORE_OK || outcome == STORE_DUPLICATE) return away;
        if (outcome != STORE_AWAY) fail_msg("outcome %d: %s", outcome, store_error(store));
        assert_true(store_error(store)[0] != 0);
        assert_true(clock_monotonic_ns() < deadline_ns);
        away++;
        nanosleep(&(struct timespec){0, 5 * NS_PER_MS}, NULL);
    }
}

/* SIGKILL of a backend makes the server throw all connections away and recover from its log, as after a crash. */
static void a_batch_survives_a_killed_server_once(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 400, .spans = 4000, .operations = 9, .hashes = true};
    unsigned away = 0;
    for (int round = 1; round <= 6; round++) {
        struct batch *batch = test_batch(&arena, &g, &shape);
        store_until_done(
            test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 1, .operations = 1}));
        struct killer killer = {backend(), (int64_t)(id_next(&g) % (uint64_t)(30 * NS_PER_MS))};
        pthread_t thread;
        assert_true(killer.victim > 0);
        assert_int_equal(pthread_create(&thread, NULL, kill_backend, &killer), 0);
        away += store_until_done(batch);
        pthread_join(thread, NULL);
        away += store_until_done(batch);
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) - %d FROM weir.span", round * 4001);
        int64_t deadline_ns = clock_monotonic_ns() + 60 * NS_PER_S;
        while (PQpingParams((const char *[]){"dbname", NULL}, (const char *[]){test_dsn(), NULL}, 1) !=
               PQPING_OK) {
            assert_true(clock_monotonic_ns() < deadline_ns);
        }
        assert_int_equal(test_number(sql), 0);
        arena_reset(&arena);
    }
    assert_true(away > 0);
}

static void no_server_is_away_and_says_so(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct store *nowhere = store_new("host=/nonexistent-weir port=1 dbname=x connect_timeout=1");
    struct batch *batch =
        test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 1, .operations = 1});
    assert_int_equal(store_write_batch(nowhere, batch, TEST_NOW_NS), STORE_AWAY);
    assert_non_null(strstr(store_error(nowhere), "/nonexistent-weir"));
    assert_null(strchr(store_error(nowhere), '\n'));
    store_free(nowhere);
}

/* A failure in the COPY, after all the INSERTs, leaves neither. */
static void half_a_batch_is_not_stored(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 2, .spans = 10, .operations = 3};
    struct batch *batch = test_batch(&arena, &g, &shape);
    test_run("ALTER TABLE weir.fragment ADD CONSTRAINT broken CHECK (start_ns < 0)");
    enum store_result outcome = store_write_batch(store, batch, TEST_NOW_NS);
    if (outcome != STORE_REFUSED) fail_msg("outcome %d: %s", outcome, store_error(store));
    assert_int_equal(
        test_number("SELECT (SELECT count(*) FROM weir.batch) + (SELECT count(*) FROM weir.producer)"
                    " + (SELECT count(*) FROM weir.arrival)"),
        0);
    test_run("ALTER TABLE weir.fragment DROP CONSTRAINT broken");
    assert_stored(batch);
    assert_int_equal(test_number("SELECT count(*) FROM weir.span"), 10);
}

/* ---- hostile content ---- */

static void give_string(struct batch *batch, uint32_t index, const char *text, size_t len)
{
    char *data = arena_alloc(&arena, batch->string_data.len + len);
    assert_non_null(data);
    memcpy(data, batch->string_data.data, batch->string_data.len);
    memcpy(data + batch->string_data.len, text, len);
    batch->string_offset[index] = (uint32_t)batch->string_data.len;
    batch->string_bytes[index] = (uint32_t)len;
    batch->string_data = str_view(data, batch->string_data.len + len);
}

static void hostile_names_are_stored_harmlessly(void **state)
{
    (void)state;
    static const char nul[] = "a\0b', ''); DROP SCHEMA weir CASCADE; --\xff\xfe\"{}\\\x1b[31m";
    struct id_generator g = test_generator();
    struct batch *batch = test_request(&arena, &g, "shop", "1", "GET /x", TEST_NOW_NS, NS_PER_MS, 2);
    char *long_name = arena_alloc(&arena, 1 << 20);
    memset(long_name, 'x', 1 << 20);
    long_name[4095] = '\xe2'; /* a character that the cut at 4096 would go through */
    long_name[4096] = '\x82';
    long_name[4097] = '\xac';
    give_string(batch, batch->resource_value[0], nul, sizeof nul - 1);
    give_string(batch, batch->resource_key[2], nul, sizeof nul - 1);
    give_string(batch, batch->site_function[0], nul, sizeof nul - 1);
    give_string(batch, batch->operation_system[1], nul, sizeof nul - 1);
    give_string(batch, batch->operation_text[1], long_name, 1 << 20);
    assert_stored(batch);
    assert_int_equal(test_number("SELECT max(length(text)) FROM weir.operation"), 4095);
    struct trace trace;
    bool found;
    assert_int_equal(read_trace(store, batch->trace_ids, &arena, &trace, &found), STORE_OK);
    assert_true(found);
    assert_text(trace.spans[0].resource->service_name,
                str_of("a?b', ''); DROP SCHEMA weir CASCADE; --?\?\"{}\\\x1b[31m"));
    assert_int_equal(trace.span_count, 3);
}

static void counters_of_a_producer_only_grow(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch *batch =
        test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 3, .operations = 1});
    batch->created = UINT64_MAX; /* no bigint holds it */
    batch->acknowledged = 7;
    batch->dropped[DROP_refused] = 5;
    assert_stored(batch);
    batch->sequence = UINT64_MAX;
    batch->created = 3;
    batch->acknowledged = 9;
    batch->dropped[DROP_refused] = 4;
    batch->dropped[DROP_shutdown] = 1000;
    assert_stored(batch);
    struct store_status status;
    assert_int_equal(read_status(store, &arena, &status), STORE_OK);
    assert_int_equal(status.producer_count, 1);
    const struct producer_status *producer = &status.producers[0];
    assert_true(producer->producer == batch->producer);
    assert_true(producer->created == INT64_MAX);
    assert_int_equal(producer->acknowledged, 9);
    assert_int_equal(producer->dropped[DROP_refused], 5);
    assert_int_equal(producer->dropped[DROP_shutdown], 1000);
    assert_int_equal(producer->stored, 6);
    assert_int_equal(status.spans, 6);
    assert_int_equal(status.traces_pending, 2); /* once for each batch */
    assert_true(producer->last_seen_ns == TEST_NOW_NS);
    assert_true(status.oldest_pending_ns == TEST_NOW_NS);
    assert_true(status.database_bytes > 0);
}

static void check_clock(bool known, int64_t ahead_ns)
{
    struct store_status status;
    assert_int_equal(read_status(store, &arena, &status), STORE_OK);
    assert_int_equal(status.producers[0].clock_known, known);
    assert_true(status.producers[0].clock_ahead_ns == ahead_ns);
}

/* A batch without spans says nothing of the clock, a late one nothing of now. */
static void the_clock_of_a_producer_is_that_of_its_last_batch(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch *batch = test_request(&arena, &g, "shop", "1", "GET /", TEST_NOW_NS + NS_PER_S, NS_PER_S, 0);
    uint32_t spans = batch->span_count;
    batch->span_count = 0;
    assert_stored(batch);
    check_clock(false, 0);
    batch->span_count = spans;
    batch->sequence++;
    assert_stored(batch);
    check_clock(true, 2 * NS_PER_S);
    batch->sequence++;
    batch->base_time_unix_ns = TEST_NOW_NS - 100 * NS_PER_S;
    assert_int_equal(store_write_batch(store, batch, TEST_NOW_NS - 1), STORE_OK);
    check_clock(true, 2 * NS_PER_S);
    batch->sequence++;
    batch->base_time_unix_ns = 0;
    assert_stored(batch);
    check_clock(true, NS_PER_S - TEST_NOW_NS);
}

static void a_batch_without_spans_brings_its_counters(void **state)
{
    (void)state;
    struct batch empty = {.version = 1, .producer = 1, .sequence = 1, .created = 5};
    assert_stored(test_repack(&arena, &empty));
    assert_int_equal(test_number("SELECT created FROM weir.producer"), 5);
    assert_int_equal(store_write_batch(store, test_repack(&arena, &empty), TEST_NOW_NS), STORE_DUPLICATE);
}

/* 1970 to 2262: no more partitions than days in the window. */
static void times_of_any_year_make_few_partitions(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    for (int i = 0; i < 60; i++) {
        struct batch *batch =
            test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 2, .operations = 1});
        batch->base_time_unix_ns = i == 0 ? 0 : (uint64_t)INT64_MAX / 60 * (uint64_t)i;
        memset(batch->start_delta_ns, 0, 2 * sizeof *batch->start_delta_ns);
        assert_stored(batch);
        assert_reads_back(batch);
    }
    for (int day = -20; day <= 20; day++) {
        struct batch *batch =
            test_batch(&arena, &g, &(struct batch_shape){.traces = 1, .spans = 2, .operations = 1});
        batch->base_time_unix_ns = (uint64_t)(TEST_NOW_NS + day * 86400 * NS_PER_S);
        assert_stored(batch);
    }
    assert_int_equal(
        test_number("SELECT count(*) FROM pg_inherits WHERE inhparent = 'weir.fragment'::regclass"), 9);
    assert_int_equal(test_number("SELECT count(DISTINCT day) FROM weir.fragment"), 9);
    assert_int_equal(test_number("SELECT min(start_ns) FROM weir.fragment"), 0);
}

/* Old days are dropped to be rid of them; what comes late makes them again. */
static void a_day_that_was_dropped_is_made_anew(void **state)
{
    (void)state;
    struct id_generator g = test_generator();
    struct batch_shape shape = {.traces = 2, .spans = 10, .operations = 3};
    assert_stored(test_batch(&arena, &g, &shape));
    test_run("DO $$ DECLARE t regclass; BEGIN"
             " FOR t IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = "
             "'weir.fragment'::regclass LOOP"
             " EXECUTE 'DROP TABLE ' || t; END LOOP; END $$");
    assert_stored(test_batch(&arena, &g, &shape));
    assert_int_equal(test_number("SELECT count(*) FROM weir.fragment"), 2);
    assert_int_equal(test_number("SELECT count(*) FROM weir.batch"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_is_written_is_read_again),
        TEST(a_trace_named_twice_in_the_table_is_one_fragment),
        TEST(the_span_view_shows_one_row_a_span),
        TEST(an_unknown_trace_is_not_found),
        TEST(a_batch_is_stored_once),
        TEST(two_stores_with_the_same_batch_store_it_once),
        TEST(stores_with_traces_in_common_do_not_deadlock),
        TEST(an_idle_connection_that_was_cut_is_made_anew),
        TEST(a_batch_survives_a_killed_server_once),
        TEST(no_server_is_away_and_says_so),
        TEST(half_a_batch_is_not_stored),
        TEST(hostile_names_are_stored_harmlessly),
        TEST(counters_of_a_producer_only_grow),
        TEST(the_clock_of_a_producer_is_that_of_its_last_batch),
        TEST(a_batch_without_spans_brings_its_counters),
        TEST(times_of_any_year_make_few_partitions),
        TEST(a_day_that_was_dropped_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
