/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/trace_state.h"

#define DIGITS 14 /* of 56 bits */

/* Cuts the part before the first separator off the front of text. */
static struct str cut(struct str *text, char separator)
{
    const char *end = text->len ? memchr(text->data, separator, text->len) : NULL;
    size_t len = end ? (size_t)(end - text->data) : text->len;
    struct str part = str_view(text->data, len);
    *text = str_view(text->data + len + (end != NULL), text->len - len - (end != NULL));
    return part;
}

static struct str trim(struct str text)
{
    while (text.len && (*text.data == ' ' || *text.data == '\t'))
        text = str_view(text.data + 1, text.len - 1);
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) text.len--;
    return text;
}

struct writer {
    char *to;
    size_t len;
};

static void put(struct writer *writer, struct str text)
{
    if (text.len) memcpy(writer->to + writer->len, text.data, text.len);
    writer->len += text.len;
}

/* Zeros at the end say nothing; all of them are one. */
static void put_threshold(struct writer *writer, uint64_t threshold)
{
    char digits[DIGITS];
    size_t len = DIGITS;
    for (size_t i = 0; i < DIGITS; i++)
        digits[i] = "0123456789abcdef"[threshold >> (4 * (DIGITS - 1 - i)) & 15];
    while (len > 1 && digits[len - 1] == '0') len--;
    put(writer, str_of("ot=th:"));
    put(writer, str_view(digits, len));
}

static void put_other_fields(struct writer *writer, struct str fields)
{
    while (fields.len) {
        struct str field = cut(&fields, ';');
        if (field.len == 0 || str_starts(field, "th:")) continue;
        put(writer, str_of(";"));
        put(writer, field);
    }
}

struct str trace_state_with_threshold(struct arena *arena, struct str state, uint64_t threshold)
{
    struct writer writer = {arena_alloc(arena, state.len + sizeof "ot=th:," + DIGITS), 0};
    if (!writer.to) return str_view("", 0);
    put_threshold(&writer, threshold);
    for (struct str rest = state; rest.len;) {
        struct str member = trim(cut(&rest, ','));
        if (str_starts(member, "ot=")) put_other_fields(&writer, str_view(member.data + 3, member.len - 3));
    }
    for (struct str rest = state; rest.len;) {
        struct str member = trim(cut(&rest, ','));
        if (member.len == 0 || str_starts(member, "ot=")) continue;
        put(&writer, str_of(","));
        put(&writer, member);
    }
    return str_view(writer.to, writer.len);
}
