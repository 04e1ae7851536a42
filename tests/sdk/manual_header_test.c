/* SPDX-License-Identifier: Apache-2.0 */
/* What the generator of manual pages reads in a header. */
#include "tests/support/cmocka.h"

#include "sdk/manual/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct arena arena;
static struct header header;

/* As the header weir/weir.h of a folder of its own. */
static bool read_text(const char *text)
{
    char path[] = "/tmp/weir-header-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    arena_reset(&arena);
    bool ok = header_read(&header, &arena, "/tmp", path + strlen("/tmp/"));
    unlink(path);
    return ok;
}

static bool is(struct str text, const char *expected) { return str_equal(text, str_of(expected)); }

#define HEAD "/* SPDX */\n/*\n * An essay.\n *\n *     code();\n */\n"

static void essay_keeps_its_layout(void **state)
{
    (void)state;
    assert_true(read_text(HEAD));
    assert_true(is(header.essay, "An essay.\n\n    code();"));
    assert_int_equal(header.item_count, 0);
}

static void items_have_their_comments(void **state)
{
    (void)state;
    assert_true(read_text(
        HEAD
        "/* ---- first ---- */\n\n/* Both. */\nWEIR_API void weir_a(int a,\n                     int b);\n"
        "WEIR_API int weir_b(void);\n\nWEIR_API int weir_c(void); /* behind */\n"
        "/* Many. */\n#define WEIR_M(x) \\\n    f(x)\n#define WEIR_N 7 /* seven */\n"
        "#define WEIR_OWN_(x) x\n#define WEIR_GUARD\n"));
    assert_int_equal(header.item_count, 5);
    const struct header_item *items = header.items;
    assert_true(is(items[0].title, "first") && is(items[0].comment, "Both."));
    assert_true(is(items[0].code, "void weir_a(int a, int b);"));
    assert_true(is(items[1].name, "weir_b") && items[1].joined && items[1].comment.len == 0);
    assert_true(is(items[2].comment, "behind") && !items[2].joined);
    assert_true(items[3].kind == HEADER_MACRO && is(items[3].code, "WEIR_M(x)"));
    assert_true(items[4].kind == HEADER_CONSTANT && is(items[4].code, "#define WEIR_N 7"));
}

static void bodies_of_inline_functions_are_passed_over(void **state)
{
    (void)state;
    assert_true(read_text(HEAD "static inline int weir_a(void) { return 1; }\nWEIR_API int weir_b(void);\n"
                               "WEIR_INLINE int weir_b(void)\n{\n    if (1) { return 2; }\n    return 3;\n}\n"
                               "WEIR_API int weir_own_(void);\n/* Last. */\nWEIR_API int weir_c(void);\n"));
    assert_int_equal(header.item_count, 3);
    assert_true(is(header.items[0].code, "int weir_a(void);"));
    assert_true(is(header.items[1].name, "weir_b"));
    assert_true(is(header.items[2].name, "weir_c") && is(header.items[2].comment, "Last."));
}

static void members_have_theirs(void **state)
{
    (void)state;
    assert_true(read_text(
        HEAD "struct weir_s {\n    int a; /* behind\n              it */\n    /* above */\n"
             "    void (*f)(int x, int y);\n    int bare;\n};\nenum weir_e { WEIR_A, WEIR_B /* b */ };\n"));
    assert_int_equal(header.item_count, 2);
    struct str body = header.items[0].body;
    struct header_member member;
    assert_true(header_next_member(&arena, &body, ';', &member));
    assert_true(is(member.code, "int a"));
    assert_true(member.comment.len > 0);
    assert_true(header_next_member(&arena, &body, ';', &member));
    assert_true(is(member.code, "void (*f)(int x, int y)") && is(member.comment, "above"));
    assert_true(header_next_member(&arena, &body, ';', &member));
    assert_true(is(member.code, "int bare") && member.comment.len == 0);
    assert_false(header_next_member(&arena, &body, ';', &member));
    body = header.items[1].body;
    assert_true(header_next_member(&arena, &body, ',', &member) && is(member.code, "WEIR_A"));
    assert_true(header_next_member(&arena, &body, ',', &member) && is(member.code, "WEIR_B"));
    assert_true(is(member.comment, "b"));
    assert_false(header_next_member(&arena, &body, ',', &member));
}

static void rows_of_a_table(void **state)
{
    (void)state;
    assert_true(read_text(
        HEAD "#define WEIR_THINGS(X) \\\n    X(ONE, 1, \"the first\") \\\n    X(TWO, 2, \"the second\")\n"));
    assert_int_equal(header.item_count, 1);
    struct str rows = header.items[0].body;
    struct header_row row;
    assert_true(header_next_row(&arena, &rows, &row) && is(row.name, "ONE") && is(row.text, "the first"));
    assert_true(header_next_row(&arena, &rows, &row) && is(row.name, "TWO") && is(row.text, "the second"));
    assert_false(header_next_row(&arena, &rows, &row));
}

/* Cut anywhere, it comes to an end. */
static void what_is_cut_short_ends(void **state)
{
    (void)state;
    char text[] = HEAD
        "/*\n*/\n/**/\n/* c */\nstruct weir_s {\n  int a; /* b */\n};\nWEIR_API int weir_a(int b); /* d */\n"
        "typedef int (*weir_fn)(void);\nWEIR_INLINE int weir_b(void)\n{\n}\n#define WEIR_T(X) X(A, \"a\")\n";
    for (size_t len = sizeof text - 1; len-- > 0;) {
        text[len] = 0;
        read_text(text);
    }
    assert_false(read_text(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(essay_keeps_its_layout),
        cmocka_unit_test(items_have_their_comments),
        cmocka_unit_test(bodies_of_inline_functions_are_passed_over),
        cmocka_unit_test(members_have_theirs),
        cmocka_unit_test(rows_of_a_table),
        cmocka_unit_test(what_is_cut_short_ends),
    };
    arena_init(&arena, (size_t)1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
