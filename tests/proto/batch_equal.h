/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two batches say the same: NULL columns are columns of zeros. */
#ifndef WEIR_TESTS_PROTO_BATCH_EQUAL_H
#define WEIR_TESTS_PROTO_BATCH_EQUAL_H

#include "proto/batch.h"

/* The name of what differs first, or NULL. */
const char *batch_difference(const struct batch *a, const struct batch *b);

#endif
