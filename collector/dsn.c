/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/dsn.h"

#include <ctype.h>

static bool is_secret(struct str key) { return str_is(key, "password") || str_is(key, "sslpassword"); }

/* key=value, key = 'va lue', with \ before any character. Returns what follows the value. */
static const char *skip_value(const char *at)
{
    bool quoted = *at == '\'';
    if (quoted) at++;
    for (; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (quoted && *at == '\'')
            return at + 1;
        else if (!quoted && isspace((unsigned char)*at))
            return at;
    }
    return at;
}

static void add_pairs(struct buffer *out, const char *at)
{
    for (bool first = true; at += strspn(at, " \t\r\n\f\v"), *at;) {
        struct str key = str_view(at, strcspn(at, "= \t\r\n\f\v"));
        at += key.len;
        at += strspn(at, " \t\r\n\f\v");
        if (*at == '=') at++;
        at += strspn(at, " \t\r\n\f\v");
        const char *end = skip_value(at);
        if (!is_secret(key)) {
            if (!first) buffer_add_char(out, ' ', 1);
            first = false;
            buffer_add_str(out, key);
            buffer_add_char(out, '=', 1);
            buffer_add(out, at, (size_t)(end - at));
        }
        at = end;
    }
}

static void add_parameters(struct buffer *out, const char *at)
{
    for (char before = '?'; *at; at += *at == '&') {
        size_t bytes = strcspn(at, "&");
        if (!is_secret(str_view(at, strcspn(at, "=&")))) {
            buffer_add_char(out, before, 1);
            buffer_add(out, at, bytes);
            before = '&';
        }
        at += bytes;
    }
}

/* scheme://user:password@host/database?password=… A password that was not encoded may hold @ and /: the last @ ends it,
 * rather hiding too much than too little. */
static void add_uri(struct buffer *out, const char *dsn)
{
    const char *authority = strstr(dsn, "://") + 3;
    size_t plain_bytes = strcspn(authority, "?");
    const char *at_sign = memrchr(authority, '@', plain_bytes);
    const char *colon = at_sign ? memchr(authority, ':', (size_t)(at_sign - authority)) : NULL;
    if (colon) buffer_add(out, dsn, (size_t)(colon - dsn));
    const char *rest = colon ? at_sign : dsn;
    buffer_add(out, rest, (size_t)(authority + plain_bytes - rest));
    if (authority[plain_bytes]) add_parameters(out, authority + plain_bytes + 1);
}

void dsn_without_password(struct buffer *out, const char *dsn)
{
    bool uri = strncmp(dsn, "postgres://", 11) == 0 || strncmp(dsn, "postgresql://", 13) == 0;
    if (uri)
        add_uri(out, dsn);
    else
        add_pairs(out, dsn);
}
