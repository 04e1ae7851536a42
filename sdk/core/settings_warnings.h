/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir_init found wrong with its settings and went on without: one sentence a line. The library is silent, so that
 * the sentences are kept for weir_settings_warnings, and printed only with WEIR_LOG=warn or debug. Belongs to whoever
 * reads the settings; no allocation; the last line says so when not all fit.
 *
 * Values come from outside: they are shown cut and with nothing but printable ASCII in them. Values that may be secrets
 * (headers) are not shown at all; that is the caller's to know.
 */
#ifndef WEIR_SDK_CORE_SETTINGS_WARNINGS_H
#define WEIR_SDK_CORE_SETTINGS_WARNINGS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_WARNINGS_BYTES 4096

struct settings_warnings {
    bool are_wanted; /* on stderr, by WEIR_LOG */
    bool is_full;
    size_t bytes;
    char text[SETTINGS_WARNINGS_BYTES]; /* lines, each with its newline, and a 0 */
};

void settings_warn(struct settings_warnings *warnings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define SETTINGS_SHOWN_BYTES 80

/* A value as it may stand in a sentence; to is returned. */
const char *settings_show(struct str value, char to[SETTINGS_SHOWN_BYTES]);

#endif
