/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that are appended first and answered later. What hiredis sends at once, when the first reply is
 * asked for, is one call, "PIPELINE GET price:{}": it begins there and ends when the last of its replies has
 * been fetched. Commands appended in between are the next call's.
 *
 * A pipeline belongs to its connection, and to the one thread that uses that. It holds a copy of the commands
 * whose replies are still to come. Where replies and commands cannot be told to belong together (CLIENT REPLY
 * OFF, subscriptions, no memory) it is deaf from then on: nothing is recorded of it.
 */
#ifndef WEIR_HIREDIS_PIPELINE_H
#define WEIR_HIREDIS_PIPELINE_H

#include "sdk/instrument/hiredis/reply.h"

#include <stdint.h>

/* Zeroed memory is a valid, empty pipeline. */
struct pipeline {
    char *commands; /* owned: RESP, in order */
    size_t bytes, room;
    size_t next;                  /* where the command lies whose reply comes next */
    size_t waiting;               /* commands not sent yet */
    size_t sent;                  /* commands of the call whose replies are still to come */
    const struct weir_site *site; /* where the first of the waiting ones was appended */
    struct weir_span call;
    struct hits hits; /* of the call, so far */
    bool failed;      /* likewise: it has an error already */
    bool is_deaf;
};

static inline bool pipeline_is_empty(const struct pipeline *pipeline)
{
    return pipeline->waiting + pipeline->sent == 0;
}

/* Commands that hiredis has taken, whole ones. */
void pipeline_append(struct pipeline *pipeline, const struct weir_site *site, const char *formatted,
                     size_t bytes);

/* Before a reply is fetched, where the pipeline is not empty: sends what waits, as a call, if no call is open. */
void pipeline_ask(struct pipeline *pipeline, uint64_t connection_number);

/* The reply (NULL: one not to be looked at). It may be the call's last. */
void pipeline_answer(struct pipeline *pipeline, const redisReply *reply);

/* No reply will come any more; error_type may be NULL. */
void pipeline_end(struct pipeline *pipeline, const char *error_type);

#endif
