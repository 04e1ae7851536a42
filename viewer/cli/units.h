/* SPDX-License-Identifier: Apache-2.0 */
/* Times and counts as people read them. Pure. */
#ifndef WEIR_CLI_UNITS_H
#define WEIR_CLI_UNITS_H

#include <stddef.h>

#define UNITS_TEXT_BYTES 32

/* "0.4 ms", "38 ms", "2.16 s" */
void units_time(char to[UNITS_TEXT_BYTES], double ms);

/* 3604 → "3,604" */
void units_count(char to[UNITS_TEXT_BYTES], long long count);

#endif
