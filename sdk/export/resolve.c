/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/resolve.h"

#include <netdb.h>
#include <string.h>

static void resolve(const char *host, const char *port, int flags, struct addresses *addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV}, *found = NULL;
    addresses->count = 0;
    if (getaddrinfo(host, port, &hints, &found) != 0) return;
    for (const struct addrinfo *at = found; at && addresses->count < ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen > sizeof addresses->address[0]) continue;
        memcpy(&addresses->address[addresses->count], at->ai_addr, at->ai_addrlen);
        addresses->bytes[addresses->count++] = at->ai_addrlen;
    }
    freeaddrinfo(found);
}

bool resolve_numeric(const char *host, const char *port, struct addresses *addresses)
{
    resolve(host, port, AI_NUMERICHOST, addresses);
    return addresses->count > 0;
}

void resolve_name(const char *host, const char *port, struct addresses *addresses)
{
    resolve(host, port, AI_ADDRCONFIG, addresses);
}
