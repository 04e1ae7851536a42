/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nng's req0 over one connection (tcp or ipc), without nng: connect and greet, then a request and its reply at a time. All waiting
 * is poll with a deadline, ends early at *give_up_ns (any thread may bring that nearer, then write to wake_fd), and never
 * blocks in a read or write, whatever the peer does or does not do. What the peer sends is hostile until proven. Belongs
 * to the exporter thread.
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

#define SP_CLIENT_CONNECT_NS (2 * 1000000000LL) /* also for the greeting */
#define SP_CLIENT_REPLY_NS   (5 * 1000000000LL)
#define SP_CLIENT_REPLY_MAX                                                                                  \
    (REPLY_BYTES_MAX + 64) /* bytes of a reply's frame; a longer one ends the connection */

struct sp_client {
    _Atomic int fd;              /* -1: not connected; read by the child of a fork, which closes its copy */
    int wake_fd;                 /* borrowed; an eventfd */
    _Atomic int64_t *give_up_ns; /* borrowed; clock_monotonic_ns */
    uint32_t request_id;
    enum sp_transport transport; /* of the connection */
};

void sp_client_init(struct sp_client *client, int wake_fd, _Atomic int64_t *give_up_ns);
void sp_client_close(struct sp_client *client);

/* NULL, or what failed. */
const char *sp_client_connect(struct sp_client *client, const struct sockaddr *address,
                              socklen_t address_bytes);

/* Sends the body and waits for its reply; reply's strings lie in the arena. NULL, or what failed: then the connection is
 * closed, and nobody knows whether the peer has the body. */
const char *sp_client_request(struct sp_client *client, const void *body, size_t bytes, struct arena *arena,
                              struct reply *reply);

#endif
