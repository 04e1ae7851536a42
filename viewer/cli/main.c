/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir: asks a collector where the time goes, and prints what it says. This file is the table of commands,
 * from which dispatch and --help come.
 */
#include "viewer/cli/commands.h"
#include "viewer/cli/describe.h"
#include "viewer/cli/load_targets.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define READING (OPTIONS_SOURCE | OPTIONS_OUTPUT | OPTION_BIT(no_pager) | OPTION_BIT(help))

static enum exit_status command_help(const struct command *command, const struct options *options);

const struct command commands[] = {
    {.name = "report",
     .what = "what is slow, what to repair first, what that would save",
     .example = "weir report --since 1h",
     .options = READING | OPTIONS_FILTER,
     .run = command_ask},
    {.name = "requests",
     .what = "endpoints: requests, percentiles, calls a request, time in the database",
     .example = "weir requests --service dashboard --json",
     .options = READING | OPTIONS_FILTER,
     .run = command_ask},
    {.name = "findings",
     .what = "what to repair, first what saves the most in all",
     .example = "weir findings --endpoint 'GET /api/products'",
     .options = READING | OPTIONS_FILTER | OPTION_BIT(trace),
     .run = command_ask},
    {.name = "trace",
     .arguments = " ID | --slowest ENDPOINT",
     .what = "one request as a waterfall",
     .example = "weir trace --slowest 'GET /api/products'",
     .options = READING | (OPTIONS_FILTER & ~OPTION_BIT(endpoint)) | OPTION_BIT(slowest),
     .positionals_max = 1,
     .page = page_of_trace,
     .run = command_ask},
    {.name = "profile",
     .arguments = " ENDPOINT | --trace ID",
     .what = "where the time goes, by operation and by part of the service",
     .example = "weir profile 'GET /api/products' --since 1h",
     .notes =
         "Read from the traces of the endpoint's newest 200 requests, each version of the service apart; "
         "the first line\n"
         "says over how many. Of a cached endpoint, hits and misses are shown apart.",
     .options = READING | (OPTIONS_FILTER & ~OPTION_BIT(endpoint)) | OPTION_BIT(trace),
     .positionals_max = 1,
     .page = page_of_profile,
     .run = command_ask},
    {.name = "status",
     .what = "what the collector counts, who sends, what they dropped",
     .example = "weir status --url http://127.0.0.1:4318",
     .options = READING,
     .run = command_ask},
    {.name = "doctor",
     .what = "why is there no data? Checks the way from the service to the report",
     .example = "weir doctor --service dashboard",
     .notes = "A line for each step of that way: ok, or the problem and what to do about it. Start it where "
              "and as the\n"
              "service is started: its environment (WEIR_ENDPOINT, OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, "
              "OTEL_TRACES_SAMPLER\n"
              "and OTEL_EXPORTER_OTLP_ENDPOINT) is looked at, too. Exit status 1 when there is a problem.",
     .options = OPTION_BIT(url) | OPTION_BIT(service) | OPTION_BIT(json) | OPTION_BIT(colour) |
                OPTION_BIT(ascii) | OPTION_BIT(help),
     .run = command_doctor},
    {.name = "watch",
     .arguments = " [COMMAND [ARGUMENT]]",
     .what = "report, or another reading command, refreshed in place",
     .example = "weir watch requests --since 5m --interval 1",
     .notes = "On a terminal, q or Ctrl-C ends it. Elsewhere each answer is printed below the one before.",
     .options = (READING & ~OPTION_BIT(no_pager)) | OPTIONS_FILTER | OPTION_BIT(trace) | OPTION_BIT(slowest) |
                OPTION_BIT(interval),
     .positionals_max = 2,
     .run = command_watch},
    {.name = "load",
     .arguments = " URL...",
     .what = "requests to URLs, so many at a time, and what they took",
     .example = "weir load 'http://127.0.0.1:8080/items/{1-500}' -n 1000 -c 20 --hit-rate 0.85",
     .notes =
         "Aims at what the URLs name and nothing else: redirects are not followed, no proxy is used. {1-20} "
         "behind the\n"
         "host stands for twenty ids; they are asked in turn, or as --hit-rate says: that share of the "
         "requests goes to\n"
         "ids asked (and answered) before, the rest to fresh ones. The same --seed gives the same mix. "
         "Percentiles are\n"
         "by nearest rank, of answers below 400. Exit status 1 when any request failed. Ctrl-C prints what "
         "was measured.",
     .options = OPTION_BIT(requests) | OPTION_BIT(concurrency) | OPTION_BIT(hit_rate) | OPTION_BIT(warm) |
                OPTION_BIT(seed) | OPTION_BIT(ramp_up) | OPTION_BIT(think) | OPTION_BIT(timeout) |
                OPTION_BIT(json) | OPTION_BIT(help),
     .positionals_max = LOAD_URLS_MAX,
     .run = command_load},
    {.name = "import",
     .arguments = " FILE...",
     .what = "traces that another tool has written, into a collector",
     .example = "weir import traces.json --data-dir /tmp/traces",
     .notes =
         "Takes what OTLP, the OpenTelemetry Collector's file exporter and weir's own file: output write, "
         "Jaeger's JSON\n"
         "and Zipkin's, compressed by gzip or not; - is standard input. The format is told by what is in "
         "it. Traces keep\n"
         "their times, however old they are. They go to the collector at --url, or with --data-dir into a "
         "directory that is\n"
         "made where there is none, for weir report --data-dir. Exit status 1 when not all could be read and "
         "stored.",
     .options = OPTIONS_SOURCE | OPTION_BIT(help),
     .positionals_max = POSITIONALS_MAX - 1,
     .run = command_import},
    {.name = "demo",
     .what = "two slow services and their repairs, live, from start to report",
     .example = "weir demo --data-dir /tmp/weir-demo",
     .notes = "Needs nothing running and leaves nothing running; takes about two minutes, with --full three. "
              "The data stays in "
              "--data-dir\n"
              "($XDG_STATE_HOME/weir-demo, ~/.local/state/weir-demo, as root /var/lib/weir-demo), which the "
              "next demo\n"
              "empties; a directory with anything else in it is refused.",
     .options = OPTION_BIT(data_dir) | OPTION_BIT(full) | OPTIONS_OUTPUT | OPTION_BIT(help),
     .run = command_demo},
    {.name = "help",
     .arguments = " [COMMAND]",
     .what = "this text, or a command's",
     .example = "weir help trace",
     .options = OPTION_BIT(man) | OPTION_BIT(completion) | OPTION_BIT(help),
     .positionals_max = 1,
     .run = command_help},
};

const size_t command_count = sizeof commands / sizeof *commands;

void complain(const char *format, ...)
{
    va_list arguments;
    fputs("weir: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static void print_help(void)
{
    puts("weir COMMAND [OPTION...]: tells why a request is slow\n");
    for (size_t i = 0; i < command_count; i++) printf("  %-9s %s\n", commands[i].name, commands[i].what);
    puts("\nweir COMMAND --help has the command's options and an example. Every reading command asks the "
         "collector at\n"
         "--url or WEIR_URL (http://127.0.0.1:4318), or the data in --data-dir; --json prints JSON.\n\n"
         "Exit status");
#define X(name, number, what) puts("  " #number "  " what);
    EXIT_STATUSES(X)
#undef X
}

static void print_command_help(const struct command *command)
{
    printf("weir %s%s [OPTION...]: %s\n\n", command->name, command->arguments ? command->arguments : "",
           command->what);
    options_print(command->options);
    if (command->notes) printf("\n%s\n", command->notes);
    printf("\nExample: %s\n", command->example);
}

static enum exit_status unknown_command(const char *name)
{
    complain("unknown command %.60s; weir help lists them", name);
    return EXIT_USAGE;
}

static enum exit_status command_help(const struct command *command, const struct options *options)
{
    (void)command;
    if (options->value[OPTION_man] || options->value[OPTION_completion]) {
        (options->value[OPTION_man] ? describe_manual : describe_completion)(stdout);
        return EXIT_DONE;
    }
    if (options->positional_count == 0) {
        print_help();
        return EXIT_DONE;
    }
    const struct command *asked = command_find(options->positional[0]);
    if (!asked) return unknown_command(options->positional[0]);
    print_command_help(asked);
    return EXIT_DONE;
}

bool command_accepts(const struct command *command, const struct options *options)
{
    const char *refused = options_refused(options, command->options);
    if (refused) {
        complain("%s does not go with %s; weir %s --help", refused, command->name, command->name);
        return false;
    }
    if (options->positional_count > command->positionals_max) {
        complain("%s takes no argument %.60s; weir %s --help", command->name,
                 options->positional[command->positionals_max], command->name);
        return false;
    }
    return true;
}

static enum exit_status run(const struct command *command, struct options *options)
{
    if (options->value[OPTION_help]) {
        print_command_help(command);
        return EXIT_DONE;
    }
    return command_accepts(command, options) ? command->run(command, options) : EXIT_USAGE;
}

/* Without a command: --help and --version, and nothing else. */
static enum exit_status run_without_command(const struct options *options)
{
    if (options->value[OPTION_version]) {
        puts("weir " WEIR_VERSION);
    } else if (options->value[OPTION_help]) {
        print_help();
    } else {
        complain("which command? weir help lists them");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[OPTIONS_ERROR_BYTES];
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is told by the write that fails */
    if (!options_read(&options, argc, argv, error)) {
        const struct command *meant = options.positional_count ? command_find(options.positional[0]) : NULL;
        complain("%s; weir %s%s--help says which there are", error, meant ? meant->name : "",
                 meant ? " " : "");
        return EXIT_USAGE;
    }
    if (options.positional_count == 0) return run_without_command(&options);
    const struct command *command = command_find(options.positional[0]);
    if (!command) return unknown_command(options.positional[0]);
    options.positional_count--;
    memmove(options.positional, options.positional + 1,
            options.positional_count * sizeof *options.positional);
    return run(command, &options);
}
