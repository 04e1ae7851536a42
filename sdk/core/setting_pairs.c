/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/setting_pairs.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoded copy with a 0 behind it; false: a % without two digits, an encoded 0, or no memory. */
static bool decode(struct arena *arena, struct str text, struct str *decoded)
{
    char *to = arena_alloc(arena, text.len + 1);
    if (!to) return false;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    to[len] = 0;
    *decoded = str_view(to, len);
    return true;
}

struct str setting_trim(struct str text)
{
    while (text.len && (*text.data == ' ' || *text.data == '\t'))
        text = str_view(text.data + 1, text.len - 1);
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) text.len--;
    return text;
}

struct str setting_next(struct str *text)
{
    const char *comma = text->len ? memchr(text->data, ',', text->len) : NULL;
    size_t len = comma ? (size_t)(comma - text->data) : text->len, skip = len + (comma != NULL);
    struct str part = setting_trim(str_view(text->data, len));
    *text = str_view(text->data + skip, text->len - skip);
    return part;
}

bool setting_pairs_set(struct setting_pairs *pairs, struct str key, struct str value)
{
    for (uint32_t i = 0; i < pairs->count; i++)
        if (str_equal(pairs->pairs[i].key, key)) {
            pairs->pairs[i].value = value;
            return true;
        }
    if (pairs->count == pairs->room) return false;
    pairs->pairs[pairs->count++] = (struct setting_pair){key, value};
    return true;
}

/* One "key=value". NULL, or what is wrong. */
static const char *split(struct arena *arena, struct str part, struct setting_pair *pair)
{
    const char *equals = memchr(part.data, '=', part.len);
    if (!equals) return "an element has no =";
    struct str key = setting_trim(str_view(part.data, (size_t)(equals - part.data)));
    struct str value = setting_trim(str_view(equals + 1, part.len - (size_t)(equals + 1 - part.data)));
    if (key.len == 0) return "an element has no key";
    if (!decode(arena, key, &pair->key) || !decode(arena, value, &pair->value))
        return "a percent sign is not followed by two hexadecimal digits, or by 00";
    return NULL;
}

const char *setting_pairs_read(struct setting_pairs *pairs, struct arena *arena, struct str text)
{
    struct setting_pair pair;
    for (struct str rest = text; rest.len;) {
        struct str part = setting_next(&rest);
        const char *wrong = part.len ? split(arena, part, &pair) : NULL;
        if (wrong) return wrong;
    }
    bool fits = true;
    for (struct str rest = text; rest.len;) {
        struct str part = setting_next(&rest);
        if (part.len && !split(arena, part, &pair)) fits &= setting_pairs_set(pairs, pair.key, pair.value);
    }
    return fits ? NULL : "it has too many elements; the last ones are left out";
}
