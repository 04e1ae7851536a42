/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/common/database.h"

#include <pthread.h>
#include <stdio.h>

#include <weir/libpq.h>

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* the thread's PGconn */

static void close_connection(void *connection) { PQfinish(connection); }
static void make_key(void) { pthread_key_create(&key, close_connection); }

PGconn *database_open(const char *dsn, const char *schema)
{
    char options[128];
    snprintf(options, sizeof(options), "-c search_path=%s -c client_min_messages=warning", schema);
    const char *keywords[] = {"dbname", "options", "fallback_application_name", NULL};
    const char *values[] = {dsn, options, schema, NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) == CONNECTION_OK) return connection;
    fprintf(stderr, "postgres: %s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

PGconn *database_connection(const char *dsn, const char *schema)
{
    pthread_once(&key_once, make_key);
    PGconn *connection = pthread_getspecific(key);
    if (connection && PQstatus(connection) == CONNECTION_OK) return connection;
    PQfinish(connection);
    connection = database_open(dsn, schema);
    pthread_setspecific(key, connection);
    return connection;
}

bool database_ok(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return true;
    fprintf(stderr, "postgres: %s", PQresultErrorMessage(result));
    return false;
}

bool database_run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    bool ok = database_ok(result);
    PQclear(result);
    return ok;
}

/* 1 or 0; -1 when it cannot be told */
static int schema_exists(PGconn *connection, const char *schema)
{
    PGresult *result = PQexecParams(connection, "SELECT 1 FROM pg_namespace WHERE nspname = $1", 1, NULL,
                                    &schema, NULL, NULL, 0);
    int exists = database_ok(result) ? PQntuples(result) > 0 : -1;
    PQclear(result);
    return exists;
}

static bool setup_on(PGconn *connection, const char *schema, const char *script)
{
    /* any number will do, as long as all that set up the same database use it */
    if (!database_run(connection, "BEGIN") ||
        !database_run(connection, "SELECT pg_advisory_xact_lock(81427)"))
        return false;
    int exists = schema_exists(connection, schema);
    if (exists < 0) return false;
    return (exists || database_run(connection, script)) && database_run(connection, "COMMIT");
}

bool database_setup(const char *dsn, const char *schema, const char *script)
{
    PGconn *connection = database_open(dsn, schema);
    if (!connection) return false;
    bool ok = setup_on(connection, schema, script);
    PQfinish(connection);
    return ok;
}
