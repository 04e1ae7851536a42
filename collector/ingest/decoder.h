/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread between the sockets and the queue: takes requests in the order in which they came, unpacks each batch into an
 * arena of its own, refuses what is no batch with the reason, sorts the spans of the rest by trace, and queues it. So the next batches are unpacked while
 * Postgres stores the ones before.
 */
#ifndef WEIR_COLLECTOR_DECODER_H
#define WEIR_COLLECTOR_DECODER_H

#include "collector/ingest/incoming.h"

struct decoder;

struct decoder *decoder_start(struct incoming_queue *queue); /* NULL: no memory or no thread */
/* An sp_received: any thread, never blocks. */
void decoder_add(void *decoder, struct sp_request *request);
/* After incoming_queue_close. Drops the requests that were not unpacked. NULL is fine. */
void decoder_stop(struct decoder *decoder);

#endif
