/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/dashboard/indexes.h"

#include "examples/common/database.h"
#include "examples/dashboard/dashboard.h"

#include <stdio.h>
#include <string.h>

#include <weir/libpq.h>

/* Any numbers will do, as long as all services of the example use them. The first is held while the tables are
 * changed; each of the others, shared, by the services that rely on what it says. */
#define CHANGE_LOCK          "81428"
#define WITH_INDEXES_LOCK    "81429"
#define WITHOUT_INDEXES_LOCK "81430"

/* 1 or 0, what the query says; -1 when it failed */
static int ask(PGconn *database, const char *sql)
{
    PGresult *rows = PQexec(database, sql);
    int answer = database_ok(rows) ? strcmp(PQgetvalue(rows, 0, 0), "t") == 0 : -1;
    PQclear(rows);
    return answer;
}

/* Whether no service relies on the opposite. The exclusive lock is only tried: the change lock keeps others
 * from coming in between. */
static bool nobody_objects(PGconn *database, bool wanted)
{
    int free = ask(database, wanted ? "SELECT pg_try_advisory_xact_lock(" WITHOUT_INDEXES_LOCK ")"
                                    : "SELECT pg_try_advisory_xact_lock(" WITH_INDEXES_LOCK ")");
    if (free == 0)
        fprintf(
            stderr,
            "dashboard: a stage %s the six indexes runs on this database: stop it first, or give this one "
            "another database\n",
            wanted ? "without" : "with");
    return free == 1;
}

static bool change(PGconn *database, bool wanted)
{
    return database_run(database, "SELECT pg_advisory_lock(" CHANGE_LOCK ")") &&
           nobody_objects(database, wanted) &&
           database_run(database, wanted ? "SELECT pg_advisory_lock_shared(" WITH_INDEXES_LOCK ")"
                                         : "SELECT pg_advisory_lock_shared(" WITHOUT_INDEXES_LOCK ")") &&
           database_run(database, wanted ? dashboard_indexes_sql : dashboard_no_indexes_sql) &&
           /* the first reader of new rows marks them, and an index alone serves only marked ones */
           database_run(database, "VACUUM orders, products, customers, order_items, reviews, stock") &&
           database_run(database, "SELECT pg_advisory_unlock(" CHANGE_LOCK ")");
}

bool indexes_prepare(const char *dsn, bool wanted)
{
    PGconn *database = database_open(dsn, DASHBOARD_SCHEMA);
    if (!database) return false;
    if (change(database, wanted)) return true; /* the connection stays, and the lock with it */
    PQfinish(database);
    return false;
}
