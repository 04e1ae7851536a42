/* SPDX-License-Identifier: Apache-2.0 */
/* A header as users have them: spans in functions that several translation units share, in C and in C++. */
#ifndef INLINE_SPAN_H
#define INLINE_SPAN_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline int shared_static(void)
{
    WEIR_SPAN("static inline");
    weir_int("use", 1);
    return 1;
}

inline int shared_inline(void) /* in C, its definition outside is in in_c.c */
{
    WEIR_SPAN("inline");
    weir_int("use", 2);
    return 1;
}

/* Each: how many spans it has ended, none of them left open. in_c.c and in_cxx.cc */
int spans_in_c(void);
int spans_in_nested_functions(void);
int spans_in_cxx(void);
int spans_under_exceptions(void);

#ifdef __cplusplus
}
#endif

#endif
