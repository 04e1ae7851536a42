/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/settings_reader.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *reader_environment(const char *variable)
{
    const char *value = *variable ? getenv(variable) : NULL;
    return value && *value ? value : NULL;
}

const char *reader_text(const char *variable, const char *otherwise, const char **name)
{
    const char *text = reader_environment(variable);
    *name = text ? variable : otherwise;
    return text ? text : reader_environment(otherwise);
}

#define WORDS_BYTES 192 /* for the longest list of words, the samplers' */

static void not_understood(struct reader *reader, const char *name, const char *text, const char *wanted)
{
    char shown[SETTINGS_SHOWN_BYTES];
    settings_warn(reader->warnings, "%s=%s is ignored: it is %s", name, settings_show(str_of(text), shown),
                  wanted);
}

bool reader_number(struct reader *reader, const char *variable, uint32_t least, uint32_t most, uint32_t *to)
{
    const char *text = reader_environment(variable);
    if (!text) return false;
    char *end = NULL;
    errno = 0;
    unsigned long long value = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end || (errno && errno != ERANGE)) {
        not_understood(reader, variable, text, "no whole number");
        return false;
    }
    if (errno || value < least || value > most) {
        char shown[SETTINGS_SHOWN_BYTES];
        settings_warn(reader->warnings, "%s=%s is ignored: it is not within %u and %u", variable,
                      settings_show(str_of(text), shown), least, most);
        return false;
    }
    *to = (uint32_t)value;
    return true;
}

bool reader_decimal(struct reader *reader, const char *variable, double least, double most, double *to)
{
    const char *text = reader_environment(variable);
    if (!text) return false;
    size_t len = strspn(text, "0123456789.eE+-");
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end = NULL;
    double value = plain && !text[len] && strchr("0123456789.", *text) ? strtod_l(text, &end, plain) : 0;
    if (plain) freelocale(plain);
    if (!end || end == text || *end || !(value >= least && value <= most)) {
        char shown[SETTINGS_SHOWN_BYTES];
        settings_warn(reader->warnings, "%s=%s is ignored: it is no number within %g and %g", variable,
                      settings_show(str_of(text), shown), least, most);
        return false;
    }
    *to = value;
    return true;
}

bool reader_configured(struct reader *reader, const char *field, uint32_t value, uint32_t least,
                       uint32_t most, uint32_t *to)
{
    if (value == 0) return false;
    if (value == WEIR_ZERO) value = 0;
    *to = value < least ? least : value > most ? most : value;
    if (*to != value)
        settings_warn(reader->warnings, "weir_config.%s is %u, not within %u and %u: %u is taken", field,
                      value, least, most, *to);
    return true;
}

bool reader_word(struct reader *reader, const char *name, const char *text, const struct reader_word *words,
                 int *to)
{
    if (!text) return false;
    for (const struct reader_word *word = words; word->word; word++)
        if (strcasecmp(text, word->word) == 0) {
            *to = word->number;
            return true;
        }
    char wanted[WORDS_BYTES] = "none of";
    for (size_t len = strlen(wanted); words->word && len < sizeof wanted; words++)
        len += (size_t)snprintf(wanted + len, sizeof wanted - len, " %s%s", words->word,
                                words[1].word ? "," : "");
    not_understood(reader, name, text, wanted);
    return false;
}
