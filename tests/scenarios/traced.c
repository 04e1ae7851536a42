/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with settings, driven from a scenario over its standard input; each answer is a line of JSON. It says first
 * what weir_init returned, and what was wrong with the settings.
 *
 *     request PARENT STATE   a request with these headers ("-": none) and a span in it: what goes out with calls from there
 *     many N                 so many requests without headers, with a span and an attribute each
 *     stats                  weir_stats
 *     finish MS              weir_shutdown within MS; stats, then the end
 */
#include <weir/context.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct headers {
    char traceparent[1024], tracestate[1024];
};

static const char *header_get(const void *from, const char *name)
{
    const struct headers *headers = from;
    const char *value = strcmp(name, "traceparent") == 0  ? headers->traceparent
                        : strcmp(name, "tracestate") == 0 ? headers->tracestate
                                                          : "-";
    return strcmp(value, "-") == 0 ? NULL : value;
}

static void header_set(void *to, const char *name, const char *value)
{
    struct headers *headers = to;
    char *at = strcmp(name, "traceparent") == 0  ? headers->traceparent
               : strcmp(name, "tracestate") == 0 ? headers->tracestate
                                                 : NULL;
    if (at) snprintf(at, sizeof headers->traceparent, "%s", value);
}

static void request(const struct headers *in)
{
    struct headers out = {"", ""};
    const struct weir_headers headers = {.get = header_get, .from = in};
    const struct weir_header_writer writer = {.set = header_set, .to = &out};
    WEIR_SERVER_SPAN(server, "GET", "/traced", &headers);
    WEIR_SPAN("inner");
    weir_span_inject(weir_span_current(), &writer);
    printf("{\"traceparent\":\"%s\",\"tracestate\":\"%s\"}\n", out.traceparent, out.tracestate);
}

static void many(long count)
{
    for (long i = 0; i < count; i++) {
        WEIR_SERVER_SPAN(server, "GET", "/traced", NULL);
        WEIR_SPAN("inner");
        weir_int("traced.number", i);
        weir_string("traced.text", "a text of some length");
    }
}

static void print_stats(const char *status)
{
    struct weir_stats stats;
    weir_stats(&stats);
    printf("{\"status\":\"%s\"", status);
#define PRINT(field) printf(",\"" #field "\":%" PRIu64, stats.field)
    PRINT(created);
    PRINT(acknowledged);
    PRINT(dropped);
    PRINT(attributes_dropped);
    PRINT(sampled_away);
    PRINT(sampled_away_by_caller);
    PRINT(sampled_away_by_sampler);
    PRINT(sampled_away_by_rate_limit);
    printf("}\n");
}

/* Warnings are printable ASCII. */
static void print_begin(enum weir_status status)
{
    char warnings[8192];
    weir_settings_warnings(warnings, sizeof warnings);
    printf("{\"status\":\"%s\",\"warnings\":\"", weir_status_text(status));
    for (const char *at = warnings; *at; at++)
        if (*at == '\n')
            printf("\\n");
        else
            printf(*at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
    printf("\"}\n");
}

int main(void)
{
    char line[4096];
    struct headers in;
    long number;
    setvbuf(stdout, NULL, _IOLBF, 0);
    print_begin(weir_init(NULL));
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "request %1023s %1023[^\n]", in.traceparent, in.tracestate) == 2) {
            request(&in);
        } else if (sscanf(line, "many %ld", &number) == 1) {
            many(number);
            print_stats("running");
        } else if (sscanf(line, "finish %ld", &number) == 1) {
            print_stats(weir_status_text(weir_shutdown((uint32_t)number)));
            return 0;
        } else {
            print_stats("running");
        }
    }
    return 1;
}
