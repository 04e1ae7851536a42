/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ingest is measured against: narrow rows, one a span, by COPY BINARY, 5,000 a transaction, into a table of
 * the same Postgres, with nothing before it: the rows are made before the clock starts. Prints rows a second.
 *
 *     ingest_floor DSN plain|indexed SPANS_A_TRACE ROWS
 *
 * plain: an unlogged table without index. indexed: an ordinary one with a btree on the trace.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_TRANSACTION 5000
#define COLUMNS            9

static void die(const char *what)
{
    fprintf(stderr, "ingest_floor: %s\n", what);
    exit(1);
}

static void run(PGconn *connection, const char *sql, ExecStatusType expected)
{
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != expected) die(PQerrorMessage(connection));
    PQclear(result);
}

static void add_u64(struct buffer *to, uint64_t value)
{
    buffer_add_u32be(to, 8);
    buffer_add_u64be(to, value);
}

static void add_row(struct buffer *to, const uint64_t trace[2], uint64_t parent, struct id_generator *random,
                    int64_t start_ns)
{
    buffer_add_u16be(to, COLUMNS);
    buffer_add_u32be(to, 16);
    buffer_add(to, trace, 16);
    add_u64(to, id_next(random));
    add_u64(to, parent);
    buffer_add_u32be(to, 4);
    buffer_add_u32be(to, (uint32_t)(id_next(random) % 20));
    add_u64(to, (uint64_t)start_ns);
    add_u64(to, id_next(random) % 1000000);
    buffer_add_u32be(to, 2);
    buffer_add_u16be(to, 0);
    buffer_add_u32be(to, 4);
    buffer_add_u32be(to, (uint32_t)(id_next(random) % 50));
    buffer_add_u32be(to, UINT32_MAX); /* attributes: NULL */
}

static void make_rows(struct buffer *to, struct id_generator *random, uint32_t trace_spans, int64_t *start_ns)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    uint64_t trace[2] = {0, 0}, parent = 0;
    buffer_clear(to);
    buffer_add(to, head, sizeof head);
    for (uint32_t i = 0; i < ROWS_A_TRANSACTION; i++) {
        if (i % trace_spans == 0) {
            trace[0] = id_next(random);
            trace[1] = id_next(random);
            parent = id_next(random);
        }
        add_row(to, trace, parent, random, *start_ns += 1000);
    }
    buffer_add_u16be(to, UINT16_MAX);
    if (to->failed) die("out of memory");
}

static void copy_rows(PGconn *connection, const struct buffer *rows)
{
    run(connection, "COPY floor FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
    const size_t piece = (size_t)256 * 1024;
    for (size_t at = 0; at < rows->len; at += piece) {
        size_t bytes = rows->len - at < piece ? rows->len - at : piece;
        if (PQputCopyData(connection, rows->data + at, (int)bytes) != 1) die(PQerrorMessage(connection));
    }
    if (PQputCopyEnd(connection, NULL) != 1) die(PQerrorMessage(connection));
    PGresult *result = PQgetResult(connection);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) die(PQerrorMessage(connection));
    PQclear(result);
    while ((result = PQgetResult(connection))) PQclear(result);
}

int main(int argc, char **argv)
{
    if (argc != 5) die("usage: ingest_floor DSN plain|indexed SPANS_A_TRACE ROWS");
    bool indexed = strcmp(argv[2], "indexed") == 0;
    uint32_t trace_spans = (uint32_t)atoi(argv[3]),
             transactions = (uint32_t)atoi(argv[4]) / ROWS_A_TRANSACTION;
    struct id_generator random;
    struct buffer *rows = calloc(transactions, sizeof *rows);
    int64_t start_ns = clock_unix_ns();
    PGconn *connection = PQconnectdb(argv[1]);
    if (!rows || transactions == 0 || trace_spans == 0) die("nothing to do");
    if (PQstatus(connection) != CONNECTION_OK) die(PQerrorMessage(connection));
    run(connection, "SET client_min_messages = warning", PGRES_COMMAND_OK);
    id_generator_seed(&random);
    for (uint32_t i = 0; i < transactions; i++) make_rows(&rows[i], &random, trace_spans, &start_ns);
    run(connection, "DROP TABLE IF EXISTS floor", PGRES_COMMAND_OK);
    run(connection,
        indexed ? "CREATE TABLE floor (trace_id uuid, span_id bigint, parent_id bigint, operation_id int,"
                  " start_ns bigint, duration_ns bigint, status smallint, rows int, attributes jsonb)"
                : "CREATE UNLOGGED TABLE floor (trace_id uuid, span_id bigint, parent_id bigint,"
                  " operation_id int, start_ns bigint, duration_ns bigint, status smallint, rows int,"
                  " attributes jsonb)",
        PGRES_COMMAND_OK);
    if (indexed) run(connection, "CREATE INDEX ON floor (trace_id)", PGRES_COMMAND_OK);
    int64_t begin_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < transactions; i++) copy_rows(connection, &rows[i]);
    double seconds = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
    printf("%.0f\n", (double)transactions * ROWS_A_TRANSACTION / seconds);
    run(connection, "DROP TABLE floor", PGRES_COMMAND_OK);
    PQfinish(connection);
    for (uint32_t i = 0; i < transactions; i++) buffer_fini(&rows[i]);
    free(rows);
    return 0;
}
