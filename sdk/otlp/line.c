/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/line.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdlib.h>

/* ---- text from outside ---- */

/* Characters that have no width, turn the direction or command the terminal, as ranges of code points. */
static const struct {
    uint32_t first, last;
} unseen[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x061c, 0x061c},
              {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
              {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff}};

static uint32_t decode(const char *data, size_t bytes)
{
    static const unsigned char first_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)data[0] & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++) code = code << 6 | ((unsigned char)data[i] & 0x3f);
    return code;
}

static bool is_unseen(uint32_t code)
{
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        if (code >= unseen[i].first && code <= unseen[i].last) return true;
    return false;
}

/* quoted: a " and a \ of the text are marked, too. */
static void add_escaped(struct buffer *to, struct str text, bool quoted)
{
    while (text.len) {
        size_t bytes = utf8_char_bytes(text);
        if (bytes == 0)
            buffer_printf(to, "\\x%02x", (unsigned char)text.data[0]);
        else if (is_unseen(decode(text.data, bytes)))
            buffer_printf(to, "\\u{%x}", decode(text.data, bytes));
        else if (quoted && (*text.data == '"' || *text.data == '\\'))
            buffer_printf(to, "\\%c", *text.data);
        else
            buffer_add(to, text.data, bytes);
        if (bytes == 0) bytes = 1;
        text = str_view(text.data + bytes, text.len - bytes);
    }
}

/* In quotes unless it is one plain word. */
static void add_word(struct buffer *to, struct str text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = text.data[i] > ' ' && text.data[i] < 0x7f && !strchr("\"\\=,[]", text.data[i]);
    if (plain) {
        buffer_add_str(to, text);
        return;
    }
    buffer_add_char(to, '"', 1);
    add_escaped(to, text, true);
    buffer_add_char(to, '"', 1);
}

/* ---- values ---- */

static void add_value(struct buffer *to, const struct otlp_value *value);

static void add_list(struct buffer *to, const struct otlp_value *list)
{
    buffer_add_char(to, '[', 1);
    for (size_t i = 0; i < list->count; i++) {
        if (i) buffer_add_char(to, ',', 1);
        if (list->type == OTLP_MAP) {
            add_word(to, list->attributes[i].key);
            buffer_add_char(to, '=', 1);
        }
        add_value(to, list->type == OTLP_MAP ? &list->attributes[i].value : &list->values[i]);
    }
    buffer_add_char(to, ']', 1);
}

static void add_value(struct buffer *to, const struct otlp_value *value)
{
    switch (value->type) {
    case OTLP_NONE:
        return;
    case OTLP_STRING:
    case OTLP_BYTES:
        add_word(to, value->text);
        return;
    case OTLP_BOOL:
        buffer_add_text(to, value->integer ? "true" : "false");
        return;
    case OTLP_INT:
        buffer_printf(to, "%lld", (long long)value->integer);
        return;
    case OTLP_DOUBLE:
        buffer_printf(to, "%.6g", value->real);
        return;
    case OTLP_ARRAY:
    case OTLP_MAP:
        add_list(to, value);
        return;
    }
}

/* What machines compare, and what stands elsewhere in the line. */
static bool is_for_people(struct str key)
{
    static const char *const others[] = {"db.query.summary",   "weir.operation.type", "weir.input.hash",
                                         "weir.answer.hash",   "weir.unread",         "code.file.path",
                                         "code.function.name", "code.line.number"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_is(key, others[i])) return false;
    return true;
}

static void add_attributes(struct buffer *to, const struct otlp_attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (!is_for_people(attributes->items[i].key)) continue;
        buffer_add_text(to, "  ");
        add_word(to, attributes->items[i].key);
        buffer_add_char(to, '=', 1);
        add_value(to, &attributes->items[i].value);
    }
    if (attributes->dropped) buffer_printf(to, "  (%u more attributes)", attributes->dropped);
}

static const struct otlp_value *value_of(const struct otlp_attributes *attributes, const char *key,
                                         enum otlp_type type)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (str_is(attributes->items[i].key, key) && attributes->items[i].value.type == type)
            return &attributes->items[i].value;
    return NULL;
}

/* "at shop.c:17" */
static void add_place(struct buffer *to, const struct otlp_attributes *attributes)
{
    const struct otlp_value *file = value_of(attributes, "code.file.path", OTLP_STRING);
    const struct otlp_value *line = value_of(attributes, "code.line.number", OTLP_INT);
    if (!file) return;
    buffer_add_text(to, "  at ");
    add_escaped(to, file->text, false);
    if (line) buffer_printf(to, ":%lld", (long long)line->integer);
}

/* ---- times and ids ---- */

static void add_time(struct buffer *to, uint64_t unix_ns)
{
    unsigned long long us = unix_ns / NS_PER_US, day_us = us % (86400ull * 1000000);
    buffer_printf(to, "%02llu:%02llu:%02llu.%06llu", day_us / 3600000000u, day_us / 60000000 % 60,
                  day_us / 1000000 % 60, day_us % 1000000);
}

/* Three digits and a unit. */
static void add_duration(struct buffer *to, uint64_t ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;
    double value = (double)ns;
    for (; unit < 3 && value >= 999.5; unit++) value /= 1000;
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    buffer_printf(to, "%6.*f %-2s", decimals, value, units[unit]);
}

static void add_hex(struct buffer *to, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) buffer_printf(to, "%02x", (unsigned char)bytes.data[i]);
}

/* ---- the line ---- */

static void add_status(struct buffer *to, const struct otlp_span *span)
{
    if (span->status == 2) buffer_add_text(to, "  ERROR");
    if (span->status_message.len == 0) return;
    buffer_add_char(to, ' ', 1);
    add_word(to, span->status_message);
}

static void add_events(struct buffer *to, const struct otlp_span *span)
{
    for (size_t i = 0; i < span->event_count; i++) {
        const struct otlp_event *event = &span->events[i];
        int64_t after = (int64_t)(event->time_unix_ns - span->start_unix_ns);
        buffer_add_text(to, "  event ");
        add_word(to, event->name);
        buffer_printf(to, " at %+.3f ms", (double)after / (double)NS_PER_MS);
        add_attributes(to, &event->attributes);
    }
}

static void add_links(struct buffer *to, const struct otlp_span *span)
{
    for (size_t i = 0; i < span->link_count; i++) {
        const struct otlp_link *link = &span->links[i];
        buffer_add_text(to, "  link ");
        if (!str_equal(link->trace_id, span->trace_id)) {
            add_hex(to, link->trace_id);
            buffer_add_char(to, '/', 1);
        }
        add_hex(to, link->span_id);
        add_attributes(to, &link->attributes);
    }
}

void line_of_span(struct buffer *to, struct str service, const struct otlp_span *span)
{
    static const char *const kinds[] = {"span", "internal", "server", "client", "producer", "consumer"};
    add_time(to, span->start_unix_ns);
    buffer_add_char(to, ' ', 1);
    add_escaped(to, service, false);
    buffer_printf(to, " %-8s ", kinds[span->kind < sizeof kinds / sizeof *kinds ? span->kind : 0]);
    add_duration(to, span->end_unix_ns - span->start_unix_ns);
    buffer_add_text(to, "  ");
    add_escaped(to, span->name, false);
    add_status(to, span);
    add_attributes(to, &span->attributes);
    add_events(to, span);
    add_links(to, span);
    add_place(to, &span->attributes);
    buffer_add_text(to, "  trace ");
    add_hex(to, span->trace_id);
    buffer_add_text(to, " span ");
    add_hex(to, span->span_id);
    if (span->parent_span_id.len) {
        buffer_add_text(to, span->flags & OTLP_FLAG_REMOTE ? " remote parent " : " parent ");
        add_hex(to, span->parent_span_id);
    }
    buffer_add_char(to, '\n', 1);
}
