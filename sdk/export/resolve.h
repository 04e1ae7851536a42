/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint to addresses. Only resolve_name may take its time (name servers), and nothing can hurry it. */
#ifndef WEIR_SDK_EXPORT_RESOLVE_H
#define WEIR_SDK_EXPORT_RESOLVE_H

#include "sdk/core/settings.h"

#include <stdint.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 8

struct addresses {
    uint32_t count;
    struct sockaddr_storage address[ADDRESSES_MAX];
    socklen_t bytes[ADDRESSES_MAX];
};

/* True when the endpoint says its address itself: a path, or a host that is no name. */
bool resolve_at_once(const struct endpoint *endpoint, struct addresses *addresses);
/* count is 0 when the name is not known. */
void resolve_name(const struct endpoint *endpoint, struct addresses *addresses);

#endif
