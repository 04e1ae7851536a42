/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URL's parts by RFC 3986, and for each segment of the path the question whether a person named it (it
 * stays) or a program made it ({id}). Where in doubt a segment with many digits is an id: two routes taken
 * for one cost a reader little, one route taken for thousands costs the dictionary. All output is printable
 * ASCII.
 */
#include "model/operation.h"

#include "model/words.h"

#define SEGMENT_NAME_MAX 64 /* no one names a route longer */
#define QUERY_KEY_MAX    64
#define CUT_MARK         "…"
#define CUT_MARK_BYTES   (sizeof CUT_MARK - 1)

struct text {
    char *to;
    size_t len, room;
    bool full;
};

static void put(struct text *out, const char *data, size_t len)
{
    if (out->full) return;
    if (len > out->room - out->len) {
        out->full = true;
        return;
    }
    memcpy(out->to + out->len, data, len);
    out->len += len;
}

/* ---- characters ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_letter(char c) { return is_upper(c) || is_lower(c); }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
static bool is_between(char c)
{
    return c == '-' || c == '_' || c == '.' || c == ',' || c == ':' || c == '~' || c == '+';
}

/* Bytes that no URL holds unencoded, and quotes and markup, are encoded; everything else is kept as it came.
 */
static void put_encoded(struct text *out, struct str piece)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < piece.len; i++) {
        unsigned char c = (unsigned char)piece.data[i];
        if (c > 0x20 && c < 0x7f && !strchr("\"<>\\^`|'", c)) {
            put(out, piece.data + i, 1);
        } else {
            const char triple[3] = {'%', hex[c >> 4], hex[c & 15]};
            put(out, triple, sizeof triple);
        }
    }
}

/* ---- is it an id? ---- */

/* What a run of letters and digits is made of. */
struct mixture {
    size_t len, digits, hexes, uppers, lowers;
    size_t changes; /* from letter to digit or back */
};

static struct mixture mixture_of(struct str piece)
{
    struct mixture m = {.len = piece.len};
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.data[i];
        m.digits += is_digit(c);
        m.hexes += is_hex(c);
        m.uppers += is_upper(c);
        m.lowers += is_lower(c);
        if (i > 0 && is_digit(c) != is_digit(piece.data[i - 1])) m.changes++;
    }
    return m;
}

static bool is_random(const struct mixture *m)
{
    bool all_kinds = m->digits && m->uppers && m->lowers;
    return (m->len >= 8 && m->hexes == m->len && m->digits) || /* a hash */
           (m->len >= 8 && m->changes >= 4) || (m->len >= 12 && m->changes >= 3) ||
           (m->len >= 20 && all_kinds);
}

/* Digits with nothing but punctuation: 17, 12.5, 2024-01-02, 1,2,3. */
static bool is_number(struct str segment)
{
    size_t digits = 0;
    for (size_t i = 0; i < segment.len; i++) {
        if (is_digit(segment.data[i]))
            digits++;
        else if (!is_between(segment.data[i]))
            return false;
    }
    return digits > 0;
}

/* One of the pieces between - _ . , : is a long number or random: order-10482, a UUID. */
static bool has_id_piece(struct str segment)
{
    size_t from = 0;
    for (size_t i = 0; i <= segment.len; i++) {
        if (i < segment.len && !is_between(segment.data[i])) continue;
        struct mixture m = mixture_of(str_view(segment.data + from, i - from));
        if ((m.digits == m.len && m.len >= 4) || is_random(&m)) return true;
        from = i + 1;
    }
    return false;
}

static bool is_id(struct str segment)
{
    if (segment.len == 0) return false;
    if (segment.len > SEGMENT_NAME_MAX) return true;
    bool padded = segment.len >= 8 && segment.data[segment.len - 1] == '='; /* base64 */
    bool address = memchr(segment.data, '@', segment.len) && memchr(segment.data, '.', segment.len);
    struct mixture whole = mixture_of(segment);
    return padded || address || is_number(segment) || has_id_piece(segment) || is_random(&whole);
}

/* Percent-encoding undone, to look at; a segment too long for the room is an id anyway. */
static bool is_id_encoded(struct str segment)
{
    char plain[SEGMENT_NAME_MAX + 1];
    size_t len = 0;
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.data[i];
        if (c == '%' && i + 2 < segment.len && is_hex(segment.data[i + 1]) && is_hex(segment.data[i + 2])) {
            int high = segment.data[i + 1], low = segment.data[i + 2];
            high = is_digit((char)high) ? high - '0' : (high | 0x20) - 'a' + 10;
            low = is_digit((char)low) ? low - '0' : (low | 0x20) - 'a' + 10;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (len == sizeof plain) return true;
        plain[len++] = c;
    }
    return is_id(str_view(plain, len));
}

/* Length of a file's ending, ".json", or 0. */
static size_t ending_bytes(struct str segment)
{
    size_t letters = 0;
    while (letters < segment.len && is_letter(segment.data[segment.len - 1 - letters])) letters++;
    bool dot = letters >= 2 && letters <= 5 && letters + 1 < segment.len &&
               segment.data[segment.len - 1 - letters] == '.';
    return dot ? letters + 1 : 0;
}

/* ---- the parts ---- */

struct url {
    struct str scheme, authority, path, query;
    value_fn value;
    void *context;
    struct text out;
};

static struct str take_until(struct str *rest, const char *stops)
{
    size_t len = 0;
    while (len < rest->len && (rest->data[len] == 0 || !strchr(stops, rest->data[len]))) len++;
    struct str taken = str_view(rest->data, len);
    *rest = str_view(rest->data + len, rest->len - len);
    return taken;
}

static void split(struct url *url, struct str rest)
{
    size_t scheme = 0;
    while (scheme < rest.len &&
           (is_letter(rest.data[scheme]) || is_digit(rest.data[scheme]) || strchr("+-.", rest.data[scheme])))
        scheme++;
    bool absolute = scheme > 0 && rest.len - scheme >= 3 && memcmp(rest.data + scheme, "://", 3) == 0;
    bool no_scheme = rest.len >= 2 && rest.data[0] == '/' && rest.data[1] == '/';
    if (absolute) url->scheme = str_view(rest.data, scheme);
    if (absolute || no_scheme) {
        size_t skip = absolute ? scheme + 3 : 2;
        rest = str_view(rest.data + skip, rest.len - skip);
    }
    /* libcurl takes "inventory:8081/stock" for http://, too */
    if (absolute || no_scheme || (rest.len && !strchr("/?#", rest.data[0])))
        url->authority = take_until(&rest, "/?#");
    url->path = take_until(&rest, "?#");
    if (rest.len && rest.data[0] == '?') {
        rest = str_view(rest.data + 1, rest.len - 1);
        url->query = take_until(&rest, "#");
    }
}

static bool ends_with(struct str text, const char *ending)
{
    size_t len = strlen(ending);
    return text.len >= len && memcmp(text.data + text.len - len, ending, len) == 0;
}

static size_t put_host(const struct url *url, char *host, size_t room)
{
    struct str authority = url->authority;
    const char *at = authority.len ? memrchr(authority.data, '@', authority.len) : NULL;
    if (at) authority = str_view(at + 1, (size_t)(authority.data + authority.len - at - 1));
    bool tls = word_is(url->scheme, "HTTPS");
    const char *standard = tls ? ":443" : ":80";
    if (ends_with(authority, standard))
        authority.len -= strlen(standard);
    else if (authority.len && authority.data[authority.len - 1] == ':')
        authority.len--;
    size_t len = authority.len < room ? authority.len : room;
    for (size_t i = 0; i < len; i++) {
        char c = authority.data[i];
        bool plain = is_letter(c) || is_digit(c) || strchr("-._:[]%", c);
        host[i] = is_upper(c) ? (char)(c | 0x20) : plain && c ? c : '?';
    }
    return len;
}

static void say_value(const struct url *url, struct str value)
{
    if (url->value && value.len) url->value(url->context, value);
}

static bool is_template(struct str segment)
{
    return segment.len >= 2 && segment.data[0] == '{' && segment.data[segment.len - 1] == '}';
}

static void put_segment(struct url *url, struct str segment)
{
    struct str rest = segment;
    struct str name = take_until(&rest, ";"); /* ";jsessionid=…" goes */
    struct str stem = str_view(name.data, name.len - ending_bytes(name));
    if (!is_template(name) && is_id_encoded(stem)) {
        say_value(url, stem);
        put(&url->out, "{id}", 4);
        put(&url->out, name.data + stem.len, name.len - stem.len);
    } else if (!is_template(name) && is_id_encoded(name)) {
        say_value(url, name);
        put(&url->out, "{id}", 4);
    } else {
        put_encoded(&url->out, name);
    }
}

static void put_path(struct url *url)
{
    struct str rest = url->path;
    if (rest.len == 0 || rest.data[0] != '/') put(&url->out, "/", 1);
    while (rest.len) {
        if (rest.data[0] == '/') {
            put(&url->out, "/", 1);
            rest = str_view(rest.data + 1, rest.len - 1);
        }
        put_segment(url, take_until(&rest, "/"));
    }
}

static bool is_query_key(struct str key)
{
    if (key.len == 0 || key.len > QUERY_KEY_MAX) return false;
    for (size_t i = 0; i < key.len; i++)
        if (!is_letter(key.data[i]) && !is_digit(key.data[i]) &&
            (!key.data[i] || !strchr("-_.[]%", key.data[i])))
            return false;
    return !is_id_encoded(key);
}

static void put_query(struct url *url)
{
    struct str rest = url->query;
    struct str previous = str_view(NULL, 0); /* ids=1&ids=2&ids=3 is one key */
    char mark = '?';
    while (rest.len) {
        struct str pair = take_until(&rest, "&");
        if (rest.len) rest = str_view(rest.data + 1, rest.len - 1);
        struct str value = pair;
        struct str key = take_until(&value, "=");
        bool has_value = value.len > 0;
        if (has_value) value = str_view(value.data + 1, value.len - 1);
        bool named = is_query_key(key);
        if (!named) say_value(url, key);
        if (has_value) say_value(url, value);
        if (pair.len == 0 || (named && previous.data && str_equal(key, previous))) continue;
        put(&url->out, &mark, 1);
        if (named)
            put_encoded(&url->out, key);
        else
            put(&url->out, "{}", 2);
        if (has_value) put(&url->out, "={}", 3);
        mark = '&';
        previous = named ? key : str_view(NULL, 0);
    }
}

size_t normalise_url(struct str text, char to[OPERATION_TEXT_MAX], char *host, size_t host_room,
                     size_t *host_len, value_fn value, void *context)
{
    struct url url = {
        .value = value, .context = context, .out = {to, 0, OPERATION_TEXT_MAX - CUT_MARK_BYTES, false}};
    split(&url, text);
    *host_len = put_host(&url, host, host_room);
    put_path(&url);
    put_query(&url);
    if (url.out.full) {
        memcpy(to + url.out.len, CUT_MARK, CUT_MARK_BYTES);
        url.out.len += CUT_MARK_BYTES;
    }
    return url.out.len;
}
