/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on disk, first in, first out, for as long as somebody else cannot take them: append-only segment files
 * (segment.h) in a folder that one process has at a time. What spool_append has kept survives kill -9 and a power cut. A
 * record is deleted by deleting its segment, once all of it has been taken; after a restart a segment is read from its
 * begin again, so the taker must know a record again that it has had. A torn tail or a corrupt record is counted and
 * said, and what lies behind it is read.
 *
 * Knows nothing of what is in a record. One thread appends, one reads, any thread may ask for the state.
 */
#ifndef WEIR_SPOOL_SPOOL_H
#define WEIR_SPOOL_SPOOL_H

#include "base/arena.h"

#include <stdint.h>

struct spool;

struct spool_options {
    const char *dir;
    uint64_t bytes_max;      /* of all segments */
    uint64_t age_max_s;      /* nothing is added while the oldest record is older */
    uint64_t free_min_bytes; /* nothing is added that would leave less of the file system */
};

struct spool_record {
    int64_t received_unix_ns;
    struct str body;
};

#define SPOOL_ERROR_BYTES 256

/* Makes the folder if need be. NULL: error says why; *in_use: because another process has it. */
struct spool *spool_open(const struct spool_options *options, bool *in_use, char error[SPOOL_ERROR_BYTES]);
/* NULL is fine. Records stay; an empty folder goes. */
void spool_close(struct spool *spool);

enum spool_result {
    SPOOL_KEPT,  /* all of them are durable */
    SPOOL_FULL,  /* a limit or the disk; none is kept */
    SPOOL_FAILED /* none is kept, and it is not known whether any will come back */
};

/* All or none. why: in words, unless SPOOL_KEPT. now_unix_ns is for the age. */
enum spool_result spool_append(struct spool *spool, const struct spool_record *records, size_t count,
                               int64_t now_unix_ns, char why[SPOOL_ERROR_BYTES]);

/* The next record, its body in the arena; false: there is none now. */
bool spool_next(struct spool *spool, struct arena *arena, struct spool_record *record);
/* Whether spool_next has anything to look at. */
bool spool_has_next(struct spool *spool);
/* Those read so far have been taken. */
void spool_forget(struct spool *spool);
/* Those read since the last spool_forget were not: they come again. */
void spool_rewind(struct spool *spool);

struct spool_state {
    uint64_t records, bytes; /* bytes: of the files */
    int64_t oldest_unix_ns;  /* 0: none */
    uint64_t corrupt, torn;  /* since the open: records, ends of segments */
};

struct spool_state spool_state(struct spool *spool);

#endif
