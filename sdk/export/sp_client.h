/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nng's req0 over one connection (tcp or ipc), without nng: connect and greet, then a request and its reply at a time. All waiting
 * is poll with a deadline, ends early at *give_up_ns (any thread may bring that nearer), and never blocks in a read or
 * write, whatever the peer does or does not do. What the peer sends is hostile until proven. Belongs to the exporter
 * thread.
 */
#ifndef WEIR_SDK_EXPORT_SP_CLIENT_H
#define WEIR_SDK_EXPORT_SP_CLIENT_H

#include "base/arena.h"
#include "proto/batch.h"
#include "proto/sp.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SP_CLIENT_CONNECT_NS (2 * 1000000000LL) /* also for the greeting */
#define SP_CLIENT_REPLY_NS   (5 * 1000000000LL)
#define SP_CLIENT_REPLY_MAX                                                                                  \
    (REPLY_BYTES_MAX + 64) /* bytes of a reply's frame; a longer one ends the connection */

struct sp_client {
    int fd; /* -1: not connected */
    /* What fd must lead to. Where the exporter has no descriptor table of its own (descriptors.h), the host may close the
     * number and get it again for something else, which we then must neither read, write nor close. */
    dev_t device;
    ino_t inode;
    const _Atomic int64_t *give_up_ns; /* borrowed; clock_monotonic_ns */
    uint32_t request_id;
    enum sp_transport transport; /* of the connection */
    int64_t reply_ns;            /* how long a request waits for its reply, sending included; 0: for ever */
};

void sp_client_init(struct sp_client *client, const _Atomic int64_t *give_up_ns);
void sp_client_close(struct sp_client *client);

static inline bool sp_client_is_connected(const struct sp_client *client) { return client->fd >= 0; }

/* A socket that is to be connected, or is; the client's from now on. */
void sp_client_take(struct sp_client *client, int fd, enum sp_transport transport);

/* NULL, or what failed. */
const char *sp_client_connect(struct sp_client *client, const struct sockaddr *address,
                              socklen_t address_bytes);

/* Sends the body and waits for its reply; reply's strings lie in the arena. NULL, or what failed: then the connection is
 * closed, and nobody knows whether the peer has the body. */
const char *sp_client_request(struct sp_client *client, const void *body, size_t bytes, struct arena *arena,
                              struct reply *reply);

#endif
