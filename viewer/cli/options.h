/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, from one table: an option's name, its argument, what it means. Each command names those
 * it takes. Options stand anywhere, as --name VALUE or --name=VALUE, a few also as -n VALUE; `--` ends them.
 * Values are borrowed from argv.
 */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* name (_ is written -), argument or "", what --help says */
#define OPTIONS(X)                                                                                           \
    X(url, "URL", "where the collector serves (WEIR_URL, else http://127.0.0.1:4318)")                       \
    X(data_dir, "DIR", "a collector's data directory: one is started on it for the time of the command")     \
    X(json, "", "print JSON")                                                                                \
    X(trace, "ID", "only what this trace shows, analysed at once")                                           \
    X(slowest, "ENDPOINT", "the slowest request of this endpoint instead of an ID")                          \
    X(endpoint, "ENDPOINT", "only this endpoint: 'GET /x', or 'service:GET /x'")                             \
    X(service, "NAME", "only this service")                                                                  \
    X(service_version, "VERSION", "only this version of the service; also --version behind a command")       \
    X(since, "WHEN", "only requests begun since: 90s, 15m, 2h, 3d ago, or 2026-01-31T12:00:00Z")             \
    X(until, "WHEN", "only requests begun until")                                                            \
    X(requests, "N", "how many requests in all (50)")                                                        \
    X(concurrency, "C", "how many at the same time (1)")                                                     \
    X(hit_rate, "SHARE", "0 to 1: so many of them go to ids asked before, the rest to fresh ones")           \
    X(warm, "N", "ask so many ids once beforehand, unmeasured, as asked before (0)")                         \
    X(seed, "N", "another order of the same mix (1)")                                                        \
    X(ramp_up, "S", "seconds until all C are at work (0)")                                                   \
    X(think, "S", "seconds a user waits after an answer before it asks again (0)")                           \
    X(timeout, "S", "seconds until a request is given up (30)")                                              \
    X(full, "", "also the last stages under 100 concurrent users")                                           \
    X(width, "COLUMNS", "instead of the terminal's width (100 where there is none)")                         \
    X(colour, "WHEN", "always, never, or auto: on a terminal, without NO_COLOR")                             \
    X(ascii, "", "no character beyond ASCII (by itself where the locale is not UTF-8)")                      \
    X(interval, "S", "seconds from one refresh to the next (2)")                                             \
    X(no_pager, "", "no pager (WEIR_PAGER, else PAGER, else less), even if longer than the screen")          \
    X(man, "", "the manual page weir(1), for man -l -")                                                      \
    X(completion, "", "the completion for bash, for source <(weir help --completion)")                       \
    X(help, "", "this text")                                                                                 \
    X(version, "", "print weir's version")

enum option {
#define X(name, argument, what) OPTION_##name,
    OPTIONS(X)
#undef X
        OPTION_COUNT
};

_Static_assert(OPTION_COUNT <= 32, "a command's options are bits of an unsigned");

#define OPTION_BIT(name) (1u << OPTION_##name)
#define OPTIONS_OUTPUT   (OPTION_BIT(json) | OPTION_BIT(width) | OPTION_BIT(colour) | OPTION_BIT(ascii))
#define OPTIONS_FILTER                                                                                       \
    (OPTION_BIT(endpoint) | OPTION_BIT(service) | OPTION_BIT(service_version) | OPTION_BIT(since) |          \
     OPTION_BIT(until))
#define OPTIONS_SOURCE (OPTION_BIT(url) | OPTION_BIT(data_dir))

#define POSITIONALS_MAX 20

struct options {
    const char *value[OPTION_COUNT]; /* NULL: not given; "" for one without argument */
    const char *positional[POSITIONALS_MAX];
    size_t positional_count;
};

#define OPTIONS_ERROR_BYTES 256

/* False: error says in one line what is wrong. */
bool options_read(struct options *options, int argc, char **argv, char error[OPTIONS_ERROR_BYTES]);

/* The first option that was given and is not among `allowed`; NULL: none. "--data-dir" */
const char *options_refused(const struct options *options, unsigned allowed);

struct option_words {
    char name[40];        /* "--data-dir" */
    char letter;          /* 0: none */
    const char *argument; /* "": none */
    char form[80];        /* "-n, --requests N" */
    const char *what;
};
/* False: there is no option of this number. */
bool options_describe(unsigned which, struct option_words *words);

/* One line each for those among `allowed`, to standard output. */
void options_print(unsigned allowed);

#endif
