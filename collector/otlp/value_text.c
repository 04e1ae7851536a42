/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/value_text.h"

#include "base/utf8.h"

#include <math.h>

#define TEXT_BYTES_MAX ((size_t)32 << 10) /* of one value; a longer JSON is of no use cut */

struct text {
    char *data;
    size_t len;
    bool full;
};

static void put(struct text *to, const char *data, size_t len)
{
    if (to->full || len > TEXT_BYTES_MAX - to->len) {
        to->full = true;
        return;
    }
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

static void put_text(struct text *to, const char *text) { put(to, text, strlen(text)); }

static struct str base64(struct str bytes, struct arena *arena)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);
    size_t len = 0;
    if (!to) return str_view("", 0);
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < bytes.len ? (unsigned char)bytes.data[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            to[len++] = i + k > bytes.len ? '=' : digits[group >> (18 - 6 * k) & 63];
    }
    return str_view(to, len);
}

static void put_escaped(struct text *to, struct str text)
{
    put_text(to, "\"");
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.data[i];
        size_t bytes = utf8_char_bytes(str_view(text.data + i, text.len - i));
        char escape[] = {'\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
        if (c == '"' || c == '\\') {
            put_text(to, "\\");
            put(to, text.data + i, 1);
        } else if (c < 0x20) {
            put(to, escape, sizeof escape);
        } else if (bytes == 0) {
            put_text(to, "?");
        } else {
            put(to, text.data + i, bytes);
        }
        i += bytes ? bytes : 1;
    }
    put_text(to, "\"");
}

static void put_value(struct text *to, const struct otlp_value *value, struct arena *arena);

static void put_array(struct text *to, const struct otlp_value *value, struct arena *arena)
{
    put_text(to, "[");
    for (size_t i = 0; i < value->count && !to->full; i++) {
        if (i) put_text(to, ",");
        put_value(to, &value->values[i], arena);
    }
    put_text(to, "]");
}

static void put_map(struct text *to, const struct otlp_value *value, struct arena *arena)
{
    put_text(to, "{");
    for (size_t i = 0; i < value->count && !to->full; i++) {
        if (i) put_text(to, ",");
        put_escaped(to, value->attributes[i].key);
        put_text(to, ":");
        put_value(to, &value->attributes[i].value, arena);
    }
    put_text(to, "}");
}

static struct str number(const struct otlp_value *value, struct arena *arena)
{
    if (value->type == OTLP_INT) return arena_printf(arena, "%lld", (long long)value->integer);
    if (!isfinite(value->real))
        return str_of(isnan(value->real) ? "\"NaN\"" : value->real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return arena_printf(arena, "%.17g", value->real);
}

/* As deep as values are read: OTLP_DEPTH_MAX. */
static void put_value(struct text *to, const struct otlp_value *value, struct arena *arena)
{
    struct str text;
    switch (value->type) {
    case OTLP_NONE:
        put_text(to, "null");
        break;
    case OTLP_STRING:
        put_escaped(to, value->text);
        break;
    case OTLP_BYTES:
        put_escaped(to, base64(value->text, arena));
        break;
    case OTLP_BOOL:
        put_text(to, value->integer ? "true" : "false");
        break;
    case OTLP_INT:
    case OTLP_DOUBLE:
        text = number(value, arena);
        put(to, text.data, text.len);
        break;
    case OTLP_ARRAY:
        put_array(to, value, arena);
        break;
    case OTLP_MAP:
        put_map(to, value, arena);
        break;
    }
}

struct str value_as_text(const struct otlp_value *value, struct arena *arena)
{
    if (value->type == OTLP_NONE) return str_view("", 0);
    if (value->type == OTLP_STRING) return value->text;
    if (value->type == OTLP_BYTES) return base64(value->text, arena);
    if (value->type == OTLP_BOOL) return str_of(value->integer ? "true" : "false");
    if (value->type != OTLP_ARRAY && value->type != OTLP_MAP) return number(value, arena);
    struct text text = {.data = arena_alloc(arena, TEXT_BYTES_MAX)};
    if (!text.data) return str_view("", 0);
    put_value(&text, value, arena);
    return text.full ? str_view("", 0) : str_view(text.data, text.len);
}
