/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/trace_state.h"

#define DIGITS 14 /* of 56 bits */

/* Cuts the part before the first separator off the front of text, without blanks around it. */
static struct str next(struct str *text, char separator)
{
    const char *end = memchr(text->data, separator, text->len);
    size_t len = end ? (size_t)(end - text->data) : text->len;
    struct str part = str_view(text->data, len);
    *text = str_view(text->data + len + (end != NULL), text->len - len - (end != NULL));
    while (part.len && (part.data[0] == ' ' || part.data[0] == '\t'))
        part = str_view(part.data + 1, part.len - 1);
    while (part.len && (part.data[part.len - 1] == ' ' || part.data[part.len - 1] == '\t')) part.len--;
    return part;
}

/* 1 to 14 digits; zeros at the end are left out. */
static uint64_t digits_of(struct str text)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > DIGITS) return 0;
    for (size_t i = 0; i < DIGITS; i++) {
        char c = i < text.len ? text.data[i] : '0';
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
        if (digit > 15) return 0;
        value = value << 4 | digit;
    }
    return value;
}

static uint64_t threshold_of(struct str fields)
{
    uint64_t threshold = 0;
    unsigned count = 0;
    while (fields.len) {
        struct str field = next(&fields, ';');
        if (!str_starts(field, "th:")) continue;
        threshold = digits_of(str_view(field.data + 3, field.len - 3));
        count++;
    }
    return count == 1 ? threshold : 0;
}

uint64_t trace_state_threshold(struct str trace_state)
{
    while (trace_state.len) {
        struct str member = next(&trace_state, ',');
        if (str_starts(member, "ot=")) return threshold_of(str_view(member.data + 3, member.len - 3));
    }
    return 0;
}
