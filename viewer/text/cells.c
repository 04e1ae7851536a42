/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/cells.h"

#include "viewer/text/words.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* East Asian wide and fullwidth, and all of the emoji blocks. */
static const struct {
    uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23f3}, {0x2600, 0x27bf},   {0x2b1b, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff},
    {0x1f000, 0x1fbff}, {0x20000, 0x3fffd},
};

uint32_t cells_decode(struct str text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text.data;
    uint32_t code = bytes == 1 ? at[0] : at[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) code = code << 6 | (at[i] & 0x3fu);
    return code;
}

unsigned cells_of_code(uint32_t code)
{
    if (code < 0x300) return 1;
    if (cells_is_mark(code)) return 0;
    for (size_t i = 0; i < COUNT(wide) && code >= wide[i].first; i++)
        if (code <= wide[i].last) return 2;
    return 1;
}

unsigned cells_of(struct str text)
{
    unsigned cells = 0;
    while (text.len) {
        size_t bytes = utf8_char_bytes(text);
        uint32_t code = bytes ? cells_decode(text, bytes) : '?';
        if (code == WORDS_STYLE_MARK)
            bytes = text.len > 1 ? 2 : 1;
        else
            cells += cells_of_code(code);
        text = str_skip(text, bytes ? bytes : 1);
    }
    return cells;
}
