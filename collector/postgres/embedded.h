/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private Postgres of a collector that was given no --postgres: initdb into <data_dir>/postgres, a server
 * of its own on a Unix socket only, small buffers, gone when the collector is gone (also when it is killed),
 * restarted when it crashes. As root the server runs as an unprivileged user. One thread starts and stops it:
 * the one that lives longest.
 */
#ifndef WEIR_COLLECTOR_POSTGRES_EMBEDDED_H
#define WEIR_COLLECTOR_POSTGRES_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>

struct embedded_postgres;

#define EMBEDDED_ERROR_BYTES 512

/* Starts the server and waits until it answers. NULL: error says the cause and the remedy in one line. */
struct embedded_postgres *embedded_postgres_start(const char *data_dir, char error[EMBEDDED_ERROR_BYTES]);
/* libpq connection string of its database "weir"; also works with psql. Lives as long as the server. */
const char *embedded_postgres_dsn(const struct embedded_postgres *postgres);
/* Clean stop, bounded; NULL is fine. */
void embedded_postgres_stop(struct embedded_postgres *postgres);

#endif
