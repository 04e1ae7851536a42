/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/cells.h"

#include "viewer/text/words.h"
#include "viewer/utf8.h"

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
    for (size_t at = 0; at < text.len;) {
        uint32_t code = '?';
        size_t len = utf8_decode(text.data + at, text.len - at, &code);
        if (len == 1 && code == WORDS_STYLE_MARK) {
            at += 2;
            continue;
        }
        cells += cells_of_code(code);
        at += len ? len : 1;
    }
    return cells;
}
