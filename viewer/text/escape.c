/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/escape.h"

#include "viewer/text/cells.h"

#define COUNT(array)       (sizeof(array) / sizeof *(array))
#define MARKS_A_LETTER_MAX 2

static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x00, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160},    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},    {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},    {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0x10ffff},
};

static bool is_hidden(uint32_t code)
{
    for (size_t i = 0; i < COUNT(hidden) && code >= hidden[i].first; i++)
        if (code <= hidden[i].last) return true;
    return false;
}

/* The signs weir itself prints, spelled for terminals that have only ASCII. */
static const struct {
    uint32_t code;
    const char *ascii;
} spelled[] = {
    {0xb5, "u"},    {0xb7, "-"},   {0xd7, "x"},     {0x2013, "-"},  {0x2019, "'"},  {0x201c, "\""},
    {0x201d, "\""}, {0x2022, "o"}, {0x2026, "..."}, {0x2190, "<-"}, {0x2192, "->"}, {0x2265, ">="},
    {0x2500, "-"},  {0x2502, "|"}, {0x2514, "`"},   {0x251c, "|"},  {0x2524, "|"},  {0x252c, "+"},
    {0x2588, "#"},  {0x258f, "|"}, {0x2591, "."},   {0x2592, ":"},  {0x2593, "%"},  {0x25c6, "*"},
};

static const char *spelling(uint32_t code)
{
    for (size_t i = 0; i < COUNT(spelled); i++)
        if (spelled[i].code == code) return spelled[i].ascii;
    return NULL;
}

static bool is_plain_ascii(unsigned char byte) { return byte >= 0x20 && byte < 0x7f; }

void escape_name(struct buffer *to, struct str name, bool ascii)
{
    unsigned marks = 0;
    while (name.len) {
        size_t run = 0;
        while (run < name.len && is_plain_ascii((unsigned char)name.data[run])) run++;
        if (run) {
            buffer_add(to, name.data, run);
            name = str_skip(name, run);
            marks = 0;
            continue;
        }
        size_t bytes = utf8_char_bytes(name);
        uint32_t code = bytes ? cells_decode(name, bytes) : 0;
        marks = cells_is_mark(code) ? marks + 1 : 0;
        const char *plain = ascii ? spelling(code) : NULL;
        if (bytes <= 1)
            buffer_printf(to, "\\x%02x", (unsigned char)name.data[0]);
        else if (plain)
            buffer_add_text(to, plain);
        else if (ascii || is_hidden(code) || marks > MARKS_A_LETTER_MAX)
            buffer_printf(to, "\\u{%x}", code);
        else
            buffer_add(to, name.data, bytes);
        name = str_skip(name, bytes ? bytes : 1);
    }
}

void escape_own(struct buffer *to, struct str words, bool ascii)
{
    if (!ascii) {
        buffer_add_str(to, words);
        return;
    }
    while (words.len) {
        size_t bytes = utf8_char_bytes(words);
        const char *plain = bytes > 1 ? spelling(cells_decode(words, bytes)) : NULL;
        if (plain)
            buffer_add_text(to, plain);
        else
            buffer_add_char(to, bytes == 1 ? words.data[0] : '?', 1);
        words = str_skip(words, bytes ? bytes : 1);
    }
}
