/* SPDX-License-Identifier: Apache-2.0 */
/* How a trace becomes rows: what folds, what stays, where the gaps are. */
#include "tests/support/cmocka.h"

#include "tests/viewer/samples.h"
#include "viewer/text/waterfall_rows.h"

struct fixture {
    struct scene scene;
    struct arena arena;
    struct rows rows;
    const struct resource *shop;
    const struct operation *request, *step, *a, *b;
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    scene_init(&fixture.scene, 20000);
    arena_init(&fixture.arena, (size_t)64 << 20);
    fixture.shop = scene_resource(&fixture.scene, "shop", "");
    fixture.request = scene_operation(&fixture.scene, OPERATION_ENDPOINT, "", "GET /");
    fixture.step = scene_operation(&fixture.scene, OPERATION_SPAN, "", "step");
    fixture.a = scene_operation(&fixture.scene, OPERATION_DB, "postgresql", "SELECT a FROM a WHERE id = ?");
    fixture.b = scene_operation(&fixture.scene, OPERATION_DB, "postgresql", "SELECT b FROM b WHERE id = ?");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    scene_fini(&fixture->scene);
    return 0;
}

static size_t add(struct fixture *fixture, size_t parent, const struct operation *operation, int64_t start_us,
                  int64_t duration_us)
{
    return scene_add(&fixture->scene, parent, operation, fixture->shop, start_us, duration_us);
}

static void build(struct fixture *fixture)
{
    scene_finish(&fixture->scene);
    assert_true(rows_build(&fixture->rows, &fixture->scene.trace, NULL, &fixture->arena));
}

/* The next row is of this operation (NULL: a gap), of so many spans or pieces, at this depth. */
static const struct row *expect(const struct row *row, const struct operation *operation, uint32_t count,
                                unsigned depth)
{
    assert_non_null(row);
    assert_int_equal(row->kind, operation ? ROW_SPANS : ROW_GAP);
    if (operation) assert_ptr_equal(row->members[0]->operation, operation);
    assert_int_equal(row->count, count);
    assert_int_equal(row->depth, depth);
    return row->next;
}

static void few_calls_stay_apart_and_many_fold(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 9000);
    for (unsigned i = 0; i < FOLD_MIN - 1; i++) add(fixture, root, fixture->a, i * 1000, 1000);
    for (unsigned i = 0; i < FOLD_MIN; i++) add(fixture, root, fixture->b, 4000 + i * 1000, 1000);
    build(fixture);
    const struct row *row = expect(fixture->rows.first, fixture->request, 1, 0);
    for (unsigned i = 0; i < FOLD_MIN - 1; i++) row = expect(row, fixture->a, 1, 1);
    assert_int_equal(row->total_ns, 5000000);
    assert_true(row->is_last);
    assert_null(expect(row, fixture->b, FOLD_MIN, 1));
}

static void interleaved_loops_become_two_rows(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 20000);
    for (unsigned i = 0; i < 10; i++) {
        add(fixture, root, fixture->a, i * 2000, 1000);
        add(fixture, root, fixture->b, i * 2000 + 1000, 1000);
    }
    build(fixture);
    const struct row *row = expect(fixture->rows.first, fixture->request, 1, 0);
    row = expect(row, fixture->a, 10, 1);
    assert_null(expect(row, fixture->b, 10, 1));
}

static void loops_fold_through_wrappers_that_differ(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 20000);
    for (unsigned i = 0; i < 10; i++) {
        size_t wrapper = add(fixture, root, fixture->step, i * 2000, 2000);
        add(fixture, wrapper, fixture->a, i * 2000, i == 3 || i == 7 ? 1000 : 2000);
        if (i == 3 || i == 7) add(fixture, wrapper, fixture->b, i * 2000 + 1000, 1000);
    }
    build(fixture);
    const struct row *row = expect(fixture->rows.first, fixture->request, 1, 0);
    row = expect(row, fixture->step, 10, 1);
    row = expect(row, fixture->a, 10, 2);
    assert_null(expect(row, fixture->b, 2, 2)); /* too few for a loop, but their parents are one row */
}

static void pauses_inside_folded_wrappers_are_one_row(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 20000);
    for (unsigned i = 0; i < 10; i++) {
        size_t wrapper = add(fixture, root, fixture->step, i * 2000, 2000);
        add(fixture, wrapper, fixture->a, i * 2000, 1200);
    }
    build(fixture);
    const struct row *row = expect(fixture->rows.first, fixture->request, 1, 0);
    row = expect(row, fixture->step, 10, 1);
    row = expect(row, fixture->a, 10, 2);
    assert_int_equal(row->total_ns, 8000000);
    assert_null(expect(row, NULL, 10, 2));
}

static void a_gap_is_a_row_where_it_is_long_and_one_row_where_many_are_short(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 100000);
    add(fixture, root, fixture->a, 0, 30000);
    add(fixture, root, fixture->b, 40000, 10000); /* 10 ms of nothing before it */
    for (unsigned i = 0; i < 10; i++) add(fixture, root, fixture->a, 50000 + i * 5000, 4500);
    build(fixture);
    const struct row *row = expect(fixture->rows.first, fixture->request, 1, 0);
    row = expect(row, fixture->a, 11, 1); /* the first call is of the loop's operation: one row */
    assert_int_equal(row->total_ns, 10000000);
    row = expect(row, NULL, 1, 1);
    row = expect(row, fixture->b, 1, 1);
    assert_int_equal(row->total_ns, 5000000);
    assert_null(expect(row, NULL, 10, 1));
}

static void too_little_in_no_span_is_no_row(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 100000);
    add(fixture, root, fixture->a, 0, 98001);
    build(fixture);
    assert_null(expect(expect(fixture->rows.first, fixture->request, 1, 0), fixture->a, 1, 1));
}

static void a_foreign_clock_is_drawn_inside_its_caller_and_an_own_late_span_is_not(void **state)
{
    struct fixture *fixture = *state;
    size_t root = add(fixture, NO_PARENT, fixture->request, 0, 100000);
    size_t calling = add(fixture, root, fixture->a, 10000, 10000);
    scene_add(&fixture->scene, calling, fixture->request, scene_resource(&fixture->scene, "bank", ""), 500000,
              8000);
    size_t step = add(fixture, root, fixture->step, 20000, 10000);
    add(fixture, step, fixture->b, 25000, 20000);
    build(fixture);
    const int64_t base = SCENE_START_NS, ms = 1000000;
    for (const struct row *row = fixture->rows.first; row; row = row->next) {
        if (row->kind == ROW_GAP) continue;
        if (row->members[0]->resource != fixture->shop) {
            assert_int_equal(row->intervals[0].start_ns, base + 20 * ms);
            assert_int_equal(row->intervals[0].end_ns, base + 20 * ms);
        }
        if (row->members[0]->operation == fixture->b)
            assert_int_equal(row->intervals[0].end_ns, base + 45 * ms);
    }
}

static void a_chain_of_ten_thousand_is_cut_and_counted(void **state)
{
    struct fixture *fixture = *state;
    size_t parent = NO_PARENT;
    for (unsigned i = 0; i < 10000; i++) parent = add(fixture, parent, fixture->step, i, 20000 - i);
    build(fixture);
    uint32_t shown = 0;
    for (const struct row *row = fixture->rows.first; row; row = row->next) shown += row->kind == ROW_SPANS;
    assert_true(shown <= ROWS_SHOWN_MAX);
    assert_int_equal(shown + fixture->rows.hidden_spans, 10000);
}

static void every_span_of_the_dashboard_stands_in_one_row(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    struct trace_view view;
    sample_dashboard(&scene, &view);
    assert_true(rows_build(&fixture->rows, view.trace, view.focus, &fixture->arena));
    uint64_t spans = fixture->rows.hidden_spans;
    for (const struct row *row = fixture->rows.first; row; row = row->next)
        if (row->kind == ROW_SPANS) spans += row->count;
    assert_int_equal(spans, view.trace->span_count);
    scene_fini(&scene);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(few_calls_stay_apart_and_many_fold),
        TEST(interleaved_loops_become_two_rows),
        TEST(loops_fold_through_wrappers_that_differ),
        TEST(pauses_inside_folded_wrappers_are_one_row),
        TEST(a_gap_is_a_row_where_it_is_long_and_one_row_where_many_are_short),
        TEST(too_little_in_no_span_is_no_row),
        TEST(a_foreign_clock_is_drawn_inside_its_caller_and_an_own_late_span_is_not),
        TEST(a_chain_of_ten_thousand_is_cut_and_counted),
        TEST(every_span_of_the_dashboard_stands_in_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
