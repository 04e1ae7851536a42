/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each open connection: its number, and the texts of its prepared statements. A table by
 * PGconn*, under one mutex that is never held while a query runs. Any thread, each connection by one at a
 * time, as libpq asks. Out of memory loses knowledge (number 0, no text), never a query.
 *
 * The mutex is taken across fork, so that a child may go on using the table.
 */
#ifndef WEIR_LIBPQ_CONNECTION_H
#define WEIR_LIBPQ_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/weir.h>

/* Enters a new connection under a number; forgets what was known of an older one at the same address. */
void connection_add(const PGconn *key, uint64_t number);

/* Its number; a connection that was opened elsewhere gets one now. */
uint64_t connection_number(const PGconn *key);

void connection_remove(const PGconn *key);

/* Remembers the text of a prepared statement; NULL forgets it. The unnamed statement's name is "". */
void connection_prepared(const PGconn *key, const char *name, const char *query);

/* The call that was sent on it and whose results are still being fetched. A call that is put takes the place of one that
 * nobody fetched to the end, which then ends. peek and take: false when there is none. */
void connection_put_call(const PGconn *key, struct weir_span call);
bool connection_peek_call(const PGconn *key, struct weir_span *call);
bool connection_take_call(const PGconn *key, struct weir_span *call);
/* Whether that call's answer has begun to come row by row. */
void connection_mark_rows(const PGconn *key);
bool connection_has_rows(const PGconn *key);

/* The text, lent until this connection prepares that name anew or is removed; NULL when unknown. */
const char *connection_statement_borrow(const PGconn *key, const char *name);

#endif
