/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector that costs this process nothing: a real nng REP socket in a child process, which unpacks each batch and
 * answers that it is stored. Start it before weir_init and before any other thread; it ends with its parent.
 */
#ifndef WEIR_BENCH_SPAN_PATH_PEER_PROCESS_H
#define WEIR_BENCH_SPAN_PATH_PEER_PROCESS_H

#include <stddef.h>

/* Writes its URL into url; ends the process with a message when it cannot. */
void peer_process_start(char *url, size_t room);

#endif
