/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples' Postgres connections: one for each worker thread, opened at its first request and closed with
 * the thread. Statements are not wrapped here: a service calls libpq itself, and <weir/libpq.h> sees which
 * line does it.
 */
#ifndef WEIR_EXAMPLES_COMMON_DATABASE_H
#define WEIR_EXAMPLES_COMMON_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>

/* This thread's connection, in the schema's search path; NULL (said on stderr) when the database is out of
 * reach. */
PGconn *database_connection(const char *dsn, const char *schema);

/* A connection of the caller's own; NULL, said on stderr, likewise. */
PGconn *database_open(const char *dsn, const char *schema);

/* Runs statements that give no rows worth reading; false, said on stderr, when they fail. */
bool database_run(PGconn *connection, const char *sql);

/* Whether the answer has rows, or is a command's success; says on stderr what went wrong. */
bool database_ok(const PGresult *result);

/*
 * Creates a schema with `script` in one transaction if it is not there; safe when several start at once.
 * Returns false, said on stderr, when it could not.
 */
bool database_setup(const char *dsn, const char *schema, const char *script);

#endif
