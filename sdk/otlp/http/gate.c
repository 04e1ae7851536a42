/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/http/gate.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define FORK_PATIENCE_NS (100 * NS_PER_MS)
#define EXIT_PATIENCE_NS NS_PER_S

/* Knows its owner: who did not get it in time cannot give it back. */
static pthread_mutex_t gate = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static void enter_within(int64_t patience_ns)
{
    int64_t until = clock_unix_ns() + patience_ns; /* the clock that sanitizers follow, too */
    const struct timespec deadline = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};
    pthread_mutex_timedlock(&gate, &deadline);
}

static void before_fork(void) { enter_within(FORK_PATIENCE_NS); }

static void in_parent(void) { pthread_mutex_unlock(&gate); }

static void in_child(void)
{
    static const pthread_mutex_t nobodys = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    gate = nobodys; /* whoever had it is not there */
}

static void at_exit(void) { enter_within(EXIT_PATIENCE_NS); } /* and stays */

bool gate_setup(void)
{
    return pthread_atfork(before_fork, in_parent, in_child) == 0 && atexit(at_exit) == 0;
}

void gate_enter(void) { pthread_mutex_lock(&gate); }
void gate_leave(void) { pthread_mutex_unlock(&gate); }
