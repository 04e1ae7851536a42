/* SPDX-License-Identifier: Apache-2.0 */
/* libpq's connection strings, to be shown to people. Pure; any thread. */
#ifndef WEIR_COLLECTOR_DSN_H
#define WEIR_COLLECTOR_DSN_H

#include "base/buffer.h"

/* Adds the connection string (key=value or URI) without its passwords. */
void dsn_without_password(struct buffer *out, const char *dsn);

#endif
