/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/connection.h"
#include "collector/store/migrations.h"

#include <string.h>

/* Held by each migration's own transaction, so a collector that dies gives it back. */
#define LOCK "SELECT pg_advisory_xact_lock(hashtext('weir.migrate'))"

static const char bootstrap[] = "BEGIN; " LOCK "; CREATE SCHEMA IF NOT EXISTS weir;"
                                "CREATE TABLE IF NOT EXISTS weir.migration (number int PRIMARY KEY,"
                                " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()); COMMIT";

static enum store_result ask_integer(struct store *store, const char *sql, int64_t *value)
{
    PGresult *result;
    enum store_result outcome = store_query(store, sql, NULL, &result);
    if (outcome != STORE_OK) return outcome;
    *value = PQntuples(result) == 1 ? binary_i64(result, 0, 0) : 0;
    PQclear(result);
    return STORE_OK;
}

/* Names are stored as UTF-8; a database of another encoding would refuse some of them one day. */
static enum store_result check_encoding(struct store *store)
{
    const char *encoding = PQparameterStatus(store->connection, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0) return STORE_OK;
    return store_refuse(store, "the database's encoding is %s; weir needs one with encoding UTF8", encoding);
}

static enum store_result check_version(struct store *store)
{
    if (PQserverVersion(store->connection) >= 140000) return STORE_OK;
    return store_refuse(store, "the server is PostgreSQL %d; weir needs 14 or newer",
                        PQserverVersion(store->connection) / 10000);
}

static enum store_result record(struct store *store, const struct migration *migration)
{
    struct sql_parameters parameters;
    sql_parameters_init(&parameters);
    parameter_i32(&parameters, migration->number);
    parameter_text(&parameters, str_of(migration->name));
    PGresult *result;
    enum store_result outcome =
        store_query(store, "INSERT INTO weir.migration (number, name) VALUES ($1, $2)", &parameters, &result);
    PQclear(result);
    return outcome;
}

/* Inside the transaction: what is applied is known only once the lock is held. */
static enum store_result apply_next(struct store *store, bool *done)
{
    int64_t applied = 0;
    enum store_result outcome = store_run(store, LOCK);
    if (outcome == STORE_OK) {
        outcome = ask_integer(store, "SELECT coalesce(max(number), 0) FROM weir.migration", &applied);
    }
    if (outcome != STORE_OK) return outcome;
    if ((size_t)applied > migration_count) {
        return store_refuse(
            store, "the database was made by a newer weir: it is at migration %lld, this one knows %zu",
            (long long)applied, migration_count);
    }
    *done = (size_t)applied == migration_count;
    if (*done) return STORE_OK;
    outcome = store_run(store, migrations[applied].sql);
    return outcome == STORE_OK ? record(store, &migrations[applied]) : outcome;
}

static enum store_result apply_in_transaction(struct store *store, bool *done)
{
    enum store_result outcome = store_run(store, "BEGIN");
    if (outcome == STORE_OK) outcome = apply_next(store, done);
    if (outcome == STORE_OK) return store_run(store, "COMMIT");
    /* The error text is that of the failure, not of the rollback. */
    PQclear(PQexec(store->connection, "ROLLBACK"));
    return outcome;
}

/* Here a missing right or a name that is taken is final, unlike where a batch is stored. */
static enum store_result sort_migration_failure(const struct store *store, enum store_result outcome)
{
    static const char *const passing[] = {"08", "57", "53", "40", "55"};
    if (outcome != STORE_AWAY || store->sqlstate[0] == 0) return outcome;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (strncmp(store->sqlstate, passing[i], 2) == 0) return STORE_AWAY;
    }
    return STORE_REFUSED;
}

/* Looks before it writes, so that a role that may not create anything can use a schema that is there. */
static enum store_result make_migration_table(struct store *store)
{
    int64_t exists = 0;
    enum store_result outcome =
        ask_integer(store, "SELECT (to_regclass('weir.migration') IS NOT NULL)::int", &exists);
    if (outcome != STORE_OK || exists) return outcome;
    outcome = store_run(store, bootstrap);
    if (outcome != STORE_OK) PQclear(PQexec(store->connection, "ROLLBACK"));
    return outcome;
}

/* A server that answers but does not let us in (password, role, database) will not do so by itself; to wait for it would
 * only hide why. */
static enum store_result connect_or_say_why(struct store *store)
{
    enum store_result outcome = store_connect(store);
    return outcome == STORE_AWAY && PQping(store->dsn) == PQPING_OK ? STORE_REFUSED : outcome;
}

enum store_result store_migrate(struct store *store)
{
    enum store_result outcome = connect_or_say_why(store);
    if (outcome == STORE_OK) outcome = check_version(store);
    if (outcome == STORE_OK) outcome = check_encoding(store);
    if (outcome == STORE_OK) outcome = make_migration_table(store);
    for (bool done = false; outcome == STORE_OK && !done;) outcome = apply_in_transaction(store, &done);
    return sort_migration_failure(store, outcome);
}
