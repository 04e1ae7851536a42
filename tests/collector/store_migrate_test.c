/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: again, at once, from the future. */
#include "tests/collector/store_support.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrating_again_changes_nothing),
        cmocka_unit_test(collectors_that_start_together_migrate_once),
        cmocka_unit_test(a_newer_database_is_refused),
        cmocka_unit_test(a_role_without_rights_is_told_so),
        cmocka_unit_test(a_name_that_is_taken_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
