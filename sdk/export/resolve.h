/* SPDX-License-Identifier: Apache-2.0 */
/* Host and port to addresses. Only resolve_name may take its time (name servers), and nothing can hurry it. */
#ifndef WEIR_SDK_EXPORT_RESOLVE_H
#define WEIR_SDK_EXPORT_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 8

struct addresses {
    uint32_t count;
    struct sockaddr_storage address[ADDRESSES_MAX];
    socklen_t bytes[ADDRESSES_MAX];
};

/* True when host is an address by itself. */
bool resolve_numeric(const char *host, const char *port, struct addresses *addresses);
/* count is 0 when the name is not known. */
void resolve_name(const char *host, const char *port, struct addresses *addresses);

#endif
