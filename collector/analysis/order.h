/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting by time. Spans arrive nearly in order (each thread's are), so this is a merge sort that begins with
 * the runs it finds: linear on what is sorted, n log n on anything else.
 */
#ifndef WEIR_ANALYSIS_ORDER_H
#define WEIR_ANALYSIS_ORDER_H

#include "base/str.h"

#include <stdint.h>

/* Compared field by field, smallest first. */
struct order_key {
    int64_t time_ns;
    int64_t second;
    uint64_t third;
    uint32_t index; /* what the key stands for; compared last */
};

/* Sorts keys; scratch has room for count more. Returns the one of the two that holds the result. */
struct order_key *order_sort(struct order_key *keys, struct order_key *scratch, size_t count);

/* Byte by byte, as memcmp and qsort have it; a text before its continuation. */
int order_of_texts(struct str a, struct str b);

#endif
