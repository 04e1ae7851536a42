/* SPDX-License-Identifier: Apache-2.0 */
#include "base/manual.h"

#include <ctype.h>
#include <stdbool.h>

/* What roff would read as markup is spelled out; a line's first . or ' would be a request. */
static void add(FILE *out, const char *text, bool keep_lines)
{
    bool at_start = true;
    for (; *text; text++) {
        char c = *text == '\n' && !keep_lines ? ' ' : *text;
        if (at_start && (c == '.' || c == '\'')) fputs("\\&", out);
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else if (c == '\'')
            fputs("\\(aq", out);
        else
            fputc(c, out);
        at_start = c == '\n';
    }
    fputc('\n', out);
}

void manual_begin(FILE *out, const char *name, int section, const char *version, const char *what)
{
    manual_begin_several(out, name, section, version, name, what);
}

void manual_begin_several(FILE *out, const char *name, int section, const char *version, const char *names,
                          const char *what)
{
    fputs(".TH ", out);
    for (const char *c = name; *c; c++) fputc(toupper((unsigned char)*c), out);
    fprintf(out, " %d \"\" \"weir %s\"\n.SH NAME\n%s \\- ", section, version, names);
    add(out, what, false);
}

void manual_section(FILE *out, const char *title)
{
    fputs(".SH ", out);
    add(out, title, false);
}

void manual_subsection(FILE *out, const char *title)
{
    fputs(".SS ", out);
    add(out, title, false);
}

void manual_text(FILE *out, const char *text)
{
    fputs(".PP\n", out);
    add(out, text, false);
}

void manual_code(FILE *out, const char *text)
{
    fputs(".PP\n.in +4n\n.nf\n", out);
    add(out, text, true);
    fputs(".fi\n.in\n", out);
}

void manual_item(FILE *out, const char *term, const char *text)
{
    fputs(".TP\n.B ", out);
    add(out, term, false);
    add(out, text, false);
}
