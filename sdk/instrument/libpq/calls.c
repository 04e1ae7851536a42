/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <weir/libpq.h> that wait for their answers: a call around each of libpq's own. */
#define WEIR_LIBPQ_NO_MACROS
#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/libpq/query.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>
#include <weir/libpq.h>

static PGresult *end_query(struct weir_span call, const PGconn *connection, PGresult *result)
{
    weir_call_answered(call);
    query_answer(call, connection, result);
    weir_call_end(call);
    return result;
}

/* ---- connections ---- */

static struct weir_span begin_connect(const struct weir_site *site, uint64_t number)
{
    struct weir_span call = query_begin_call(site, WEIR_CALL_CONNECT, "connect", number);
    weir_call_send(call);
    return call;
}

static PGconn *end_connect(struct weir_span call, PGconn *connection, uint64_t number)
{
    weir_call_answered(call);
    if (connection) connection_add(connection, number);
    if (PQstatus(connection) != CONNECTION_OK) weir_span_error(call, "CONNECTION_BAD");
    if (connection && PQdb(connection)) weir_span_string(call, "db.namespace", PQdb(connection));
    if (connection && PQhost(connection)) weir_span_string(call, "server.address", PQhost(connection));
    weir_call_end(call);
    return connection;
}

PGconn *weir_PQconnectdb(const struct weir_site *site, const char *conninfo)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, PQconnectdb(conninfo), number);
}

PGconn *weir_PQconnectdbParams(const struct weir_site *site, const char *const *keywords,
                               const char *const *values, int expand_dbname)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, PQconnectdbParams(keywords, values, expand_dbname), number);
}

void weir_PQfinish(PGconn *connection)
{
    struct weir_span call;
    if (connection && connection_take_call(connection, &call)) {
        weir_span_error(call, "_OTHER"); /* nobody waited for its answer */
        weir_call_end(call);
    }
    if (connection) connection_remove(connection);
    PQfinish(connection);
}

/* ---- queries ---- */

PGresult *weir_PQexec(const struct weir_site *site, PGconn *connection, const char *query)
{
    struct weir_span call = query_begin(site, connection, query);
    weir_call_send(call);
    return end_query(call, connection, PQexec(connection, query));
}

PGresult *weir_PQexecParams(const struct weir_site *site, PGconn *connection, const char *command,
                            int param_count, const Oid *types, const char *const *values, const int *lengths,
                            const int *formats, int result_format)
{
    struct query_parameters parameters = {param_count, types, values, lengths, formats};
    struct weir_span call = query_begin(site, connection, command);
    query_inputs(call, &parameters);
    weir_call_send(call);
    return end_query(
        call, connection,
        PQexecParams(connection, command, param_count, types, values, lengths, formats, result_format));
}

PGresult *weir_PQprepare(const struct weir_site *site, PGconn *connection, const char *name,
                         const char *query, int param_count, const Oid *types)
{
    struct weir_span span = weir_span_begin(site);
    PGresult *result = PQprepare(connection, name, query, param_count, types);
    bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (prepared && name) connection_prepared(connection, name, query);
    if (!prepared) query_error(span, connection, result);
    weir_span_end(span);
    return result;
}

PGresult *weir_PQexecPrepared(const struct weir_site *site, PGconn *connection, const char *name,
                              int param_count, const char *const *values, const int *lengths,
                              const int *formats, int result_format)
{
    struct query_parameters parameters = {param_count, NULL, values, lengths, formats};
    struct weir_span call = query_begin_prepared(site, connection, name);
    query_inputs(call, &parameters);
    weir_call_send(call);
    return end_query(call, connection,
                     PQexecPrepared(connection, name, param_count, values, lengths, formats, result_format));
}

/* ---- results: who looks at one has read it ---- */

char *weir_PQgetvalue(const PGresult *result, int row, int column)
{
    weir_answer_read(result);
    return PQgetvalue(result, row, column);
}

int weir_PQgetisnull(const PGresult *result, int row, int column)
{
    weir_answer_read(result);
    return PQgetisnull(result, row, column);
}

int weir_PQgetlength(const PGresult *result, int row, int column)
{
    weir_answer_read(result);
    return PQgetlength(result, row, column);
}

int weir_PQntuples(const PGresult *result)
{
    weir_answer_read(result);
    return PQntuples(result);
}

char *weir_PQcmdTuples(PGresult *result)
{
    weir_answer_read(result);
    return PQcmdTuples(result);
}

char *weir_PQcmdStatus(PGresult *result)
{
    weir_answer_read(result);
    return PQcmdStatus(result);
}

PGresult *weir_PQcopyResult(const PGresult *result, int flags)
{
    weir_answer_read(result);
    return PQcopyResult(result, flags);
}

void weir_PQprint(FILE *file, const PGresult *result, const PQprintOpt *options)
{
    weir_answer_read(result);
    PQprint(file, result, options);
}

void weir_PQclear(PGresult *result)
{
    weir_answer_forget(result);
    PQclear(result);
}
