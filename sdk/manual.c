/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the manual page libweir(3) when weir is built: settings, status codes and drop reasons from their
 * tables, functions and macros from the public header, whose comments stand above what they are about.
 *
 *     libweir_manual weir.h
 */
#include "base/manual.h"
#include "proto/drop_reason.h"
#include "sdk/core/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES_MAX ((size_t)1 << 18)

/* ---- the tables ---- */

static void add_setting(FILE *out, const char *variable, const char *otherwise, const char *what,
                        const char *standard)
{
    char name[128], text[512];
    snprintf(name, sizeof name, "%s%s%s", variable, *otherwise ? ", else " : "", otherwise);
    snprintf(text, sizeof text, *standard ? "%s [%s]" : "%s", what, standard);
    manual_item(out, name, text);
}

static void add_number_setting(FILE *out, const char *variable, const char *otherwise, const char *what,
                               const unsigned range[3])
{
    char standard[64];
    if (range[2] < INT32_MAX)
        snprintf(standard, sizeof standard, "%u; %u to %u", range[0], range[1], range[2]);
    else if (range[0] < INT32_MAX)
        snprintf(standard, sizeof standard, "%u", range[0]);
    else
        snprintf(standard, sizeof standard, "no limit");
    add_setting(out, variable, otherwise, what, standard);
}

static void add_settings(FILE *out)
{
    manual_section(out, "ENVIRONMENT");
    manual_text(out,
                "An empty variable counts as unset, and so does, with a warning (weir_settings_warnings), a "
                "number that is none or out of range, or an unknown word. A struct weir_config given to "
                "weir_init wins.");
#define X(name, variable, otherwise, standard, what) add_setting(out, variable, otherwise, what, standard);
    SETTING_TEXTS(X)
#undef X
#define X(field, variable, otherwise, standard, least, most, what)                                           \
    add_number_setting(out, variable, otherwise, what, (const unsigned[]){standard, least, most});
    SETTING_NUMBERS(X)
#undef X
}

static void add_codes(FILE *out)
{
    manual_section(out, "RETURN VALUES");
#define X(name, number, text) manual_item(out, "WEIR_" #name, text);
    WEIR_STATUS_CODES(X)
#undef X
    manual_section(out, "WHAT IS DROPPED");
    manual_text(out,
                "created = acknowledged + dropped + in flight, and dropped has its reasons in weir_stats, in "
                "weir status and in the report.");
#define X(name, words) manual_item(out, #name, words);
    DROP_REASONS(X)
#undef X
}

/* ---- the header ---- */

/* The text of the comment at `at`, without its marks; returns what stands behind it. */
static const char *take_comment(const char *at, char *text, size_t room)
{
    const char *end = strstr(at, "*/");
    size_t len = 0;
    if (!end) return at + strlen(at);
    for (at += 2; at < end && len + 1 < room; at++) {
        if (*at == '\n') {
            at += strspn(at + 1, " ");
            if (at[1] == '*' && at + 1 < end) at++;
            text[len++] = '\n';
        } else {
            text[len++] = *at;
        }
    }
    text[len] = 0;
    return end + 2;
}

/* One declaration, up to its semicolon; returns what stands behind it. */
static const char *take_declaration(const char *at, char *text, size_t room)
{
    size_t len = strcspn(at, ";");
    snprintf(text, room, "%.*s;", (int)len, at);
    return at + len + (at[len] == ';');
}

/* "WEIR_SPAN(name)" of its #define; returns what stands behind that. Constants are no such thing. */
static const char *take_macro(const char *at, char *text, size_t room)
{
    size_t name = strcspn(at, " (\n"), len = at[name] == '(' ? strcspn(at, ")") + 1 : 0;
    snprintf(text, room, "%.*s", (int)len, at);
    return at + name;
}

struct pending {
    char title[128], comment[4096]; /* not written yet: what they are about is still to come */
};

static void add_entry(FILE *out, struct pending *pending, const char *code)
{
    if (pending->title[0]) manual_subsection(out, pending->title);
    if (pending->comment[0]) manual_text(out, pending->comment + strspn(pending->comment, " \n"));
    manual_code(out, code);
    *pending = (struct pending){0};
}

/* Titles ("---- spans ----") become sections of their own. */
static const char *note_comment(const char *at, struct pending *pending)
{
    const char *rest = take_comment(at, pending->comment, sizeof pending->comment);
    char *title = strstr(pending->comment, "---- "), *end = title ? strstr(title + 5, " ----") : NULL;
    if (!end) return rest;
    snprintf(pending->title, sizeof pending->title, "%.*s", (int)(end - title - 5), title + 5);
    pending->comment[0] = 0;
    return rest;
}

/* Declarations of the public interface, and macros that have a comment of their own. */
static void add_functions(FILE *out, const char *header)
{
    struct pending pending = {0};
    char code[1024];
    for (const char *at = header; *at;) {
        if (strncmp(at, "/*", 2) == 0) {
            at = note_comment(at, &pending);
        } else if (strncmp(at, "WEIR_API ", 9) == 0) {
            at = take_declaration(at + 9, code, sizeof code);
            add_entry(out, &pending, code);
        } else if (strncmp(at, "#define WEIR_", 13) == 0) {
            at = take_macro(at + 8, code, sizeof code);
            if (code[0] && pending.comment[0]) add_entry(out, &pending, code);
        } else {
            at += strcspn(at, "\n");
            at += *at == '\n';
        }
    }
}

static bool read_header(const char *path, char *header)
{
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(header, 1, HEADER_BYTES_MAX - 1, file) : 0;
    header[len] = 0;
    return file && fclose(file) == 0 && len > 0;
}

int main(int argc, char **argv)
{
    static char header[HEADER_BYTES_MAX], essay[4096];
    if (argc != 2 || !read_header(argv[1], header)) {
        fputs("libweir_manual: give it the path of weir.h\n", stderr);
        return 1;
    }
    const char *spdx = strstr(header, "*/"), *begin = spdx ? strstr(spdx, "/*") : NULL;
    if (!begin) return 1;
    const char *rest = take_comment(begin, essay, sizeof essay);
    manual_begin(stdout, "libweir", 3, WEIR_VERSION, "spans around the work of a C service");
    manual_section(stdout, "SYNOPSIS");
    manual_code(stdout, "#include <weir/weir.h>\n\ncc service.c $(pkg-config --cflags --libs weir)");
    manual_section(stdout, "DESCRIPTION");
    manual_code(stdout, essay + strspn(essay, "\n"));
    manual_section(stdout, "FUNCTIONS");
    add_functions(stdout, rest);
    add_codes(stdout);
    add_settings(stdout);
    manual_section(stdout, "SEE ALSO");
    manual_text(stdout, "weir(1), weir-collector(8)");
    return ferror(stdout) || fflush(stdout) != 0;
}
