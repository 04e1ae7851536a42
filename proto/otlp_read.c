/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's bytes → spans, one at a time. Each message's own fields are gone through twice, once to count and once to
 * read; what lies within them is passed over by its length, so that nothing is looked at more often than that.
 */
#include "proto/otlp.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;   /* of numbers */
    struct str bytes; /* of WIRE_BYTES */
};

struct reader {
    struct arena *arena;
    const struct otlp_visitor *visitor;
    uint32_t values_left;
    const char *why; /* malformed */
    bool stopped;    /* by a visitor */
};

/* ---- fields ---- */

static bool malformed(struct reader *reader, const char *why)
{
    if (!reader->why) reader->why = why;
    return false;
}

static bool take_varint(struct str *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 10 && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->data[i];
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80) continue;
        *rest = str_view(rest->data + i + 1, rest->len - i - 1);
        return true;
    }
    return false;
}

static bool take_bytes(struct str *rest, uint64_t bytes, struct str *taken)
{
    if (bytes > rest->len) return false;
    *taken = str_view(rest->data, (size_t)bytes);
    *rest = str_view(rest->data + bytes, rest->len - (size_t)bytes);
    return true;
}

static bool take_fixed(struct str *rest, unsigned bytes, uint64_t *value)
{
    struct str taken;
    if (!take_bytes(rest, bytes, &taken)) return false;
    *value = 0;
    for (unsigned i = 0; i < bytes; i++) *value |= (uint64_t)(unsigned char)taken.data[i] << (8 * i);
    return true;
}

/* False: at the end, or malformed (reader->why). */
static bool next_field(struct reader *reader, struct str *rest, struct field *field)
{
    uint64_t tag, length;
    bool taken = false;
    *field = (struct field){0};
    if (rest->len == 0 || reader->why) return false;
    if (!take_varint(rest, &tag)) return malformed(reader, "the body ends within a field's number");
    if (tag >> 3 == 0 || tag > UINT32_MAX) return malformed(reader, "a field has no number");
    field->number = (uint32_t)(tag >> 3);
    field->type = (enum wire_type)(tag & 7);
    switch (field->type) {
    case WIRE_VARINT:
        taken = take_varint(rest, &field->value);
        break;
    case WIRE_FIXED64:
        taken = take_fixed(rest, 8, &field->value);
        break;
    case WIRE_FIXED32:
        taken = take_fixed(rest, 4, &field->value);
        break;
    case WIRE_BYTES:
        taken = take_varint(rest, &length) && take_bytes(rest, length, &field->bytes);
        break;
    default:
        return malformed(reader, "a field is of a type that protobuf does not have");
    }
    return taken || malformed(reader, "a field is longer than the message that it stands in");
}

static bool is_message(const struct field *field, uint32_t number)
{
    return field->number == number && field->type == WIRE_BYTES;
}

/* How many times the field stands in the message. */
static size_t count_messages(struct reader *reader, struct str message, uint32_t number)
{
    struct field field;
    size_t count = 0;
    while (next_field(reader, &message, &field)) count += is_message(&field, number);
    return count;
}

/* A scalar that should be of one type and is of another is as good as absent. */
static void set_text(const struct field *field, struct str *to)
{
    if (field->type == WIRE_BYTES) *to = field->bytes;
}

static void set_u32(const struct field *field, uint32_t *to)
{
    if (field->type == WIRE_VARINT || field->type == WIRE_FIXED32) *to = (uint32_t)field->value;
}

static void set_fixed64(const struct field *field, uint64_t *to)
{
    if (field->type == WIRE_FIXED64) *to = field->value;
}

/* ---- values ---- */

static bool read_value(struct reader *reader, struct str message, struct otlp_value *to, int depth);
static struct otlp_attribute *read_attribute_list(struct reader *reader, struct str message, uint32_t number,
                                                  size_t most, int depth, size_t *count);

static bool take_values(struct reader *reader, size_t count)
{
    if (count > reader->values_left) return false;
    reader->values_left -= (uint32_t)count;
    return true;
}

/* What there is no room for stays a value without a type. */
static bool read_array(struct reader *reader, struct str message, struct otlp_value *to, int depth)
{
    struct field field;
    size_t count = count_messages(reader, message, 1), read = 0;
    if (!take_values(reader, count)) return !reader->why;
    struct otlp_value *values = arena_array(reader->arena, count, sizeof *values);
    if (!values) return true;
    while (next_field(reader, &message, &field))
        if (is_message(&field, 1) && !read_value(reader, field.bytes, &values[read++], depth + 1))
            return false;
    to->type = OTLP_ARRAY;
    to->count = read;
    to->values = values;
    return !reader->why;
}

static bool read_map(struct reader *reader, struct str message, struct otlp_value *to, int depth)
{
    size_t count;
    const struct otlp_attribute *attributes =
        read_attribute_list(reader, message, 1, OTLP_VALUES_MAX, depth + 1, &count);
    if (!attributes) return !reader->why;
    to->type = OTLP_MAP;
    to->count = count;
    to->attributes = attributes;
    return true;
}

static bool read_value_field(struct reader *reader, const struct field *field, struct otlp_value *to,
                             int depth)
{
    static const enum wire_type types[] = {
        [OTLP_STRING] = WIRE_BYTES,   [OTLP_BOOL] = WIRE_VARINT, [OTLP_INT] = WIRE_VARINT,
        [OTLP_DOUBLE] = WIRE_FIXED64, [OTLP_ARRAY] = WIRE_BYTES, [OTLP_MAP] = WIRE_BYTES,
        [OTLP_BYTES] = WIRE_BYTES};
    if (field->number > OTLP_BYTES || field->type != types[field->number]) return true;
    *to = (struct otlp_value){0};
    enum otlp_type type = (enum otlp_type)field->number; /* the same numbers */
    if (type == OTLP_ARRAY || type == OTLP_MAP) {
        if (depth == OTLP_DEPTH_MAX) return true;
        return type == OTLP_ARRAY ? read_array(reader, field->bytes, to, depth)
                                  : read_map(reader, field->bytes, to, depth);
    }
    to->type = type;
    if (type == OTLP_DOUBLE)
        memcpy(&to->real, &field->value, sizeof to->real);
    else if (field->type == WIRE_VARINT)
        to->integer = type == OTLP_BOOL ? field->value != 0 : (int64_t)field->value;
    else
        to->text = field->bytes;
    return true;
}

static bool read_value(struct reader *reader, struct str message, struct otlp_value *to, int depth)
{
    struct field field;
    *to = (struct otlp_value){0};
    while (next_field(reader, &message, &field))
        if (!read_value_field(reader, &field, to, depth)) return false;
    return !reader->why;
}

static bool read_attribute(struct reader *reader, struct str message, struct otlp_attribute *to, int depth)
{
    struct field field;
    *to = (struct otlp_attribute){0};
    to->key = str_view("", 0);
    while (next_field(reader, &message, &field)) {
        if (field.number == 1) set_text(&field, &to->key);
        if (is_message(&field, 2) && !read_value(reader, field.bytes, &to->value, depth)) return false;
    }
    return !reader->why;
}

/* NULL: malformed, or no room. */
static struct otlp_attribute *read_attribute_list(struct reader *reader, struct str message, uint32_t number,
                                                  size_t most, int depth, size_t *count)
{
    struct field field;
    *count = count_messages(reader, message, number);
    if (*count > most) *count = most;
    if (reader->why || !take_values(reader, *count)) return NULL;
    struct otlp_attribute *items = arena_array(reader->arena, *count, sizeof *items);
    size_t read = 0;
    while (items && read < *count && next_field(reader, &message, &field))
        if (is_message(&field, number) && !read_attribute(reader, field.bytes, &items[read++], depth))
            return NULL;
    return items;
}

static uint32_t add_dropped(uint32_t dropped, size_t more)
{
    uint64_t sum = (uint64_t)dropped + more;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* The message's attributes, and how many it says were dropped (field dropped_number). */
static bool read_attributes(struct reader *reader, struct str message, uint32_t number,
                            uint32_t dropped_number, struct otlp_attributes *to)
{
    struct field field;
    struct str rest = message;
    size_t all = 0;
    *to = (struct otlp_attributes){0};
    while (next_field(reader, &rest, &field)) {
        all += is_message(&field, number);
        if (field.number == dropped_number) set_u32(&field, &to->dropped);
    }
    to->items = read_attribute_list(reader, message, number, OTLP_ATTRIBUTES_MAX, 0, &to->count);
    if (reader->why) return false;
    if (!to->items) to->count = 0;
    to->dropped = add_dropped(to->dropped, all - to->count);
    return true;
}

/* ---- events and links ---- */

static bool read_event(struct reader *reader, struct str message, struct otlp_event *event)
{
    struct field field;
    struct str rest = message;
    event->name = str_view("", 0);
    while (next_field(reader, &rest, &field)) {
        if (field.number == 1) set_fixed64(&field, &event->time_unix_ns);
        if (field.number == 2) set_text(&field, &event->name);
    }
    return read_attributes(reader, message, 3, 4, &event->attributes);
}

static bool read_link(struct reader *reader, struct str message, struct otlp_link *link)
{
    struct field field;
    struct str rest = message;
    while (next_field(reader, &rest, &field)) {
        if (field.number == 1) set_text(&field, &link->trace_id);
        if (field.number == 2) set_text(&field, &link->span_id);
        if (field.number == 3) set_text(&field, &link->trace_state);
        if (field.number == 6) set_u32(&field, &link->flags);
    }
    return read_attributes(reader, message, 4, 5, &link->attributes);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool read_events(struct reader *reader, struct str message, struct otlp_span *span)
{
    struct field field;
    size_t all = count_messages(reader, message, 11), count = least(all, OTLP_EVENTS_MAX), read = 0;
    struct otlp_event *events = arena_array(reader->arena, count, sizeof *events);
    if (!events) count = 0;
    while (read < count && next_field(reader, &message, &field))
        if (is_message(&field, 11) && !read_event(reader, field.bytes, &events[read++])) return false;
    span->events = events;
    span->event_count = count;
    span->dropped_events = add_dropped(span->dropped_events, all - count);
    return !reader->why;
}

static bool read_links(struct reader *reader, struct str message, struct otlp_span *span)
{
    struct field field;
    size_t all = count_messages(reader, message, 13), count = least(all, OTLP_LINKS_MAX), read = 0;
    struct otlp_link *links = arena_array(reader->arena, count, sizeof *links);
    if (!links) count = 0;
    while (read < count && next_field(reader, &message, &field))
        if (is_message(&field, 13) && !read_link(reader, field.bytes, &links[read++])) return false;
    span->links = links;
    span->link_count = count;
    span->dropped_links = add_dropped(span->dropped_links, all - count);
    return !reader->why;
}

/* ---- spans ---- */

static bool read_status(struct reader *reader, struct str message, struct otlp_span *span)
{
    struct field field;
    while (next_field(reader, &message, &field)) {
        if (field.number == 2) set_text(&field, &span->status_message);
        if (field.number == 3) set_u32(&field, &span->status);
    }
    return !reader->why;
}

static bool read_span_field(struct reader *reader, const struct field *field, struct otlp_span *span)
{
    switch (field->number) {
    case 1:
        set_text(field, &span->trace_id);
        break;
    case 2:
        set_text(field, &span->span_id);
        break;
    case 3:
        set_text(field, &span->trace_state);
        break;
    case 4:
        set_text(field, &span->parent_span_id);
        break;
    case 5:
        set_text(field, &span->name);
        break;
    case 6:
        set_u32(field, &span->kind);
        break;
    case 7:
        set_fixed64(field, &span->start_unix_ns);
        break;
    case 8:
        set_fixed64(field, &span->end_unix_ns);
        break;
    case 12:
        set_u32(field, &span->dropped_events);
        break;
    case 14:
        set_u32(field, &span->dropped_links);
        break;
    case 15:
        return field->type != WIRE_BYTES || read_status(reader, field->bytes, span);
    case 16:
        set_u32(field, &span->flags);
        break;
    }
    return true;
}

static bool visited(struct reader *reader, bool goes_on)
{
    reader->stopped = reader->stopped || !goes_on;
    return goes_on;
}

/* Before each thing that is handed over. */
static void begin(struct reader *reader)
{
    arena_reset(reader->arena);
    reader->values_left = OTLP_VALUES_MAX;
}

static bool read_span(struct reader *reader, struct str message)
{
    struct otlp_span span = {.trace_state = STR(""), .name = STR(""), .status_message = STR("")};
    struct field field;
    struct str rest = message;
    begin(reader);
    while (next_field(reader, &rest, &field))
        if (!read_span_field(reader, &field, &span)) return false;
    return read_attributes(reader, message, 9, 10, &span.attributes) && read_events(reader, message, &span) &&
           read_links(reader, message, &span) &&
           visited(reader, reader->visitor->span(reader->visitor->context, &span));
}

/* ---- what goes around them ---- */

static bool read_scope(struct reader *reader, struct str message)
{
    struct otlp_scope scope = {.name = STR(""), .version = STR("")};
    struct field field;
    struct str rest = message;
    begin(reader);
    while (next_field(reader, &rest, &field)) {
        if (field.number == 1) set_text(&field, &scope.name);
        if (field.number == 2) set_text(&field, &scope.version);
    }
    return read_attributes(reader, message, 3, 4, &scope.attributes) &&
           visited(reader, reader->visitor->scope(reader->visitor->context, &scope));
}

static bool read_resource(struct reader *reader, struct str message)
{
    struct otlp_attributes attributes;
    begin(reader);
    return read_attributes(reader, message, 1, 2, &attributes) &&
           visited(reader, reader->visitor->resource(reader->visitor->context, &attributes));
}

/* A field may stand behind what it is about: it is sought first. Absent: empty. */
static struct str find_message(struct reader *reader, struct str message, uint32_t number)
{
    struct field field;
    struct str found = STR("");
    while (next_field(reader, &message, &field))
        if (is_message(&field, number)) found = field.bytes;
    return found;
}

static bool read_scope_spans(struct reader *reader, struct str message)
{
    struct field field;
    if (!read_scope(reader, find_message(reader, message, 1))) return false;
    while (next_field(reader, &message, &field))
        if (is_message(&field, 2) && !read_span(reader, field.bytes)) return false;
    return !reader->why;
}

static bool read_resource_spans(struct reader *reader, struct str message)
{
    struct field field;
    if (!read_resource(reader, find_message(reader, message, 1))) return false;
    while (next_field(reader, &message, &field))
        if (is_message(&field, 2) && !read_scope_spans(reader, field.bytes)) return false;
    return !reader->why;
}

bool otlp_request_read(const void *data, size_t bytes, struct arena *arena,
                       const struct otlp_visitor *visitor, const char **why)
{
    struct reader reader = {.arena = arena, .visitor = visitor};
    struct str rest = str_view(data, bytes);
    struct field field;
    bool read = true;
    while (read && next_field(&reader, &rest, &field))
        if (is_message(&field, 1)) read = read_resource_spans(&reader, field.bytes);
    if (reader.why) *why = reader.why;
    return read && !reader.why;
}
