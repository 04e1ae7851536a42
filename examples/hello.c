/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest traced program: one request, made up, with a loop in it that weir will name.
 *
 *     cc hello.c $(pkg-config --cflags --libs weir-pq) -o hello
 *     OTEL_SERVICE_NAME=hello ./hello "host=/run/postgresql dbname=postgres" && weir findings
 */
#include <stdio.h>
#include <stdlib.h>

#include <weir/libpq.h>
#include <weir/weir.h>

static void greet(PGconn *connection)
{
    WEIR_SERVER_SPAN(request, "GET", "/hello", NULL);
    PGresult *guests = PQexec(connection, "SELECT id FROM generate_series(101, 110) AS guests(id)");
    for (int i = 0; i < PQntuples(guests); i++) {
        WEIR_SPAN("greet a guest");
        const char *id = PQgetvalue(guests, i, 0);
        PQclear(PQexecParams(connection, "SELECT 'hello, guest ' || $1::int", 1, NULL, &id, NULL, NULL, 0));
        weir_string("hello.guest", id);
    }
    weir_int("hello.guests", PQntuples(guests));
    PQclear(guests);
}

int main(int argc, char **argv)
{
    enum weir_status status = weir_init(NULL);
    if (status != WEIR_OK) fprintf(stderr, "hello: %s\n", weir_status_text(status));

    PGconn *connection = PQconnectdb(argc > 1 ? argv[1] : "");
    bool connected = PQstatus(connection) == CONNECTION_OK;
    if (connected)
        greet(connection);
    else
        fprintf(stderr, "hello: %s", PQerrorMessage(connection));
    PQfinish(connection);

    status = weir_shutdown(2000);
    if (status != WEIR_OK) fprintf(stderr, "hello: %s\n", weir_status_text(status));
    return connected ? EXIT_SUCCESS : EXIT_FAILURE;
}
