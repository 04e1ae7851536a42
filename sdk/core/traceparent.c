/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/traceparent.h"

#include <string.h>

/* version "-" trace-id "-" parent-id "-" flags */
enum { VERSION_AT = 0, TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

/* Lower-case hexadecimal only, as the standard demands. */
static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static bool hex(const char *text, int digits, uint64_t *value)
{
    uint64_t result = 0;
    for (int i = 0; i < digits; i++) {
        int d = digit(text[i]);
        if (d < 0) return false;
        result = result << 4 | (unsigned)d;
    }
    *value = result;
    return true;
}

/* Version 00 ends after the flags; a higher one may go on behind another dash. ff is forbidden. */
static bool length_fits(uint64_t version, const char *text, size_t length)
{
    if (version == 0xff) return false;
    if (length == LENGTH) return true;
    return version > 0 && text[LENGTH] == '-';
}

bool traceparent_parse(const char *text, struct trace_context *context)
{
    size_t length = text ? strnlen(text, LENGTH + 1) : 0;
    uint64_t version, high, low, span, flags;
    if (length < LENGTH || !hex(text + VERSION_AT, 2, &version) || !length_fits(version, text, length))
        return false;
    if (text[TRACE_AT - 1] != '-' || text[SPAN_AT - 1] != '-' || text[FLAGS_AT - 1] != '-') return false;
    if (!hex(text + TRACE_AT, 16, &high) || !hex(text + TRACE_AT + 16, 16, &low)) return false;
    if (!hex(text + SPAN_AT, 16, &span) || !hex(text + FLAGS_AT, 2, &flags)) return false;
    if ((high | low) == 0 || span == 0) return false;
    *context =
        (struct trace_context){{high, low}, span, flags & WEIR_CONTEXT_SAMPLED, flags & WEIR_CONTEXT_RANDOM};
    return true;
}

static char *put_hex(char *to, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

void traceparent_format(const struct trace_context *context, char to[WEIR_TRACEPARENT_BYTES])
{
    memcpy(to, "00-", 3);
    to = put_hex(to + 3, context->trace_id[0]);
    to = put_hex(to, context->trace_id[1]);
    *to++ = '-';
    to = put_hex(to, context->span_id);
    unsigned flags =
        (context->sampled ? WEIR_CONTEXT_SAMPLED : 0) | (context->random ? WEIR_CONTEXT_RANDOM : 0);
    memcpy(to, "-00", 4);
    to[2] = (char)('0' + flags);
}
