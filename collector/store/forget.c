/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/forget.h"

#include "base/clock.h"
#include "collector/store/connection.h"

#include <stdlib.h>

#define NS_PER_DAY  (86400 * NS_PER_S)
#define ROWS_A_TURN 20000
#define NAMES_SPARE_DAYS                                                                                     \
    3 /* a name that is remembered may be used a day later, and a fragment lie a day ahead */
#define FOR_EVER_DAYS 1000000

/* ---- which days go ---- */

int64_t forget_before(const struct kept_day *days, size_t count, int64_t today,
                      const struct forget_settings *settings)
{
    uint64_t total_bytes = 0, most_bytes = settings->keep_spans_bytes_max;
    int64_t by_age = 0, by_size = 0;
    if (settings->keep_spans_days && settings->keep_spans_days < (uint64_t)today)
        by_age = today - (int64_t)settings->keep_spans_days;
    for (size_t i = 0; i < count; i++) total_bytes += days[i].bytes;
    for (size_t i = 0; i < count && most_bytes && total_bytes > most_bytes && days[i].day < today; i++) {
        total_bytes -= days[i].bytes;
        by_size = days[i].day + 1;
    }
    int64_t before = by_age > by_size ? by_age : by_size;
    return count && days[0].day < before ? before : 0;
}

static enum store_result read_days(struct store *store, struct kept_day *days, size_t *count)
{
    PGresult *result;
    *count = 0;
    enum store_result outcome =
        store_query(store, "SELECT day - date '1970-01-01', coalesce(bytes, 0) FROM weir.day ORDER BY day",
                    NULL, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result) && *count < FORGET_DAYS_MAX; i++)
        days[(*count)++] = (struct kept_day){binary_i32(result, i, 0), (uint64_t)binary_i64(result, i, 1)};
    PQclear(result);
    return STORE_OK;
}

/* ---- statements ---- */

/* Runs a statement of one number; *value becomes the answer's. */
static enum store_result ask(struct store *store, const char *sql, int64_t parameter, uint64_t *value)
{
    struct sql_parameters parameters;
    PGresult *result;
    sql_parameters_init(&parameters);
    parameter_i64(&parameters, parameter);
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    *value = PQntuples(result) ? (uint64_t)binary_i64(result, 0, 0) : 0;
    PQclear(result);
    return STORE_OK;
}

static bool was_busy(const struct store *store, enum store_result outcome)
{
    return outcome == STORE_AWAY && strcmp(store->sqlstate, "55P03") == 0;
}

static enum store_result forget_days(struct store *store, int64_t today,
                                     const struct forget_settings *settings, struct forgotten *forgotten)
{
    struct kept_day *days = calloc(FORGET_DAYS_MAX, sizeof *days);
    size_t count = 0;
    if (!days) return store_refuse(store, "out of memory");
    enum store_result outcome = read_days(store, days, &count);
    int64_t before = outcome == STORE_OK ? forget_before(days, count, today, settings) : 0;
    uint64_t kept_bytes = 0;
    for (size_t i = 0; i < count; i++)
        if (days[i].day >= before) kept_bytes += days[i].bytes;
    forgotten->over_size = settings->keep_spans_bytes_max && kept_bytes > settings->keep_spans_bytes_max;
    free(days);
    if (!before) return outcome;
    outcome =
        ask(store, "SELECT weir.forget_days(date '1970-01-01' + $1::int)::bigint", before, &forgotten->days);
    if (!was_busy(store, outcome)) return outcome;
    forgotten->busy = true;
    return STORE_OK;
}

/* $1: the first day that is kept, since 1970. At most ROWS_A_TURN at once, so that no transaction is long. */
#define TEXT_OF_(number) #number
#define TEXT_OF(number)  TEXT_OF_(number)
#define DELETE_SOME(table, condition)                                                                        \
    "DELETE FROM weir." table " WHERE ctid = ANY (ARRAY(SELECT ctid FROM weir." table " WHERE " condition    \
    " LIMIT " TEXT_OF(ROWS_A_TURN) "))"
#define COUNT_OF(statement) "WITH gone AS (" statement " RETURNING 1) SELECT count(*) FROM gone"
#define FIRST_DAY           "date '1970-01-01' + $1::int"

static const char delete_contributions[] = COUNT_OF(DELETE_SOME("contribution", "drawn_on < " FIRST_DAY));
static const char delete_batches[] = COUNT_OF(DELETE_SOME("batch", "received_at < (" FIRST_DAY ")"));
static const char delete_producers[] = "WITH gone AS (" DELETE_SOME(
    "producer", "last_seen < (" FIRST_DAY
                ")") " RETURNING stored),"
                     " kept AS (UPDATE weir.keeping SET stored_by_forgotten = stored_by_forgotten"
                     "  + (SELECT coalesce(sum(stored), 0) FROM gone) WHERE EXISTS (SELECT FROM gone))"
                     " SELECT count(*) FROM gone";

/* Written with spans: no span of the last day of use is kept. Read from reports, too: nor a contribution. */
#define OF_SPANS   "used_on < (SELECT kept_from FROM weir.keeping) - " TEXT_OF(NAMES_SPARE_DAYS)
#define OF_REPORTS "used_on < " FIRST_DAY " - " TEXT_OF(NAMES_SPARE_DAYS)
static const char delete_names[] =
    "WITH o AS (DELETE FROM weir.operation WHERE " OF_SPANS " AND " OF_REPORTS "  RETURNING 1),"
    " e AS (DELETE FROM weir.endpoint WHERE " OF_REPORTS " RETURNING 1),"
    " s AS (DELETE FROM weir.site WHERE " OF_SPANS " AND " OF_REPORTS " RETURNING 1),"
    " r AS (DELETE FROM weir.resource k WHERE " OF_SPANS " AND " OF_REPORTS
    "  AND NOT EXISTS (SELECT FROM weir.producer p WHERE p.resource_id = k.resource_id) RETURNING 1)"
    " SELECT (SELECT count(*) FROM o) + (SELECT count(*) FROM e) + (SELECT count(*) FROM s) + (SELECT "
    "count(*) FROM r)";

/* Names are looked at once a day, and when spans went. */
static enum store_result forget_rows(struct store *store, int64_t today,
                                     const struct forget_settings *settings, struct forgotten *forgotten)
{
    int64_t reports =
        settings->keep_reports_days ? today - (int64_t)settings->keep_reports_days : -FOR_EVER_DAYS;
    int64_t batches = today - (int64_t)settings->keep_batches_days;
    enum store_result outcome = ask(store, delete_contributions, reports, &forgotten->traces);
    if (outcome == STORE_OK) outcome = ask(store, delete_batches, batches, &forgotten->batches);
    if (outcome == STORE_OK) outcome = ask(store, delete_producers, batches, &forgotten->producers);
    if (outcome == STORE_OK && (forgotten->days || store->names_forgotten_day != today)) {
        outcome = ask(store, delete_names, reports, &forgotten->names);
        store->names_forgotten_day = today;
    }
    forgotten->more = forgotten->traces == ROWS_A_TURN || forgotten->batches == ROWS_A_TURN ||
                      forgotten->producers == ROWS_A_TURN;
    return outcome;
}

/* ---- the whole ---- */

#define LOCK_KEY "hashtext('weir.forget')"

enum store_result store_forget(struct store *store, int64_t now_unix_ns,
                               const struct forget_settings *settings, struct forgotten *forgotten)
{
    uint64_t locked = 0;
    int64_t today = now_unix_ns / NS_PER_DAY;
    *forgotten = (struct forgotten){0};
    enum store_result outcome = store_connect(store);
    if (outcome == STORE_OK)
        outcome = ask(store, "SELECT pg_try_advisory_lock(" LOCK_KEY " + $1::int)::int::bigint", 0, &locked);
    if (outcome != STORE_OK) return outcome;
    forgotten->busy = !locked;
    if (!locked) return STORE_OK;
    outcome = forget_days(store, today, settings, forgotten);
    if (outcome == STORE_OK) outcome = forget_rows(store, today, settings, forgotten);
    char error[STORE_ERROR_TEXT_BYTES];
    memcpy(error, store->error, sizeof error);
    enum store_result unlocked = store_run(store, "SELECT pg_advisory_unlock(" LOCK_KEY ")");
    if (outcome == STORE_OK) return unlocked;
    memcpy(store->error, error, sizeof error);
    return outcome;
}
