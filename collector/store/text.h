/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as Postgres takes them: valid UTF-8 without NUL, not longer than a limit. Hostile bytes are replaced rather than
 * refused, since a batch must not be lost for a name. Pure.
 */
#ifndef WEIR_STORE_TEXT_H
#define WEIR_STORE_TEXT_H

#include "base/arena.h"
#include "base/buffer.h"

#define TEXT_NAME_BYTES_MAX 512 /* names of services, systems, functions, files */

/* A clean copy of at most max_bytes, cut between characters; data NULL when out of arena. */
struct str text_clean(struct arena *arena, struct str text, size_t max_bytes);

/* A JSON string, quotes included. The text must be clean. */
void text_add_json(struct buffer *out, struct str text);

#endif
