/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where spans go, as text: "tcp://HOST:PORT" and "ipc://PATH" are collectors, of which there may be several; anything
 * else ("https://…", "file:…", "stderr:") is for the output that owns the scheme. Pure functions.
 */
#ifndef WEIR_SDK_CORE_ENDPOINT_H
#define WEIR_SDK_CORE_ENDPOINT_H

#include "base/str.h"

#include <stdbool.h>

/* One collector to send to. */
struct endpoint {
    bool is_ipc;
    struct str host; /* tcp: name or address; ipc: the socket's path; 0-terminated in settings */
    struct str port; /* tcp only */
};

/* "tcp://HOST:PORT", HOST a name, an IPv4 address or an IPv6 one in brackets, or "ipc://PATH"; views into text. */
bool endpoint_parse(struct str text, struct endpoint *endpoint);

/* What stands before the first colon, if that is a scheme in lower case; else empty. */
struct str endpoint_scheme(struct str text);

/* A URL of OTLP/HTTP: scheme http or https, and a host. */
bool endpoint_is_http(struct str text);

#endif
