/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/ring_memory.h"

#include <sys/mman.h>

void *ring_memory_pages(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    madvise(memory, bytes,
            MADV_NOHUGEPAGE); /* an idle thread takes a few pages, not 2 MiB; if it fails, so be it */
    return memory;
}

void ring_memory_return(void *pages, size_t bytes) { munmap(pages, bytes); }

struct ring *ring_memory_new(uint32_t size_bytes)
{
    struct ring *ring = ring_memory_pages(sizeof *ring + size_bytes);
    if (ring) ring_init(ring, (unsigned char *)(ring + 1), size_bytes);
    return ring;
}
