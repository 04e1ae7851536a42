/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir: asks a collector where the time goes, and prints what it says. This file is the table of commands,
 * from which dispatch and --help come.
 */
#include "viewer/cli/commands.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define READING (OPTIONS_SOURCE | OPTIONS_OUTPUT | OPTION_BIT(no_pager) | OPTION_BIT(help))

static enum exit_status command_help(const struct command *command, const struct options *options);

static const struct command commands[] = {
    {.name = "report",
     .what = "endpoints, and what to repair in them",
     .example = "weir report --since 1h",
     .options = READING | OPTIONS_FILTER,
     .run = command_ask},
    {.name = "requests",
     .what = "endpoints: requests, percentiles, calls a request, time in the database",
     .example = "weir requests --service dashboard --json",
     .options = READING | OPTIONS_FILTER,
     .run = command_ask},
    {.name = "findings",
     .what = "what to repair, largest saving first",
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
    {.name = "status",
     .what = "what the collector counts, who sends, what they dropped",
     .example = "weir status --url http://127.0.0.1:4318",
     .options = READING,
     .run = command_ask},
    {.name = "demo",
     .what = "two slow services and their repairs, live, from start to report",
     .example = "weir demo --data-dir /tmp/weir-demo",
     .notes = "Needs nothing running and leaves nothing running; takes about a minute. The data stays in "
              "--data-dir\n"
              "($XDG_STATE_HOME/weir-demo, ~/.local/state/weir-demo, as root /var/lib/weir-demo), which the "
              "next demo\n"
              "empties; a directory with anything else in it is refused.",
     .options = OPTION_BIT(data_dir) | OPTIONS_OUTPUT | OPTION_BIT(help),
     .run = command_demo},
    {.name = "help",
     .arguments = " [COMMAND]",
     .what = "this text, or a command's",
     .example = "weir help trace",
     .options = OPTION_BIT(help),
     .positionals_max = 1,
     .run = command_help},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

void complain(const char *format, ...)
{
    va_list arguments;
    fputs("weir: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static void print_help(void)
{
    puts("weir COMMAND [OPTION...]: tells why a request is slow\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) printf("  %-9s %s\n", commands[i].name, commands[i].what);
    puts("\nweir COMMAND --help has the command's options and an example. Every reading command asks the "
         "collector at\n"
         "--url or WEIR_URL (http://127.0.0.1:4318), or the data in --data-dir; --json prints JSON.\n\n"
         "Exit status: 0 done, 1 what was asked for is not there, 2 wrong usage, 3 no collector answered.");
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
    if (options->positional_count == 0) {
        print_help();
        return EXIT_DONE;
    }
    const struct command *asked = find(options->positional[0]);
    if (!asked) return unknown_command(options->positional[0]);
    print_command_help(asked);
    return EXIT_DONE;
}

static enum exit_status run(const struct command *command, struct options *options)
{
    const char *refused = options_refused(options, command->options);
    if (options->value[OPTION_help]) {
        print_command_help(command);
        return EXIT_DONE;
    }
    if (refused) {
        complain("%s does not go with %s; weir %s --help", refused, command->name, command->name);
        return EXIT_USAGE;
    }
    if (options->positional_count > command->positionals_max) {
        complain("%s takes no argument %.60s; weir %s --help", command->name,
                 options->positional[command->positionals_max], command->name);
        return EXIT_USAGE;
    }
    return command->run(command, options);
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
        complain("%s; weir help", error);
        return EXIT_USAGE;
    }
    if (options.positional_count == 0) return run_without_command(&options);
    const struct command *command = find(options.positional[0]);
    if (!command) return unknown_command(options.positional[0]);
    options.positional_count--;
    memmove(options.positional, options.positional + 1,
            options.positional_count * sizeof *options.positional);
    return run(command, &options);
}
