/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/manual/page.h"

#include "base/buffer.h"
#include "base/manual.h"

#define CODE_COLUMNS 76

/* ---- text ---- */

static const char *copy(struct arena *arena, struct str text) { return arena_str(arena, text).data; }

void page_prose(FILE *out, struct arena *arena, struct str text)
{
    const char *at = text.data, *end = text.data + text.len;
    while (at < end) {
        const char *begin = at;
        bool indented = *at == ' ';
        while (at < end && *at != '\n' && (*at == ' ') == indented) { /* lines of one kind */
            const char *line = memchr(at, '\n', (size_t)(end - at));
            at = line ? line + 1 : end;
        }
        if (at > begin) {
            struct str block = str_view(begin, (size_t)(at - begin) - (at[-1] == '\n'));
            (indented ? manual_code : manual_text)(out, copy(arena, block));
        }
        while (at < end && *at == '\n') at++;
    }
}

/* One line of code broken behind commas, so that it fits a terminal. */
static void add_wrapped(struct buffer *to, struct str code)
{
    size_t column = 0;
    for (size_t i = 0; i < code.len; i++) {
        const char *next = i + 1 < code.len ? memchr(code.data + i + 1, ',', code.len - i - 1) : NULL;
        size_t ahead = next ? (size_t)(next - code.data) - i : code.len - i;
        if (code.data[i] == ' ' && i > 0 && code.data[i - 1] == ',' && column + ahead > CODE_COLUMNS) {
            buffer_add_text(to, "\n        ");
            column = 8;
            continue;
        }
        buffer_add_char(to, code.data[i], 1);
        column++;
    }
    buffer_add_char(to, '\n', 1);
}

/* ---- the parts of a page ---- */

static bool is_code(const struct header_item *item) { return item->kind <= HEADER_TYPE; }

/* "weir_init, weir_shutdown": what is explained here, each once. */
static const char *names_of(struct arena *arena, const struct page *page)
{
    struct str names = page->name;
    for (size_t i = page->first; i < page->end; i++) {
        const struct header_item *item = &page->header->items[i];
        if (item->kind > HEADER_MACRO || str_equal(item->name, page->name)) continue;
        names = arena_printf(arena, "%.*s, %.*s", (int)names.len, names.data, (int)item->name.len,
                             item->name.data);
    }
    return names.data;
}

static void add_synopsis(FILE *out, const struct page *page)
{
    struct buffer code;
    buffer_init(&code);
    buffer_printf(&code, "#include <%.*s>\n\ncc service.c $(pkg-config --cflags --libs %s)",
                  (int)page->header->path.len, page->header->path.data, page->module);
    manual_section(out, "SYNOPSIS");
    manual_code(out, code.data);
    buffer_clear(&code);
    for (size_t i = page->first; i < page->end; i++) {
        const struct header_item *item = &page->header->items[i];
        if (!is_code(item)) continue;
        if (code.len > 0 && !item->joined) buffer_add_char(&code, '\n', 1);
        add_wrapped(&code, item->code);
    }
    if (code.len > 0) {
        code.data[code.len - 1] = 0;
        manual_code(out, code.data);
    }
    buffer_fini(&code);
}

/* Functions, macros and constants that share a comment; returns the item behind them. */
static size_t add_group(FILE *out, struct arena *arena, const struct page *page, size_t at)
{
    const struct header_item *items = page->header->items;
    struct str term = str_of(""), comment = items[at].comment;
    do {
        const char *call = items[at].kind <= HEADER_MACRO ? "()" : "";
        term = arena_printf(arena, "%.*s%s%.*s%s", (int)term.len, term.data ? term.data : "",
                            term.len ? ", " : "", (int)items[at].name.len, items[at].name.data, call);
        at++;
    } while (at < page->end && items[at].joined && is_code(&items[at]));
    if (comment.len > 0) manual_item(out, term.data, copy(arena, comment));
    return at;
}

static void add_members(FILE *out, struct arena *arena, const struct header_item *item, char separator)
{
    struct str body = item->body;
    struct header_member member;
    while (header_next_member(arena, &body, separator, &member))
        if (member.code.len > 0) manual_item(out, copy(arena, member.code), copy(arena, member.comment));
}

/* An enum whose values come from a table above it: WEIR_##name. */
static void add_table(FILE *out, struct arena *arena, const struct header_item *table, struct str body)
{
    const char *paste = strstr(copy(arena, body), "##"), *begin = paste;
    while (begin && begin[-1] != ' ') begin--;
    struct str rows = table->body;
    struct header_row row;
    while (paste && header_next_row(arena, &rows, &row)) {
        struct str name =
            arena_printf(arena, "%.*s%.*s", (int)(paste - begin), begin, (int)row.name.len, row.name.data);
        manual_item(out, name.data, copy(arena, row.text));
    }
}

static void add_type(FILE *out, struct arena *arena, const struct header_item *item,
                     const struct header_item *table)
{
    bool is_enum = item->kind == HEADER_ENUM;
    struct str comment = item->comment.len > 0 || !table ? item->comment : table->comment;
    manual_subsection(
        out, arena_printf(arena, "%s %.*s", is_enum ? "enum" : "struct", (int)item->name.len, item->name.data)
                 .data);
    if (comment.len > 0) page_prose(out, arena, comment);
    if (table)
        add_table(out, arena, table, item->body);
    else
        add_members(out, arena, item, is_enum ? ',' : ';');
}

static void add_functions(FILE *out, struct arena *arena, const struct page *page)
{
    const struct header_item *items = page->header->items;
    for (size_t i = page->first; i < page->end;) {
        if (items[i].title.len > 0 && i > page->first) manual_subsection(out, copy(arena, items[i].title));
        i = is_code(&items[i]) ? add_group(out, arena, page, i) : i + 1;
    }
}

static void add_types(FILE *out, struct arena *arena, const struct page *page)
{
    const struct header_item *table = NULL;
    bool first = true;
    for (size_t i = page->first; i < page->end; i++) {
        const struct header_item *item = &page->header->items[i];
        if (item->kind == HEADER_TABLE) table = item;
        if (item->kind != HEADER_STRUCT && item->kind != HEADER_ENUM) continue;
        if (first) manual_section(out, "TYPES");
        add_type(out, arena, item, item->kind == HEADER_ENUM ? table : NULL);
        first = false;
        table = NULL;
    }
}

void page_write(FILE *out, struct arena *arena, const struct page *page, const char *version)
{
    manual_begin_several(out, copy(arena, page->name), 3, version, names_of(arena, page),
                         copy(arena, page->what));
    add_synopsis(out, page);
    manual_section(out, "DESCRIPTION");
    if (page->essay.len > 0) page_prose(out, arena, page->essay);
    add_functions(out, arena, page);
    add_types(out, arena, page);
    manual_section(out, "SEE ALSO");
    manual_text(out, "libweir(7), weir(1), weir-collector(8)");
}
