/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/connection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_CAP_BYTES ((size_t)1 << 30)

struct store *store_new(const char *dsn)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) return NULL;
    store->dsn = strdup(dsn);
    if (!store->dsn) {
        free(store);
        return NULL;
    }
    store->name = "weir-collector";
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) dictionary_init(&store->dictionaries[i]);
    arena_init(&store->scratch, SCRATCH_CAP_BYTES);
    arena_init(&store->row, SCRATCH_CAP_BYTES);
    name_cache_init(&store->operation_names);
    name_cache_init(&store->site_names);
    buffer_init(&store->statement);
    buffer_init(&store->copy);
    return store;
}

void store_set_name(struct store *store, const char *name) { store->name = name; }

void store_free(struct store *store)
{
    if (!store) return;
    PQfinish(store->connection);
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) dictionary_fini(&store->dictionaries[i]);
    arena_fini(&store->scratch);
    arena_fini(&store->row);
    prefetch_fini(&store->prefetch);
    name_cache_fini(&store->operation_names);
    name_cache_fini(&store->site_names);
    buffer_fini(&store->statement);
    buffer_fini(&store->copy);
    free(store->dsn);
    free(store);
}

const char *store_error(const struct store *store) { return store->error; }

/* libpq's messages end in a newline and may have several lines; ours are one. */
static void set_error(struct store *store, const char *message)
{
    size_t len = 0;
    for (const char *c = message; *c && len + 1 < sizeof store->error; c++) {
        store->error[len++] = *c == '\n' ? ' ' : *c;
    }
    while (len && store->error[len - 1] == ' ') len--;
    store->error[len] = 0;
}

enum store_result store_refuse(struct store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(store->error, sizeof store->error, format, args);
    va_end(args);
    store->sqlstate[0] = 0;
    return STORE_REFUSED;
}

/*
 * Only what says that the data itself cannot be stored is refused: data exceptions (22), broken constraints (23), limits
 * of the program (54). Everything else (no connection, shutdown, resources, deadlock, a lock not had in time, a schema
 * or a right that is missing) is no fault of the sender and may be better later.
 */
static enum store_result sort_failure(const char *sqlstate)
{
    static const char *const refused[] = {"22", "23", "54"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (strncmp(sqlstate, refused[i], 2) == 0) return STORE_REFUSED;
    }
    return STORE_AWAY;
}

static void copy_field(char *to, size_t room, const PGresult *result, int field)
{
    const char *value = result ? PQresultErrorField(result, field) : NULL;
    snprintf(to, room, "%s", value ? value : "");
}

enum store_result store_failed(struct store *store, const PGresult *result)
{
    const char *message = result ? PQresultErrorMessage(result) : "";
    if (!*message && store->connection) message = PQerrorMessage(store->connection);
    set_error(store, *message ? message : "out of memory");
    copy_field(store->sqlstate, sizeof store->sqlstate, result, PG_DIAG_SQLSTATE);
    copy_field(store->table, sizeof store->table, result, PG_DIAG_TABLE_NAME);
    return sort_failure(store->sqlstate);
}

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/*
 * Ids that were cached may have been given by a transaction that a crash undid, so a new connection starts with empty
 * caches. search_path names no schema anyone may write to: all of weir's names are written out.
 */
static enum store_result begin_session(struct store *store)
{
    static const char settings[] =
        "SET search_path = pg_catalog; SET timezone = 'UTC'; SET client_encoding = 'UTF8';"
        "SET client_min_messages = 'warning'; SET lock_timeout = '10s';"
        "SET idle_in_transaction_session_timeout = '60s'; SET bytea_output = 'hex';"
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'";
    PQsetNoticeProcessor(store->connection, ignore_notice, NULL);
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) dictionary_clear(&store->dictionaries[i]);
    partition_cache_clear(&store->partitions);
    prefetch_clear(&store->prefetch);
    name_cache_clear(&store->operation_names);
    name_cache_clear(&store->site_names);
    store->prepared.count = 0;
    store->claims.open = false;
    PGresult *result = PQexec(store->connection, settings);
    enum store_result outcome = STORE_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        store_failed(store, result);
        outcome = STORE_AWAY;
    }
    PQclear(result);
    return outcome;
}

/* What the dsn says wins over what stands before it. */
static PGconn *open_connection(const struct store *store)
{
    const char *const keywords[] = {"connect_timeout", "keepalives_idle",           "tcp_user_timeout",
                                    "dbname",          "fallback_application_name", NULL};
    const char *const values[] = {"5", "30", "30000", store->dsn, store->name, NULL};
    return PQconnectdbParams(keywords, values, 1);
}

/*
 * A server that went away while the connection was idle shows as its last words and an end of file waiting to be read:
 * the first look reads the words, the second the end.
 */
static bool is_alive(PGconn *connection)
{
    return connection && PQconsumeInput(connection) && PQconsumeInput(connection) &&
           PQstatus(connection) == CONNECTION_OK;
}

enum store_result store_connect(struct store *store)
{
    if (is_alive(store->connection)) return STORE_OK;
    PQfinish(store->connection);
    store->connection = open_connection(store);
    store->claims.open = false;
    if (PQstatus(store->connection) != CONNECTION_OK) {
        store_failed(store, NULL);
        return STORE_AWAY;
    }
    enum store_result outcome = begin_session(store);
    if (outcome != STORE_OK) {
        PQfinish(store->connection);
        store->connection = NULL;
    }
    return outcome;
}

static bool is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

enum store_result store_run(struct store *store, const char *sql)
{
    PGresult *result = PQexec(store->connection, sql);
    enum store_result outcome = is_success(result) ? STORE_OK : store_failed(store, result);
    PQclear(result);
    return outcome;
}

/* Finds the name under which the statement is prepared. False: it cannot be; *outcome and the error say why. */
static bool prepare(struct store *store, const char *sql, const struct sql_parameters *parameters,
                    char name[16], enum store_result *outcome)
{
    struct prepared *prepared = &store->prepared;
    int number = 0;
    while (number < prepared->count && prepared->sql[number] != sql) number++;
    assert(number < PREPARED_MAX);
    snprintf(name, 16, "weir%d", number);
    if (number < prepared->count) return true;
    PGresult *result = PQprepare(store->connection, name, sql, parameters->count, parameters->types);
    bool done = is_success(result);
    if (done) {
        prepared->sql[prepared->count++] = sql;
    } else {
        *outcome = store_failed(store, result);
    }
    PQclear(result);
    return done;
}

/* What libpq wants of parameters. */
struct bound {
    const char *values[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
};

static void bind(struct bound *bound, const struct sql_parameters *parameters)
{
    for (int i = 0; i < parameters->count; i++) {
        bound->formats[i] = 1;
        bound->values[i] = NULL;
        if (parameters->lengths[i] < 0) continue;
        bound->values[i] = parameters->lengths[i] ? parameters->bytes.data + parameters->offsets[i] : "";
    }
}

static enum store_result execute(struct store *store, const char *name,
                                 const struct sql_parameters *parameters, PGresult **result)
{
    struct bound bound;
    bind(&bound, parameters);
    *result = PQexecPrepared(store->connection, name, parameters->count, bound.values, parameters->lengths,
                             bound.formats, 1);
    if (is_success(*result)) return STORE_OK;
    enum store_result outcome = store_failed(store, *result);
    PQclear(*result);
    *result = NULL;
    return outcome;
}

static enum store_result execute_rows(struct store *store, const char *name,
                                      const struct sql_parameters *parameters, store_take_row *take,
                                      void *context)
{
    struct bound bound;
    bind(&bound, parameters);
    if (!PQsendQueryPrepared(store->connection, name, parameters->count, bound.values, parameters->lengths,
                             bound.formats, 1))
        return store_failed(store, NULL);
    PQsetSingleRowMode(store->connection);
    enum store_result outcome = STORE_OK;
    PGresult *result;
    while ((result = PQgetResult(store->connection))) {
        bool kept = false;
        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
            kept = take(context, result);
        else if (outcome == STORE_OK && !is_success(result))
            outcome = store_failed(store, result);
        if (!kept) PQclear(result);
    }
    return outcome;
}

/* Where the statement is ready to run under `name`; STORE_OK or why not. */
static enum store_result make_ready(struct store *store, const char *sql,
                                    const struct sql_parameters *parameters, char name[16])
{
    enum store_result outcome = STORE_AWAY;
    if (parameters->bytes.failed)
        set_error(store, "out of memory");
    else if (prepare(store, sql, parameters, name, &outcome))
        outcome = STORE_OK;
    return outcome;
}

enum store_result store_query(struct store *store, const char *sql, struct sql_parameters *parameters,
                              PGresult **result)
{
    struct sql_parameters none;
    char name[16];
    if (!parameters) {
        sql_parameters_init(&none);
        parameters = &none;
    }
    *result = NULL;
    enum store_result outcome = make_ready(store, sql, parameters, name);
    if (outcome == STORE_OK) outcome = execute(store, name, parameters, result);
    sql_parameters_fini(parameters);
    return outcome;
}

enum store_result store_query_rows(struct store *store, const char *sql, struct sql_parameters *parameters,
                                   store_take_row *take, void *context)
{
    char name[16];
    enum store_result outcome = make_ready(store, sql, parameters, name);
    if (outcome == STORE_OK) outcome = execute_rows(store, name, parameters, take, context);
    sql_parameters_fini(parameters);
    return outcome;
}

enum store_result store_ping(struct store *store)
{
    enum store_result outcome = store_connect(store);
    return outcome == STORE_OK ? store_run(store, "SELECT 1") : outcome;
}
