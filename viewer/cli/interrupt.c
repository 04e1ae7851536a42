/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void note(int number) { caught = number; }

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool interrupted(void) { return caught != 0; }

void interrupt_forget(void) { caught = 0; }

void interrupt_die(void)
{
    if (!caught) return;
    signal(caught, SIG_DFL);
    raise(caught);
}
