/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the private Postgres lives on disk, and as whom:
 *
 *     DATA_DIR/lock           held as long as a collector runs on this directory
 *     DATA_DIR/postgres       the cluster, owned by the server's user
 *     DATA_DIR/postgres.new-* the cluster while it is being made
 *     DATA_DIR/postgres.log   what the server says
 *     DATA_DIR/socket         its socket; a link to a fresh folder under /tmp where the path would be too
 * long for one
 *
 * Opened and closed by one thread.
 */
#ifndef WEIR_COLLECTOR_POSTGRES_PLACE_H
#define WEIR_COLLECTOR_POSTGRES_PLACE_H

#include "collector/postgres/process.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define SOCKET_DIRECTORY_BYTES 108 /* sun_path */
#define NEW_CLUSTER            "postgres.new-"

struct place {
    char directory[PATH_MAX]; /* absolute, no links in it */
    char cluster[PATH_MAX], new_cluster[PATH_MAX], log[PATH_MAX], socket_link[PATH_MAX];
    char socket[SOCKET_DIRECTORY_BYTES];
    bool socket_elsewhere; /* socket_link points to it */
    struct process_user user;
    int lock_fd, log_fd;
};

/* Makes what is missing, takes the lock, opens the log. False: error says the cause and the remedy, nothing
 * is held. */
bool place_open(struct place *place, const char *data_dir, char *error, size_t error_bytes);
void place_close(struct place *place);

#endif
