/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread between the sockets and the store: takes requests in the order in which they came, decodes each
 * batch into an arena, has it stored, and answers: stored after the commit, refused with the reason, or to be
 * tried again while Postgres is away. Owns one store connection. Never answers "stored" for what is not
 * committed.
 */
#ifndef WEIR_COLLECTOR_WRITER_H
#define WEIR_COLLECTOR_WRITER_H

#include "collector/ingest/sp_server.h"

struct writer;

struct writer *writer_start(const char *dsn); /* NULL: no memory or no thread */
/* An sp_received: any thread, never blocks. */
void writer_add(void *writer, struct sp_request *request);
/* Ends after the batch that is being stored; drops the others, which their senders still have. NULL is fine.
 */
void writer_stop(struct writer *writer);

#endif
