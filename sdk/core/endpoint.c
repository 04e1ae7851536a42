/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/endpoint.h"

#include <stdint.h>
#include <sys/un.h>

static bool is_port(struct str text)
{
    uint32_t value = 0;
    if (text.len == 0 || text.len > 5) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    return value > 0 && value < 65536;
}

static bool is_host(struct str text)
{
    if (text.len == 0 || text.len > 255) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ' || strchr(",/[]@?#", text.data[i])) return false;
    return true;
}

static bool is_path(struct str text)
{
    return text.len > 0 && text.len < sizeof((struct sockaddr_un *)NULL)->sun_path &&
           !memchr(text.data, 0, text.len);
}

static bool tcp_endpoint(struct str text, struct endpoint *endpoint)
{
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    if (!colon) return false;
    struct str host = str_view(text.data, (size_t)(colon - text.data));
    struct str port = str_view(colon + 1, (size_t)(text.data + text.len - colon - 1));
    bool bracketed = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed) host = str_view(host.data + 1, host.len - 2);
    *endpoint = (struct endpoint){false, host, port};
    return is_host(host) && is_port(port) && (bracketed || !memchr(host.data, ':', host.len));
}

bool endpoint_parse(struct str text, struct endpoint *endpoint)
{
    bool is_ipc = str_starts(text, "ipc://");
    if (!is_ipc && !str_starts(text, "tcp://")) return false;
    text = str_view(text.data + 6, text.len - 6); /* both schemes have so many characters */
    if (!is_ipc) return tcp_endpoint(text, endpoint);
    *endpoint = (struct endpoint){true, text, str_view("", 0)};
    return is_path(text);
}

struct str endpoint_scheme(struct str text)
{
    size_t len = 0;
    while (len < text.len && ((text.data[len] >= 'a' && text.data[len] <= 'z') ||
                              (len && text.data[len] >= '0' && text.data[len] <= '9') ||
                              (len && strchr("+-.", text.data[len]) && text.data[len])))
        len++;
    return len < text.len && text.data[len] == ':' ? str_view(text.data, len) : str_view("", 0);
}

bool endpoint_is_http(struct str text)
{
    size_t prefix = str_starts(text, "http://") ? 7 : str_starts(text, "https://") ? 8 : 0;
    if (prefix == 0 || text.len == prefix || strchr("/?#:", text.data[prefix])) return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    return true;
}
