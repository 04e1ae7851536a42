/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each connection: its number, and its pipeline. A table by redisContext*, under one mutex
 * that is never held while a command runs. Any thread, each context by one at a time, as hiredis asks.
 */
#ifndef WEIR_HIREDIS_CONNECTION_H
#define WEIR_HIREDIS_CONNECTION_H

#include "sdk/instrument/hiredis/pipeline.h"
#include "sdk/instrument/pointer_table.h"

#include <hiredis/hiredis.h>
#include <stdint.h>

struct connection {
    struct pointer_entry entry; /* first; by redisContext* */
    uint64_t number;
    struct pipeline pipeline; /* without the mutex, by the thread that uses the context */
};

/* A connection was opened, in place of what an older context at this address left. */
void connection_add(const redisContext *key, uint64_t number);
void connection_remove(const redisContext *key);

/* One that was opened where weir does not look gets its number now. NULL: no memory. */
struct connection *connection_of(const redisContext *key);

#endif
