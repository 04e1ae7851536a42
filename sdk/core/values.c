/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/values.h"

#include "sdk/core/json_scan.h"

#include <string.h>

#define NULL_HASH 0x6e756c6cull /* in the hash of the whole input; a NULL is no value to match */

uint64_t value_hash(const struct hash_key *key, struct str value)
{
    uint64_t hash = hash_keyed(key, value.data, value.len);
    return hash ? hash : 1;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool is_large_integer(struct str value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i])) return false;
        number = number > UINT32_MAX ? number : number * 10 + (unsigned)(value.data[i] - '0');
    }
    return number > UINT32_MAX;
}

/* Words are not tokens: at least three digits and three letters make one. */
static bool is_token(struct str value)
{
    if (value.len < 16 || value.len > 512) return false;
    int digits = 0, letters = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (is_digit(c))
            digits++;
        else if (is_letter(c))
            letters++;
        else if (!memchr("+/=_-.", c, 6))
            return false;
    }
    return digits >= 3 && letters >= 3;
}

bool value_is_strong(struct str value)
{
    return (value.len >= 10 && value.len <= 40 && is_large_integer(value)) || is_token(value);
}

/* ---- Bloom filter ---- */

static void bloom_add(struct bloom *bloom, uint64_t hash)
{
    bloom->bits[hash >> 6 & 63] |= 1ull << (hash & 63);
    bloom->bits[hash >> 18 & 63] |= 1ull << (hash >> 12 & 63);
}

/* ---- values ---- */

void inputs_reset(struct inputs *inputs, const struct hash_key *key, uint64_t operation_hash)
{
    inputs->key = key;
    inputs->whole = operation_hash;
    inputs->count = inputs->list_count = 0;
    inputs->strong = 0;
    memset(&inputs->seen, 0, sizeof inputs->seen);
}

/* A list too short to be recognised makes room for the next one. */
static void list_begin(struct inputs *inputs, bool literals)
{
    if (inputs->list_count && inputs->lists[inputs->list_count - 1].count < INPUT_LIST_MIN)
        inputs->list_count--;
    if (inputs->list_count == INPUT_LISTS || inputs->count >= INPUTS_KEPT) return;
    inputs->lists[inputs->list_count++] = (struct input_list){inputs->count, 0, literals};
}

/* Lists that were not opened for want of room leave the last one growing: close it by counting from its start. */
static void list_end(struct inputs *inputs, uint32_t start)
{
    if (inputs->list_count == 0) return;
    struct input_list *last = &inputs->lists[inputs->list_count - 1];
    if (last->start == start) last->count = inputs->count - start;
}

static void value_add(struct inputs *inputs, uint64_t hash, bool strong)
{
    if (inputs->count >= INPUT_SCALARS_MAX) return;
    if (inputs->count < INPUTS_KEPT) {
        inputs->hash[inputs->count] = hash;
        inputs->strong |= (uint64_t)strong << inputs->count;
    }
    bloom_add(&inputs->seen, hash);
    inputs->count++;
}

static void scalar_add(struct inputs *inputs, struct str value)
{
    value_add(inputs, value_hash(inputs->key, value), value_is_strong(value));
}

void inputs_add_literal(struct inputs *inputs, uint64_t hash, bool strong)
{
    inputs->whole = hash_combine(inputs->whole, hash);
    struct input_list *last = inputs->list_count ? &inputs->lists[inputs->list_count - 1] : NULL;
    if (!last || !last->literals) list_begin(inputs, true);
    value_add(inputs, hash, strong);
    if (inputs->list_count && inputs->lists[inputs->list_count - 1].literals)
        list_end(inputs, inputs->lists[inputs->list_count - 1].start);
}

/* ---- "1,2,3" ---- */

static bool is_list_character(char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_'; }

/* Two and more words of letters, digits, - and _ with nothing but commas between: prose is no list. */
static bool is_plain_list(struct str text)
{
    bool comma = false, in_word = false;
    for (size_t i = 0; i < text.len; i++) {
        if (is_list_character(text.data[i])) {
            in_word = true;
        } else if (text.data[i] == ',' && in_word) {
            comma = true;
            in_word = false;
        } else {
            return false;
        }
    }
    return comma && in_word;
}

static void plain_list_add(struct inputs *inputs, struct str text)
{
    const char *at = text.data, *end = text.data + text.len;
    while (at < end && inputs->count < INPUT_SCALARS_MAX) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        scalar_add(inputs, str_view(at, (size_t)(stop - at)));
        at = stop + 1;
    }
}

/* ---- {1,2,"x y"} ---- */

/* One element of a Postgres array literal; escapes in quotes stay as written. Returns behind it, NULL if it is none. */
static const char *array_element(const char *at, const char *end, struct str *value)
{
    if (at < end && *at == '"') {
        const char *start = ++at;
        while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
        if (at >= end) return NULL;
        *value = str_view(start, (size_t)(at - start));
        return at + 1;
    }
    const char *start = at;
    while (at < end && !memchr(",{}\":\\", *at, 6)) at++;
    *value = str_view(start, (size_t)(at - start));
    return at > start ? at : NULL;
}

/* Walks the literal; inputs NULL only checks that it is one. */
static bool array_walk(struct inputs *inputs, struct str text)
{
    const char *at = text.data + 1, *end = text.data + text.len;
    for (;;) {
        struct str value;
        at = array_element(at, end, &value);
        if (!at || at >= end || (*at != ',' && *at != '}')) return false;
        if (inputs && !str_is(value, "NULL")) scalar_add(inputs, value);
        if (*at++ == '}') return at == end;
        if (inputs && inputs->count >= INPUT_SCALARS_MAX) return true;
    }
}

/* ---- JSON ---- */

struct json_inputs {
    struct inputs *inputs;
    uint32_t array; /* number of the array that the last value stood in */
    uint32_t start; /* of the list that this array is */
};

static bool json_value(void *context, const struct json_scalar *scalar)
{
    struct json_inputs *json = context;
    if (scalar->array != json->array) {
        json->array = scalar->array;
        json->start = json->inputs->count;
        list_begin(json->inputs, false);
    }
    if (!scalar->is_null) scalar_add(json->inputs, scalar->text);
    list_end(json->inputs, json->start);
    return json->inputs->count < INPUT_SCALARS_MAX;
}

static void json_add(struct inputs *inputs, struct str text)
{
    struct json_inputs json = {inputs, 0, inputs->count};
    list_begin(inputs, false);
    json_scan(text, json_value, &json);
}

void inputs_add(struct inputs *inputs, const char *data, size_t bytes)
{
    if (!data) {
        inputs->whole = hash_combine(inputs->whole, NULL_HASH);
        return;
    }
    struct str text = {data, bytes};
    inputs->whole = hash_combine(inputs->whole, value_hash(inputs->key, text));
    if (text.len > INPUT_SCAN_BYTES) text.len = INPUT_SCAN_BYTES;

    uint32_t start = inputs->count;
    if (text.len > 1 && text.data[0] == '{' && array_walk(NULL, text)) {
        list_begin(inputs, false);
        array_walk(inputs, text);
    } else if (json_looks_like(text)) {
        json_add(inputs, text);
        return;
    } else {
        list_begin(inputs, false);
        if (is_plain_list(text))
            plain_list_add(inputs, text);
        else
            scalar_add(inputs, text);
    }
    list_end(inputs, start);
}
