/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/hash.h"
#include "base/id.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void ids_of_two_generators_never_meet(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t ids[COUNT];
    struct id_generator one, other;
    id_generator_seed(&one);
    id_generator_seed(&other);
    for (int i = 0; i < COUNT; i++) ids[i] = id_next(i % 2 ? &one : &other);
    qsort(ids, COUNT, sizeof *ids, by_value);
    assert_true(ids[0] != 0);
    for (int i = 1; i < COUNT; i++) assert_true(ids[i] != ids[i - 1]);
}

static void a_sequence_never_repeats(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t ids[COUNT];
    struct id_sequence one = {-(uint64_t)COUNT / 4 * 0x9e3779b97f4a7c15u}, other; /* goes through 0 */
    id_random_bytes(&other, sizeof other);
    for (int i = 0; i < COUNT; i++) ids[i] = id_sequence_next(i % 2 ? &one : &other);
    qsort(ids, COUNT, sizeof *ids, by_value);
    assert_true(ids[0] != 0);
    uint32_t same = 0;
    for (int i = 1; i < COUNT; i++) same += ids[i] == ids[i - 1];
    assert_true(same <= 1); /* 0 and 1 give the same */
}

static void a_key_decides_the_hash(void **state)
{
    (void)state;
    struct hash_key a, b, random;
    hash_key_derive(&a, "secret", 6);
    hash_key_derive(&b, "other", 5);
    hash_key_random(&random);
    uint64_t value = hash_keyed(&a, "4711", 4);
    assert_true(value == hash_keyed(&a, "4711", 4));
    assert_true(value != hash_keyed(&a, "4712", 4));
    assert_true(value != hash_keyed(&b, "4711", 4));
    assert_true(value != hash_keyed(&random, "4711", 4));
    assert_true(value != hash_bytes("4711", 4));
}

static void combining_depends_on_order(void **state)
{
    (void)state;
    assert_true(hash_combine(hash_combine(0, 1), 2) != hash_combine(hash_combine(0, 2), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_two_generators_never_meet),
        cmocka_unit_test(a_sequence_never_repeats),
        cmocka_unit_test(a_key_decides_the_hash),
        cmocka_unit_test(combining_depends_on_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
