/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of <weir/libpq.h> that send a query and fetch its results later. The connection's entry in the table holds
 * the call that is under way; libpq allows one at a time (pipelines are left alone). The call's clock stops when all of
 * the answer is here: when PQconsumeInput has made PQgetResult free of waiting, else when PQgetResult returns.
 */
#define WEIR_LIBPQ_NO_MACROS
#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/libpq/query.h"

#include <weir/libpq.h>

static bool is_pipeline(const PGconn *connection) { return PQpipelineStatus(connection) != PQ_PIPELINE_OFF; }

/* A query that is sent before the last one's results were fetched to the end is refused by libpq: then the last call goes
 * on. */
static int send_done(struct weir_span call, PGconn *connection, int sent)
{
    if (sent) {
        connection_put_call(connection, call);
        return sent;
    }
    query_error(call, connection, NULL);
    weir_call_end(call);
    return sent;
}

int weir_PQsendQuery(const struct weir_site *site, PGconn *connection, const char *query)
{
    if (!connection || is_pipeline(connection)) return PQsendQuery(connection, query);
    struct weir_span call = query_begin(site, connection, query);
    weir_call_send(call);
    return send_done(call, connection, PQsendQuery(connection, query));
}

int weir_PQsendQueryParams(const struct weir_site *site, PGconn *connection, const char *command,
                           int param_count, const Oid *types, const char *const *values, const int *lengths,
                           const int *formats, int result_format)
{
    if (!connection || is_pipeline(connection))
        return PQsendQueryParams(connection, command, param_count, types, values, lengths, formats,
                                 result_format);
    struct query_parameters parameters = {param_count, types, values, lengths, formats};
    struct weir_span call = query_begin(site, connection, command);
    query_inputs(call, &parameters);
    weir_call_send(call);
    return send_done(
        call, connection,
        PQsendQueryParams(connection, command, param_count, types, values, lengths, formats, result_format));
}

/* No call: a round trip that asks nothing. Its text is known from here on; if preparing fails, nobody can run it. */
int weir_PQsendPrepare(PGconn *connection, const char *name, const char *query, int param_count,
                       const Oid *types)
{
    int sent = PQsendPrepare(connection, name, query, param_count, types);
    if (sent && name) connection_prepared(connection, name, query);
    return sent;
}

int weir_PQsendQueryPrepared(const struct weir_site *site, PGconn *connection, const char *name,
                             int param_count, const char *const *values, const int *lengths,
                             const int *formats, int result_format)
{
    if (!connection || is_pipeline(connection))
        return PQsendQueryPrepared(connection, name, param_count, values, lengths, formats, result_format);
    struct query_parameters parameters = {param_count, NULL, values, lengths, formats};
    struct weir_span call = query_begin_prepared(site, connection, name);
    query_inputs(call, &parameters);
    weir_call_send(call);
    return send_done(
        call, connection,
        PQsendQueryPrepared(connection, name, param_count, values, lengths, formats, result_format));
}

int weir_PQconsumeInput(PGconn *connection)
{
    int consumed = PQconsumeInput(connection);
    struct weir_span call;
    if (consumed && connection_peek_call(connection, &call) && !PQisBusy(connection))
        weir_call_answered(call);
    return consumed;
}

/* Rows of single-row mode are added one by one; in that mode no result is called unread, since each is but a part. */
PGresult *weir_PQgetResult(PGconn *connection)
{
    PGresult *result = PQgetResult(connection);
    struct weir_span call;
    if (!connection_peek_call(connection, &call)) return result;
    if (!result) {
        connection_take_call(connection, &call);
        weir_call_answered(call);
        weir_call_end(call);
    } else if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        query_row(call, result);
        connection_mark_rows(connection);
    } else {
        weir_call_answered(call);
        if (!connection_has_rows(connection))
            query_answer(call, connection, result);
        else if (PQresultStatus(result) == PGRES_FATAL_ERROR)
            query_error(call, connection, result);
    }
    return result;
}
