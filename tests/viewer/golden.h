/* SPDX-License-Identifier: Apache-2.0 */
/* Output compared with a file in tests/viewer/golden/; with WEIR_UPDATE_GOLDEN set, the file is written instead. */
#ifndef WEIR_TESTS_VIEWER_GOLDEN_H
#define WEIR_TESTS_VIEWER_GOLDEN_H

#include "base/buffer.h"

void golden_check(const char *name, const struct buffer *output);

#endif
