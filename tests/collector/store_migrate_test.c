/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: again, at once, from the future, from the schema before. */
#include "tests/collector/store_support.h"

#include "collector/store/migrations.h"
#include "collector/store/reader.h"

#include <pthread.h>

static void migrating_again_changes_nothing(void **state)
{
    (void)state;
    struct store *store = test_store_fresh();
    int64_t applied = test_number("SELECT count(*) FROM weir.migration");
    assert_true(applied > 0);
    assert_int_equal(store_migrate(store), STORE_OK);
    assert_int_equal(test_number("SELECT count(*) FROM weir.migration"), applied);
    assert_int_equal(test_number("SELECT max(number) FROM weir.migration"), applied);
    store_free(store);
}

static void *migrate(void *outcome)
{
    struct store *store = test_store_again();
    *(enum store_result *)outcome = store_migrate(store);
    if (*(enum store_result *)outcome != STORE_OK) print_error("%s\n", store_error(store));
    store_free(store);
    return NULL;
}

static void collectors_that_start_together_migrate_once(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        enum { COLLECTORS = 4 };
        pthread_t threads[COLLECTORS];
        enum store_result outcomes[COLLECTORS];
        test_schema_drop();
        for (int i = 0; i < COLLECTORS; i++) pthread_create(&threads[i], NULL, migrate, &outcomes[i]);
        for (int i = 0; i < COLLECTORS; i++) pthread_join(threads[i], NULL);
        for (int i = 0; i < COLLECTORS; i++) assert_int_equal(outcomes[i], STORE_OK);
        assert_int_equal(test_number("SELECT count(*) - max(number) FROM weir.migration"), 0);
    }
}

static void a_newer_database_is_refused(void **state)
{
    (void)state;
    struct store *store = test_store_fresh();
    test_run("INSERT INTO weir.migration (number, name) VALUES (9999, '9999_future')");
    assert_int_equal(store_migrate(store), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "newer weir"));
    store_free(store);
}

static void a_role_without_rights_is_told_so(void **state)
{
    (void)state;
    char dsn[512];
    test_schema_drop();
    test_run("DO $$ BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    snprintf(dsn, sizeof dsn, "%s user=poor", test_dsn());
    struct store *store = store_new(dsn);
    assert_int_equal(store_migrate(store), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "permission denied"));
    store_free(store);
}

/* A migration that fails half way leaves nothing of itself. */
static void a_name_that_is_taken_is_refused_whole(void **state)
{
    (void)state;
    test_schema_drop();
    test_run("CREATE SCHEMA weir; CREATE TABLE weir.pending (x int)");
    struct store *store = test_store_again();
    assert_int_equal(store_migrate(store), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "already exists"));
    assert_int_equal(test_number("SELECT count(*) FROM pg_tables WHERE schemaname = 'weir'"), 2);
    store_free(store);
}

/* ---- from the schema of the first release ---- */

/* Three requests as 0001 kept them: two in one trace, one with findings and one without. */
static const char first_contributions[] =
    "INSERT INTO weir.endpoint (service_name, service_version, name, hash) VALUES"
    " ('shop', '1', 'GET /a', 'a'), ('shop', '1', 'GET /b', 'b');"
    "INSERT INTO weir.contribution (trace_id, fragment_count, request_count, first_start_ns, last_start_ns,"
    " endpoint_id, span_id, start_ns, duration_ns, db_calls, operation_requests, operation_id,"
    " operation_count, operation_total_ns, findings) VALUES"
    " ('00000000-0000-0000-0000-000000000001', 1, 2, 1000, 2000, '{1,2}', '{11,12}', '{1000,2000}',"
    "  '{5000,300}', '{7,0}', '{0,0}', '{}', '{}', '{}', '[]'),"
    " ('00000000-0000-0000-0000-000000000002', 1, 1, 3000, 3000, '{1}', '{13}', '{3000}',"
    "  '{6000}', NULL, '{0}', '{}', '{}', '{}', NULL)";

static void make_first_schema(void)
{
    test_schema_drop();
    test_run("CREATE SCHEMA weir; CREATE TABLE weir.migration (number int PRIMARY KEY, name text NOT NULL,"
             " applied_at timestamptz NOT NULL DEFAULT now());"
             "INSERT INTO weir.migration (number, name) VALUES (1, '0001_schema')");
    test_run(migrations[0].sql);
    test_run(first_contributions);
}

static void what_the_first_schema_kept_is_read_and_added_to(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 26);
    make_first_schema();
    struct store *store = test_store_again();
    assert_int_equal(store_migrate(store), STORE_OK);
    assert_int_equal(test_number("SELECT max(number) FROM weir.migration"), (int64_t)migration_count);
    assert_int_equal(test_number("SELECT count(*) FROM weir.request WHERE cache_hits = 0"), 3);
    test_run("INSERT INTO weir.contribution (trace_id, fragment_count, request_count, first_start_ns,"
             " last_start_ns, endpoint_id, span_id, start_ns, duration_ns, operation_requests, operation_id,"
             " operation_count, operation_total_ns, cache_hits, sampling_threshold) VALUES"
             " ('00000000-0000-0000-0000-000000000003', 1, 1, 4000, 4000, '{1}', '{14}', '{4000}', '{100}',"
             " '{0}', '{}', '{}', '{}', '{1}', '{54043195528445952}')"); /* one in four */
    assert_int_equal(test_number("SELECT sum(weight)::bigint FROM weir.request"), 1 + 1 + 1 + 4);
    struct analysis_settings settings = analysis_settings_default();
    struct request_filter filter = {.endpoint = STR("GET /a")};
    struct endpoint_summary *found;
    struct newest_requests *newest;
    uint32_t count;
    assert_int_equal(read_endpoints(store, &filter, &settings, &arena, &found, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(found->recorded, 3);
    assert_int_equal(found->count, 2 + 4);
    assert_int_equal(found->p50_ns, 100); /* 4 of 6 */
    assert_int_equal(found->calls_max, 7);
    assert_int_equal(found->max_ns, 6000);
    assert_int_equal(found->cache[CACHE_ALL_HIT].count, 4);
    assert_int_equal(found->cache[CACHE_ALL_HIT].p50_ns, 100);
    assert_int_equal(found->cache[CACHE_ALL_MISSED].count, 0);
    assert_int_equal(read_newest(store, &filter, 2, &arena, &newest, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(newest->recorded, 3);
    assert_int_equal(newest->count, 6);
    assert_int_equal(newest->newest_count, 2);
    assert_int_equal(newest->newest[0].span_id, 14);
    assert_int_equal(newest->newest[1].span_id, 13);
    assert_int_equal(newest->newest[1].trace_id[15], 2);
    store_free(store);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrating_again_changes_nothing),
        cmocka_unit_test(collectors_that_start_together_migrate_once),
        cmocka_unit_test(a_newer_database_is_refused),
        cmocka_unit_test(a_role_without_rights_is_told_so),
        cmocka_unit_test(a_name_that_is_taken_is_refused_whole),
        cmocka_unit_test(what_the_first_schema_kept_is_read_and_added_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
