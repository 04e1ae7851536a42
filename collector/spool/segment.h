/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a spool:
 *
 *     "WEIRSPL1"
 *     record:  magic:32 · bytes:32 · received:64 · hash of the body:64 · hash of these 24 bytes:64 · body · 0 … 7 zeros
 *     …
 *
 * All numbers little-endian, records at multiples of 8 bytes, hashes XXH3. The two hashes tell a record that is damaged
 * (it is skipped, its length is known) from a damaged header (the next header is searched for) and from the torn end that
 * a crash leaves. Written by one process, once; never appended to after a restart.
 */
#ifndef WEIR_SPOOL_SEGMENT_H
#define WEIR_SPOOL_SEGMENT_H

#include "collector/spool/spool.h"

#define SEGMENT_MAGIC_BYTES  8
#define SEGMENT_HEADER_BYTES 32
#define SEGMENT_BODY_MAX     (64u << 20) /* longer is not a record */

extern const unsigned char segment_magic[SEGMENT_MAGIC_BYTES];

static inline uint64_t segment_record_bytes(size_t body_bytes)
{
    return SEGMENT_HEADER_BYTES + (((uint64_t)body_bytes + 7) & ~(uint64_t)7);
}

/* Appends records at the end and makes them durable; all or none. 0, or an errno; after an errno the file is cut back to
 * `end` if that can be. */
int segment_append(int fd, uint64_t end, const struct spool_record *records, size_t count);

enum segment_found {
    SEGMENT_RECORD,
    SEGMENT_CORRUPT, /* something is damaged; go on at *next */
    SEGMENT_TORN,    /* the rest is no whole record */
    SEGMENT_END
};

/* What is at `at`, of a file of `end` bytes; *next is where to look then. With an arena the body is read and checked, and
 * `record` filled; without, only the header. Out of arena: SEGMENT_CORRUPT with arena_exhausted. */
enum segment_found segment_read(int fd, uint64_t at, uint64_t end, struct arena *arena,
                                struct spool_record *record, uint64_t *next);

#endif
