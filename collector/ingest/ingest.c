/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/ingest.h"

#include "collector/ingest/sp_server.h"
#include "collector/ingest/writer.h"

#include <stdio.h>
#include <stdlib.h>

struct ingest {
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

struct ingest *ingest_start(const struct ingest_options *options, char error[INGEST_ERROR_BYTES])
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest) ingest->writer = writer_start(options->dsn);
    if (!ingest || !ingest->writer) {
        free(ingest);
        snprintf(error, INGEST_ERROR_BYTES, "out of memory or threads");
        return NULL;
    }
    ingest->server = sp_server_start(options, writer_add, ingest->writer, error);
    if (ingest->server) return ingest;
    writer_stop(ingest->writer);
    free(ingest);
    return NULL;
}

const char *ingest_url(const struct ingest *ingest, size_t index)
{
    return sp_server_url(ingest->server, index);
}

void ingest_stop(struct ingest *ingest)
{
    if (!ingest) return;
    sp_server_quiesce(ingest->server);
    writer_stop(ingest->writer);
    sp_server_stop(ingest->server);
    free(ingest);
}
