/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <weir/libpq.h>: a call around each of libpq's own. */
#define WEIR_LIBPQ_NO_MACROS
#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/libpq/sqlstate.h"
#include "sdk/instrument/libpq/value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>
#include <weir/libpq.h>

#define SYSTEM "postgresql"

enum { FORMAT_TEXT = 0 };

/* ---- the call ---- */

static struct weir_span begin_call(const struct weir_site *site, enum weir_call_type type, const char *text,
                                   uint64_t number)
{
    struct weir_call call = {.site = site,
                             .type = type,
                             .system = SYSTEM,
                             .text = text,
                             .text_bytes = strlen(text),
                             .connection = number};
    return weir_call_begin(&call);
}

static struct weir_span begin_query(const struct weir_site *site, PGconn *connection, const char *sql)
{
    struct weir_span call = begin_call(site, WEIR_CALL_DB, sql ? sql : "", connection_number(connection));
    if (PQdb(connection)) weir_span_string(call, "db.namespace", PQdb(connection));
    return call;
}

struct parameters {
    int count;
    const Oid *types;
    const char *const *values;
    const int *lengths, *formats;
};

static void add_input(struct weir_span call, const struct parameters *parameters, int i)
{
    const char *data = parameters->values[i];
    if (!data || !parameters->formats || parameters->formats[i] == FORMAT_TEXT) {
        weir_call_input(call, data, data ? strlen(data) : 0);
        return;
    }
    char scratch[VALUE_TEXT_BYTES];
    size_t bytes = parameters->lengths && parameters->lengths[i] > 0 ? (size_t)parameters->lengths[i] : 0;
    struct value value = value_of_binary(parameters->types ? parameters->types[i] : 0, data, bytes, scratch);
    weir_call_input(call, value.data, value.bytes);
}

static void add_inputs(struct weir_span call, const struct parameters *parameters)
{
    for (int i = 0; parameters->values && i < parameters->count; i++) add_input(call, parameters, i);
}

/* ---- the answer ---- */

/* What read_cell reads from: the result, and room for an integer as text. */
struct cells {
    const PGresult *result;
    char scratch[VALUE_TEXT_BYTES];
};

static const char *read_cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    struct cells *cells = (struct cells *)(uintptr_t)from;
    const PGresult *result = cells->result;
    if (PQgetisnull(result, (int)row, (int)column)) return NULL;
    struct value value = {PQgetvalue(result, (int)row, (int)column),
                          (size_t)PQgetlength(result, (int)row, (int)column)};
    if (PQfformat(result, (int)column) != FORMAT_TEXT)
        value = value_of_binary(PQftype(result, (int)column), value.data, value.bytes, cells->scratch);
    *bytes = value.bytes;
    return value.data;
}

static void add_table(struct weir_span call, const PGresult *result)
{
    struct cells cells = {.result = result};
    weir_call_table(call, (size_t)PQntuples(result), (size_t)PQnfields(result), read_cell, &cells);
    weir_call_unread(call, result);
}

/* What a command affected; "" where it does not say. */
static void add_affected_rows(struct weir_span call, PGresult *result)
{
    const char *rows = PQcmdTuples(result);
    if (*rows) weir_call_rows(call, strtoll(rows, NULL, 10));
}

static void add_error(struct weir_span call, const PGconn *connection, const PGresult *result)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (sqlstate)
        weir_span_error(call, sqlstate_keep(sqlstate));
    else if (PQstatus(connection) == CONNECTION_BAD)
        weir_span_error(call, "CONNECTION_BAD");
    else
        weir_span_error(call, result ? PQresStatus(PQresultStatus(result)) : "_OTHER");
}

static void add_answer(struct weir_span call, const PGconn *connection, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        add_table(call, result);
        break;
    case PGRES_COMMAND_OK:
        add_affected_rows(call, result);
        break;
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
        add_error(call, connection, result);
        break;
    default: /* an empty query, COPY under way */
        break;
    }
}

static PGresult *end_query(struct weir_span call, const PGconn *connection, PGresult *result)
{
    weir_call_answered(call);
    add_answer(call, connection, result);
    weir_call_end(call);
    return result;
}

/* ---- connections ---- */

static struct weir_span begin_connect(const struct weir_site *site, uint64_t number)
{
    struct weir_span call = begin_call(site, WEIR_CALL_CONNECT, "connect", number);
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
    if (connection) connection_remove(connection);
    PQfinish(connection);
}

/* ---- queries ---- */

PGresult *weir_PQexec(const struct weir_site *site, PGconn *connection, const char *query)
{
    struct weir_span call = begin_query(site, connection, query);
    weir_call_send(call);
    return end_query(call, connection, PQexec(connection, query));
}

PGresult *weir_PQexecParams(const struct weir_site *site, PGconn *connection, const char *command,
                            int param_count, const Oid *types, const char *const *values, const int *lengths,
                            const int *formats, int result_format)
{
    struct parameters parameters = {param_count, types, values, lengths, formats};
    struct weir_span call = begin_query(site, connection, command);
    add_inputs(call, &parameters);
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
    if (!prepared) add_error(span, connection, result);
    weir_span_end(span);
    return result;
}

/* "EXECUTE name" for a statement that was prepared where weir does not look. */
static struct weir_span begin_unknown(const struct weir_site *site, PGconn *connection, const char *name)
{
    char text[128] = "EXECUTE ";
    strncat(text, name ? name : "", sizeof(text) - strlen(text) - 1);
    return begin_query(site, connection, text);
}

PGresult *weir_PQexecPrepared(const struct weir_site *site, PGconn *connection, const char *name,
                              int param_count, const char *const *values, const int *lengths,
                              const int *formats, int result_format)
{
    struct parameters parameters = {param_count, NULL, values, lengths, formats};
    const char *sql = connection_statement_borrow(connection, name ? name : "");
    struct weir_span call = sql ? begin_query(site, connection, sql) : begin_unknown(site, connection, name);
    add_inputs(call, &parameters);
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
