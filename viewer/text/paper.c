/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/paper.h"

#include "viewer/text/cells.h"

#define PAPER_WIDTH_MIN 60

void paper_init(struct paper *paper, struct buffer *out, const struct view *view)
{
    memset(paper, 0, sizeof *paper);
    paper->out = out;
    paper->view = view;
    paper->width = view->width < PAPER_WIDTH_MIN ? PAPER_WIDTH_MIN : view->width;
}

static void set_style(struct paper *paper, enum style style) { paper->style = style; }

/* Before something visible is written: spaces look the same in every style, and change nothing. */
static void ink(struct paper *paper, enum style style)
{
    static const char *const codes[] = {
#define X(name, code) code,
        STYLES(X)
#undef X
    };
    if (style == paper->inked || !paper->view->colour) return;
    /* Styles do not add up: each begins from none. */
    if (paper->inked != STYLE_PLAIN) buffer_add_text(paper->out, "\x1b[0m");
    if (style != STYLE_PLAIN) buffer_printf(paper->out, "\x1b[%sm", codes[style]);
    paper->inked = style;
}

void paper_to(struct paper *paper, unsigned column)
{
    if (column > paper->width) column = paper->width;
    if (column > paper->column) paper->column = column;
}

/* The spaces kept back, now that something follows them. */
static void fill(struct paper *paper)
{
    if (paper->filled < paper->column) buffer_add_char(paper->out, ' ', paper->column - paper->filled);
    paper->filled = paper->column;
}

/* One token of words: a style mark (cells 0, applied) or one character. */
struct token {
    size_t len;
    unsigned cells;
    bool is_mark, is_space, is_break; /* is_break: a space where a line may end */
};

static struct token token_at(struct str text, size_t at)
{
    struct token token = {1, 1, false, false, false};
    struct str rest = str_skip(text, at);
    size_t bytes = utf8_char_bytes(rest);
    uint32_t code = bytes ? cells_decode(rest, bytes) : '?';
    if (bytes) token.len = bytes;
    if (code == WORDS_STYLE_MARK && at + 1 < text.len) {
        token.len = 2;
        token.cells = 0;
        token.is_mark = true;
        return token;
    }
    token.is_break = code == ' ';
    token.is_space = token.is_break || code == (uint32_t)WORDS_SPACE[0];
    token.cells = cells_of_code(code);
    return token;
}

static void emit(struct paper *paper, struct str text, size_t at, struct token token)
{
    if (token.is_mark) {
        set_style(paper, (enum style)(text.data[at + 1] - 'A'));
        return;
    }
    if (token.is_space) { /* kept back: a line does not end in spaces */
        paper->column++;
        return;
    }
    fill(paper);
    ink(paper, paper->style);
    buffer_add(paper->out, text.data + at, token.len);
    paper->column += token.cells;
    paper->filled = paper->column;
}

static void emit_range(struct paper *paper, struct str text, size_t from, size_t to)
{
    for (size_t at = from; at < to;) {
        struct token token = token_at(text, at);
        emit(paper, text, at, token);
        at += token.len;
    }
}

void paper_put(struct paper *paper, struct str text, unsigned cells)
{
    unsigned room = paper->width - paper->column;
    if (cells > room) cells = room;
    if (cells_of(text) <= cells) {
        emit_range(paper, text, 0, text.len);
    } else if (cells > 0) {
        const char *more = paper->view->ascii ? "~" : "…";
        unsigned end = paper->column + cells - 1;
        for (size_t at = 0; at < text.len;) {
            struct token token = token_at(text, at);
            if (paper->column + token.cells > end) break;
            emit(paper, text, at, token);
            at += token.len;
        }
        fill(paper);
        ink(paper, paper->style);
        buffer_add_text(paper->out, more);
        paper->filled = ++paper->column;
    }
    set_style(paper, STYLE_PLAIN);
}

void paper_put_words(struct paper *paper, const struct words *words)
{
    paper_put(paper, words_str(words), paper->width);
}

void paper_put_right(struct paper *paper, struct str text, unsigned end)
{
    unsigned cells = cells_of(text);
    if (end > paper->width) end = paper->width;
    if (cells < end) paper_to(paper, end - cells);
    if (end > paper->column) paper_put(paper, text, end - paper->column);
}

void paper_flow(struct paper *paper, const struct words *words, unsigned gap, unsigned hang)
{
    unsigned cells = cells_of(words_str(words));
    if (paper->column > hang && paper->column + gap + cells > paper->width) {
        paper_end(paper);
        paper_to(paper, hang);
    } else if (paper->column > hang) {
        paper_to(paper, paper->column + gap);
    }
    paper_put(paper, words_str(words), paper->width);
}

void paper_wrap(struct paper *paper, struct str text, unsigned hang, unsigned end)
{
    if (end > paper->width) end = paper->width;
    for (size_t at = 0; at < text.len;) {
        unsigned cells = 0;
        size_t stop = at, last_break = 0;
        while (stop < text.len) {
            struct token token = token_at(text, stop);
            if (token.is_break) last_break = stop;
            if (paper->column + cells + token.cells > end && token.cells) break;
            cells += token.cells;
            stop += token.len;
        }
        if (stop < text.len && last_break > at) stop = last_break;
        bool no_progress = stop == at;
        if (no_progress && paper->column <= hang)
            stop = at + token_at(text, at).len; /* wider than the line */
        emit_range(paper, text, at, stop);
        at = stop;
        while (at < text.len && text.data[at] == ' ' && at != 0) at++;
        if (at < text.len) {
            enum style style = paper->style;
            paper_end(paper);
            paper_to(paper, hang);
            set_style(paper, style);
        }
    }
    set_style(paper, STYLE_PLAIN);
}

void paper_end(struct paper *paper)
{
    set_style(paper, STYLE_PLAIN);
    ink(paper, STYLE_PLAIN);
    buffer_add_char(paper->out, '\n', 1);
    paper->column = paper->filled = 0;
}

void paper_say(struct paper *paper, enum style style, unsigned indent, const char *own)
{
    struct words words;
    words_init(&words, paper->view);
    words_style(&words, style);
    words_add(&words, own);
    paper_to(paper, indent);
    paper_wrap(paper, words_str(&words), indent, paper->width);
    paper_end(paper);
    words_fini(&words);
}
