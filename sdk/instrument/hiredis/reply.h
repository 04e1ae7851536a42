/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reply tells of its call: the answer (a value, a JSON text, rows), hit or miss, and the error as a
 * word that lives as long as the process. Any thread.
 */
#ifndef WEIR_HIREDIS_REPLY_H
#define WEIR_HIREDIS_REPLY_H

#include "sdk/instrument/hiredis/command.h"

#include <hiredis/hiredis.h>
#include <weir/weir.h>

/* reply NULL: the connection failed, and the context says how. */
void reply_add(struct weir_span call, const struct command *command, const redisContext *context,
               const redisReply *reply);

struct hits {
    size_t found, missed;
};

struct hits reply_hits(const struct command *command, const redisReply *reply); /* {0, 0}: neither */
void reply_add_hits(struct weir_span call, struct hits hits);

/* One of several replies, as a row. */
void reply_add_row(struct weir_span call, const redisReply *reply);

/* Of an error reply, "WRONGTYPE"; of a context, "REDIS_ERR_EOF"; "_OTHER" where it is not known. */
const char *reply_error(const redisReply *reply);
const char *reply_context_error(const redisContext *context);

#endif
