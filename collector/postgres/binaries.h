/* SPDX-License-Identifier: Apache-2.0 */
/* Where initdb and postgres lie on this machine. */
#ifndef WEIR_COLLECTOR_POSTGRES_BINARIES_H
#define WEIR_COLLECTOR_POSTGRES_BINARIES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Looks in $WEIR_POSTGRES_BIN, what pg_config says, /usr/lib/postgresql/VERSION/bin and PATH. `version` is
 * the major version that existing data needs, or 0: any, the newest preferred. False: error says what to
 * install.
 */
bool postgres_binaries_find(char directory[PATH_MAX], int version, char *error, size_t error_bytes);

#endif
