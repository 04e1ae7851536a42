/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

static bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/* Table 3-7 of the Unicode standard: the second byte's range excludes overlong forms, surrogates and beyond
 * U+10FFFF. */
static size_t multibyte_len(unsigned char first, unsigned char second)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t len;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
    } else {
        return 0;
    }
    return second >= low && second <= high ? len : 0;
}

size_t utf8_char_bytes(struct str text)
{
    if (text.len == 0) return 0;
    const unsigned char *at = (const unsigned char *)text.data;
    if (at[0] < 0x80) return at[0] != 0;
    if (text.len < 2) return 0;
    size_t len = multibyte_len(at[0], at[1]);
    if (len > text.len) return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(at[i])) return 0;
    return len;
}

/* How far the text is plain ASCII without NUL; eight bytes at a step. */
static size_t ascii_run(const char *data, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof word);
        if ((word | (word - ones)) & highs) break; /* a high bit, or a byte that was 0 */
    }
    while (i < len && data[i] > 0) i++;
    return i;
}

/* Offset of the first byte that belongs to no character; len when there is none. */
static size_t first_malformed(struct str text, size_t from)
{
    while (from < text.len) {
        from += ascii_run(text.data + from, text.len - from);
        if (from == text.len) break;
        size_t len = utf8_char_bytes(str_view(text.data + from, text.len - from));
        if (len == 0) return from;
        from += len;
    }
    return text.len;
}

bool utf8_valid(struct str text) { return first_malformed(text, 0) == text.len; }

void utf8_repair(char *data, size_t len)
{
    struct str text = str_view(data, len);
    for (size_t i = first_malformed(text, 0); i < len; i = first_malformed(text, i + 1)) data[i] = '?';
}

size_t utf8_cut(struct str text, size_t max_bytes)
{
    if (text.len <= max_bytes) return text.len;
    size_t cut = max_bytes;
    while (cut > 0 && max_bytes - cut < 3 && is_continuation((unsigned char)text.data[cut])) cut--;
    return cut;
}
