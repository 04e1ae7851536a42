/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number of each connection: a table by redisContext*, under one mutex that is never held while a
 * command runs. Any thread, each context by one at a time, as hiredis asks. Out of memory gives the number
 * 0, which stands for none.
 */
#ifndef WEIR_HIREDIS_CONNECTION_H
#define WEIR_HIREDIS_CONNECTION_H

#include <hiredis/hiredis.h>
#include <stdint.h>

/* A connection was opened, in place of what an older context at this address left. */
void connection_add(const redisContext *key, uint64_t number);
void connection_remove(const redisContext *key);

/* One that was opened where weir does not look gets its number now. */
uint64_t connection_number(const redisContext *key);

#endif
