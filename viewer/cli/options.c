/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/options.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *argument, *what;
} table[OPTION_COUNT] = {
#define X(name, argument, what) {#name, argument, what},
    OPTIONS(X)
#undef X
};

static const struct {
    char letter;
    enum option option;
} letters[] = {{'h', OPTION_help}, {'n', OPTION_requests}, {'c', OPTION_concurrency}};

#define LETTER_COUNT (sizeof letters / sizeof *letters)

/* `written` is len bytes of "data-dir"; the table has data_dir. */
static bool name_matches(const char *name, const char *written, size_t len)
{
    if (strlen(name) != len) return false;
    for (size_t i = 0; i < len; i++) {
        if (written[i] != (name[i] == '_' ? '-' : name[i])) return false;
    }
    return true;
}

static enum option find(const char *written, size_t len)
{
    unsigned which = 0;
    while (which < OPTION_COUNT && !name_matches(table[which].name, written, len)) which++;
    return (enum option)which;
}

/* "-n" */
static enum option find_letter(const char *written)
{
    for (size_t i = 0; i < LETTER_COUNT; i++) {
        if (written[0] == letters[i].letter && !written[1]) return letters[i].option;
    }
    return OPTION_COUNT;
}

/* Reads argv[*at], "--name", "--name=value" or "-n", and, if its value stands apart, argv[++*at]. */
static bool read_option(struct options *options, int argc, char **argv, int *at,
                        char error[OPTIONS_ERROR_BYTES])
{
    const char *written = argv[*at] + 1;
    bool is_long = *written == '-';
    const char *equals = is_long ? strchr(++written, '=') : NULL;
    enum option which =
        is_long ? find(written, equals ? (size_t)(equals - written) : strlen(written)) : find_letter(written);
    if (which == OPTION_COUNT) {
        snprintf(error, OPTIONS_ERROR_BYTES, "unknown option %.60s", argv[*at]);
        return false;
    }
    bool is_behind_command = options->positional_count > 0; /* there --version is the service's */
    if (which == OPTION_version && is_behind_command) which = OPTION_service_version;
    bool takes_value = table[which].argument[0] != 0;
    if (equals && !takes_value) {
        snprintf(error, OPTIONS_ERROR_BYTES, "option --%s takes no value", table[which].name);
        return false;
    }
    const char *value = equals ? equals + 1 : "";
    if (takes_value && !equals) value = *at + 1 < argc ? argv[++*at] : "";
    if (takes_value && !*value) {
        snprintf(error, OPTIONS_ERROR_BYTES, "option %s%.60s needs a value: %s", is_long ? "--" : "-",
                 written, table[which].argument);
        return false;
    }
    options->value[which] = value;
    return true;
}

static bool add_positional(struct options *options, const char *text, char error[OPTIONS_ERROR_BYTES])
{
    if (options->positional_count == POSITIONALS_MAX) {
        snprintf(error, OPTIONS_ERROR_BYTES, "too many arguments");
        return false;
    }
    options->positional[options->positional_count++] = text;
    return true;
}

bool options_read(struct options *options, int argc, char **argv, char error[OPTIONS_ERROR_BYTES])
{
    *options = (struct options){0};
    bool ended = false;
    for (int at = 1; at < argc; at++) {
        const char *text = argv[at];
        if (!ended && strcmp(text, "--") == 0) {
            ended = true;
        } else if (!ended && text[0] == '-' && text[1]) {
            if (!read_option(options, argc, argv, &at, error)) return false;
        } else if (!add_positional(options, text, error)) {
            return false;
        }
    }
    return true;
}

static void write_name(enum option which, char *to, size_t to_bytes)
{
    snprintf(to, to_bytes, "--%s", table[which].name);
    for (char *at = to; *at; at++) {
        if (*at == '_') *at = '-';
    }
}

const char *options_refused(const struct options *options, unsigned allowed)
{
    static char name[40];
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (!options->value[i] || (allowed & 1u << i)) continue;
        write_name((enum option)i, name, sizeof name);
        return name;
    }
    return NULL;
}

/* "-n, --requests N" */
static void write_form(enum option which, char to[80])
{
    char name[40];
    write_name(which, name, sizeof name);
    size_t len = 0;
    for (size_t i = 0; i < LETTER_COUNT; i++) {
        if (letters[i].option == which) len = (size_t)snprintf(to, 80, "-%c, ", letters[i].letter);
    }
    snprintf(to + len, 80 - len, "%s %s", name, table[which].argument);
}

bool options_describe(unsigned which, struct option_words *words)
{
    if (which >= OPTION_COUNT) return false;
    *words = (struct option_words){.argument = table[which].argument, .what = table[which].what};
    write_name((enum option)which, words->name, sizeof words->name);
    write_form((enum option)which, words->form);
    for (size_t i = 0; i < LETTER_COUNT; i++) {
        if (letters[i].option == (enum option)which) words->letter = letters[i].letter;
    }
    return true;
}

void options_print(unsigned allowed)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (!(allowed & 1u << i)) continue;
        char form[80];
        write_form((enum option)i, form);
        printf("  %-26s %s\n", form, table[i].what);
    }
}
