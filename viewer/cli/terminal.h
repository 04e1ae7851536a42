/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What standard output can show: how wide, whether in colour, whether beyond ASCII. Colours only on a
 * terminal and not with NO_COLOR (no-color.org), or as --colour and CLICOLOR_FORCE say; ASCII where the
 * locale is not UTF-8.
 */
#ifndef WEIR_CLI_TERMINAL_H
#define WEIR_CLI_TERMINAL_H

#include "viewer/cli/options.h"

struct terminal {
    unsigned width;
    bool colour, ascii;
};

/* False: --width or --colour has a bad value, and error says so. */
bool terminal_look(struct terminal *terminal, const struct options *options, char error[OPTIONS_ERROR_BYTES]);

/* The terminal that standard output is. */
struct screen {
    unsigned columns, rows;
};

/* False: it is none, or does not say how large it is. */
bool screen_look(struct screen *screen);

#endif
