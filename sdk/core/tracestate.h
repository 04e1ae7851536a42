/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracestate header: W3C Trace Context Level 2, section 3.3. Pure functions on bytes that come from outside; any
 * thread, nothing is allocated. A text here is one well-formed line: members in order, commas between, no blanks around
 * them, each key once, 0-terminated.
 *
 * Level 2 lets '@' stand anywhere in a key, Level 1 (and the working group's test-suite still) only between a tenant of up
 * to 241 characters and a system of up to 14. What both take is taken here: a key with an '@' has to be of the older form,
 * one without may begin with a digit, as in the newer.
 */
#ifndef WEIR_SDK_CORE_TRACESTATE_H
#define WEIR_SDK_CORE_TRACESTATE_H

#include "base/str.h"

#include <weir/context.h>

#define TRACESTATE_MEMBERS 32
#define TRACESTATE_LONG    128 /* a member longer than this goes first when there is no room for all */

/* Joins the lines of a request's header. One malformed member, a key that comes twice or a 33rd member make the whole
 * nothing. What is too long loses whole members. Returns the text's length, 0 for nothing. */
size_t tracestate_read(char to[WEIR_TRACESTATE_BYTES], const char *const *lines, size_t line_count);

/* The value of a key; data is NULL when it is not there. A view into text. */
struct str tracestate_get(struct str text, struct str key);

/* Gives a key its value and moves it to the front; the same value as before changes nothing, an empty one removes the
 * member. The others stay in order, but for those at the end for which there is no more room. Key and value have to be
 * well-formed, else nothing changes. Returns the new length. */
size_t tracestate_set(char text[WEIR_TRACESTATE_BYTES], size_t bytes, struct str key, struct str value);

#endif
