/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of the `weir` program: its line in main.c's table, from which dispatch and --help come, and what
 * it returns. Results go to standard output, everything else to standard error. Main thread only.
 */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H

#include "base/buffer.h"
#include "viewer/cli/options.h"

#define EXIT_STATUSES(X)                                                                                     \
    X(DONE, 0, "done")                                                                                       \
    X(NOTHING, 1,                                                                                            \
      "what was asked for is not there; of doctor: a problem, of demo: a step, of load: a request failed,"   \
      " of import: not all could be read and stored")                                                        \
    X(USAGE, 2, "wrong usage")                                                                               \
    X(AWAY, 3, "no collector answered")

enum exit_status {
#define X(name, number, what) EXIT_##name = number,
    EXIT_STATUSES(X)
#undef X
};

struct command {
    const char *name;
    const char *arguments; /* for the usage line, after a space; NULL: none */
    const char *what;      /* for the list */
    const char *example;
    const char *notes; /* a further paragraph for its --help; NULL: none */
    unsigned options;  /* OPTION_BITs */
    size_t positionals_max;
    /* Of a command that command_ask runs: appends the path of its page, "/trace/ID"; query parameters that are
     * not options may follow. Not EXIT_DONE: it has complained. NULL: "/name". */
    enum exit_status (*page)(const struct options *options, struct buffer *path);
    enum exit_status (*run)(const struct command *command, const struct options *options);
};

extern const struct command commands[];
extern const size_t command_count;

const struct command *command_find(const char *name); /* NULL: there is none */

/* Whether the options and arguments given go with this command; if not, it has complained. */
bool command_accepts(const struct command *command, const struct options *options);

enum exit_status command_ask(const struct command *command, const struct options *options);
enum exit_status command_doctor(const struct command *command, const struct options *options);
enum exit_status command_watch(const struct command *command, const struct options *options);
enum exit_status command_load(const struct command *command, const struct options *options);
enum exit_status command_import(const struct command *command, const struct options *options);
enum exit_status command_demo(const struct command *command, const struct options *options);

enum exit_status page_of_trace(const struct options *options, struct buffer *path);
enum exit_status page_of_profile(const struct options *options, struct buffer *path);

/* "weir: …" on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
