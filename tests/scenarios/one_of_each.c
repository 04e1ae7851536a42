/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that makes one span of each kind when it is told so, driven from a scenario over its standard input. It says
 * first what weir_init said. A line of input is a command:
 *
 *     request        one request with everything under it: 8 spans
 *     spans N        N plain spans
 *     stats          weir_stats as a line of JSON
 *     fork           a child makes a span and shuts weir down; the answer is the child's own stats
 *     finish MS      weir_shutdown within MS, stats, and the end; without it, at the end of input, the end
 */
#include <weir/call.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what it makes ---- */

static const char *cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    (void)from;
    (void)column;
    static char text[64];
    *bytes = (size_t)snprintf(text, sizeof text, "4bf92f35-77b3-4da6-a3ce-929d0e0e473%zu", row);
    return text;
}

static struct weir_span begin(const struct weir_site *site, enum weir_call_type type, const char *system,
                              const char *method, const char *text)
{
    const struct weir_call description = {.site = site,
                                          .type = type,
                                          .system = system,
                                          .method = method,
                                          .text = text,
                                          .text_bytes = strlen(text),
                                          .connection = type == WEIR_CALL_HTTP ? 0 : 7};
    return weir_call_begin(&description);
}

static void query(void)
{
    struct weir_span call = begin(WEIR_SITE("query"), WEIR_CALL_DB, "postgresql", NULL,
                                  "SELECT name FROM shop.items WHERE owner = 17 AND city = 'secret'");
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_table(call, 3, 1, cell, NULL);
    weir_call_unread(call, "the names");
    weir_call_end(call);
}

static void insert(void)
{
    struct weir_span call =
        begin(WEIR_SITE("insert"), WEIR_CALL_DB, "postgresql", NULL, "INSERT INTO visits (who) VALUES ($1)");
    weir_call_input(call, "4bf92f35-77b3-4da6-a3ce-929d0e0e4731", 36);
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_rows(call, 1);
    weir_span_error(call, "23505");
    weir_call_end(call);
}

static void http(const char *method, const char *url)
{
    struct weir_span call = begin(WEIR_SITE("http"), WEIR_CALL_HTTP, NULL, method, url);
    weir_call_send(call);
    weir_call_answered(call);
    weir_span_int(call, "http.response.status_code", 200);
    weir_call_end(call);
}

static void cache(void)
{
    struct weir_span call = begin(WEIR_SITE("cache"), WEIR_CALL_CACHE, "redis", NULL, "GET price:17");
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_end(call);
}

static void work(void)
{
    WEIR_SPAN("work");
    weir_int("app.int", -5);
    weir_double("app.double", 0.1);
    weir_double("app.endless", (double)INFINITY);
    weir_bool("app.bool", true);
    weir_string("app.text", "a \"b\"\n\x1b[31mr\xc3\xb6t\xff");
}

static void request(void)
{
    WEIR_SERVER_SPAN(server, "GET", "/items/{id}", NULL);
    struct weir_span connect = begin(WEIR_SITE("connect"), WEIR_CALL_CONNECT, "postgresql", NULL, "connect");
    weir_call_send(connect);
    weir_call_end(connect);
    query();
    http("POST", "http://inventory:8081/stock/17?full=secret");
    weir_answer_read("the names");
    insert();
    http("BREW", "http://[::1]/pot");
    cache();
    work();
    weir_server_response(server, 500);
}

/* ---- what it says ---- */

static void print_stats(const char *status)
{
    struct weir_stats stats;
    weir_stats(&stats);
    printf("{\"status\":\"%s\",\"created\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"dropped\":%" PRIu64
           ",\"in_flight\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"at_shutdown\":%" PRIu64 ",\"sent\":%" PRIu64
           ",\"resent\":%" PRIu64 "}\n",
           status, stats.created, stats.acknowledged, stats.dropped, stats.in_flight, stats.dropped_refused,
           stats.dropped_shutdown, stats.batches_sent, stats.batches_resent);
    fflush(stdout);
}

static void fork_once(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        {
            WEIR_SPAN("in the child");
        }
        print_stats(weir_status_text(weir_shutdown(10000)));
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(void)
{
    char line[64];
    unsigned number;
    enum weir_status status = weir_init(NULL);
    printf("init: %s\n", weir_status_text(status));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "request\n") == 0) request();
        if (strcmp(line, "stats\n") == 0) print_stats("running");
        if (strcmp(line, "fork\n") == 0) fork_once();
        for (unsigned i = 0; sscanf(line, "spans %u", &number) == 1 && i < number; i++) {
            WEIR_SPAN("one of many");
        }
        if (sscanf(line, "finish %u", &number) == 1) {
            print_stats(weir_status_text(weir_shutdown(number)));
            return 0;
        }
    }
    return 0;
}
