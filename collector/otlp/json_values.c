/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/json_values.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (digit(text.data[i]) < 0) return false;
    return text.len % 2 == 0;
}

bool json_hex(struct json_pull *json, struct str *bytes)
{
    struct str text;
    *bytes = str_view("", 0);
    if (!pull_text(json, &text) || text.len == 0) return !json->why;
    /* What is no hex is as long as no id is. */
    *bytes = str_view("?", 1);
    char *to = is_hex(text) ? arena_alloc(json->arena, text.len / 2) : NULL;
    for (size_t i = 0; to && i < text.len / 2; i++)
        to[i] = (char)(digit(text.data[2 * i]) << 4 | digit(text.data[2 * i + 1]));
    if (to) *bytes = str_view(to, text.len / 2);
    return true;
}

/* Room doubles when the count is a power of two from 8 on. */
void *json_list_add(struct arena *arena, void **items, size_t count, size_t bytes)
{
    bool is_full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    if (is_full) {
        void *grown = arena_array(arena, count ? 2 * count : 8, bytes);
        if (!grown) return NULL;
        if (count) memcpy(grown, *items, count * bytes);
        *items = grown;
    }
    return (char *)*items + count * bytes;
}
