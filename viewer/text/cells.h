/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many columns of a terminal text takes. A simple rule instead of a table of all Unicode: never fewer
 * than a terminal shows, so that no line is longer than promised; for rare scripts it may be one more. Pure.
 */
#ifndef WEIR_TEXT_CELLS_H
#define WEIR_TEXT_CELLS_H

#include "base/utf8.h"

#include <stdint.h>

/* The character that text starts with; its bytes are given by utf8_char_bytes and not 0. */
uint32_t cells_decode(struct str text, size_t bytes);

static inline struct str str_skip(struct str text, size_t bytes)
{
    return str_view(text.data + bytes, text.len - bytes);
}

/* Combining accents: drawn over the character before. */
static inline bool cells_is_mark(uint32_t code) { return code >= 0x300 && code <= 0x36f; }

unsigned cells_of_code(uint32_t code); /* 0, 1 or 2 */

/* Of text without control characters but for styles (words.h), which take none. Invalid bytes count 1 each.
 */
unsigned cells_of(struct str text);

#endif
