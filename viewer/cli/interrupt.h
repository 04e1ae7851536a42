/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C and SIGTERM as a question asked at each wait, so that whoever started children can stop them first.
 * A second signal ends the process at once; its children are told by the kernel (viewer/cli/process.h).
 */
#ifndef WEIR_CLI_INTERRUPT_H
#define WEIR_CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupted(void);

/* For a command that is ended by a signal, and has done what was asked then. */
void interrupt_forget(void);

/* Ends the process as the signal that was caught would have; returns if there was none. */
void interrupt_die(void);

#endif
