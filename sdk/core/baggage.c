/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/baggage.h"

#include "base/str.h"
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for what is not UTF-8 */

/* ---- the grammar ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* A token's character, RFC 9110 section 5.6.2. */
static bool is_token_character(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_octet(char c) { return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'; }

static bool is_key(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_character(text.data[i])) return false;
    return text.len > 0;
}

static bool is_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_octet(text.data[i])) return false;
    return true;
}

static struct str trim(struct str text)
{
    while (text.len && is_blank(text.data[0])) text = str_view(text.data + 1, text.len - 1);
    while (text.len && is_blank(text.data[text.len - 1])) text.len--;
    return text;
}

/* Cuts what stands before the first `separator` off the front of *rest; where there is none, all of it. */
static struct str cut(struct str *rest, char separator)
{
    const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
    struct str front = str_view(rest->data, at ? (size_t)(at - rest->data) : rest->len);
    *rest = at ? str_view(at + 1, rest->len - front.len - 1) : str_view(NULL, 0);
    return front;
}

/* ---- writing members ---- */

/* Appends to a text without passing its room; once something has not fitted nothing more is taken. */
struct writer {
    char *text;
    size_t bytes;
    bool is_full;
};

static void put(struct writer *to, struct str text)
{
    to->is_full = to->is_full || text.len > WEIR_BAGGAGE_BYTES - to->bytes;
    if (to->is_full || text.len == 0) return;
    memcpy(to->text + to->bytes, text.data, text.len);
    to->bytes += text.len;
}

static void put_character(struct writer *to, char c) { put(to, str_view(&c, 1)); }

/* What has to be: octets that may not stand in a value, and the percent sign. */
static void put_encoded(struct writer *to, struct str value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len && !to->is_full; i++) {
        unsigned char c = (unsigned char)value.data[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        if (is_octet((char)c) && c != '%')
            put_character(to, (char)c);
        else
            put(to, str_view(escape, sizeof escape));
    }
}

/* key "=" value, or a property's key alone. */
static bool put_pair(struct writer *to, struct str text, bool needs_value)
{
    bool has_value = text.len && memchr(text.data, '=', text.len);
    struct str value = text;
    struct str key = trim(cut(&value, '='));
    value = trim(value);
    if (!is_key(key) || !is_value(value) || (needs_value && !has_value)) return false;
    put(to, key);
    if (has_value) put_character(to, '=');
    put(to, value);
    return true;
}

static bool put_properties(struct writer *to, struct str properties)
{
    while (properties.data) {
        put_character(to, ';');
        if (!put_pair(to, cut(&properties, ';'), false)) return false;
    }
    return true;
}

static struct writer member_begin(struct weir_baggage *baggage)
{
    struct writer to = {baggage->text, baggage->bytes, baggage->members == WEIR_BAGGAGE_MEMBERS};
    if (baggage->members) put_character(&to, ',');
    return to;
}

/* Counts what was put, or takes it back. */
static bool member_end(struct weir_baggage *baggage, const struct writer *to, bool is_good)
{
    is_good = is_good && !to->is_full;
    if (is_good) {
        baggage->bytes = (uint16_t)to->bytes;
        baggage->members++;
    }
    baggage->text[baggage->bytes] = 0;
    return is_good;
}

/* ---- reading ---- */

static void read_member(struct weir_baggage *baggage, struct str text)
{
    struct writer to = member_begin(baggage);
    bool is_good = put_pair(&to, cut(&text, ';'), true) && put_properties(&to, text);
    member_end(baggage, &to, is_good);
}

void baggage_read(struct weir_baggage *baggage, const char *const *lines, size_t line_count)
{
    baggage_copy(baggage, NULL);
    for (size_t i = 0; i < line_count; i++)
        for (struct str rest = str_of(lines[i]); rest.data;) read_member(baggage, cut(&rest, ','));
}

void baggage_copy(struct weir_baggage *to, const struct weir_baggage *from)
{
    uint16_t bytes = from ? from->bytes : 0;
    to->bytes =
        bytes < WEIR_BAGGAGE_BYTES ? bytes : WEIR_BAGGAGE_BYTES; /* a program may not have zeroed it */
    to->members = from ? from->members : 0;
    if (to->bytes) memcpy(to->text, from->text, to->bytes);
    to->text[to->bytes] = 0;
}

/* ---- what programs do ---- */

bool weir_baggage_next(const struct weir_baggage *baggage, size_t *at, struct weir_baggage_member *member)
{
    if (!baggage || *at >= baggage->bytes || baggage->bytes > WEIR_BAGGAGE_BYTES) return false;
    struct str rest = str_view(baggage->text + *at, baggage->bytes - *at);
    struct str properties = cut(&rest, ',');
    *at += properties.len + 1;
    struct str value = cut(&properties, ';');
    struct str key = cut(&value, '=');
    *member = (struct weir_baggage_member){key.data, value.data, properties.data,
                                           key.len,  value.len,  properties.len};
    return true;
}

/* Where the first member of the key stands; false: nowhere. */
static bool find(const struct weir_baggage *baggage, const char *key, struct weir_baggage_member *member,
                 size_t *begin, size_t *end)
{
    struct str wanted = str_of(key);
    for (*end = 0; *begin = *end, weir_baggage_next(baggage, end, member);)
        if (str_equal(str_view(member->key, member->key_bytes), wanted)) return true;
    return false;
}

/* Takes out text from begin to end, its comma with it. */
static void take_out(struct weir_baggage *baggage, size_t begin, size_t end)
{
    if (end > baggage->bytes) { /* the last one has its comma in front */
        end = baggage->bytes;
        begin -= begin > 0;
    }
    memmove(baggage->text + begin, baggage->text + end, baggage->bytes - end);
    baggage->bytes = (uint16_t)(baggage->bytes - (end - begin));
    baggage->text[baggage->bytes] = 0;
    baggage->members--;
}

bool weir_baggage_remove(struct weir_baggage *baggage, const char *key)
{
    struct weir_baggage_member member;
    size_t begin, end;
    bool was_there = false;
    if (!baggage || !key) return false;
    for (; find(baggage, key, &member, &begin, &end); was_there = true) take_out(baggage, begin, end);
    return was_there;
}

static bool put_new(struct weir_baggage *to, const char *key, const char *value, const char *properties)
{
    struct writer writer = member_begin(to);
    put(&writer, str_of(key));
    put_character(&writer, '=');
    put_encoded(&writer, str_of(value));
    bool has_properties = properties && *properties;
    return member_end(to, &writer, !has_properties || put_properties(&writer, str_of(properties)));
}

static bool put_old(struct weir_baggage *to, struct str member)
{
    struct writer writer = member_begin(to);
    put(&writer, member);
    return member_end(to, &writer, true);
}

/* Written anew beside, so that nothing has changed where it does not fit. */
bool weir_baggage_set(struct weir_baggage *baggage, const char *key, const char *value,
                      const char *properties)
{
    struct weir_baggage made;
    struct weir_baggage_member member;
    bool is_set = false;
    if (!baggage || !key || !value || !is_key(str_of(key))) return false;
    baggage_copy(&made, NULL);
    for (size_t at = 0, begin = 0; weir_baggage_next(baggage, &at, &member); begin = at) {
        bool is_old = !str_equal(str_view(member.key, member.key_bytes), str_of(key));
        if (is_old && !put_old(&made, str_view(baggage->text + begin, at - begin - 1))) return false;
        if (is_old || is_set) continue;
        if (!put_new(&made, key, value, properties)) return false;
        is_set = true;
    }
    if (!is_set && !put_new(&made, key, value, properties)) return false;
    baggage_copy(baggage, &made);
    return true;
}

/* ---- decoding ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octet at *at, which moves on; a % without two digits is itself. */
static char octet_at(struct str text, size_t *at)
{
    char c = text.data[(*at)++];
    if (c != '%' || text.len - *at < 2) return c;
    int high = hex_digit(text.data[*at]), low = hex_digit(text.data[*at + 1]);
    if (high < 0 || low < 0) return c;
    *at += 2;
    return (char)(high << 4 | low);
}

/* The character at *at as UTF-8; what is none is replaced, octet by octet. */
static struct str character_at(struct str text, size_t *at, char to[4])
{
    size_t next = *at, ends[4], count = 0;
    while (count < 4 && next < text.len) {
        to[count] = octet_at(text, &next);
        ends[count++] = next;
    }
    size_t bytes = utf8_char_bytes(str_view(to, count));
    *at = ends[bytes ? bytes - 1 : 0];
    return bytes ? str_view(to, bytes) : str_of(REPLACEMENT);
}

static long decode(struct str text, char *to, size_t room)
{
    size_t bytes = 0, written = 0;
    bool is_cut = room == 0;
    for (size_t at = 0; at < text.len;) {
        char buffer[4];
        struct str character = character_at(text, &at, buffer);
        is_cut = is_cut || character.len > room - 1 - written;
        if (!is_cut) memcpy(to + written, character.data, character.len);
        if (!is_cut) written += character.len;
        bytes += character.len;
    }
    if (room) to[written] = 0;
    return (long)bytes;
}

long weir_baggage_get(const struct weir_baggage *baggage, const char *key, char *to, size_t room)
{
    struct weir_baggage_member member;
    size_t begin, end;
    if (to && room) to[0] = 0;
    if (!baggage || !key || !find(baggage, key, &member, &begin, &end)) return -1;
    return decode(str_view(member.value, member.value_bytes), to, to ? room : 0);
}
