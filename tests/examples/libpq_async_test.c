/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of <weir/libpq.h> that are sent now and fetched later, against a real Postgres (WEIR_TEST_DSN). */
#include "tests/support/cmocka.h"

#include "tests/examples/request.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libpq.h>

static PGconn *connection, *other;

/* The query of the request with so many rows: calls arrive in the order in which they ended. */
static const struct span *query_with_rows(const struct seen_span *request, int64_t rows)
{
    const struct seen_span *seen;
    for (size_t nth = 0; (seen = receiver_span(receiver, request->trace_id, OPERATION_DB, nth)); nth++)
        if (seen->span.rows == rows) return &seen->span;
    fail_msg("no query with %lld rows", (long long)rows);
    return NULL;
}

static void wait_until_answered(PGconn *of)
{
    while (PQisBusy(of)) {
        struct pollfd fd = {PQsocket(of), POLLIN, 0};
        assert_int_equal(poll(&fd, 1, 20000), 1);
        assert_int_equal(PQconsumeInput(of), 1);
    }
}

static void fetch_all(PGconn *of)
{
    for (PGresult *result; (result = PQgetResult(of));) PQclear(result);
}

static void a_query_is_sent_and_fetched(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/send");
    const char *value = "2";
    assert_int_equal(PQsendQueryParams(connection, "SELECT id, name FROM items WHERE id > $1", 1, NULL,
                                       &value, NULL, NULL, 0),
                     1);
    wait_until_answered(connection);
    PGresult *rows = PQgetResult(connection);
    assert_int_equal(PQntuples(rows), 3);
    assert_string_equal(PQgetvalue(rows, 0, 1), "item 3");
    assert_null(PQgetResult(connection));
    PQclear(rows);
    const struct seen_span *seen = end_request(request, "GET /send");

    const struct span *call = query_with_rows(seen, 3);
    assert_int_equal(call->input_count, 1);
    assert_int_not_equal(call->answer_hash, 0);
    assert_true(str_is(call->operation->text, "SELECT id, name FROM items WHERE id > ?"));
    assert_true(str_is(call->site.function, __func__));
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_DB, 1));
}

/* Both are under way at once: each began before the other ended. Neither had seen the other's answer. */
static void two_connections_overlap(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/overlap");
    assert_int_equal(PQsendQuery(connection, "SELECT 1 FROM items WHERE pg_sleep(0) IS NOT NULL"), 1);
    assert_int_equal(PQsendQuery(other, "SELECT 2 FROM items LIMIT 4"), 1);
    fetch_all(connection);
    fetch_all(other);
    const struct seen_span *seen = end_request(request, "GET /overlap");

    const struct span *first = query_with_rows(seen, 5), *second = query_with_rows(seen, 4);
    assert_true(second->start_ns >= first->start_ns);
    assert_true(second->start_ns < span_end_ns(first));
    assert_int_not_equal(first->connection, second->connection);
}

static void an_answer_not_looked_at_is_unread(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/later");
    PQsendQuery(connection, "SELECT id FROM items LIMIT 2");
    PGresult *first = PQgetResult(connection);
    assert_null(PQgetResult(connection));
    PQclear(PQexec(connection, "SELECT id FROM items LIMIT 1"));
    assert_int_equal(PQntuples(first), 2);
    PQclear(PQexec(connection, "SELECT id FROM items LIMIT 3"));
    PQclear(first);
    const struct seen_span *seen = end_request(request, "GET /later");

    const struct span *source = query_with_rows(seen, 2);
    assert_int_equal(query_with_rows(seen, 1)->unread_count, 1);
    assert_int_equal(query_with_rows(seen, 1)->unread[0], source->id);
    for (uint32_t i = 0; i < query_with_rows(seen, 3)->unread_count; i++)
        assert_int_not_equal(query_with_rows(seen, 3)->unread[i], source->id);
}

/* Row by row, with a query for each on the other connection: linked to the row it came from, and all rows counted. */
static void rows_one_by_one_are_one_answer(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/rows");
    assert_int_equal(PQsendQuery(connection, "SELECT name, id FROM items ORDER BY id"), 1);
    assert_int_equal(PQsetSingleRowMode(connection), 1);
    int rows = 0;
    for (PGresult *row; (row = PQgetResult(connection)); PQclear(row)) {
        if (PQresultStatus(row) != PGRES_SINGLE_TUPLE) continue;
        const char *value = PQgetvalue(row, 0, 1);
        PQclear(PQexecParams(other, "SELECT FROM items WHERE id = $1", 1, NULL, &value, NULL, NULL, 0));
        rows++;
    }
    assert_int_equal(rows, 5);
    const struct seen_span *seen = end_request(request, "GET /rows");

    const struct span *source = query_with_rows(seen, 5);
    assert_int_equal(source->unread_count, 0);
    for (uint32_t i = 0; i < 5; i++) {
        const struct seen_span *call = receiver_span(receiver, seen->trace_id, OPERATION_DB, i);
        assert_int_equal(call->span.rows, 1);
        for (uint32_t k = 0; k < call->span.unread_count; k++)
            assert_int_not_equal(call->span.unread[k], source->id);
        assert_int_equal(call->span.link_count, 1);
        assert_int_equal(call->span.links[0].span_id, source->id);
        assert_int_equal(call->span.links[0].row, i);
        assert_int_equal(call->span.links[0].column, 1);
    }
}

static void prepared_and_failed(void **state)
{
    (void)state;
    char room[64];
    struct weir_span request = begin_request("/prepared");
    assert_int_equal(PQsendPrepare(connection, "named", "SELECT id FROM items WHERE id < $1", 1, NULL), 1);
    fetch_all(connection);
    const char *value = "3";
    assert_int_equal(PQsendQueryPrepared(connection, "named", 1, &value, NULL, NULL, 0), 1);
    assert_int_equal(PQsendQuery(connection, "SELECT 'too early'"), 0); /* libpq refuses: one at a time */
    fetch_all(connection);
    assert_int_equal(PQsendQuery(connection, "SELECT 1 / (id - 1) FROM items"), 1);
    fetch_all(connection);
    const struct seen_span *seen = end_request(request, "GET /prepared");

    const struct seen_span *refused = receiver_span(receiver, seen->trace_id, OPERATION_DB, 0);
    assert_int_equal(refused->span.status, SPAN_STATUS_ERROR);
    assert_true(str_is(query_with_rows(seen, 2)->operation->text, "SELECT id FROM items WHERE id < ?"));
    const struct seen_span *failed = receiver_span(receiver, seen->trace_id, OPERATION_DB, 2);
    assert_string_equal(seen_attribute(failed, "error.type", room), "22012");
}

static void a_connection_closed_too_early_ends_its_call(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/closed");
    PGconn *third = PQconnectdb(getenv("WEIR_TEST_DSN"));
    assert_int_equal(PQsendQuery(third, "SELECT id FROM items"), 1);
    PQfinish(third);
    const struct seen_span *seen = end_request(request, "GET /closed");
    assert_int_equal(receiver_span(receiver, seen->trace_id, OPERATION_DB, 0)->span.status,
                     SPAN_STATUS_ERROR);
}

static int start(void **state)
{
    (void)state;
    receiver = receiver_start();
    struct weir_config config = {.endpoint = receiver_endpoint(receiver), .service_name = "libpq_async_test"};
    if (weir_init(&config) != WEIR_OK) return -1;
    connection = PQconnectdb(getenv("WEIR_TEST_DSN"));
    other = PQconnectdb(getenv("WEIR_TEST_DSN"));
    PGresult *made = PQexec(connection, "CREATE TABLE items AS SELECT i AS id, 'item ' || i AS name"
                                        "  FROM generate_series(1, 5) i");
    bool done = PQresultStatus(made) == PGRES_COMMAND_OK;
    PQclear(made);
    return done ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    PQfinish(connection);
    PQfinish(other);
    enum weir_status status = weir_shutdown(5000);
    receiver_stop(receiver);
    return status == WEIR_OK ? 0 : -1;
}

int main(void)
{
    if (!getenv("WEIR_TEST_DSN")) {
        fprintf(stderr, "WEIR_TEST_DSN is not set: run this by way of tests/support/postgres.py\n");
        return EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_sent_and_fetched),
        cmocka_unit_test(two_connections_overlap),
        cmocka_unit_test(an_answer_not_looked_at_is_unread),
        cmocka_unit_test(rows_one_by_one_are_one_answer),
        cmocka_unit_test(prepared_and_failed),
        cmocka_unit_test(a_connection_closed_too_early_ends_its_call),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
