/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the parts that were sent: spans, traces, services, the time from the first to the last. Traces are told apart by
 * 64 bits of a hash, up to TALLY_TRACES_MAX of them, so that memory stays bounded (32 MiB); beyond, the count is "at least".
 */
#ifndef WEIR_IMPORT_TALLY_H
#define WEIR_IMPORT_TALLY_H

#include "base/buffer.h"

#include <jansson.h>

#define TALLY_TRACES_MAX   ((size_t)3 << 20)
#define TALLY_SERVICES_MAX 1000

struct tally {
    uint64_t spans;
    uint64_t *traces; /* open addressing, 0: free */
    size_t trace_count, trace_room;
    bool more_traces;          /* than are told apart */
    json_t *services;          /* names as keys, up to TALLY_SERVICES_MAX */
    int64_t first_ns, last_ns; /* 0: none */
};

void tally_init(struct tally *tally);
void tally_fini(struct tally *tally);

/* Each returns how many spans there are. */
uint64_t tally_otlp(struct tally *tally, const json_t *resource_spans);
uint64_t tally_zipkin(struct tally *tally, const json_t *span);

#endif
