/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service for the tests of the HTTP side: makes REQUESTS requests, each with a loop of eight queries over the rows of a
 * first one, then CACHED requests of another endpoint, of which every fourth misses its cache, and one request whose names are hostile (escape sequences, markup, quotes, bad UTF-8), sends them all, and
 * prints the trace id of the last. Exit status 0 when the collector has acknowledged every span.
 */
#include <weir/call.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS        8
#define SHUTDOWN_MS 10000

static const char *row_id(const void *from, size_t row, size_t column, size_t *bytes)
{
    static char text[24];
    (void)column;
    *bytes = (size_t)snprintf(text, sizeof text, "%ld", *(const long *)from + (long)row);
    return text;
}

static void query(const struct weir_site *site, const char *sql, long value, size_t rows)
{
    char input[24];
    int len = snprintf(input, sizeof input, "%ld", value);
    struct weir_call description = {
        .site = site, .type = WEIR_CALL_DB, .system = "postgresql", .text = sql, .text_bytes = strlen(sql)};
    struct weir_span call = weir_call_begin(&description);
    long first = value * 1000;
    weir_call_input(call, input, (size_t)len);
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_table(call, rows, 1, row_id, &first);
    weir_call_end(call);
}

static void request(long number)
{
    WEIR_SERVER_SPAN(server, "GET", "/shop/{id}", NULL);
    query(WEIR_SITE("query"), "SELECT id FROM items WHERE shop_id = $1", number, ROWS);
    for (long i = 0; i < ROWS; i++) {
        query(WEIR_SITE("query"), "SELECT stars FROM reviews WHERE item_id = $1", number * 1000 + i, 1);
    }
    weir_server_response(server, 200);
}

static void look_up(bool hit)
{
    static const char command[] = "GET price:17";
    struct weir_call description = {.site = WEIR_SITE("look up"),
                                    .type = WEIR_CALL_CACHE,
                                    .system = "redis",
                                    .text = command,
                                    .text_bytes = sizeof command - 1};
    struct weir_span call = weir_call_begin(&description);
    weir_call_send(call);
    weir_call_answered(call);
    weir_span_bool(call, "weir.cache.hit", hit);
    weir_call_end(call);
}

static const char *traceparent_of(const void *caller, const char *name)
{
    return strcmp(name, "traceparent") == 0 ? caller : NULL;
}

/* Two and two share a trace, as requests of one caller do. */
static void cached_request(long number)
{
    static char caller[WEIR_TRACEPARENT_BYTES];
    bool hit = number % 4 != 0, is_second = number % 2 == 0;
    const struct weir_headers headers = {.get = traceparent_of, .from = caller};
    WEIR_SERVER_SPAN(server, "GET", "/cached/{id}", is_second ? &headers : NULL);
    if (!is_second) weir_traceparent(server, caller);
    look_up(hit);
    if (!hit) {
        WEIR_SPAN("load price");
        query(WEIR_SITE("query"), "SELECT price FROM prices WHERE id = $1", number, 1);
    }
    weir_server_response(server, 200);
}

static void hostile_request(char traceparent[WEIR_TRACEPARENT_BYTES])
{
    WEIR_SERVER_SPAN(server, "GET", "/\033[2J<script>'; DROP TABLE x; --\"\xff\xfe", NULL);
    weir_traceparent(server, traceparent);
    {
        WEIR_SPAN("\033]0;owned\007\r\nready: forged\x9b[31m\xe2\x80\xae");
        weir_string("\033[31mkey", "value\033[0m\n\x01");
        query(WEIR_SITE("query"), "SELECT \"\033[5m\" FROM \"<b>\" WHERE x = $1", 1, 1);
    }
    weir_server_response(server, 500);
}

int main(int argc, char **argv)
{
    char traceparent[WEIR_TRACEPARENT_BYTES] = "";
    long requests = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    long cached = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    enum weir_status status = weir_init(NULL);
    if (status != WEIR_OK) {
        fprintf(stderr, "serve_traffic: %s\n", weir_status_text(status));
        return 1;
    }
    for (long i = 0; i < requests; i++) request(i + 1);
    for (long i = 0; i < cached; i++) cached_request(i + 1);
    hostile_request(traceparent);
    status = weir_shutdown(SHUTDOWN_MS);
    printf("%.32s\n", traceparent + 3);
    if (status != WEIR_OK) fprintf(stderr, "serve_traffic: %s\n", weir_status_text(status));
    return status == WEIR_OK ? 0 : 1;
}
