/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/json_scan.h"

struct level {
    bool is_array;
    uint32_t array;  /* its number */
    struct str name; /* of the member being read, or the name the array stands under */
};

struct scan {
    const char *at, *end;
    uint32_t depth, array_count;
    bool stopped;
    json_scalar_fn scalar;
    void *context;
    struct level levels[JSON_SCAN_DEPTH];
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4)) scan->at++;
}

bool json_looks_like(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(" \t\r\n", text.data[i], 4)) return text.data[i] == '{' || text.data[i] == '[';
    return false;
}

/* ---- strings ---- */

/* The inside of the string at the cursor, escapes untouched. */
static bool read_string(struct scan *scan, struct str *inside, bool *escaped)
{
    const char *start = ++scan->at;
    *escaped = false;
    while (scan->at < scan->end && *scan->at != '"') {
        if ((unsigned char)*scan->at < 0x20) return false;
        if (*scan->at == '\\') {
            *escaped = true;
            scan->at++;
        }
        scan->at++;
    }
    if (scan->at >= scan->end) return false;
    *inside = str_view(start, (size_t)(scan->at++ - start));
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u; -1 when they are not there. */
static int32_t read_unit(const char *at, const char *end)
{
    if (end - at < 4) return -1;
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 63));
        *to++ = (char)(0x80 | (c >> 6 & 63));
        *to++ = (char)(0x80 | (c & 63));
    }
    return to;
}

/* \uXXXX at the cursor (behind the u), with the second half of a surrogate pair where there is one. */
static const char *unescape_unit(const char *at, const char *end, char **to)
{
    int32_t unit = read_unit(at, end);
    if (unit < 0) return NULL;
    at += 4;
    if (unit >= 0xd800 && unit < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        int32_t low = read_unit(at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *to = put_utf8(*to, 0x10000u + (((uint32_t)unit & 0x3ff) << 10) + ((uint32_t)low & 0x3ff));
            return at + 6;
        }
    }
    *to = put_utf8(*to, (uint32_t)unit);
    return at;
}

/* Into room of JSON_TEXT_MAX; unescaped text is never longer than what it came from. */
static bool unescape(struct str inside, char *to, struct str *text)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *at = inside.data, *end = inside.data + inside.len;
    char *start = to;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        if (++at >= end) return false;
        const char *name = memchr(names, *at, sizeof names - 1);
        if (name) {
            *to++ = values[name - names];
            at++;
        } else if (*at != 'u' || !(at = unescape_unit(at + 1, end, &to))) {
            return false;
        }
    }
    *text = str_view(start, (size_t)(to - start));
    return true;
}

/* ---- scalars ---- */

static void give(struct scan *scan, struct str text, bool is_null)
{
    struct json_scalar scalar = {.text = text, .is_null = is_null, .depth = scan->depth};
    if (scan->depth) {
        const struct level *level = &scan->levels[scan->depth - 1];
        scalar.name = level->name;
        scalar.array = level->is_array ? level->array : 0;
    }
    if (!scan->scalar(scan->context, &scalar)) scan->stopped = true;
}

static bool give_string(struct scan *scan)
{
    struct str text;
    bool escaped;
    char room[JSON_TEXT_MAX];
    if (!read_string(scan, &text, &escaped)) return false;
    if (escaped && text.len <= sizeof room && !unescape(text, room, &text)) return false;
    give(scan, text, false);
    return true;
}

/* A number, true, false or null: taken as written; only its alphabet is checked. */
static bool give_word(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && !memchr(" \t\r\n,]}", *scan->at, 7)) scan->at++;
    struct str text = {start, (size_t)(scan->at - start)};
    if (text.len == 0) return false;
    bool is_word = str_is(text, "true") || str_is(text, "false") || str_is(text, "null");
    for (size_t i = 0; !is_word && i < text.len; i++)
        if (!memchr("0123456789+-.eE", text.data[i], 15)) return false;
    give(scan, text, str_is(text, "null"));
    return true;
}

/* ---- structure ---- */

static bool open_level(struct scan *scan, bool is_array)
{
    if (scan->depth == JSON_SCAN_DEPTH) return false;
    struct str name = scan->depth ? scan->levels[scan->depth - 1].name : str_view("", 0);
    scan->levels[scan->depth++] = (struct level){is_array, is_array ? ++scan->array_count : 0, name};
    scan->at++;
    return true;
}

/* The name and colon of an object's next member. */
static bool read_member(struct scan *scan)
{
    bool escaped;
    skip_space(scan);
    if (scan->at >= scan->end || *scan->at != '"') return false;
    if (!read_string(scan, &scan->levels[scan->depth - 1].name, &escaped)) return false;
    skip_space(scan);
    return scan->at < scan->end && *scan->at++ == ':';
}

static bool closes(const struct scan *scan)
{
    return scan->at < scan->end && *scan->at == (scan->levels[scan->depth - 1].is_array ? ']' : '}');
}

/* Opens levels down to the next scalar, or to an empty object or array, which closes at once. */
static bool read_value(struct scan *scan, bool *complete)
{
    for (;;) {
        skip_space(scan);
        if (scan->at >= scan->end) return false;
        *complete = true;
        if (*scan->at == '"') return give_string(scan);
        if (*scan->at != '{' && *scan->at != '[') return give_word(scan);
        if (!open_level(scan, *scan->at == '[')) return false;
        skip_space(scan);
        *complete = false;
        if (closes(scan)) return true;
        if (!scan->levels[scan->depth - 1].is_array && !read_member(scan)) return false;
    }
}

/* Behind a value: closes what ends here. *more: a comma says that another value follows. */
static bool read_ends(struct scan *scan, bool *more)
{
    *more = false;
    while (scan->depth) {
        skip_space(scan);
        if (closes(scan)) {
            scan->at++;
            scan->depth--;
            continue;
        }
        if (scan->at >= scan->end || *scan->at++ != ',') return false;
        *more = true;
        return scan->levels[scan->depth - 1].is_array || read_member(scan);
    }
    return true;
}

bool json_scan(struct str text, json_scalar_fn scalar, void *context)
{
    struct scan scan;
    scan.at = text.data;
    scan.end = text.data + (text.len < JSON_SCAN_BYTES ? text.len : JSON_SCAN_BYTES);
    scan.depth = scan.array_count = 0;
    scan.stopped = false;
    scan.scalar = scalar;
    scan.context = context;
    bool complete, more = true;
    while (more && !scan.stopped)
        if (!read_value(&scan, &complete) || !read_ends(&scan, &more)) return false;
    skip_space(&scan);
    return scan.stopped || scan.at == scan.end;
}
