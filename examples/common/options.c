/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/common/options.h"

#include "examples/common/service.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define FURTHER_MAX 8

/* Those of every study, then a study's own: an option's number is its place here. */
enum { STAGE, DB, REDIS, CACHE_TTL, PORT, FURTHER };

struct parser {
    struct study_options *options;
    const char *service;
    const char *const *names;
    const struct study_option *further;
    bool has_stage;
};

static bool choose_stage(struct parser *parser, const char *name)
{
    for (size_t i = 0; parser->names[i]; i++) {
        if (strcmp(parser->names[i], name) != 0) continue;
        parser->options->stage = i;
        parser->has_stage = true;
        return true;
    }
    fprintf(stderr, "%s: no stage %s\n", parser->service, name);
    return false;
}

static bool take_further(const struct study_option *option, const char *value)
{
    if (option->text)
        *option->text = value;
    else
        *option->flag = true;
    return true;
}

static bool take(struct parser *parser, int which, const char *value)
{
    struct study_options *options = parser->options;
    switch (which) {
    case STAGE:
        return choose_stage(parser, value);
    case DB:
        options->dsn = value;
        return true;
    case REDIS:
        return cache_address_parse(value, &options->redis);
    case CACHE_TTL:
        return service_number(value, CACHE_TTL_MAX_S, &options->ttl_s) && options->ttl_s > 0;
    case PORT:
        return service_number(value, 65535, &options->port);
    default:
        return take_further(&parser->further[which - FURTHER], value);
    }
}

bool study_options_parse(struct study_options *options, const char *service, const char *const *names,
                         const struct study_option *further, int argc, char **argv)
{
    struct option known[FURTHER + FURTHER_MAX + 1] = {{"stage", required_argument, NULL, 0},
                                                      {"db", required_argument, NULL, 0},
                                                      {"redis", required_argument, NULL, 0},
                                                      {"cache-ttl", required_argument, NULL, 0},
                                                      {"port", required_argument, NULL, 0}};
    for (size_t i = 0; further[i].name && i < FURTHER_MAX; i++)
        known[FURTHER + i] =
            (struct option){further[i].name, further[i].text ? required_argument : no_argument, NULL, 0};
    struct parser parser = {.options = options, .service = service, .names = names, .further = further};
    int which, answer;
    while ((answer = getopt_long(argc, argv, "", known, &which)) == 0)
        if (!take(&parser, which, optarg)) return false;
    return answer == -1 && optind == argc && parser.has_stage && options->dsn;
}
