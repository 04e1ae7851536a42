/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/manual/header.h"

#include "base/buffer.h"

#include <ctype.h>
#include <stdio.h>

/* What is still to be read, and what has been read of the item to come. */
struct reader {
    const char *at;
    struct arena *arena;
    struct header *header;
    struct str title, comment;
    bool open; /* the last thing read was an item, and no blank line came since */
    bool full;
};

static struct str between(const char *begin, const char *end)
{
    return str_view(begin, (size_t)(end - begin));
}

static bool begins(const char *at, const char *word) { return strncmp(at, word, strlen(word)) == 0; }

static const char *end_of(const char *at, const char *mark)
{
    const char *found = strstr(at, mark);
    return found ? found : at + strlen(at);
}

static size_t name_length(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_') len++;
    return len;
}

/* In one line, blanks and line ends as one blank each, continued lines joined. */
static struct str squeeze(struct arena *arena, struct str text)
{
    char *to = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!to) return str_of("");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\\' && i + 1 < text.len && text.data[i + 1] == '\n') c = ' ';
        if (isspace((unsigned char)c)) c = ' ';
        if (c != ' ' || (len > 0 && to[len - 1] != ' ')) to[len++] = c;
    }
    while (len > 0 && to[len - 1] == ' ') len--;
    to[len] = 0;
    return str_view(to, len);
}

/* Blanks, a star and one blank: what stands in front of each line of a comment but the first. */
static size_t margin(const char *line, size_t len)
{
    size_t skip = 0;
    while (skip < len && line[skip] == ' ') skip++;
    if (skip < len && line[skip] == '*') skip++;
    return skip + (skip < len && line[skip] == ' ');
}

/* A comment's text without its marks; of the blanks behind them all but the first stay: they are the layout. */
static struct str comment_text(struct arena *arena, struct str inside)
{
    char *to = arena_alloc(arena, inside.len + 1);
    size_t len = 0;
    if (!to) return str_of("");
    const char *at = inside.data, *end = inside.data + inside.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        at += margin(at, (size_t)(line_end - at));
        memcpy(to + len, at, (size_t)(line_end - at));
        len += (size_t)(line_end - at);
        if (newline) to[len++] = '\n';
        at = newline ? newline + 1 : end;
    }
    while (len > 0 && isspace((unsigned char)to[len - 1])) len--;
    size_t skip = 0;
    while (skip < len && to[skip] == '\n') skip++;
    return str_view(to + skip, len - skip);
}

/* From behind the comment's first mark; *at is left behind its last. */
static struct str take_comment(struct arena *arena, const char **at)
{
    const char *end = end_of(*at, "*/");
    struct str text = comment_text(arena, between(*at + 2, end));
    *at = *end ? end + 2 : end;
    return text;
}

static void read_comment(struct reader *reader)
{
    struct str text = take_comment(reader->arena, &reader->at);
    reader->open = false;
    if (text.len > 10 && begins(text.data, "---- ") && memcmp(text.data + text.len - 5, " ----", 5) == 0) {
        reader->title = str_view(text.data + 5, text.len - 10);
        reader->comment = str_of("");
    } else {
        reader->comment = text;
    }
}

/* An inline function is declared, and then has its body. */
static bool is_known(const struct header *header, struct str name)
{
    for (size_t i = 0; i < header->item_count; i++)
        if (header->items[i].kind == HEADER_FUNCTION && str_equal(header->items[i].name, name)) return true;
    return false;
}

static void add(struct reader *reader, enum header_item_kind kind, struct str name, struct str code,
                struct str body)
{
    struct header *header = reader->header;
    if (name.len == 0 || name.data[name.len - 1] == '_' ||
        (kind == HEADER_FUNCTION && is_known(header, name))) {
        reader->comment = str_of("");
        return;
    }
    if (header->item_count == HEADER_ITEMS_MAX) {
        reader->full = true;
        return;
    }
    header->items[header->item_count++] = (struct header_item){
        .kind = kind,
        .joined = reader->open && reader->comment.len == 0,
        .title = reader->title,
        .comment = reader->comment,
        .name = name,
        .code = squeeze(reader->arena, code),
        .body = body,
    };
    reader->title = reader->comment = str_of("");
    reader->open = true;
}

/* The name of a function: the word before the first parenthesis. */
static struct str function_name(struct str prototype)
{
    const char *open = memchr(prototype.data, '(', prototype.len);
    const char *begin = open;
    while (begin && begin > prototype.data && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
        begin--;
    return open ? between(begin, open) : str_of("");
}

static void read_function(struct reader *reader, const char *begin)
{
    const char *end = end_of(begin, ";"), *brace = strchr(begin, '{');
    if (brace && brace < end) { /* its body closes at a line's beginning, or in the same line */
        const char *line = strchr(brace, '\n'), *close = strchr(brace, '}');
        end = close && line && close < line ? close : end_of(brace, "\n}");
        reader->at = *end ? end + 1 + (*end == '\n') : end;
        end = brace;
    } else {
        reader->at = *end ? end + 1 : end;
    }
    struct str prototype = between(begin, end);
    struct str code = arena_printf(reader->arena, "%.*s;", (int)squeeze(reader->arena, prototype).len,
                                   squeeze(reader->arena, prototype).data);
    add(reader, HEADER_FUNCTION, function_name(prototype), code, str_of(""));
}

/* struct weir_x { … }; or enum: begin is at its name. */
static void read_braces(struct reader *reader, enum header_item_kind kind, const char *begin)
{
    const char *name_end = begin + name_length(begin), *open = strchr(begin, '{');
    const char *close = open ? end_of(open, "};") : NULL;
    const char *line = strchr(begin, '\n');
    if (!open || !*close || (line && open > line)) { /* declared only */
        reader->at = end_of(begin, "\n");
        return;
    }
    reader->at = close + 2;
    add(reader, kind, between(begin, name_end), between(begin, name_end), between(open + 1, close));
}

/* The end of a line that may be continued. */
static const char *end_of_define(const char *at)
{
    const char *end = end_of(at, "\n");
    while (*end && end[-1] == '\\') end = end_of(end + 1, "\n");
    return end;
}

static void read_define(struct reader *reader, const char *begin)
{
    const char *end = end_of_define(begin), *behind = begin + name_length(begin);
    struct str name = between(begin, behind);
    reader->at = end;
    if (*behind == '(') {
        const char *close = end_of(behind, ")");
        struct str head = between(begin, close + 1);
        if (between(behind, close).len == 2 && behind[1] == 'X')
            add(reader, HEADER_TABLE, name, head, between(close + 1, end));
        else if (reader->open || reader->comment.len > 0)
            add(reader, HEADER_MACRO, name, head, str_of(""));
        return;
    }
    struct str value = squeeze(reader->arena, between(behind, end));
    bool number = value.len > 0 && (isdigit((unsigned char)value.data[0]) || begins(value.data, "UINT"));
    if (number) {
        const char *comment = strstr(value.data, "/*");
        if (comment) value.len = (size_t)(comment - value.data);
        add(reader, HEADER_CONSTANT, name,
            arena_printf(reader->arena, "#define %.*s %.*s", (int)name.len, name.data, (int)value.len,
                         value.data),
            str_of(""));
        const char *own = comment ? comment : "";
        if (*own && reader->header->items[reader->header->item_count - 1].comment.len == 0)
            reader->header->items[reader->header->item_count - 1].comment = take_comment(reader->arena, &own);
    }
}

/* A comment behind a declaration, in its line, is about that declaration. */
static void read_line_end(struct reader *reader)
{
    const char *at = reader->at + strspn(reader->at, " ");
    if (reader->open && begins(at, "/*") && reader->header->item_count > 0) {
        struct header_item *item = &reader->header->items[reader->header->item_count - 1];
        struct str text = take_comment(reader->arena, &at);
        if (item->comment.len == 0) item->comment = text, item->joined = false;
    }
    at += strcspn(at, "\n");
    reader->at = at + (*at == '\n');
}

static void read_line(struct reader *reader)
{
    static const struct {
        const char *word;
        enum header_item_kind kind;
    } braces[] = {{"struct ", HEADER_STRUCT}, {"enum ", HEADER_ENUM}};
    const char *at = reader->at;
    if (*at == '\n') {
        reader->open = false;
        reader->at++;
        return;
    }
    if (begins(at, "/*")) {
        read_comment(reader);
        reader->at += *reader->at == '\n';
        return;
    }
    size_t before = reader->header->item_count;
    if (begins(at, "WEIR_API ")) {
        read_function(reader, at + strlen("WEIR_API "));
    } else if (begins(at, "WEIR_INLINE ")) {
        read_function(reader, at + strlen("WEIR_INLINE "));
    } else if (begins(at, "static inline ")) {
        read_function(reader, at + strlen("static inline "));
    } else if (begins(at, "#define WEIR_")) {
        read_define(reader, at + strlen("#define "));
    } else if (begins(at, "typedef ")) {
        const char *end = end_of(at, ";");
        reader->at = end + (*end == ';');
        struct str code = between(at, reader->at);
        const char *star = strstr(at, "(*");
        if (star && star < reader->at)
            add(reader, HEADER_TYPE, str_view(star + 2, name_length(star + 2)), code, str_of(""));
    } else {
        reader->at = end_of_define(at);
        for (size_t i = 0; i < sizeof braces / sizeof *braces; i++)
            if (begins(at, braces[i].word)) read_braces(reader, braces[i].kind, at + strlen(braces[i].word));
    }
    if (reader->header->item_count == before) reader->open = false;
    read_line_end(reader);
}

static struct str read_file(struct arena *arena, const char *path)
{
    struct str text = {0};
    FILE *file = fopen(path, "re");
    if (!file) return text;
    if (fseek(file, 0, SEEK_END) == 0) {
        long bytes = ftell(file);
        char *to = bytes > 0 ? arena_alloc(arena, (size_t)bytes + 1) : NULL;
        rewind(file);
        if (to && fread(to, 1, (size_t)bytes, file) == (size_t)bytes) {
            to[bytes] = 0;
            text = str_view(to, (size_t)bytes);
        }
    }
    fclose(file);
    return text;
}

bool header_read(struct header *header, struct arena *arena, const char *folder, const char *path)
{
    *header = (struct header){.path = str_of(path)};
    struct str text = read_file(arena, arena_printf(arena, "%s/%s", folder, path).data);
    const char *licence = text.data ? strstr(text.data, "*/") : NULL;
    const char *essay = licence ? strstr(licence, "/*") : NULL;
    if (!essay) return false;
    header->essay = take_comment(arena, &essay);
    struct reader reader = {
        .at = essay, .arena = arena, .header = header, .title = str_of(""), .comment = str_of("")};
    while (*reader.at) read_line(&reader);
    return !reader.full && !arena_exhausted(arena);
}

/* ---- what lies in braces ---- */

static const char *skip_blank(const char *at, const char *end)
{
    while (at < end && isspace((unsigned char)*at)) at++;
    return at;
}

bool header_next_member(struct arena *arena, struct str *body, char separator, struct header_member *member)
{
    const char *at = skip_blank(body->data, body->data + body->len), *end = body->data + body->len;
    *member = (struct header_member){.code = str_of(""), .comment = str_of("")};
    while (at < end && begins(at, "/*")) {
        member->comment = take_comment(arena, &at);
        at = skip_blank(at, end);
    }
    if (at >= end) return false;
    const char *stop = at;
    while (stop < end && *stop != separator && !begins(stop, "/*")) stop++;
    member->code = squeeze(arena, between(at, stop));
    at = stop + (stop < end && *stop == separator);
    const char *behind = at;
    while (behind < end && *behind == ' ') behind++;
    if (behind < end && begins(behind, "/*")) {
        struct str text = take_comment(arena, &behind);
        if (member->comment.len == 0) member->comment = text;
        at = behind;
    }
    *body = between(at, end);
    return true;
}

bool header_next_row(struct arena *arena, struct str *rows, struct header_row *row)
{
    const char *end = rows->data + rows->len, *at = rows->data;
    while (at < end && !begins(at, "X(")) at++;
    if (at >= end) return false;
    const char *quote = memchr(at, '"', (size_t)(end - at));
    const char *close = quote ? memchr(quote + 1, '"', (size_t)(end - quote - 1)) : NULL;
    if (!close) return false;
    row->name = str_view(at + 2, name_length(at + 2));
    row->text = squeeze(arena, between(quote + 1, close));
    *rows = between(close + 1, end);
    return true;
}
