/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query as a call: its text, its parameters, its answer. calls.c has the functions that wait for the answer, async.c
 * those that do not. No state; any thread, a call by the one that began it.
 */
#ifndef WEIR_LIBPQ_QUERY_H
#define WEIR_LIBPQ_QUERY_H

#include <libpq-fe.h>
#include <weir/call.h>

/* As PQexecParams takes them; types, lengths and formats may be NULL. */
struct query_parameters {
    int count;
    const Oid *types;
    const char *const *values;
    const int *lengths, *formats;
};

struct weir_span query_begin_call(const struct weir_site *site, enum weir_call_type type, const char *text,
                                  uint64_t number);
struct weir_span query_begin(const struct weir_site *site, PGconn *connection, const char *sql);
struct weir_span query_begin_prepared(const struct weir_site *site, PGconn *connection, const char *name);
void query_inputs(struct weir_span call, const struct query_parameters *parameters);

/* What a whole result says: its table, the rows it affected, or its error. */
void query_answer(struct weir_span call, const PGconn *connection, PGresult *result);
/* One row of a result that comes in single-row mode. */
void query_row(struct weir_span call, const PGresult *row);
void query_error(struct weir_span call, const PGconn *connection, const PGresult *result);

#endif
