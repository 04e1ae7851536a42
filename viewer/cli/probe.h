/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a collector listen there? Connects to an address for spans as a service's exporter does and exchanges
 * greetings (proto/sp.h), then closes. Waits at most PROBE_DEADLINE_MS. Main thread only.
 */
#ifndef WEIR_CLI_PROBE_H
#define WEIR_CLI_PROBE_H

#include <stdbool.h>

#define PROBE_DEADLINE_MS 2000
#define PROBE_ERROR_BYTES 256

/* "tcp://HOST:PORT", HOST perhaps [::1], or "ipc://PATH". */
struct address {
    bool is_ipc;
    char host[256]; /* or the path */
    char port[8];
};

/* False: it is neither. */
bool address_read(struct address *address, const char *url);
/* Whether it is 0.0.0.0 or [::], where one listens but does not connect to; and whether it stays on this
 * machine. */
bool address_is_any(const struct address *address);
bool address_is_local(const struct address *address);
/* Whether a service that sends to `to` reaches who listens on `listen`, as far as names can tell. */
bool address_matches(const struct address *to, const struct address *listen);

/* False: error says why no spans could be sent there. */
bool probe(const struct address *address, char error[PROBE_ERROR_BYTES]);

#endif
