/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq with spans: include this in place of <libpq-fe.h>, link libweir-pq, and each query becomes a call with
 * its operation, rows, SQLSTATE, call site, and evidence of whose answer it needed. Nothing in the code changes:
 *
 *     PGresult *rows = PQexecParams(connection, "SELECT name FROM items WHERE id = $1", 1, NULL, values, NULL, NULL, 0);
 *
 * What is seen
 *   PQexec, PQexecParams, PQexecPrepared       a database call each
 *   PQsendQuery, PQsendQueryParams,            the same, from sending until all of the answer is here; of single-row mode,
 *   PQsendQueryPrepared, PQgetResult,          rows are looked at as they come, and it is not said whether they were unread
 *   PQconsumeInput
 *   PQconnectdb, PQconnectdbParams             opening a connection; shown, not counted as a query
 *   PQprepare                                  a round trip that asks nothing: shown as a span, "prepare", and not counted
 *                                              as a query; its statement is remembered for PQexecPrepared
 *   PQgetvalue, PQgetisnull, PQgetlength,      somebody looks at an answer (PQresultStatus and the like is not looking): a
 *   PQntuples, PQcmdTuples, PQcmdStatus,       call that was sent before that did not need it
 *   PQcopyResult, PQprint
 *   PQclear, PQfinish                          an answer, a connection is gone
 *
 * Literals and parameters do not leave the process (weir/call.h says what does), nor do connection strings.
 *
 * What macros cannot reach: calls by way of a function pointer or as (PQexec)(…), in files that do not include
 * this header, and in other libraries. Queries there are not seen. Looking at a result there is not seen either,
 * so a file that reads results should include this too, else a later query seems not to have needed them.
 * Connections opened there are known from their first query here on; one that is closed there leaves a few bytes
 * until its address is used again. Pipelined and COPY queries are left alone. A query that is sent by one
 * thread and fetched by another is lost to weir, not to the program. The macros work inside functions only, in C
 * and C++; ::PQexec(…) works, a method of one's own called PQexec does not.
 *
 * Each function behaves as libpq's own: same results, same errors, same threads (one connection, one thread at a
 * time), and it can be called before weir_init and after weir_shutdown. The companion keeps a table of connections
 * with the texts of prepared statements; out of memory there costs the record of a query, never the query.
 */
#ifndef WEIR_LIBPQ_H
#define WEIR_LIBPQ_H

#include <libpq-fe.h>
#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API PGconn *weir_PQconnectdb(const struct weir_site *site, const char *conninfo);
WEIR_API PGconn *weir_PQconnectdbParams(const struct weir_site *site, const char *const *keywords,
                                        const char *const *values, int expand_dbname);
WEIR_API void weir_PQfinish(PGconn *connection);

WEIR_API PGresult *weir_PQexec(const struct weir_site *site, PGconn *connection, const char *query);
WEIR_API PGresult *weir_PQexecParams(const struct weir_site *site, PGconn *connection, const char *command,
                                     int param_count, const Oid *types, const char *const *values,
                                     const int *lengths, const int *formats, int result_format);
WEIR_API PGresult *weir_PQprepare(const struct weir_site *site, PGconn *connection, const char *name,
                                  const char *query, int param_count, const Oid *types);
WEIR_API PGresult *weir_PQexecPrepared(const struct weir_site *site, PGconn *connection, const char *name,
                                       int param_count, const char *const *values, const int *lengths,
                                       const int *formats, int result_format);

WEIR_API int weir_PQsendQuery(const struct weir_site *site, PGconn *connection, const char *query);
WEIR_API int weir_PQsendQueryParams(const struct weir_site *site, PGconn *connection, const char *command,
                                    int param_count, const Oid *types, const char *const *values,
                                    const int *lengths, const int *formats, int result_format);
WEIR_API int weir_PQsendPrepare(PGconn *connection, const char *name, const char *query, int param_count,
                                const Oid *types);
WEIR_API int weir_PQsendQueryPrepared(const struct weir_site *site, PGconn *connection, const char *name,
                                      int param_count, const char *const *values, const int *lengths,
                                      const int *formats, int result_format);
WEIR_API int weir_PQconsumeInput(PGconn *connection);
WEIR_API PGresult *weir_PQgetResult(PGconn *connection);

WEIR_API char *weir_PQgetvalue(const PGresult *result, int row, int column);
WEIR_API int weir_PQgetisnull(const PGresult *result, int row, int column);
WEIR_API int weir_PQgetlength(const PGresult *result, int row, int column);
WEIR_API int weir_PQntuples(const PGresult *result);
WEIR_API char *weir_PQcmdTuples(PGresult *result);
WEIR_API char *weir_PQcmdStatus(PGresult *result);
WEIR_API PGresult *weir_PQcopyResult(const PGresult *result, int flags);
WEIR_API void weir_PQprint(FILE *file, const PGresult *result, const PQprintOpt *options);
WEIR_API void weir_PQclear(PGresult *result);

#ifdef __cplusplus
}
#endif

/* libweir-pq itself includes this without the macros. They are variadic, so that a compound literal with commas may
 * be an argument, as it may be of the function. */
#ifndef WEIR_LIBPQ_NO_MACROS
#define PQconnectdb(...)         weir_PQconnectdb(WEIR_SITE("PQconnectdb"), __VA_ARGS__)
#define PQconnectdbParams(...)   weir_PQconnectdbParams(WEIR_SITE("PQconnectdbParams"), __VA_ARGS__)
#define PQfinish(...)            weir_PQfinish(__VA_ARGS__)
#define PQexec(...)              weir_PQexec(WEIR_SITE("PQexec"), __VA_ARGS__)
#define PQexecParams(...)        weir_PQexecParams(WEIR_SITE("PQexecParams"), __VA_ARGS__)
#define PQprepare(...)           weir_PQprepare(WEIR_SITE("PQprepare"), __VA_ARGS__)
#define PQexecPrepared(...)      weir_PQexecPrepared(WEIR_SITE("PQexecPrepared"), __VA_ARGS__)
#define PQsendQuery(...)         weir_PQsendQuery(WEIR_SITE("PQsendQuery"), __VA_ARGS__)
#define PQsendQueryParams(...)   weir_PQsendQueryParams(WEIR_SITE("PQsendQueryParams"), __VA_ARGS__)
#define PQsendPrepare(...)       weir_PQsendPrepare(__VA_ARGS__)
#define PQsendQueryPrepared(...) weir_PQsendQueryPrepared(WEIR_SITE("PQsendQueryPrepared"), __VA_ARGS__)
#define PQconsumeInput(...)      weir_PQconsumeInput(__VA_ARGS__)
#define PQgetResult(...)         weir_PQgetResult(__VA_ARGS__)
#define PQgetvalue(...)          weir_PQgetvalue(__VA_ARGS__)
#define PQgetisnull(...)         weir_PQgetisnull(__VA_ARGS__)
#define PQgetlength(...)         weir_PQgetlength(__VA_ARGS__)
#define PQntuples(...)           weir_PQntuples(__VA_ARGS__)
#define PQcmdTuples(...)         weir_PQcmdTuples(__VA_ARGS__)
#define PQcmdStatus(...)         weir_PQcmdStatus(__VA_ARGS__)
#define PQcopyResult(...)        weir_PQcopyResult(__VA_ARGS__)
#define PQprint(...)             weir_PQprint(__VA_ARGS__)
#define PQclear(...)             weir_PQclear(__VA_ARGS__)
#endif

#endif
