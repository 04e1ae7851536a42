/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/ingest.h"

#include "collector/ingest/decoder.h"
#include "collector/ingest/sp_server.h"
#include "collector/ingest/spooler.h"
#include "collector/ingest/writer.h"

#include <stdio.h>
#include <stdlib.h>

struct ingest {
    struct incoming_queue *queue;
    struct decoder *decoder;
    struct spooler *spooler; /* NULL: no spool */
    struct writer *writer;
    struct sp_server *server;
};

void ingest_options_default(struct ingest_options *options)
{
    *options = (struct ingest_options){
#define X(name, standard, meaning) .name = standard,
        INGEST_LIMITS(X)
#undef X
    };
}

static bool start_threads(struct ingest *ingest, const struct ingest_options *options)
{
    ingest->queue = incoming_queue_new();
    if (ingest->queue) ingest->decoder = decoder_start(ingest->queue);
    if (!ingest->decoder) return false;
    if (options->spool && !(ingest->spooler = spooler_start(options, ingest->queue))) return false;
    ingest->writer = writer_start(options, ingest->queue, ingest->spooler);
    return ingest->writer != NULL;
}

struct ingest *ingest_start(const struct ingest_options *options, char error[INGEST_ERROR_BYTES])
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest || !start_threads(ingest, options))
        snprintf(error, INGEST_ERROR_BYTES, "out of memory or threads");
    else
        ingest->server = sp_server_start(options, decoder_add, ingest->decoder, error);
    if (ingest && ingest->server) return ingest;
    ingest_stop(ingest);
    return NULL;
}

const char *ingest_url(const struct ingest *ingest, size_t index)
{
    return sp_server_url(ingest->server, index);
}

void ingest_take(struct ingest *ingest, const unsigned char *packed, size_t bytes, ingest_answered *answered,
                 void *context)
{
    struct sp_request *request = calloc(1, sizeof *request);
    if (!request) {
        answered(context, NULL);
        return;
    }
    *request = (struct sp_request){
        .answered = answered, .answered_context = context, .body = packed, .body_bytes = bytes};
    decoder_add(ingest->decoder, request);
}

void ingest_stop(struct ingest *ingest)
{
    if (!ingest) return;
    if (ingest->server) sp_server_quiesce(ingest->server);
    if (ingest->queue) incoming_queue_close(ingest->queue);
    decoder_stop(ingest->decoder);
    writer_stop(ingest->writer);
    spooler_stop(ingest->spooler);
    incoming_queue_free(ingest->queue);
    if (ingest->server) sp_server_stop(ingest->server);
    free(ingest);
}
