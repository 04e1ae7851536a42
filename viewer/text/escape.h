/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one gate for every name, statement, path or message that comes from outside: what leaves it cannot move
 * the cursor, colour the terminal, start a line of its own, turn the reading direction or hide itself.
 *
 *   byte below 0x20, 0x7f, byte that is no UTF-8     \x1b
 *   C1 controls, bidirectional controls, invisible
 *   and unassigned-for-interchange characters        \u{202e}
 *   a third accent on one letter                     \u{301}
 *
 * Everything else stays. In ASCII, signs that weir itself uses are spelled out (… becomes ...), others become
 * \u{e9}.
 */
#ifndef WEIR_TEXT_ESCAPE_H
#define WEIR_TEXT_ESCAPE_H

#include "base/buffer.h"

void escape_name(struct buffer *to, struct str name, bool ascii);

/* weir's own words: only spells out its signs in ASCII. Style marks pass. */
void escape_own(struct buffer *to, struct str words, bool ascii);

#endif
