/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/resolve.h"

#include <netdb.h>
#include <string.h>
#include <sys/un.h>

static void resolve(const struct endpoint *endpoint, int flags, struct addresses *addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV}, *found = NULL;
    addresses->count = 0;
    if (getaddrinfo(endpoint->host.data, endpoint->port.data, &hints, &found) != 0) return;
    for (const struct addrinfo *at = found; at && addresses->count < ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen > sizeof addresses->address[0]) continue;
        memcpy(&addresses->address[addresses->count], at->ai_addr, at->ai_addrlen);
        addresses->bytes[addresses->count++] = at->ai_addrlen;
    }
    freeaddrinfo(found);
}

static void path_address(struct str path, struct addresses *addresses)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path.data, path.len + 1); /* it fits: endpoint_parse */
    memcpy(&addresses->address[0], &address, sizeof address);
    addresses->bytes[0] = sizeof address;
    addresses->count = 1;
}

bool resolve_at_once(const struct endpoint *endpoint, struct addresses *addresses)
{
    if (endpoint->is_ipc)
        path_address(endpoint->host, addresses);
    else
        resolve(endpoint, AI_NUMERICHOST, addresses);
    return addresses->count > 0;
}

void resolve_name(const struct endpoint *endpoint, struct addresses *addresses)
{
    resolve(endpoint, AI_ADDRCONFIG, addresses);
}
