/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece of text being composed, before it has a place on the paper: weir's own words, names from outside
 * (each through escape_name), styles. Styles are marks inside the text, WORDS_STYLE_MARK and a letter; since
 * escaping leaves no control character, no name can forge one. Owned by one render call; init before use,
 * fini after.
 */
#ifndef WEIR_TEXT_WORDS_H
#define WEIR_TEXT_WORDS_H

#include "base/buffer.h"
#include "viewer/view.h"

#define WORDS_STYLE_MARK 0x01
#define WORDS_SPACE      "\x1f" /* a space where no line may break; also in weir's own words */

/*    name     ANSI, after ESC[ */
#define STYLES(X)                                                                                            \
    X(PLAIN, "0")                                                                                            \
    X(STRONG, "1")      /* what a block is about */                                                          \
    X(FAINT, "2")       /* explains, can be skipped */                                                       \
    X(TITLE, "1;33")    /* what is wrong */                                                                  \
    X(BAD, "1;31")      /* errors, losses */                                                                 \
    X(GOOD, "32")       /* advice, nothing to repair */                                                      \
    X(CALL, "36")       /* bars of calls */                                                                  \
    X(SPAN, "34")       /* bars of everything else */                                                        \
    X(CRITICAL, "1;35") /* the critical path */

enum style {
#define X(name, code) STYLE_##name,
    STYLES(X)
#undef X
};

struct words {
    struct buffer bytes;
    bool ascii;
};

void words_init(struct words *words, const struct view *view);
void words_fini(struct words *words);
void words_clear(struct words *words);
static inline struct str words_str(const struct words *words) { return buffer_str(&words->bytes); }

void words_style(struct words *words, enum style style); /* from here on */
void words_add(struct words *words, const char *own);
/* weir's own words and units only: names go through words_name. */
void words_printf(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_name(struct words *words, struct str name);
/* The name in quotation marks. */
void words_quoted(struct words *words, struct str name);

#endif
