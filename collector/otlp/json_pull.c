/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/json_pull.h"

void pull_init(struct json_pull *json, const void *data, size_t bytes, struct arena *arena)
{
    *json = (struct json_pull){.at = data, .end = (const char *)data + bytes, .arena = arena};
    if (bytes == 0) json->at = json->end = "";
}

static bool fail(struct json_pull *json, const char *why)
{
    if (!json->why) json->why = why;
    json->at = json->end;
    return false;
}

static void skip_blanks(struct json_pull *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t'))
        json->at++;
}

static bool next_is(struct json_pull *json, char c)
{
    skip_blanks(json);
    return json->at < json->end && *json->at == c;
}

enum pull_type pull_peek(struct json_pull *json)
{
    skip_blanks(json);
    if (json->at == json->end) {
        fail(json, "the JSON ends where a value should stand");
        return PULL_NONE;
    }
    switch (*json->at) {
    case '{':
        return PULL_OBJECT;
    case '[':
        return PULL_ARRAY;
    case '"':
        return PULL_STRING;
    case 't':
        return PULL_TRUE;
    case 'f':
        return PULL_FALSE;
    case 'n':
        return PULL_NULL;
    default:
        break;
    }
    if (*json->at == '-' || (*json->at >= '0' && *json->at <= '9')) return PULL_NUMBER;
    fail(json, "the JSON has something else where a value should stand");
    return PULL_NONE;
}

/* ---- objects and arrays ---- */

static bool enter(struct json_pull *json, enum pull_type type)
{
    if (pull_peek(json) != type) return false;
    if (json->depth == PULL_DEPTH_MAX) return fail(json, "the JSON is nested deeper than 128 levels");
    json->is_fresh[json->depth / 64] |= (uint64_t)1 << json->depth % 64;
    json->depth++;
    json->at++;
    return true;
}

bool pull_object(struct json_pull *json) { return enter(json, PULL_OBJECT); }
bool pull_array(struct json_pull *json) { return enter(json, PULL_ARRAY); }

/* Stands at the next member or element; false: that was the last. */
static bool advance(struct json_pull *json, char closing)
{
    if (json->why || json->depth == 0) return false;
    uint64_t *fresh = &json->is_fresh[(json->depth - 1) / 64], bit = (uint64_t)1 << (json->depth - 1) % 64;
    bool is_first = *fresh & bit;
    *fresh &= ~bit;
    if (next_is(json, closing)) {
        json->at++;
        json->depth--;
        return false;
    }
    if (is_first) return true;
    if (!next_is(json, ',')) return fail(json, "the JSON has no comma where one should stand");
    json->at++;
    return true;
}

bool pull_element(struct json_pull *json) { return advance(json, ']'); }

bool pull_member(struct json_pull *json, struct str *key)
{
    if (!advance(json, '}')) return false;
    if (!next_is(json, '"')) return fail(json, "the JSON has a member without a name");
    if (!pull_text(json, key)) return false;
    if (!next_is(json, ':')) return fail(json, "the JSON has a member without a value");
    json->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_unit(struct json_pull *json, uint32_t *unit)
{
    *unit = 0;
    if (json->end - json->at < 4) return fail(json, "the JSON ends in an escape");
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*json->at++);
        if (digit < 0) return fail(json, "the JSON has an escape that is none");
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    size_t len = code < 0x10000 ? 3 : 4;
    to[0] = (char)(len == 3 ? 0xe0 | code >> 12 : 0xf0 | code >> 18);
    for (size_t i = 1; i < len; i++) to[i] = (char)(0x80 | (code >> (6 * (len - 1 - i)) & 0x3f));
    return len;
}

/* Behind \u. Half a pair stands for nothing: '?'. */
static bool take_code(struct json_pull *json, uint32_t *code)
{
    uint32_t low;
    if (!take_unit(json, code)) return false;
    bool is_high = *code >= 0xd800 && *code < 0xdc00;
    if (is_high && json->end - json->at >= 2 && json->at[0] == '\\' && json->at[1] == 'u') {
        struct json_pull mark = pull_mark(json);
        json->at += 2;
        if (!take_unit(json, &low)) return false;
        if (low >= 0xdc00 && low < 0xe000) {
            *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
            return true;
        }
        *json = mark;
    }
    if (*code >= 0xd800 && *code < 0xe000) *code = '?';
    return true;
}

static bool take_escape(struct json_pull *json, char *to, size_t *len)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t code;
    if (json->at == json->end) return fail(json, "the JSON ends in an escape");
    char c = *json->at++;
    if (c == 'u') {
        if (!take_code(json, &code)) return false;
        *len += put_utf8(to + *len, code);
        return true;
    }
    const char *name = c ? strchr(names, c) : NULL;
    if (!name) return fail(json, "the JSON has an escape that is none");
    to[(*len)++] = values[name - names];
    return true;
}

/* To the closing quote, at which `raw` ends; *escaped: there are escapes in it. */
static bool take_raw(struct json_pull *json, struct str *raw, bool *escaped)
{
    const char *start = ++json->at;
    *escaped = false;
    for (const char *at = start; at < json->end; at++) {
        if (*at == '"') {
            *raw = str_view(start, (size_t)(at - start));
            json->at = at + 1;
            return true;
        }
        if ((unsigned char)*at < 0x20) return fail(json, "the JSON has a control character in a text");
        if (*at == '\\') {
            *escaped = true;
            at++;
        }
    }
    return fail(json, "the JSON ends in a text");
}

/* Never longer than it is written. */
static bool unescape(struct json_pull *json, struct str raw, struct str *text)
{
    char *to = arena_alloc(json->arena, raw.len + 1);
    struct json_pull inner = {.at = raw.data, .end = raw.data + raw.len};
    size_t len = 0;
    *text = str_view("", 0);
    while (inner.at < inner.end) {
        const char *escape = memchr(inner.at, '\\', (size_t)(inner.end - inner.at));
        size_t plain = (size_t)((escape ? escape : inner.end) - inner.at);
        char none[8];
        size_t none_len = 0;
        if (to) memcpy(to + len, inner.at, plain);
        len += plain;
        inner.at += plain + (escape != NULL);
        if (escape && !take_escape(&inner, to ? to : none, to ? &len : &none_len))
            return fail(json, inner.why);
    }
    if (to) *text = str_view(to, len);
    return true;
}

bool pull_text(struct json_pull *json, struct str *text)
{
    struct str raw;
    bool escaped;
    if (pull_peek(json) != PULL_STRING) {
        pull_skip(json);
        return false;
    }
    if (!take_raw(json, &raw, &escaped)) return false;
    if (escaped) return unescape(json, raw, text);
    *text = raw;
    return true;
}

/* ---- numbers and words ---- */

static bool digits(struct json_pull *json)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
    return json->at > start;
}

static bool one_of(struct json_pull *json, const char *characters)
{
    bool is = json->at < json->end && *json->at && strchr(characters, *json->at);
    json->at += is;
    return is;
}

static bool take_number(struct json_pull *json, struct str *text)
{
    const char *start = json->at;
    one_of(json, "-");
    bool zero = json->at < json->end && *json->at == '0';
    bool valid = zero ? (json->at++, true) : digits(json);
    if (valid && one_of(json, ".")) valid = digits(json);
    if (valid && one_of(json, "eE")) {
        one_of(json, "+-");
        valid = digits(json);
    }
    if (!valid) return fail(json, "the JSON has a number that is none");
    *text = str_view(start, (size_t)(json->at - start));
    return true;
}

static bool take_word(struct json_pull *json, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
        return fail(json, "the JSON has a word that is none");
    json->at += len;
    return true;
}

bool pull_number(struct json_pull *json, struct str *text)
{
    enum pull_type type = pull_peek(json);
    if (type == PULL_NUMBER) return take_number(json, text);
    return pull_text(json, text);
}

bool pull_text_to_u64(struct str text, uint64_t *value)
{
    *value = 0;
    if (text.len == 0 || text.len > 20) return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9 || *value > (UINT64_MAX - digit) / 10) return false;
        *value = *value * 10 + digit;
    }
    return true;
}

bool pull_text_to_i64(struct str text, int64_t *value)
{
    bool negative = text.len && text.data[0] == '-';
    uint64_t number;
    if (negative) text = str_view(text.data + 1, text.len - 1);
    if (!pull_text_to_u64(text, &number) || number > (uint64_t)INT64_MAX + negative) return false;
    *value = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

bool pull_u64(struct json_pull *json, uint64_t *value)
{
    struct str text;
    return pull_number(json, &text) && pull_text_to_u64(text, value);
}

bool pull_i64(struct json_pull *json, int64_t *value)
{
    struct str text;
    return pull_number(json, &text) && pull_text_to_i64(text, value);
}

bool pull_bool(struct json_pull *json, bool *value)
{
    enum pull_type type = pull_peek(json);
    if (type != PULL_TRUE && type != PULL_FALSE) {
        pull_skip(json);
        return false;
    }
    *value = type == PULL_TRUE;
    return take_word(json, *value ? "true" : "false");
}

/* ---- passing over ---- */

static bool skip_scalar(struct json_pull *json, enum pull_type type)
{
    struct str text;
    bool escaped;
    switch (type) {
    case PULL_STRING:
        return take_raw(json, &text, &escaped);
    case PULL_NUMBER:
        return take_number(json, &text);
    case PULL_TRUE:
        return take_word(json, "true");
    case PULL_FALSE:
        return take_word(json, "false");
    case PULL_NULL:
        return take_word(json, "null");
    default:
        return false;
    }
}

/* A key is passed over as a text: it is not wanted. */
static bool next_skipped(struct json_pull *json, bool is_object)
{
    struct str raw;
    bool escaped;
    if (!is_object) return pull_element(json);
    if (!advance(json, '}')) return false;
    if (!next_is(json, '"')) return fail(json, "the JSON has a member without a name");
    if (!take_raw(json, &raw, &escaped)) return false;
    if (!next_is(json, ':')) return fail(json, "the JSON has a member without a value");
    json->at++;
    return true;
}

bool pull_skip(struct json_pull *json)
{
    uint32_t outside = json->depth;
    uint64_t is_object[PULL_DEPTH_MAX / 64] = {0}; /* a bit a level */
    do {
        enum pull_type type = pull_peek(json);
        if (type == PULL_OBJECT || type == PULL_ARRAY) {
            uint64_t bit = (uint64_t)1 << json->depth % 64;
            uint32_t word = json->depth / 64;
            if (!enter(json, type)) return false;
            is_object[word] = type == PULL_OBJECT ? is_object[word] | bit : is_object[word] & ~bit;
        } else if (!skip_scalar(json, type)) {
            return false;
        }
        while (json->depth > outside) {
            uint32_t level = json->depth - 1;
            if (next_skipped(json, is_object[level / 64] >> level % 64 & 1)) break;
            if (json->why) return false;
        }
    } while (json->depth > outside);
    return true;
}

bool pull_end(struct json_pull *json)
{
    skip_blanks(json);
    return !json->why && (json->at == json->end || fail(json, "the JSON goes on behind its end"));
}
