/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the traces in JSON that another tool has written, whatever it is called:
 *
 *     {"resourceSpans":[…]}                      OTLP; one, or one a line (the Collector's file exporter, weir's file:)
 *     {"data":[{"traceID":…,"spans":[…],"processes":{…}}]}   Jaeger, from its page or API; or one trace by itself
 *     [{"traceId":…,"id":…}] or [[…]]            Zipkin v2; or one span a line
 *
 * Its parts are handed over one by one, each parsed, so that the memory needed is that of the largest part and not of the
 * file. Lines that are documents each are read by themselves: one that a crash cut short costs that line. Bytes may be
 * hostile. Pure but for what the stream reads; belongs to one thread.
 */
#ifndef WEIR_IMPORT_READER_H
#define WEIR_IMPORT_READER_H

#include "viewer/import/stream.h"

#include <jansson.h>

#define PART_BYTES_MAX ((size_t)32 << 20)

enum part_kind {
    PART_OTLP,   /* an element of resourceSpans */
    PART_JAEGER, /* a trace */
    PART_ZIPKIN  /* a span */
};

struct part {
    enum part_kind kind;
    struct str text;
    const json_t *value; /* an object */
    uint64_t line;       /* where it begins */
};

struct reader_visitor {
    void *context;
    bool (*part)(void *context, const struct part *part); /* false: no more */
    /* What could not be read. rest_is_lost: nor can what stands behind it in the file. */
    void (*problem)(void *context, uint64_t line, const char *why, bool rest_is_lost);
};

struct reader_result {
    uint64_t parts, problems;
    uint64_t others; /* documents of metrics or logs, passed over */
    bool stopped;
};

/* Never fails beyond what visitor->problem is told. */
struct reader_result reader_read(struct stream *stream, const struct reader_visitor *visitor);

#endif
