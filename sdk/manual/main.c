/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes libweir's manual when weir is built: from the public headers a page of section 3 for each of their parts, with a
 * link for each function, macro and type; from the tables libweir(7), with settings, codes and drop reasons.
 *
 *     libweir_manual TO-FOLDER INCLUDE-FOLDER weir/weir.h weir/call.h …
 *
 * weir/weir.h is split at its titles, and its essay is libweir(7). Any other
 * header is one page, named after it (weir_call), essay and all.
 */
#include "base/manual.h"
#include "proto/drop_reason.h"
#include "sdk/core/settings.h"
#include "sdk/manual/page.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define PAGES_MAX       64

/* Headers whose functions are in a library of their own. */
static const struct {
    const char *path, *module;
} modules[] = {{"weir/libpq.h", "weir-pq"},
               {"weir/libcurl.h", "weir-curl"},
               {"weir/hiredis.h", "weir-redis"},
               {"weir/otlp.h", "weir-otlp"}};

struct manual {
    struct arena arena;
    const char *folder;
    struct page pages[PAGES_MAX];
    size_t page_count;
};

/* ---- files ---- */

static FILE *open_page(struct manual *manual, int section, struct str name)
{
    struct str folder = arena_printf(&manual->arena, "%s/man%d", manual->folder, section);
    struct str path = arena_printf(&manual->arena, "%.*s/%.*s.%d", (int)folder.len, folder.data,
                                   (int)name.len, name.data, section);
    FILE *file = (mkdir(folder.data, 0777) == 0 || errno == EEXIST) ? fopen(path.data, "we") : NULL;
    if (!file) {
        perror(path.data);
        exit(1);
    }
    return file;
}

static void close_page(FILE *file)
{
    if (!ferror(file) && fclose(file) == 0) return;
    perror("libweir_manual");
    exit(1);
}

static void write_page(struct manual *manual, const struct page *page)
{
    FILE *out = open_page(manual, 3, page->name);
    page_write(out, &manual->arena, page, WEIR_VERSION);
    close_page(out);
    for (size_t i = page->first; i < page->end; i++) {
        struct str name = page->header->items[i].name;
        if (page->header->items[i].kind == HEADER_TABLE || str_equal(name, page->name)) continue;
        FILE *link = open_page(manual, 3, name);
        fprintf(link, ".so man3/%.*s.3\n", (int)page->name.len, page->name.data);
        close_page(link);
    }
}

/* ---- which pages there are ---- */

static const char *module_of(struct str path)
{
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (str_equal(path, str_of(modules[i].path))) return modules[i].module;
    return "weir";
}

static void add_page(struct manual *manual, struct page page)
{
    if (manual->page_count == PAGES_MAX) exit(1);
    page.module = module_of(page.header->path);
    manual->pages[manual->page_count++] = page;
}

/* Parts of weir.h whose first function is not what people look for. */
static const char *const known_for[] = {"weir_init", "WEIR_SPAN"};

/* What a page is called: what it is known for, else its first function. */
static struct str page_name(const struct header *header, size_t first, size_t end)
{
    struct str name = header->items[first].name;
    for (size_t i = end; i-- > first;)
        if (header->items[i].kind == HEADER_FUNCTION) name = header->items[i].name;
    for (size_t i = first; i < end; i++)
        for (size_t known = 0; known < sizeof known_for / sizeof *known_for; known++)
            if (str_equal(header->items[i].name, str_of(known_for[known]))) name = header->items[i].name;
    return name;
}

static void add_sections(struct manual *manual, const struct header *header)
{
    for (size_t i = 0, next; i < header->item_count; i = next) {
        for (next = i + 1; next < header->item_count && header->items[next].title.len == 0;) next++;
        add_page(manual, (struct page){.header = header,
                                       .first = i,
                                       .end = next,
                                       .name = page_name(header, i, next),
                                       .what = header->items[i].title,
                                       .essay = str_of("")});
    }
}

/* "libpq with spans" of "libpq with spans: include this …". */
static struct str first_clause(struct str essay)
{
    size_t len = 0;
    while (len < essay.len && essay.data[len] != ':' && essay.data[len] != '.') len++;
    return str_view(essay.data, len);
}

static void add_whole(struct manual *manual, const struct header *header)
{
    struct str base = str_view(header->path.data + 5, header->path.len - 7); /* weir/NAME.h */
    add_page(manual,
             (struct page){.header = header,
                           .first = 0,
                           .end = header->item_count,
                           .name = arena_printf(&manual->arena, "weir_%.*s", (int)base.len, base.data),
                           .what = first_clause(header->essay),
                           .essay = header->essay});
}

/* ---- libweir(7) ---- */

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

static void add_list_of_pages(FILE *out, struct manual *manual)
{
    manual_section(out, "PAGES");
    for (size_t i = 0; i < manual->page_count; i++) {
        const struct page *page = &manual->pages[i];
        struct str term = arena_printf(&manual->arena, "%.*s(3)", (int)page->name.len, page->name.data);
        manual_item(out, term.data, arena_str(&manual->arena, page->what).data);
    }
}

static void write_overview(struct manual *manual, struct str essay)
{
    FILE *out = open_page(manual, 7, str_of("libweir"));
    manual_begin(out, "libweir", 7, WEIR_VERSION, "spans around the work of a C service");
    manual_section(out, "SYNOPSIS");
    manual_code(out, "#include <weir/weir.h>\n\ncc service.c $(pkg-config --cflags --libs weir)");
    manual_section(out, "DESCRIPTION");
    page_prose(out, &manual->arena, essay);
    add_list_of_pages(out, manual);
    add_settings(out);
    add_codes(out);
    manual_section(out, "SEE ALSO");
    manual_text(out, "weir(1), weir-collector(8)");
    close_page(out);
}

int main(int argc, char **argv)
{
    static struct manual manual;
    if (argc < 4) {
        fputs("libweir_manual TO-FOLDER INCLUDE-FOLDER weir/weir.h …\n", stderr);
        return 2;
    }
    arena_init(&manual.arena, ARENA_BYTES_MAX);
    manual.folder = argv[1];
    struct str essay = str_of("");
    for (int i = 3; i < argc; i++) {
        struct header *header = arena_array(&manual.arena, 1, sizeof *header);
        if (!header || !header_read(header, &manual.arena, argv[2], argv[i])) {
            fprintf(stderr, "libweir_manual: cannot read %s\n", argv[i]);
            return 1;
        }
        if (strcmp(argv[i], "weir/weir.h") == 0) {
            essay = header->essay;
            add_sections(&manual, header);
        } else {
            add_whole(&manual, header);
        }
    }
    for (size_t i = 0; i < manual.page_count; i++) write_page(&manual, &manual.pages[i]);
    write_overview(&manual, essay);
    arena_fini(&manual.arena);
    return 0;
}
