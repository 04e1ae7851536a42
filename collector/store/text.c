/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/text.h"

#include "base/utf8.h"

struct str text_clean(struct arena *arena, struct str text, size_t max_bytes)
{
    text.len = utf8_cut(text, max_bytes);
    struct str copy = arena_str(arena, text);
    if (copy.data) utf8_repair((char *)copy.data, copy.len);
    return copy;
}

void text_add_json(struct buffer *out, struct str text)
{
    buffer_add_char(out, '"', 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') {
            buffer_add_char(out, '\\', 1);
            buffer_add_char(out, (char)c, 1);
        } else if (c < 0x20 || c == 0x7f) {
            buffer_printf(out, "\\u%04x", c);
        } else {
            buffer_add_char(out, (char)c, 1);
        }
    }
    buffer_add_char(out, '"', 1);
}
