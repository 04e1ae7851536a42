/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/cli/load_plan.h"

#include <stdio.h>
#include <string.h>

#define IDS 1000

static char error[LOAD_ERROR_BYTES];

static struct load_plan make(size_t requests, double hit_rate, size_t warm, uint64_t seed)
{
    struct load_plan plan;
    struct load_mix mix = {.requests = requests, .hit_rate = hit_rate, .warm = warm, .seed = seed};
    assert_true(load_plan_make(&plan, &mix, IDS, error));
    assert_int_equal(plan.count, requests);
    return plan;
}

/* Fresh ids in order from the first that is not warm; repeats only of ids that stand earlier or are warm. */
static void is_sound(const struct load_plan *plan, size_t warm, size_t repeats)
{
    size_t known = warm, seen = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct load_request *request = &plan->requests[i];
        if (request->is_repeat) {
            assert_true(request->id < known);
            seen++;
        } else {
            assert_int_equal(request->id, known++);
        }
    }
    assert_int_equal(seen, repeats);
    assert_int_equal(plan->repeats, repeats);
}

static void the_hit_rate_is_exact(void **state)
{
    (void)state;
    static const struct {
        size_t requests;
        double hit_rate;
        size_t warm, repeats;
    } cases[] = {
        {100, 0.85, 0, 85}, {50, 0.85, 0, 43}, {20, 0.85, 0, 17},
        {100, 0.85, 5, 85}, {7, 0, 0, 0},      {7, 1, 0, 6}, /* the first cannot have been asked before */
        {7, 1, 1, 7},       {1, 0.85, 0, 0},   {1000, 0.5, 3, 500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct load_plan plan = make(cases[i].requests, cases[i].hit_rate, cases[i].warm, seed);
            is_sound(&plan, cases[i].warm, cases[i].repeats);
            load_plan_fini(&plan);
        }
    }
}

static bool are_equal(const struct load_plan *a, const struct load_plan *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->requests[i].id != b->requests[i].id || a->requests[i].is_repeat != b->requests[i].is_repeat)
            return false;
    }
    return a->count == b->count;
}

static void the_same_seed_gives_the_same_plan_and_another_another(void **state)
{
    (void)state;
    struct load_plan one = make(200, 0.85, 0, 7), again = make(200, 0.85, 0, 7),
                     other = make(200, 0.85, 0, 8);
    assert_true(are_equal(&one, &again));
    assert_false(are_equal(&one, &other));
    load_plan_fini(&one);
    load_plan_fini(&again);
    load_plan_fini(&other);
}

/* Written down, so that a plan is the same on every machine and in every version. */
static void seed_one_gives_this_plan(void **state)
{
    (void)state;
    static const char expected[] = " f0 r0 r0 f1 f2 f3 f4 r4 r2 f5 r4 r5";
    char seen[128] = "";
    struct load_plan plan = make(12, 0.5, 0, 1);
    for (size_t i = 0; i < plan.count; i++) {
        size_t len = strlen(seen);
        snprintf(seen + len, sizeof seen - len, "%s%u", plan.requests[i].is_repeat ? " r" : " f",
                 plan.requests[i].id);
    }
    assert_string_equal(seen, expected);
    load_plan_fini(&plan);
}

static void without_a_hit_rate_ids_are_asked_in_turn(void **state)
{
    (void)state;
    struct load_plan plan = make(2 * IDS + 1, LOAD_IN_TURN, 0, 1);
    for (size_t i = 0; i < plan.count; i++) {
        assert_int_equal(plan.requests[i].id, i % IDS);
        assert_int_equal(plan.requests[i].is_repeat, i >= IDS);
    }
    load_plan_fini(&plan);
}

static void says_how_many_ids_are_needed(void **state)
{
    (void)state;
    struct load_plan plan;
    struct load_mix mix = {.requests = 100, .hit_rate = 0.85, .warm = 6};
    assert_false(load_plan_make(&plan, &mix, 20, error));
    assert_non_null(strstr(error, "21 ids are needed, 6 to warm and 15 fresh ones, and the URLs name 20"));
    load_plan_fini(&plan);
    assert_true(load_plan_make(&plan, &mix, 21, error));
    load_plan_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hit_rate_is_exact),
        cmocka_unit_test(the_same_seed_gives_the_same_plan_and_another_another),
        cmocka_unit_test(seed_one_gives_this_plan),
        cmocka_unit_test(without_a_hit_rate_ids_are_asked_in_turn),
        cmocka_unit_test(says_how_many_ids_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
