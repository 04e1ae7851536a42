/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a case study: which stage, on which database, with which cache, on which port. What a study is told
 * besides is in its own list. Read once, when the service starts; texts are borrowed from argv.
 */
#ifndef WEIR_EXAMPLES_COMMON_OPTIONS_H
#define WEIR_EXAMPLES_COMMON_OPTIONS_H

#include "examples/common/cache.h"

#include <stdbool.h>
#include <stddef.h>

struct study_options {
    size_t stage; /* its place among the names */
    const char *dsn;
    struct cache_address redis; /* no host: none given */
    unsigned long ttl_s, port;
};

/* An option of one study: a text, or a flag. */
struct study_option {
    const char *name;
    const char **text; /* NULL for a flag */
    bool *flag;
};

/* names: of the stages, NULL behind the last; further: nameless behind the last. False after a complaint, or where the usage is
 * to be shown: something is unknown or malformed, or --stage or --db is missing. *options holds the defaults before. */
bool study_options_parse(struct study_options *options, const char *service, const char *const *names,
                         const struct study_option *further, int argc, char **argv);

#endif
