/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/tracestate.h"

#define KEY_MAX    256
#define TENANT_MAX 241
#define SYSTEM_MAX 14
#define VALUE_MAX  256
#define TEXT_MAX   (WEIR_TRACESTATE_BYTES - 1)

struct member {
    struct str whole;
    size_t key_bytes;
};

struct members {
    size_t count;
    struct member at[TRACESTATE_MEMBERS];
};

/* ---- the grammar ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
static bool is_key_character(char c)
{
    return is_alphanumeric(c) || c == '_' || c == '-' || c == '*' || c == '/';
}

static bool is_name(struct str text, size_t max)
{
    if (text.len == 0 || text.len > max || !is_alphanumeric(text.data[0])) return false;
    for (size_t i = 1; i < text.len; i++)
        if (!is_key_character(text.data[i])) return false;
    return true;
}

static bool is_key(struct str text)
{
    const char *at = text.len ? memchr(text.data, '@', text.len) : NULL;
    if (!at) return is_name(text, KEY_MAX);
    size_t tenant = (size_t)(at - text.data);
    struct str system = str_view(at + 1, text.len - tenant - 1);
    return is_name(str_view(text.data, tenant), TENANT_MAX) && is_name(system, SYSTEM_MAX) &&
           system.data[0] > '9'; /* a letter */
}

/* Blanks may stand in it and in front, but not at its end. */
static bool is_value(struct str text)
{
    if (text.len == 0 || text.len > VALUE_MAX || text.data[text.len - 1] == ' ') return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] > '~' || text.data[i] == ',' || text.data[i] == '=')
            return false;
    return true;
}

static bool is_member(struct str text, struct member *member)
{
    const char *equals = memchr(text.data, '=', text.len);
    if (!equals) return false;
    size_t key = (size_t)(equals - text.data);
    *member = (struct member){text, key};
    return is_key(str_view(text.data, key)) && is_value(str_view(equals + 1, text.len - key - 1));
}

/* ---- lists ---- */

static struct str member_key(const struct member *member)
{
    return str_view(member->whole.data, member->key_bytes);
}

static struct str member_value(const struct member *member)
{
    return str_view(member->whole.data + member->key_bytes + 1, member->whole.len - member->key_bytes - 1);
}

static const struct member *members_find(const struct members *members, struct str key)
{
    for (size_t i = 0; i < members->count; i++)
        if (str_equal(member_key(&members->at[i]), key)) return &members->at[i];
    return NULL;
}

static struct str trim(const char *from, size_t len)
{
    while (len && is_blank(from[0])) from++, len--;
    while (len && is_blank(from[len - 1])) len--;
    return str_view(from, len);
}

/* Empty members are none. */
static bool members_add_line(struct members *members, struct str line)
{
    for (size_t at = 0; at <= line.len;) {
        const char *comma = at < line.len ? memchr(line.data + at, ',', line.len - at) : NULL;
        size_t end = comma ? (size_t)(comma - line.data) : line.len;
        struct str text = trim(line.data + at, end - at);
        at = end + 1;
        if (text.len == 0) continue;
        struct member member;
        if (members->count == TRACESTATE_MEMBERS || !is_member(text, &member) ||
            members_find(members, member_key(&member)))
            return false;
        members->at[members->count++] = member;
    }
    return true;
}

static void members_remove(struct members *members, size_t at)
{
    members->count--;
    memmove(&members->at[at], &members->at[at + 1], (members->count - at) * sizeof members->at[0]);
}

/* ---- making room ---- */

static size_t members_bytes(const struct members *members)
{
    size_t bytes = members->count ? members->count - 1 : 0;
    for (size_t i = 0; i < members->count; i++) bytes += members->at[i].whole.len;
    return bytes;
}

/* The last of the long ones, else the last. */
static size_t members_victim(const struct members *members)
{
    for (size_t i = members->count; i > 0; i--)
        if (members->at[i - 1].whole.len > TRACESTATE_LONG) return i - 1;
    return members->count - 1;
}

static void members_shorten(struct members *members, size_t room)
{
    while (members_bytes(members) > room) members_remove(members, members_victim(members));
}

static size_t members_write(const struct members *members, char *to)
{
    char *at = to;
    for (size_t i = 0; i < members->count; i++) {
        if (i) *at++ = ',';
        memcpy(at, members->at[i].whole.data, members->at[i].whole.len);
        at += members->at[i].whole.len;
    }
    *at = 0;
    return (size_t)(at - to);
}

/* ---- in and out ---- */

size_t tracestate_read(char to[WEIR_TRACESTATE_BYTES], const char *const *lines, size_t line_count)
{
    struct members members;
    members.count = 0;
    for (size_t i = 0; i < line_count; i++)
        if (!members_add_line(&members, str_of(lines[i]))) {
            to[0] = 0;
            return 0;
        }
    members_shorten(&members, TEXT_MAX);
    return members_write(&members, to);
}

struct str tracestate_get(struct str text, struct str key)
{
    struct members members;
    members.count = 0;
    const struct member *member =
        text.len && members_add_line(&members, text) ? members_find(&members, key) : NULL;
    return member ? member_value(member) : str_view(NULL, 0);
}

/* Front is ours and stays; the others make room for it. */
static size_t write_with_front(char to[WEIR_TRACESTATE_BYTES], struct members *others, struct str key,
                               struct str value)
{
    char made[WEIR_TRACESTATE_BYTES];
    size_t front = key.len + 1 + value.len;
    if (others->count == TRACESTATE_MEMBERS) others->count--;
    if (others->count) members_shorten(others, TEXT_MAX - front - 1);
    memcpy(made, key.data, key.len);
    made[key.len] = '=';
    memcpy(made + key.len + 1, value.data, value.len);
    if (others->count) made[front] = ',';
    size_t bytes = front + (others->count ? 1 : 0);
    bytes += members_write(others, made + bytes);
    memcpy(to, made, bytes + 1);
    return bytes;
}

size_t tracestate_set(char text[WEIR_TRACESTATE_BYTES], size_t bytes, struct str key, struct str value)
{
    struct members members;
    members.count = 0;
    if (!is_key(key) || (value.len && !is_value(value)) || !members_add_line(&members, str_view(text, bytes)))
        return bytes;
    const struct member *old = members_find(&members, key);
    if (old && str_equal(member_value(old), value)) return bytes;
    if (old) members_remove(&members, (size_t)(old - members.at));
    if (value.len) return write_with_front(text, &members, key, value);
    char made[WEIR_TRACESTATE_BYTES];
    bytes = members_write(&members, made);
    memcpy(text, made, bytes + 1);
    return bytes;
}
