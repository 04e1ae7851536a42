/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/arena.h"

static void grows_by_chunks_and_keeps_what_it_gave(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    int *first = arena_array(&arena, 10, sizeof *first);
    first[9] = 42;
    for (int i = 0; i < 1000; i++) assert_non_null(arena_alloc(&arena, 100));
    assert_int_equal(first[9], 42);
    assert_int_equal((uintptr_t)first % 16, 0);
    arena_fini(&arena);
}

static void the_cap_holds_and_is_remembered(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    assert_non_null(arena_alloc(&arena, 4000));
    assert_null(arena_alloc(&arena, 200));
    assert_true(arena_exhausted(&arena));
    assert_null(arena_array(&arena, SIZE_MAX / 4, 16));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_reset(&arena);
    assert_false(arena_exhausted(&arena));
    assert_non_null(arena_alloc(&arena, 4000));
    arena_fini(&arena);
}

static void text_is_copied_and_terminated(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct str copy = arena_str(&arena, str_view("abcdef", 3));
    assert_string_equal(copy.data, "abc");
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x").data, "7-x");
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_by_chunks_and_keeps_what_it_gave),
        cmocka_unit_test(the_cap_holds_and_is_remembered),
        cmocka_unit_test(text_is_copied_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
