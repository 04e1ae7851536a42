/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that keeps a server running: starts it, waits until it answers, starts it again when it ends
 * unasked. Servers are forked from this thread, which lives until keeper_stop, so that the kernel ends them
 * when the collector is gone. What an earlier server left is dealt with: a postmaster.pid whose process is
 * gone (or is something else by now) is removed, one that is still shutting down is waited for.
 */
#ifndef WEIR_COLLECTOR_POSTGRES_KEEPER_H
#define WEIR_COLLECTOR_POSTGRES_KEEPER_H

#include "collector/postgres/place.h"

struct keeper;

/* place is borrowed until keeper_stop. NULL: error says what the server said. */
struct keeper *keeper_start(const struct place *place, const char *binaries, char *error, size_t error_bytes);
/* A fast shutdown; after some seconds a harder one. NULL is fine. */
void keeper_stop(struct keeper *keeper);

#endif
