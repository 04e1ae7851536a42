/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one setting is read: from the environment by OpenTelemetry's rules, or from a field of struct weir_config, with a
 * warning for what is not understood. Each function leaves *to alone unless it returns true. No lock is taken around
 * getenv: weir_init is called before other threads change the environment, as every library must ask.
 */
#ifndef WEIR_SDK_CORE_SETTINGS_READER_H
#define WEIR_SDK_CORE_SETTINGS_READER_H

#include "sdk/core/settings.h"

struct reader {
    struct settings *settings;
    const struct weir_config *config; /* never NULL */
    struct settings_warnings *warnings;
};

/* NULL when unset, empty, or the name is "". */
const char *reader_environment(const char *variable);

/* The first that is set of both variables, and the name of that one. */
const char *reader_text(const char *variable, const char *otherwise, const char **name);

/* An integer without sign in least … most. */
bool reader_number(struct reader *reader, const char *variable, uint32_t least, uint32_t most, uint32_t *to);

/* A number with a decimal point or exponent, whatever the locale says. */
bool reader_decimal(struct reader *reader, const char *variable, double least, double most, double *to);

/* A field of struct weir_config: 0 is unset, WEIR_ZERO is 0, and the nearest in range is taken. */
bool reader_configured(struct reader *reader, const char *field, uint32_t value, uint32_t least,
                       uint32_t most, uint32_t *to);

/* One of the words, in any case: its number. */
struct reader_word {
    const char *word;
    int number;
};

bool reader_word(struct reader *reader, const char *name, const char *text, const struct reader_word *words,
                 int *to);

#endif
