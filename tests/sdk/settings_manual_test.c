/* SPDX-License-Identifier: Apache-2.0 */
/* docs/libweir.md says of every setting what the tables do: that there is one, which variable is looked at next, and what a
 * number is by default. */
#include "tests/support/cmocka.h"

#include "sdk/core/settings.h"

#include <stdio.h>

static char manual[256 * 1024];

static int read_manual(void **state)
{
    (void)state;
    FILE *file = fopen(MANUAL, "re");
    size_t len = file ? fread(manual, 1, sizeof manual - 1, file) : 0;
    manual[len] = 0;
    return file && fclose(file) == 0 && len ? 0 : -1;
}

/* The row of a table in which `VARIABLE`, and the one looked at next, are named; NULL: none. */
static const char *row_of(const char *variable, const char *otherwise)
{
    static char row[2048];
    char name[256];
    snprintf(name, sizeof name, *otherwise ? "`%s`, else `%s`" : "`%s`", variable, otherwise);
    for (const char *line = manual; *line; line += strcspn(line, "\n") + 1) {
        snprintf(row, sizeof row, "%.*s", (int)strcspn(line, "\n"), line);
        if (row[0] == '|' && strstr(row, name)) return row;
        if (line[strcspn(line, "\n")] == 0) break;
    }
    return NULL;
}

static void every_setting_has_a_row(void **state)
{
    (void)state;
#define X(name, variable, otherwise, standard, what)                                                         \
    if (!row_of(variable, otherwise)) fail_msg("%s is not in the manual", variable);
    SETTING_TEXTS(X)
#undef X
#define X(field, variable, otherwise, standard, least, most, what)                                           \
    if (!row_of(variable, otherwise)) fail_msg("%s is not in the manual", variable);
    SETTING_NUMBERS(X)
#undef X
}

static void check_number(const char *variable, const char *otherwise, uint32_t standard)
{
    char cell[32];
    snprintf(cell, sizeof cell, standard == INT32_MAX ? "| |" : "| %u |", standard);
    const char *row = row_of(variable, otherwise);
    if (!row || !strstr(row, cell))
        fail_msg("%s is %u by default, the manual has %s", variable, standard, row);
}

static void numbers_have_their_defaults(void **state)
{
    (void)state;
#define X(field, variable, otherwise, standard, least, most, what)                                           \
    check_number(variable, otherwise, standard);
    SETTING_NUMBERS(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_has_a_row),
        cmocka_unit_test(numbers_have_their_defaults),
    };
    return cmocka_run_group_tests(tests, read_manual, NULL);
}
