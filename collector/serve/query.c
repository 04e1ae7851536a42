/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/query.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static const struct {
    const char *name, *what;
} table[PARAMETER_COUNT] = {
#define X(name, what) {#name, what},
    PARAMETERS(X)
#undef X
};

void query_init(struct query *parameters) { *parameters = (struct query){.width = WIDTH_DEFAULT}; }

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool trace_id_read(struct str text, unsigned char trace_id[16])
{
    if (text.len != 32) return false;
    unsigned any = 0;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        trace_id[i] = (unsigned char)(high << 4 | low);
        any |= trace_id[i];
    }
    return any != 0;
}

/* Well-formed UTF-8 (Unicode, table 3-7) without NUL: what Postgres takes as text. */
static bool text_is_clean(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.len;
    while (at < end) {
        unsigned char lead = *at++;
        if (lead == 0) return false;
        if (lead < 0x80) continue;
        size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || (size_t)(end - at) < more) return false;
        unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (at[0] < low || at[0] > high) return false;
        for (size_t i = 1; i < more; i++) {
            if ((at[i] & 0xc0) != 0x80) return false;
        }
        at += more;
    }
    return true;
}

/* Decimal digits only, at most `limit`. */
static bool read_number(struct str text, uint64_t limit, uint64_t *number)
{
    if (text.len == 0 || text.len > 15) return false;
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return *number <= limit;
}

static bool read_switch(struct str text, bool *on)
{
    *on = str_is(text, "1");
    return *on || str_is(text, "0");
}

static bool read_width(struct str text, unsigned *width)
{
    uint64_t number;
    if (!read_number(text, WIDTH_MAX, &number) || number < WIDTH_MIN) return false;
    *width = (unsigned)number;
    return true;
}

static bool read_format(struct str text, bool *json)
{
    *json = str_is(text, "json");
    return *json || str_is(text, "text");
}

/* "15m": so long before now. */
static bool read_ago(struct str text, int64_t now_ns, int64_t *time_ns)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t number;
    if (text.len < 2 || !read_number(str_view(text.data, text.len - 1), 100000000, &number)) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text.data[text.len - 1] != units[i].letter) continue;
        int64_t ago_s = (int64_t)number * units[i].seconds;
        *time_ns = ago_s < now_ns / NS_PER_S ? now_ns - ago_s * NS_PER_S : 1;
        return true;
    }
    return false;
}

static bool read_date(struct str text, int64_t *time_ns)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};
    char copy[32];
    if (text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm broken_down = {0};
        const char *end = strptime(copy, forms[i], &broken_down);
        if (!end || *end) continue;
        time_t seconds = timegm(&broken_down);
        if (seconds <= 0 || seconds > INT64_MAX / NS_PER_S) return false;
        *time_ns = (int64_t)seconds * NS_PER_S;
        return true;
    }
    return false;
}

static bool read_time(struct str text, int64_t now_ns, int64_t *time_ns)
{
    return read_ago(text, now_ns, time_ns) || read_date(text, time_ns);
}

static bool read_name(struct str text, struct str *name)
{
    *name = text;
    return text.len > 0;
}

static bool read_value(struct query *to, enum parameter which, struct str value, int64_t now_ns)
{
    switch (which) {
    case PARAMETER_format:
        return read_format(value, &to->json);
    case PARAMETER_width:
        return read_width(value, &to->width);
    case PARAMETER_colour:
        return read_switch(value, &to->colour);
    case PARAMETER_ascii:
        return read_switch(value, &to->ascii);
    case PARAMETER_trace:
        return trace_id_read(value, to->trace_id);
    case PARAMETER_slowest:
    case PARAMETER_endpoint:
        return read_name(value, &to->endpoint);
    case PARAMETER_service:
        return read_name(value, &to->service);
    case PARAMETER_version:
        return read_name(value, &to->version);
    case PARAMETER_since:
        return read_time(value, now_ns, &to->since_ns);
    case PARAMETER_until:
        return read_time(value, now_ns, &to->until_ns);
    case PARAMETER_COUNT:
        break;
    }
    return false;
}

static void list_allowed(unsigned allowed, char *to, size_t to_bytes)
{
    size_t used = 0;
    to[0] = 0;
    for (unsigned i = 0; i < PARAMETER_COUNT && used < to_bytes; i++) {
        if (!(allowed & 1u << i)) continue;
        int wrote = snprintf(to + used, to_bytes - used, "%s%s", used ? ", " : "", table[i].name);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static enum parameter find(struct str name)
{
    unsigned which = 0;
    while (which < PARAMETER_COUNT && !str_is(name, table[which].name)) which++;
    return (enum parameter)which;
}

bool query_read(struct query *parameters, unsigned allowed, struct str name, struct str value, int64_t now_ns,
                char error[QUERY_ERROR_BYTES])
{
    enum parameter which = find(name);
    if (which == PARAMETER_COUNT || !(allowed & 1u << which)) {
        char names[160];
        list_allowed(allowed, names, sizeof names);
        snprintf(error, QUERY_ERROR_BYTES, "parameter %.60s is not known here; there are: %s", name.data,
                 names);
        return false;
    }
    if (parameters->given & 1u << which) {
        snprintf(error, QUERY_ERROR_BYTES, "parameter %s is given more than once", table[which].name);
        return false;
    }
    parameters->given |= 1u << which;
    if (value.len <= PARAMETER_VALUE_MAX && text_is_clean(value) &&
        read_value(parameters, which, value, now_ns)) {
        return true;
    }
    snprintf(error, QUERY_ERROR_BYTES, "parameter %s must be %s", table[which].name, table[which].what);
    return false;
}
