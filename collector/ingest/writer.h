/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that stores: takes the batches that wait, of whatever producers, as one group, has it stored in one
 * transaction, and answers each: stored after the commit, or refused with the reason. While Postgres is away it leaves them
 * to the spooler, or where there is none sends them back; when Postgres is back it stores, in turn, a group of what the
 * spool holds and a group of what comes. Owns one store connection. While a group is being stored the next one gathers, so that groups grow with the
 * load by themselves. Never answers "stored" for what is not committed.
 */
#ifndef WEIR_COLLECTOR_WRITER_H
#define WEIR_COLLECTOR_WRITER_H

#include "collector/ingest/spooler.h"

struct writer;

/* spooler: NULL without a spool. NULL: no memory or no thread. */
struct writer *writer_start(const struct ingest_options *options, struct incoming_queue *queue,
                            struct spooler *spooler);
/* After incoming_queue_close: ends after the group that is being stored. NULL is fine. */
void writer_stop(struct writer *writer);

#endif
