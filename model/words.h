/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords: tables of upper-case words, compared without regard to ASCII case. Private to model/. */
#ifndef WEIR_MODEL_WORDS_H
#define WEIR_MODEL_WORDS_H

#include "base/str.h"

#define WORDS_COUNT(table) (sizeof(table) / sizeof *(table))

static inline char word_upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }

static inline bool word_is(struct str word, const char *upper)
{
    for (size_t i = 0; i < word.len; i++)
        if (upper[i] == 0 || word_upper(word.data[i]) != upper[i]) return false; /* a word may hold NUL */
    return upper[word.len] == 0;
}

static inline bool words_have(const char *const *table, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++)
        if (word_is(word, table[i])) return true;
    return false;
}

#endif
