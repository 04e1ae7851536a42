/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/libpq.h> against a real Postgres (WEIR_TEST_DSN; tests/support/postgres.py makes one). */
#include "tests/support/cmocka.h"

#include "tests/examples/request.h"

#include <stdlib.h>
#include <string.h>

#include <weir/libpq.h>

#define SECRET "parsley-and-thyme"

static PGconn *connection;

static const struct span *query_of(const struct seen_span *request, size_t nth)
{
    return &request_call(request, OPERATION_DB, nth)->span;
}

static void assert_text(struct str text, const char *expected)
{
    char copy[512] = {0};
    memcpy(copy, text.data, text.len < sizeof(copy) ? text.len : sizeof(copy) - 1);
    assert_string_equal(copy, expected);
}

static void a_query_is_a_call(void **state)
{
    (void)state;
    char room[64];
    struct weir_span request = begin_request("/query");
    const char *value = "2";
    const unsigned line = __LINE__;
    PGresult *rows =
        PQexecParams(connection, "SELECT id, name FROM items WHERE id > $1 AND name <> '" SECRET "'", 1, NULL,
                     &value, NULL, NULL, 0);
    assert_int_equal(PQntuples(rows), 3);
    assert_string_equal(PQgetvalue(rows, 0, 1), "item 3");
    PQclear(rows);
    const struct seen_span *seen = end_request(request, "GET /query");

    const struct seen_span *call = receiver_span(receiver, seen->trace_id, OPERATION_DB, 0);
    assert_text(call->span.operation->text, "SELECT id, name FROM items WHERE id > ? AND name <> ?");
    assert_text(call->span.operation->system, "postgresql");
    assert_int_equal(call->span.kind, SPAN_KIND_CLIENT);
    assert_int_equal(call->span.status, SPAN_STATUS_UNSET);
    assert_int_equal(call->span.rows, 3);
    assert_in_range(call->span.site.line, line + 1, line + 3);
    assert_text(call->span.site.function, __func__);
    assert_int_not_equal(call->span.connection, 0);
    assert_true(call->span.duration_ns > 0);
    assert_string_equal(seen_attribute(call, "db.namespace", room), "postgres");
    assert_false(receiver_has_bytes(receiver, SECRET));
}

static void results_are_libpqs_own(void **state)
{
    (void)state;
    PGresult *traced = PQexec(connection, "SELECT id, name, NULL FROM items ORDER BY id");
    PGresult *plain = (PQexec)(connection, "SELECT id, name, NULL FROM items ORDER BY id");
    assert_int_equal(PQntuples(traced), (PQntuples)(plain));
    for (int row = 0; row < PQntuples(traced); row++) {
        for (int column = 0; column < 3; column++) {
            assert_string_equal(PQgetvalue(traced, row, column), (PQgetvalue)(plain, row, column));
            assert_int_equal(PQgetisnull(traced, row, column), (PQgetisnull)(plain, row, column));
            assert_int_equal(PQgetlength(traced, row, column), (PQgetlength)(plain, row, column));
        }
    }
    PQclear(traced);
    PQclear(plain);
}

static void an_error_carries_its_sqlstate(void **state)
{
    (void)state;
    char room[64];
    struct weir_span request = begin_request("/error");
    PGresult *missing = PQexec(connection, "SELECT 1 FROM nothing_of_that_name");
    assert_int_equal(PQresultStatus(missing), PGRES_FATAL_ERROR);
    assert_string_equal(PQresultErrorField(missing, PG_DIAG_SQLSTATE), "42P01");
    PQclear(missing);
    assert_null(PQexec(NULL, "SELECT 1"));
    const struct seen_span *seen = end_request(request, "GET /error");

    const struct seen_span *call = receiver_span(receiver, seen->trace_id, OPERATION_DB, 0);
    assert_int_equal(call->span.status, SPAN_STATUS_ERROR);
    assert_string_equal(seen_attribute(call, "error.type", room), "42P01");
    const struct seen_span *none = receiver_span(receiver, seen->trace_id, OPERATION_DB, 1);
    assert_int_equal(none->span.status, SPAN_STATUS_ERROR);
    assert_string_equal(seen_attribute(none, "error.type", room), "CONNECTION_BAD");
}

static void looking_at_an_answer_is_seen(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/unread");
    PGresult *first = PQexec(connection, "SELECT 'first'");
    assert_int_equal(PQresultStatus(first), PGRES_TUPLES_OK); /* is not looking */
    PGresult *second = PQexec(connection, "SELECT 'second', 2");
    assert_int_equal(PQntuples(first), 1); /* is */
    PGresult *third = PQexec(connection, "SELECT 'third', 3, 3");
    assert_int_equal(PQgetisnull(second, 0, 0), 0);
    PQclear(third); /* nobody ever looked */
    PGresult *fourth = PQexec(connection, "SELECT 'fourth', 4, 4, 4");
    PQclear(first);
    PQclear(second);
    PQclear(fourth);
    const struct seen_span *seen = end_request(request, "GET /unread");

    const struct span *calls[4];
    for (size_t i = 0; i < 4; i++) calls[i] = query_of(seen, i);
    assert_int_equal(calls[0]->unread_count, 0);
    assert_int_equal(calls[1]->unread_count, 1);
    assert_int_equal(calls[1]->unread[0], calls[0]->id);
    assert_int_equal(calls[2]->unread_count, 1);
    assert_int_equal(calls[2]->unread[0], calls[1]->id);
    assert_int_equal(calls[3]->unread_count, 1);
    assert_int_equal(calls[3]->unread[0], calls[2]->id);
}

static void a_prepared_statement_is_its_text(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/prepared");
    PGresult *result = PQprepare(connection, "by_id", "SELECT name FROM items WHERE id = $1", 1, NULL);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    result = PQexecPrepared(connection, "by_id", 1, (const char *[]){"1"}, NULL, NULL, 0);
    assert_string_equal(PQgetvalue(result, 0, 0), "item 1");
    PQclear(result);
    result = PQexec(connection, "PREPARE elsewhere AS SELECT 1");
    PQclear(result);
    result = PQexecPrepared(connection, "elsewhere", 0, NULL, NULL, NULL, 0);
    assert_string_equal(PQgetvalue(result, 0, 0), "1");
    PQclear(result);
    const struct seen_span *seen = end_request(request, "GET /prepared");

    assert_text(receiver_span(receiver, seen->trace_id, OPERATION_SPAN, 0)->span.operation->text,
                "PQprepare");
    assert_text(query_of(seen, 0)->operation->text, "SELECT name FROM items WHERE id = ?");
    assert_int_equal(query_of(seen, 0)->input_count, 1);
    assert_text(query_of(seen, 2)->operation->text, "EXECUTE elsewhere");
}

/* Each call of a loop is linked to the row that it walks; in binary, too. */
static void loop_over(const char *route, const char *text, int format)
{
    struct weir_span request = begin_request(route);
    PGresult *rows =
        PQexecParams(connection, "SELECT name, id FROM items ORDER BY id", 0, NULL, NULL, NULL, NULL, format);
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *value = PQgetvalue(rows, i, 1);
        const int bytes = PQgetlength(rows, i, 1);
        PQclear(PQexecParams(connection, "SELECT name FROM items WHERE id = $1", 1, (const Oid[]){23}, &value,
                             &bytes, &format, 0));
    }
    PQclear(rows);
    const struct seen_span *seen = end_request(request, text);

    for (uint32_t i = 0; i < 5; i++) {
        const struct span *call = query_of(seen, i + 1);
        assert_int_equal(call->link_count, 1);
        assert_int_equal(call->links[0].span_id, query_of(seen, 0)->id);
        assert_int_equal(call->links[0].kind, LINK_SEQUENCE);
        assert_int_equal(call->links[0].column, 1);
        assert_int_equal(call->links[0].row, i);
    }
    assert_int_not_equal(query_of(seen, 1)->input_hash, query_of(seen, 2)->input_hash);
}

static void a_loop_is_linked_to_its_rows(void **state)
{
    (void)state;
    loop_over("/loop", "GET /loop", 0);
    loop_over("/binary", "GET /binary", 1);
}

static void commands_tell_their_rows(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/command");
    PGresult *result = PQexec(connection, "INSERT INTO noted VALUES (1), (2), (3)");
    assert_string_equal(PQcmdTuples(result), "3");
    PQclear(result);
    PQclear(PQexec(connection, "SET work_mem = '4MB'"));
    const struct seen_span *seen = end_request(request, "GET /command");

    assert_int_equal(query_of(seen, 0)->rows, 3);
    assert_int_equal(query_of(seen, 1)->rows, -1);
}

static void nulls_are_inputs(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/null");
    const char *values[] = {NULL, "x"};
    PQclear(PQexecParams(connection, "SELECT $1::text, $2::text", 2, NULL, values, NULL, NULL, 0));
    values[0] = "";
    PQclear(PQexecParams(connection, "SELECT $1::text, $2::text", 2, NULL, values, NULL, NULL, 0));
    const struct seen_span *seen = end_request(request, "GET /null");

    assert_int_not_equal(query_of(seen, 0)->input_hash, query_of(seen, 1)->input_hash);
}

static void connections_are_told_apart(void **state)
{
    (void)state;
    char room[64];
    struct weir_span request = begin_request("/connect");
    PGconn *other = PQconnectdb(getenv("WEIR_TEST_DSN"));
    PGconn *failed = PQconnectdbParams((const char *[]){"host", "password", NULL},
                                       (const char *[]){"/nonexistent", SECRET, NULL}, 0);
    assert_int_equal(PQstatus(failed), CONNECTION_BAD);
    PQclear(PQexec(connection, "SELECT 1"));
    PQclear(PQexec(other, "SELECT 1"));
    PQfinish(other);
    PQfinish(failed);
    const struct seen_span *seen = end_request(request, "GET /connect");

    assert_int_not_equal(query_of(seen, 0)->connection, query_of(seen, 1)->connection);
    const struct seen_span *good = receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 0);
    assert_int_equal(good->span.connection, query_of(seen, 1)->connection);
    assert_text(good->span.operation->system, "postgresql");
    const struct seen_span *bad = receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 1);
    assert_string_equal(seen_attribute(bad, "error.type", room), "CONNECTION_BAD");
    assert_false(receiver_has_bytes(receiver, SECRET));
}

static void a_lost_connection_is_an_error(void **state)
{
    (void)state;
    char room[64];
    struct weir_span request = begin_request("/lost");
    PGconn *other = PQconnectdb(getenv("WEIR_TEST_DSN"));
    PQclear(PQexec(other, "SELECT pg_terminate_backend(pg_backend_pid())"));
    PGresult *result = PQexec(other, "SELECT 1");
    assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
    PQfinish(other);
    const struct seen_span *seen = end_request(request, "GET /lost");

    assert_int_equal(query_of(seen, 1)->status, SPAN_STATUS_ERROR);
    assert_string_equal(
        seen_attribute(receiver_span(receiver, seen->trace_id, OPERATION_DB, 1), "error.type", room),
        "CONNECTION_BAD");
}

static void set_up_tables(void)
{
    PGresult *result = PQexec(connection, "CREATE TABLE items AS SELECT i AS id, 'item ' || i AS name"
                                          "  FROM generate_series(1, 5) i; CREATE TABLE noted (id integer)");
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
}

static int start(void **state)
{
    (void)state;
    receiver = receiver_start();
    connection = PQconnectdb(getenv("WEIR_TEST_DSN")); /* before weir_init: must work, and leave nothing */
    set_up_tables();
    struct weir_config config = {.endpoint = receiver_endpoint(receiver), .service_name = "libpq_test"};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    enum weir_status status = weir_shutdown(5000);
    PGresult *after = PQexec(connection, "SELECT 1"); /* after weir_shutdown, too */
    bool works = PQntuples(after) == 1;
    PQclear(after);
    PQfinish(connection);
    receiver_stop(receiver);
    return status == WEIR_OK && works ? 0 : -1;
}

int main(void)
{
    if (!getenv("WEIR_TEST_DSN")) {
        fprintf(stderr, "WEIR_TEST_DSN is not set: run this by way of tests/support/postgres.py\n");
        return EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_a_call),
        cmocka_unit_test(results_are_libpqs_own),
        cmocka_unit_test(an_error_carries_its_sqlstate),
        cmocka_unit_test(looking_at_an_answer_is_seen),
        cmocka_unit_test(a_prepared_statement_is_its_text),
        cmocka_unit_test(a_loop_is_linked_to_its_rows),
        cmocka_unit_test(commands_tell_their_rows),
        cmocka_unit_test(nulls_are_inputs),
        cmocka_unit_test(connections_are_told_apart),
        cmocka_unit_test(a_lost_connection_is_an_error),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
