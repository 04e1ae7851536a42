/* SPDX-License-Identifier: Apache-2.0 */
/* A fragment as a row of COPY weir.fragment … (FORMAT binary). Pure; out of memory shows in the buffer. */
#ifndef WEIR_STORE_FRAGMENT_ROW_H
#define WEIR_STORE_FRAGMENT_ROW_H

#include "base/buffer.h"
#include "collector/store/fragment.h"

/* Before the first row, and behind the last. */
void fragment_rows_begin(struct buffer *copy);
void fragment_rows_end(struct buffer *copy);

/* day: of its partition, since 1970. */
void fragment_row_add(struct buffer *copy, const struct fragment *fragment, int32_t resource_id, int64_t day);

#endif
