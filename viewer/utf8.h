/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict UTF-8, one character at a time, for text/ (which must know what a terminal will do with it) and
 * json/ (which may only emit what is valid). Overlong forms, surrogates and code points past U+10FFFF are
 * invalid (RFC 3629).
 */
#ifndef WEIR_VIEWER_UTF8_H
#define WEIR_VIEWER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character at `at`, 1 to 4, and the character; 0 if the byte there begins no valid one.
 * left ≥ 1. */
static inline size_t utf8_decode(const char *at, size_t left, uint32_t *code)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)at;
    if (byte[0] < 0x80) {
        *code = byte[0];
        return 1;
    }
    size_t len = (byte[0] & 0xe0) == 0xc0   ? 2
                 : (byte[0] & 0xf0) == 0xe0 ? 3
                 : (byte[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (len == 0 || len > left) return 0;
    uint32_t value = byte[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((byte[i] & 0xc0) != 0x80) return 0;
        value = value << 6 | (byte[i] & 0x3fu);
    }
    if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
    *code = value;
    return len;
}

#endif
