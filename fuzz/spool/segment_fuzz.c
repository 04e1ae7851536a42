/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a spool's segment: reading comes to an end, always goes forward, and gives no body that its hash does not
 * vouch for; headers alone and whole records agree on where records begin.
 */
#include "collector/spool/segment.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool holds)
{
    if (!holds) abort();
}

static void read_to_the_end(int fd, uint64_t end, struct arena *arena)
{
    struct spool_record record;
    uint64_t next;
    for (uint64_t at = SEGMENT_MAGIC_BYTES; at < end; at = next) {
        enum segment_found found = segment_read(fd, at, end, arena, &record, &next);
        expect(found != SEGMENT_END && next > at && next <= end);
        expect(found != SEGMENT_TORN || next == end);
        if (found == SEGMENT_RECORD) expect(next == at + segment_record_bytes(record.body.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena arena;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    expect(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    arena_init(&arena, (size_t)1 << 20);
    read_to_the_end(fd, bytes, NULL);
    read_to_the_end(fd, bytes, &arena);
    arena_fini(&arena);
    close(fd);
    return 0;
}
