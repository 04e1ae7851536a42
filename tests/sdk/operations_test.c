/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/operations.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static struct hash_key key;
static struct inputs inputs;
static struct operation_cache cache;

static int set_up(void **state)
{
    (void)state;
    hash_key_random(&key);
    return operations_setup() ? 0 : -1;
}

static const struct operation_entry *db(const char *sql)
{
    return operation_of_db(&cache, &key, "postgresql", str_of(sql), &inputs);
}

static void literals_are_inputs_not_text(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) { /* from the normaliser, then from the cache */
        const struct operation_entry *entry = db("SELECT * FROM a WHERE id = 17 AND name = 'Bob'");
        assert_true(str_is(entry->operation.text, "SELECT * FROM a WHERE id = ? AND name = ?"));
        assert_int_equal(inputs.count, 2);
        assert_int_equal(inputs.hash[0], value_hash(&key, str_of("17")));
        assert_int_equal(inputs.hash[1], value_hash(&key, str_of("Bob")));
    }
    uint64_t whole = inputs.whole;
    const struct operation_entry *seventeen = db("SELECT * FROM a WHERE id = 17 AND name = 'Bob'");
    assert_int_equal(inputs.whole, whole);
    const struct operation_entry *eighteen = db("SELECT * FROM a WHERE id = 18 AND name = 'Bob'");
    assert_ptr_equal(seventeen, eighteen);
    assert_int_not_equal(inputs.whole, whole);
}

static void urls_become_templates(void **state)
{
    (void)state;
    const struct operation_entry *entry =
        operation_of_http(&key, "GET", str_of("http://stock:80/stock/17?ids=4,5"), &inputs);
    assert_true(str_is(entry->operation.system, "stock"));
    assert_true(str_is(entry->operation.text, "GET /stock/{id}?ids={}"));
    assert_int_equal(inputs.count, 3);
    assert_int_equal(inputs.hash[0], value_hash(&key, str_of("17")));
    assert_int_equal(inputs.hash[2], value_hash(&key, str_of("5")));
}

static void cache_keys_become_patterns(void **state)
{
    (void)state;
    const struct operation_entry *entry =
        operation_of_cache(&key, "redis", str_of("GET price:17:eur"), &inputs);
    assert_true(str_is(entry->operation.text, "GET price:{}:eur"));
    assert_int_equal(inputs.count, 1);
    uint64_t value = inputs.hash[0];
    entry = operation_of_cache(&key, "redis", str_of("MGET price:17 price:18 price:19 price:20 price:21"),
                               &inputs);
    assert_true(str_is(entry->operation.text, "MGET price:{}"));
    assert_int_equal(inputs.count, 5);
    assert_int_equal(inputs.hash[0], value);
    assert_int_equal(inputs.list_count, 1);
    assert_int_equal(inputs.lists[0].count, 5);
}

static void a_megabyte_is_one_operation(void **state)
{
    (void)state;
    size_t len = 1 << 20;
    char *sql = malloc(len);
    memset(sql, 'x', len);
    memcpy(sql, "SELECT ", 7);
    const struct operation_entry *entry =
        operation_of_db(&cache, &key, "postgresql", str_view(sql, len), &inputs);
    assert_true(entry->operation.text.len <= OPERATION_TEXT_MAX);
    assert_ptr_equal(entry, operation_of_db(&cache, &key, "postgresql", str_view(sql, len), &inputs));
    free(sql);
}

static void *many(void *found)
{
    const struct operation_entry **entries = found;
    struct operation_cache *own = calloc(1, sizeof *own);
    struct inputs *mine = calloc(1, sizeof *mine);
    for (int i = 0; i < 2000; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT a%dx FROM t%dx", i, i);
        entries[i] = operation_of_db(own, &key, "postgresql", str_of(sql), mine);
    }
    free(own);
    free(mine);
    return NULL;
}

static void threads_agree_on_entries(void **state)
{
    (void)state;
    static const struct operation_entry *found[4][2000];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, many, found[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int t = 1; t < 4; t++)
        for (int i = 0; i < 2000; i++) assert_ptr_equal(found[t][i], found[0][i]);
}

/* Last: it fills the table for good. */
static void a_full_table_falls_back(void **state)
{
    (void)state;
    uint64_t before = operations_overflowed();
    const struct operation_entry *entry = NULL;
    for (int i = 0; i < OPERATIONS_MAX + 10; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT b%dx", i);
        entry = db(sql);
    }
    assert_true(str_is(entry->operation.text, "(too many operations)"));
    assert_true(operations_overflowed() > before);
    before = operations_overflowed();
    for (int i = 0; i < 3; i++) assert_ptr_equal(db("SELECT one more"), entry);
    assert_int_equal(operations_overflowed(), before + 3); /* found in the thread's cache, too */
    struct weir_stats stats;
    weir_stats(&stats);
    assert_int_equal(stats.operations_overflowed, operations_overflowed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_inputs_not_text), cmocka_unit_test(urls_become_templates),
        cmocka_unit_test(cache_keys_become_patterns),   cmocka_unit_test(a_megabyte_is_one_operation),
        cmocka_unit_test(threads_agree_on_entries),     cmocka_unit_test(a_full_table_falls_back),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
