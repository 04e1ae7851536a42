/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages: nothing in a text is taken for markup. */
#include "tests/support/cmocka.h"

#include "base/manual.h"

#include <stdlib.h>
#include <string.h>

static char page[4096];

static const char *written(void (*add)(FILE *out))
{
    FILE *out = fmemopen(page, sizeof page, "w");
    assert_non_null(out);
    add(out);
    fclose(out);
    return page;
}

static void add_text(FILE *out) { manual_text(out, ".a\n'b \\c --d 'e'\n.f"); }
static void add_code(FILE *out) { manual_code(out, ".a\n'b\n\n  \\c"); }
static void add_item(FILE *out) { manual_item(out, "--name VALUE", ".what"); }
static void add_head(FILE *out) { manual_begin(out, "weir-x", 8, "1.2", "does - things"); }

static void text_is_one_paragraph(void **state)
{
    (void)state;
    assert_string_equal(written(add_text), ".PP\n\\&.a \\(aqb \\ec \\-\\-d \\(aqe\\(aq .f\n");
}

static void code_keeps_its_lines(void **state)
{
    (void)state;
    assert_string_equal(written(add_code), ".PP\n.in +4n\n.nf\n\\&.a\n\\&\\(aqb\n\n  \\ec\n.fi\n.in\n");
}

static void items_and_the_head(void **state)
{
    (void)state;
    assert_string_equal(written(add_item), ".TP\n.B \\-\\-name VALUE\n\\&.what\n");
    assert_string_equal(written(add_head),
                        ".TH WEIR-X 8 \"\" \"weir 1.2\"\n.SH NAME\nweir-x \\- does \\- things\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_one_paragraph),
        cmocka_unit_test(code_keeps_its_lines),
        cmocka_unit_test(items_and_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
