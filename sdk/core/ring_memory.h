/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where rings come from: the one place that knows what kind of memory they lie in. A ring is one piece, its struct and its
 * bytes behind each other, so that it can lie in memory that another process reads, too. Rings are never given back: a
 * thread's ring goes to the next thread. Any thread; async-signal-safe; page by page, only what is used becomes resident.
 */
#ifndef WEIR_SDK_CORE_RING_MEMORY_H
#define WEIR_SDK_CORE_RING_MEMORY_H

#include "sdk/core/ring.h"

#include <stddef.h>

/* An empty ring of size_bytes, a power of two. NULL: no memory. */
struct ring *ring_memory_new(uint32_t size_bytes);

/* Zeroed pages for what a thread has besides its ring. NULL: no memory. */
void *ring_memory_pages(size_t bytes);
void ring_memory_return(void *pages, size_t bytes); /* when the ring could not be had */

#endif
