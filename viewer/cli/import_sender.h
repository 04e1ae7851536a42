/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends parts to a collector in posts of some megabytes, one after another, each after the answer to the one before: what the
 * collector cannot take yet (503) is tried again until it can. Counts what it refuses, with the reason. Spans of Zipkin of one
 * trace go in one post as long as they stand together, since the collector reads shared ids within a post. Main thread only.
 */
#ifndef WEIR_CLI_IMPORT_SENDER_H
#define WEIR_CLI_IMPORT_SENDER_H

#include "viewer/cli/source.h"

#define SENDER_POST_BYTES ((size_t)4 << 20) /* a post is sent when it has so much … */
#define SENDER_POST_BYTES_MAX                                                                                \
    ((size_t)24 << 20) /* … at the end of a trace, or so much anyway; or one larger part */
#define SENDER_REASONS_MAX 4

struct sender {
    struct source *source; /* borrowed */
    bool is_zipkin;        /* what lies in body */
    struct buffer body;
    uint64_t body_spans;
    char trace[40]; /* of the latest part of Zipkin */
    uint64_t stored, refused;
    char reasons[SENDER_REASONS_MAX][200]; /* of what was refused, each once */
    unsigned reason_count;
    enum exit_status status; /* not EXIT_DONE: the collector went away, and source->error says how */
};

void sender_init(struct sender *sender, struct source *source);
void sender_fini(struct sender *sender);

/* False: status says why there is no use in going on. */
bool sender_add_otlp(struct sender *sender, struct str resource_spans, uint64_t spans);
bool sender_add_zipkin(struct sender *sender, struct str span, const char *trace);
bool sender_flush(struct sender *sender);

/* So many spans did not come to be stored. */
void sender_refuse(struct sender *sender, uint64_t spans, const char *why);

#endif
