/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes manual pages (man(7), for groff and mandoc), so that each program makes its own from the tables that
 * its --help comes from. Text is taken as it is: nothing in it is markup, a line break in it is a blank. No
 * state; a failed write is the stream's.
 */
#ifndef WEIR_BASE_MANUAL_H
#define WEIR_BASE_MANUAL_H

#include <stdio.h>

/* what: "weir - tells why a request is slow" without the name. */
void manual_begin(FILE *out, const char *name, int section, const char *version, const char *what);
/* A page about several things, its own name first among them: "weir_init, weir_shutdown". */
void manual_begin_several(FILE *out, const char *name, int section, const char *version, const char *names,
                          const char *what);
void manual_section(FILE *out, const char *title);
void manual_subsection(FILE *out, const char *title);
void manual_text(FILE *out, const char *text);                   /* a paragraph */
void manual_code(FILE *out, const char *text);                   /* its lines as they are */
void manual_item(FILE *out, const char *term, const char *text); /* of a list */

#endif
