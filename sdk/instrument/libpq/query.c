/* SPDX-License-Identifier: Apache-2.0 */
#define WEIR_LIBPQ_NO_MACROS
#include "sdk/instrument/libpq/query.h"
#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/libpq/sqlstate.h"
#include "sdk/instrument/libpq/value.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_TEXT = 0 };

/* ---- the call ---- */

struct weir_span query_begin_call(const struct weir_site *site, enum weir_call_type type, const char *text,
                                  uint64_t number)
{
    struct weir_call call = {.site = site,
                             .type = type,
                             .system = "postgresql",
                             .text = text,
                             .text_bytes = strlen(text),
                             .connection = number};
    return weir_call_begin(&call);
}

struct weir_span query_begin(const struct weir_site *site, PGconn *connection, const char *sql)
{
    struct weir_span call =
        query_begin_call(site, WEIR_CALL_DB, sql ? sql : "", connection_number(connection));
    if (PQdb(connection)) weir_span_string(call, "db.namespace", PQdb(connection));
    return call;
}

/* "EXECUTE name" for a statement that was prepared where weir does not look. */
static struct weir_span begin_unknown(const struct weir_site *site, PGconn *connection, const char *name)
{
    char text[128] = "EXECUTE ";
    strncat(text, name ? name : "", sizeof(text) - strlen(text) - 1);
    return query_begin(site, connection, text);
}

struct weir_span query_begin_prepared(const struct weir_site *site, PGconn *connection, const char *name)
{
    const char *sql = connection_statement_borrow(connection, name ? name : "");
    return sql ? query_begin(site, connection, sql) : begin_unknown(site, connection, name);
}

static void add_input(struct weir_span call, const struct query_parameters *parameters, int i)
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

void query_inputs(struct weir_span call, const struct query_parameters *parameters)
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

void query_error(struct weir_span call, const PGconn *connection, const PGresult *result)
{
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (sqlstate)
        weir_span_error(call, sqlstate_keep(sqlstate));
    else if (PQstatus(connection) == CONNECTION_BAD)
        weir_span_error(call, "CONNECTION_BAD");
    else
        weir_span_error(call, result ? PQresStatus(PQresultStatus(result)) : "_OTHER");
}

void query_answer(struct weir_span call, const PGconn *connection, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        add_table(call, result);
        break;
    case PGRES_COMMAND_OK:
        add_affected_rows(call, result);
        break;
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
        query_error(call, connection, result);
        break;
    default: /* an empty query, COPY under way */
        break;
    }
}

void query_row(struct weir_span call, const PGresult *row)
{
    struct cells cells = {.result = row};
    weir_call_row(call, (size_t)PQnfields(row), read_cell, &cells);
}
