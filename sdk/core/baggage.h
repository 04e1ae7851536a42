/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baggage header (W3C Baggage) in and out of struct weir_baggage; what programs do with one is in weir/context.h. Pure
 * functions on bytes that come from outside; any thread, nothing is allocated.
 */
#ifndef WEIR_SDK_CORE_BAGGAGE_H
#define WEIR_SDK_CORE_BAGGAGE_H

#include <weir/context.h>

/* Joins the lines of a request's header. Malformed members are left out, and those for which there is no room; blanks
 * around keys, values and properties go, all else stays as it came. */
void baggage_read(struct weir_baggage *baggage, const char *const *lines, size_t line_count);

/* Copies what is in use; from may be NULL: then *to is empty. */
void baggage_copy(struct weir_baggage *to, const struct weir_baggage *from);

#endif
