/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 (RFC 3629) for text that comes from outside: what is well formed, where text may be cut, and how it
 * is made harmless for those who insist (Postgres' text, JSON, protobuf strings). NUL counts as malformed:
 * none of them takes it. Any thread; nothing is allocated.
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include "base/str.h"

/* Bytes of the character that text starts with, 1 to 4; 0 when it starts with none, or with NUL. */
size_t utf8_char_bytes(struct str text);

bool utf8_valid(struct str text);

/* Puts '?' in the place of every byte that belongs to no character. The length stays. */
void utf8_repair(char *data, size_t len);

/* The largest length <= max_bytes at which no character is cut through. */
size_t utf8_cut(struct str text, size_t max_bytes);

#endif
