/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps forks and exits out of libcurl and what is below it.
 *
 * The child of a fork that happened while the exporter thread held a lock of the TLS library would wait for that lock for
 * ever, in its own exporter thread. And at exit the TLS library takes itself apart, in a handler of its own, whatever
 * other threads do with it. So a fork waits until libcurl has returned, and so does exit, before those handlers run; from
 * then on nobody enters any more. That takes as long as a call that does not wait, but never long: then they go on.
 */
#ifndef WEIR_SDK_OTLP_HTTP_GATE_H
#define WEIR_SDK_OTLP_HTTP_GATE_H

#include <stdbool.h>

/* Once in a process, after the libraries below are set up: handlers run in reverse. False: no memory. */
bool gate_setup(void);

/* Around every call of libcurl that does not just wait. */
void gate_enter(void);
void gate_leave(void);

#endif
