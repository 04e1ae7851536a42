/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scanner for SQL of every dialect, from left to right and once. It need not understand a statement, only
 * tell literals from the rest, and where dialects differ it errs on the side of taking too much for a
 * literal:
 *
 *   '…'      ends at a quote that is not doubled. A backslash before the quote escapes it in E'…', and
 * anywhere once the statement has shown that it is MySQL's (a backtick; a quote that ends no literal:
 * 'it\'s'). "…" `…`  are identifiers; "…" is a literal once a backtick was seen (MySQL). […]      is an
 * identifier where an array or a subscript cannot stand (SQL Server). #        is a comment at the start of a
 * line before a space (MySQL), else an operator (Postgres). an unterminated literal or quoted identifier
 * reaches to the end, as a literal.
 *
 * Equal neighbours in a list of values become one while they are written, so a list of any length takes the
 * room of its first element.
 */
#include "model/operation.h"

#include "base/utf8.h"
#include "model/words.h"

#include <endian.h>

#define GROUPS_MAX                                                                                           \
    64 /* parentheses deeper than this are scanned like the rest, but their lists stay lists                 \
        */
#define BRACKET_NAME_MAX 128
#define DOLLAR_TAG_MAX   64
#define PLACEHOLDER_MAX  128 /* #{…}, ${…}, %(…)s */
#define CUT_MARK         "…"
#define CUT_MARK_BYTES   (sizeof CUT_MARK - 1)

/* What stands before the current token, as far as the meaning of the token depends on it. */
enum before {
    BEFORE_NOTHING,
    BEFORE_OPERAND, /* identifier, literal, closing bracket: a minus is an operator, a parenthesis a call */
    BEFORE_OPERATOR,
    BEFORE_KEYWORD,   /* of those after which a value may follow */
    BEFORE_LIST_WORD, /* IN, VALUES, ARRAY …: a list of values follows */
    BEFORE_OPEN,
    BEFORE_COMMA
};

/* VALUES (…), (…): the rows behind the first are scanned but not written. */
enum rows { ROWS_NONE, ROWS_EXPECTED, ROWS_AFTER_ONE, ROWS_AFTER_COMMA };

struct group {
    char open;    /* '(' or '['; 0 for the statement itself */
    bool is_list; /* of values: equal neighbours become one */
    bool is_row;  /* of VALUES */
    bool is_muted;
    bool element_begins; /* with the next token */
    size_t element;      /* offset in the output */
    size_t previous, previous_len;
    enum rows rows; /* of a VALUES in this group */
};

struct scan {
    const char *at, *end;
    const char *start;
    char *to;
    size_t len;
    bool full;
    bool space;      /* white space or a comment since the last token */
    bool line_start; /* nothing but white space since the start of the line */
    bool is_mysql;   /* the statement has shown it */
    unsigned muted;  /* > 0: nothing is written */
    enum before before;
    unsigned depth; /* groups open; those from GROUPS_MAX on have no struct group */
    struct group groups[GROUPS_MAX];
    value_fn literal;
    void *context;
};

/* Padded to 8 bytes, so that a word is compared by one instruction; longer words are none of these but RETURNING, behind
 * which a minus may stay an operator. */
struct keyword {
    char name[8];
    enum before before;
};

#define VALUE(name)                                                                                          \
    {                                                                                                        \
        name, BEFORE_KEYWORD                                                                                 \
    }
#define LIST(name)                                                                                           \
    {                                                                                                        \
        name, BEFORE_LIST_WORD                                                                               \
    }
static const struct keyword keywords[] = {
    LIST("ALL"),     LIST("ANY"),     LIST("ARRAY"),    LIST("IN"),       LIST("ROW"),   LIST("SOME"),
    LIST("VALUES"),  VALUE("AND"),    VALUE("BETWEEN"), VALUE("BY"),      VALUE("CASE"), VALUE("ELSE"),
    VALUE("FROM"),   VALUE("HAVING"), VALUE("ILIKE"),   VALUE("INTO"),    VALUE("IS"),   VALUE("LIKE"),
    VALUE("LIMIT"),  VALUE("NOT"),    VALUE("OF"),      VALUE("OFFSET"),  VALUE("ON"),   VALUE("OR"),
    VALUE("RETURN"), VALUE("SELECT"), VALUE("SET"),     VALUE("THEN"),    VALUE("TO"),   VALUE("UPDATE"),
    VALUE("USING"),  VALUE("WHEN"),   VALUE("WHERE"),   VALUE("DISTINCT")};
#undef VALUE
#undef LIST

/* ---- characters ---- */

static bool is_space(char c) { return (unsigned char)c <= 0x20 || c == 0x7f; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c) { return is_word_start(c) || is_digit(c) || c == '$'; }

static char peek(const struct scan *s, size_t ahead)
{
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : 0;
}
static char behind(const struct scan *s) { return s->at > s->start ? s->at[-1] : 0; }
static size_t left(const struct scan *s) { return (size_t)(s->end - s->at); }

/* ---- writing ---- */

static struct group *group(struct scan *s) { return s->depth < GROUPS_MAX ? &s->groups[s->depth] : NULL; }

static void put(struct scan *s, const char *text, size_t len)
{
    if (s->muted || s->full) return;
    size_t room = OPERATION_TEXT_MAX - s->len;
    if (len > room) {
        len = room;
        s->full = true;
    }
    memcpy(s->to + s->len, text, len);
    s->len += len;
}

/* A second row of VALUES did not come after the comma: the comma was one of the statement's own. */
static void settle_rows(struct scan *s)
{
    struct group *g = group(s);
    if (!g || g->rows == ROWS_NONE) return;
    if (g->rows == ROWS_AFTER_COMMA) put(s, ",", 1);
    g->rows = ROWS_NONE;
}

/* The space before a token, where one is due, and the start of a list's element. */
static void begin_token(struct scan *s, char first)
{
    char last = s->len ? s->to[s->len - 1] : '(';
    bool tight = last == '(' || last == '[' || first == ')' || first == ']' || first == ',' || first == ';';
    if (s->space && !tight) put(s, " ", 1);
    s->space = false;
    s->line_start = false;
    struct group *g = group(s);
    if (g && g->element_begins) {
        g->element = s->len;
        g->element_begins = false;
    }
}

static void put_token(struct scan *s, const char *text, size_t len, enum before kind)
{
    settle_rows(s);
    begin_token(s, text[0]);
    put(s, text, len);
    s->before = kind;
}

/* Identifiers keep their bytes, but no control characters. */
static void put_name(struct scan *s, const char *text, size_t len)
{
    settle_rows(s);
    begin_token(s, text[0]);
    size_t from = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && !is_space(text[i])) continue;
        put(s, text + from, i - from);
        if (i < len) put(s, " ", 1);
        from = i + 1;
    }
    s->before = BEFORE_OPERAND;
}

static void put_literal(struct scan *s, const char *value, size_t len)
{
    put_token(s, "?", 1, BEFORE_OPERAND);
    if (s->literal) s->literal(s->context, str_view(value, len));
}

/* Drops an element that repeats the one before it, with the comma between. */
static void finish_element(struct scan *s, struct group *g)
{
    if (!g->is_list || s->muted || s->full || g->element_begins) return;
    size_t len = s->len - g->element;
    const char *element = s->to + g->element;
    bool is_value = len && (element[0] == '?' || element[0] == '(' || element[0] == '[');
    if (is_value && len == g->previous_len && memcmp(s->to + g->previous, element, len) == 0) {
        s->len = g->previous + len;
        return;
    }
    g->previous = g->element;
    g->previous_len = is_value ? len : 0;
}

/* ---- groups, commas ---- */

static void open_group(struct scan *s, char open)
{
    struct group *outer = group(s);
    bool adjacent = s->before == BEFORE_OPERAND && !s->space;
    bool is_list = open == '(' ? s->before != BEFORE_OPERAND : !adjacent;
    bool has_struct = s->depth + 1 < GROUPS_MAX;
    bool is_row =
        open == '(' && has_struct && (outer->rows == ROWS_EXPECTED || outer->rows == ROWS_AFTER_COMMA);
    bool is_muted = is_row && outer->rows == ROWS_AFTER_COMMA;
    if (!is_row) settle_rows(s);
    if (is_muted) s->muted++;
    begin_token(s, open);
    put(s, &open, 1);
    s->before = BEFORE_OPEN;
    s->depth++;
    struct group *g = group(s);
    if (g)
        *g = (struct group){
            .open = open, .is_list = is_list, .is_row = is_row, .is_muted = is_muted, .element_begins = true};
}

static void close_group(struct scan *s, char close)
{
    s->at++;
    struct group *g = group(s);
    settle_rows(s);
    if (g) finish_element(s, g);
    begin_token(s, close);
    put(s, &close, 1);
    s->before = BEFORE_OPERAND;
    if (s->depth == 0) return; /* nothing was open */
    s->depth--;
    struct group *outer = group(s);
    if (g && g->is_muted) s->muted--;
    if (outer) outer->rows = g && g->is_row ? ROWS_AFTER_ONE : ROWS_NONE;
}

static void scan_comma(struct scan *s)
{
    s->at++;
    struct group *g = group(s);
    if (g && g->rows == ROWS_AFTER_ONE) {
        g->rows = ROWS_AFTER_COMMA; /* written when something else than a row follows */
        s->space = false;
    } else {
        settle_rows(s);
        if (g) finish_element(s, g);
        begin_token(s, ',');
        put(s, ",", 1);
        if (g) g->element_begins = true;
    }
    s->before = BEFORE_COMMA;
}

/* ---- white space and comments ---- */

static void skip_space(struct scan *s)
{
    for (; s->at < s->end && is_space(*s->at); s->at++)
        if (*s->at == '\n') s->line_start = true;
    s->space = true;
}

static void skip_line(struct scan *s)
{
    const char *newline = memchr(s->at, '\n', left(s));
    s->at = newline ? newline : s->end;
    s->space = true;
}

/* Nested, as in the standard and Postgres. */
static void skip_comment(struct scan *s)
{
    size_t depth = 0;
    do {
        if (s->at[0] == '/' && peek(s, 1) == '*') {
            depth++;
            s->at += 2;
        } else if (s->at[0] == '*' && peek(s, 1) == '/') {
            depth--;
            s->at += 2;
        } else {
            s->at++;
        }
    } while (depth && s->at < s->end);
    s->space = true;
}

/* ---- literals ---- */

/* Could this byte stand right behind a literal? If not, the quote before it was an escaped one. */
static bool may_follow_literal(char c)
{
    return c == 0 || is_space(c) || strchr("),;:]|=<>+-*/%.!~&^#@?}", c) != NULL;
}

static bool is_escaped(const char *content, const char *quote)
{
    size_t backslashes = 0;
    while (quote - backslashes > content && quote[-1 - (ptrdiff_t)backslashes] == '\\') backslashes++;
    return backslashes % 2 == 1;
}

/* at stands on the quote that ends the text or is escaped; says which. */
static bool quote_ends(struct scan *s, const char *content, const char *quote, bool backslash)
{
    if (!is_escaped(content, quote)) return true;
    if (backslash || s->is_mysql) return false;
    char next = quote + 1 < s->end ? quote[1] : 0;
    if (may_follow_literal(next) || next == *quote) return true;
    s->is_mysql = true;
    return false;
}

static void scan_quoted_literal(struct scan *s, bool backslash)
{
    char mark = *s->at++;
    const char *content = s->at;
    for (;;) {
        const char *quote = memchr(s->at, mark, left(s));
        if (!quote) {
            s->at = s->end;
            put_literal(s, content, (size_t)(s->end - content));
            return;
        }
        s->at = quote + 1;
        if (!quote_ends(s, content, quote, backslash)) continue;
        if (peek(s, 0) != mark) {
            put_literal(s, content, (size_t)(quote - content));
            return;
        }
        s->at++; /* doubled */
    }
}

/* $tag$…$tag$ */
static bool scan_dollar_quote(struct scan *s)
{
    size_t tag = 1;
    while (tag < DOLLAR_TAG_MAX && is_word(peek(s, tag)) && peek(s, tag) != '$') tag++;
    if (peek(s, tag) != '$') return false;
    tag++;
    const char *content = s->at + tag;
    const char *close = memmem(content, (size_t)(s->end - content), s->at, tag);
    const char *stop = close ? close : s->end;
    s->at = close ? close + tag : s->end;
    put_literal(s, content, (size_t)(stop - content));
    return true;
}

static void scan_number(struct scan *s)
{
    const char *from = s->at;
    if (*s->at == '-' || *s->at == '+') s->at++;
    bool hex = peek(s, 0) == '0' && (peek(s, 1) | 0x20) == 'x';
    while (s->at < s->end) {
        char c = *s->at;
        bool exponent =
            !hex && (c | 0x20) == 'e' && (peek(s, 1) == '-' || peek(s, 1) == '+') && is_digit(peek(s, 2));
        bool point = c == '.' && peek(s, 1) != '.';
        if (exponent)
            s->at++;
        else if (!is_word(c) && !point)
            break;
        s->at++;
    }
    put_literal(s, from, (size_t)(s->at - from));
}

/* ---- placeholders ---- */

static void put_placeholder(struct scan *s, size_t bytes)
{
    s->at += bytes;
    put_token(s, "?", 1, BEFORE_OPERAND);
}

static size_t word_bytes(const struct scan *s, size_t from)
{
    size_t end = from;
    while (is_word(peek(s, end))) end++;
    return end - from;
}

/* Bytes of a placeholder between braces that begins `from` bytes ahead; 0: it does not end soon. */
static size_t braced_bytes(const struct scan *s, size_t from, char close)
{
    size_t room = left(s) > PLACEHOLDER_MAX ? PLACEHOLDER_MAX : left(s);
    const char *end = room > from ? memchr(s->at + from, close, room - from) : NULL;
    return end ? (size_t)(end - s->at) + 1 : 0;
}

/* Bytes of the placeholder that begins here; 0: none does. */
static size_t placeholder_bytes(const struct scan *s)
{
    char c = *s->at, next = peek(s, 1);
    bool adjacent = s->before == BEFORE_OPERAND && !s->space;
    size_t bytes = 0;
    if (c == '?') {
        bytes = 1;
        while (is_digit(peek(s, bytes))) bytes++;
        return bytes;
    }
    if (c == '$' && next == '{') return braced_bytes(s, 2, '}');
    if (c == '$') return is_word(next) ? 1 + word_bytes(s, 1) : 0;
    if (c == '#' && next == '{') return braced_bytes(s, 2, '}');
    if (c == ':') {
        const struct group *g = s->depth < GROUPS_MAX ? &s->groups[s->depth] : NULL;
        bool slice = g && g->open == '[' && s->before == BEFORE_OPERAND; /* a[1:2] */
        return is_word(next) && !slice ? 1 + word_bytes(s, 1) : 0;
    }
    if (c == '@') {
        return is_word_start(next) ? 1 + word_bytes(s, 1) : 0; /* "@@" was taken as an operator before */
    }
    if (c == '%' && next == '(') {
        bytes = braced_bytes(s, 2, ')');
        return bytes && peek(s, bytes) == 's' ? bytes + 1 : 0;
    }
    if (c == '%' && next == 's' && !is_word(peek(s, 2)) && !adjacent) return 2;
    return 0;
}

/* ---- names ---- */

static void scan_quoted_name(struct scan *s)
{
    char mark = *s->at;
    const char *from = s->at++;
    if (mark == '`') s->is_mysql = true;
    for (;;) {
        const char *quote = memchr(s->at, mark, left(s));
        if (!quote) {
            s->at = s->end;
            put_literal(s, from + 1, (size_t)(s->end - from - 1));
            return;
        }
        s->at = quote + 1;
        if (peek(s, 0) != mark) break;
        s->at++;
    }
    put_name(s, from, (size_t)(s->at - from));
}

/* SQL Server's [name]: bytes with the brackets; 0 where an array or a subscript begins. */
static size_t bracket_name_bytes(const struct scan *s)
{
    const struct group *g = s->depth < GROUPS_MAX ? &s->groups[s->depth] : NULL;
    bool in_array =
        !g || g->open == '[' || s->before == BEFORE_LIST_WORD || (s->before == BEFORE_OPERAND && !s->space);
    if (in_array || !is_word_start(peek(s, 1))) return 0;
    for (size_t i = 2; i < BRACKET_NAME_MAX && i < left(s); i++) {
        if (s->at[i] == ']') return i + 1;
        if (!is_word(s->at[i]) && s->at[i] != ' ' && s->at[i] != '-') return 0;
    }
    return 0;
}

static bool is_literal_prefix(struct str word)
{
    return word.len == 1 && memchr("eEnNbBxXuU", word.data[0], 10) != NULL;
}

/* A word's first 8 bytes in one register, in upper case: the mask folds letters and makes no letter of anything else
 * that a word may hold. `room` is how many bytes may be read. */
static uint64_t folded(const char *word, size_t len, size_t room)
{
    uint64_t bytes = 0;
    memcpy(&bytes, word, room < sizeof bytes ? room : sizeof bytes);
    bytes = le64toh(bytes);
    if (len < sizeof bytes) bytes &= ((uint64_t)1 << (8 * len)) - 1;
    return bytes & 0xdfdfdfdfdfdfdfdfu;
}

/* What an unquoted, unqualified word is to what stands behind it. */
static enum before word_kind(struct str word, size_t room)
{
    uint64_t key = folded(word.data, word.len, room);
    if (word.len < 2 || word.len > sizeof key) return BEFORE_OPERAND;
    for (size_t i = 0; i < WORDS_COUNT(keywords); i++)
        if (key == folded(keywords[i].name, sizeof key, sizeof key)) return keywords[i].before;
    return BEFORE_OPERAND;
}

static void scan_word(struct scan *s)
{
    struct str word = str_view(s->at, word_bytes(s, 0));
    bool qualified = behind(s) == '.';
    size_t room = left(s);
    s->at += word.len;
    if (is_literal_prefix(word) && peek(s, 0) == '\'') {
        scan_quoted_literal(s, (word.data[0] | 0x20) == 'e');
        return;
    }
    if (is_literal_prefix(word) && (word.data[0] | 0x20) == 'u' && peek(s, 0) == '&' && peek(s, 1) == '\'') {
        s->at++;
        scan_quoted_literal(s, false);
        return;
    }
    enum before kind = qualified ? BEFORE_OPERAND : word_kind(word, room);
    put_token(s, word.data, word.len, kind);
    struct group *g = group(s);
    if (g && kind == BEFORE_KEYWORD) g->is_list = false; /* a subquery or an expression */
    if (g && kind == BEFORE_LIST_WORD && word_is(word, "VALUES")) g->rows = ROWS_EXPECTED;
}

/* ---- the scanner ---- */

static bool begins_number(const struct scan *s)
{
    char c = *s->at;
    bool after_value = s->before == BEFORE_OPERAND;
    if (is_digit(c)) return true;
    if (c == '.') return is_digit(peek(s, 1)) && (!after_value || s->space);
    if (c != '-' && c != '+') return false;
    return !after_value && (is_digit(peek(s, 1)) || (peek(s, 1) == '.' && is_digit(peek(s, 2))));
}

static void scan_operator(struct scan *s)
{
    size_t len = *s->at == ':' && peek(s, 1) == ':' ? 2 : 1; /* a cast's colons are not a placeholder's */
    if (*s->at == '@' && peek(s, 1) == '@') len = 2;         /* a server's variable, or Postgres' operator */
    const char *from = s->at;
    s->at += len;
    put_token(s, from, len, BEFORE_OPERATOR);
}

static void scan_bracket(struct scan *s)
{
    size_t name = *s->at == '[' ? bracket_name_bytes(s) : 0;
    const char *from = s->at;
    if (name) {
        s->at += name;
        put_name(s, from, name);
        return;
    }
    s->at++;
    open_group(s, *from);
}

static bool begins_line_comment(const struct scan *s)
{
    if (*s->at == '-') return peek(s, 1) == '-';
    return *s->at == '#' && s->line_start && (peek(s, 1) == ' ' || peek(s, 1) == '\t');
}

static void scan_symbol(struct scan *s)
{
    size_t placeholder = 0;
    if (begins_line_comment(s))
        skip_line(s);
    else if (*s->at == '/' && peek(s, 1) == '*')
        skip_comment(s);
    else if (begins_number(s))
        scan_number(s);
    else if (*s->at == '$' && scan_dollar_quote(s))
        return;
    else if ((placeholder = placeholder_bytes(s)) != 0)
        put_placeholder(s, placeholder);
    else
        scan_operator(s);
}

static void scan_token(struct scan *s)
{
    char c = *s->at;
    if (is_space(c))
        skip_space(s);
    else if (is_word_start(c))
        scan_word(s);
    else if (c == '\'' || (c == '"' && s->is_mysql))
        scan_quoted_literal(s, false);
    else if (c == '"' || c == '`')
        scan_quoted_name(s);
    else if (c == ',')
        scan_comma(s);
    else if (c == '(' || c == '[')
        scan_bracket(s);
    else if (c == ')' || c == ']')
        close_group(s, c);
    else
        scan_symbol(s);
}

static size_t finish(struct scan *s)
{
    if (s->full) {
        size_t cut = utf8_cut(str_view(s->to, OPERATION_TEXT_MAX), OPERATION_TEXT_MAX - CUT_MARK_BYTES);
        memcpy(s->to + cut, CUT_MARK, CUT_MARK_BYTES);
        return cut + CUT_MARK_BYTES;
    }
    while (s->len && (s->to[s->len - 1] == ';' || s->to[s->len - 1] == ' ')) s->len--;
    return s->len;
}

size_t normalise_sql(struct str sql, char to[OPERATION_TEXT_MAX], value_fn literal, void *context)
{
    struct scan s;
    s.at = s.start = sql.data;
    s.end = sql.len ? sql.data + sql.len : sql.data;
    s.to = to;
    s.len = 0;
    s.full = s.space = s.is_mysql = false;
    s.line_start = true;
    s.muted = 0;
    s.before = BEFORE_NOTHING;
    s.depth = 0;
    s.groups[0] = (struct group){0}; /* the rest is set when it is opened */
    s.literal = literal;
    s.context = context;
    while (s.at < s.end) scan_token(&s);
    settle_rows(&s);
    return finish(&s);
}
