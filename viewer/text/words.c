/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/words.h"

#include "viewer/text/escape.h"

#include <stdio.h>

void words_init(struct words *words, const struct view *view)
{
    buffer_init(&words->bytes);
    words->ascii = view->ascii;
}

void words_fini(struct words *words) { buffer_fini(&words->bytes); }
void words_clear(struct words *words) { buffer_clear(&words->bytes); }

void words_style(struct words *words, enum style style)
{
    char mark[2] = {WORDS_STYLE_MARK, (char)('A' + style)};
    buffer_add(&words->bytes, mark, sizeof mark);
}

void words_add(struct words *words, const char *own) { escape_own(&words->bytes, str_of(own), words->ascii); }

void words_printf(struct words *words, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    words_add(words, text);
}

void words_name(struct words *words, struct str name) { escape_name(&words->bytes, name, words->ascii); }

void words_quoted(struct words *words, struct str name)
{
    words_add(words, "“");
    words_name(words, name);
    words_add(words, "”");
}
