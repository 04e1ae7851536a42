/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the values that a normaliser takes out, joined by '|', so that a table can hold them as one text.
 */
#ifndef WEIR_TESTS_MODEL_COLLECT_H
#define WEIR_TESTS_MODEL_COLLECT_H

#include "base/buffer.h"

static inline void collect_value(void *context, struct str value)
{
    struct buffer *values = context;
    if (values->len) buffer_add_char(values, '|', 1);
    buffer_add_str(values, value);
}

#endif
