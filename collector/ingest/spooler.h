/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that keeps what Postgres does not take: while Postgres is away, every batch that waits; while it is only
 * slow, those that have waited for spool_after_ms. They go to the spool on disk as they came, packed, and are
 * acknowledged once they are durable there; the writer stores them later. What the spool cannot take goes back to its
 * sender, to be tried again. Never answers "stored" for what is not on disk.
 */
#ifndef WEIR_COLLECTOR_SPOOLER_H
#define WEIR_COLLECTOR_SPOOLER_H

#include "collector/ingest/incoming.h"
#include "collector/spool/spool.h"

struct spooler;

/* NULL: no memory or no thread. */
struct spooler *spooler_start(const struct ingest_options *options, struct incoming_queue *queue);
/* After incoming_queue_close. NULL is fine. */
void spooler_stop(struct spooler *spooler);

/* Any thread: from now on Postgres is away, or no longer. */
void spooler_set_away(struct spooler *spooler, bool away);

/* For `weir status`: what the spool holds. Any thread. */
void spooler_note_state(struct spool *spool);

#endif
