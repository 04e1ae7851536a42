/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/ot_state.h"

/* The part before the next semicolon; *text goes on behind it. */
static struct str next(struct str *text)
{
    const char *end = memchr(text->data, ';', text->len);
    size_t len = end ? (size_t)(end - text->data) : text->len, skip = len + (end != NULL);
    struct str part = str_view(text->data, len);
    *text = str_view(text->data + skip, text->len - skip);
    return part;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* least to 14 digits, filled up with zeros at the end. */
static bool read_digits(struct str text, size_t least, uint64_t *value)
{
    uint64_t result = 0;
    if (text.len < least || text.len > THRESHOLD_DIGITS) return false;
    for (size_t i = 0; i < THRESHOLD_DIGITS; i++) {
        int d = i < text.len ? digit(text.data[i]) : 0;
        if (d < 0) return false;
        result = result << 4 | (unsigned)d;
    }
    *value = result;
    return true;
}

struct ot_state ot_state_read(struct str value)
{
    struct ot_state state = {THRESHOLD_UNKNOWN, 0, false};
    int thresholds = 0, randoms = 0;
    while (value.len) {
        struct str part = next(&value);
        struct str digits = str_view(part.data + 3, part.len < 3 ? 0 : part.len - 3);
        if (str_starts(part, "th:") && (thresholds++ || !read_digits(digits, 1, &state.threshold)))
            state.threshold = THRESHOLD_UNKNOWN;
        if (str_starts(part, "rv:"))
            state.has_randomness = randoms++ == 0 && read_digits(digits, THRESHOLD_DIGITS, &state.randomness);
    }
    return state;
}

/* "th:" and the digits, without the zeros at their end, but for one. */
static size_t write_threshold(char *to, uint64_t threshold)
{
    size_t len = 3;
    memcpy(to, "th:", 3);
    do {
        to[len++] = "0123456789abcdef"[threshold >> (4 * (THRESHOLD_DIGITS - 1)) & 15];
        threshold = threshold << 4 & (RANDOMNESS_ALL - 1);
    } while (threshold);
    return len;
}

/* The value's parts with th in its place, or at the end when there was none. False: too long. */
static bool compose(char to[OT_VALUE_MOST], size_t *len, struct str value, struct str threshold)
{
    *len = 0;
    do {
        struct str part = value.len ? next(&value) : threshold;
        bool is_threshold = str_starts(part, "th:");
        if (is_threshold) part = threshold;
        if (is_threshold) threshold.len = 0; /* once */
        if (part.len == 0) continue;
        if (*len + (*len > 0) + part.len > OT_VALUE_MOST) return false;
        if (*len) to[(*len)++] = ';';
        memcpy(to + *len, part.data, part.len);
        *len += part.len;
    } while (value.len || threshold.len);
    return true;
}

size_t ot_state_write(char to[OT_VALUE_MOST], struct str value, uint64_t threshold)
{
    char own[3 + THRESHOLD_DIGITS];
    size_t len, own_len = threshold < RANDOMNESS_ALL ? write_threshold(own, threshold) : 0;
    if (compose(to, &len, value, str_view(own, own_len))) return len;
    return compose(to, &len, value, str_view("", 0)) ? len : 0;
}
