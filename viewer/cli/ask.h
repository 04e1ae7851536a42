/* SPDX-License-Identifier: Apache-2.0 */
/* A reading command's question, for whoever puts it: once (ask.c), or again and again (watch.c). */
#ifndef WEIR_CLI_ASK_H
#define WEIR_CLI_ASK_H

#include "viewer/cli/source.h"
#include "viewer/cli/terminal.h"

/* Appends the page's path and all its parameters. Not EXIT_DONE: it has complained. */
enum exit_status ask_question(const struct command *command, const struct options *options,
                              const struct terminal *terminal, struct buffer *path);

#endif
