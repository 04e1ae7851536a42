/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed piece of text: pointer and length, not terminated, may hold any byte. Whoever hands one out says
 * how long it lives. Never owns.
 */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *data;
    size_t len;
};

/* A literal's view; usable in initialisers. */
#define STR(literal)                                                                                         \
    {                                                                                                        \
        "" literal, sizeof(literal) - 1                                                                      \
    }

static inline struct str str_of(const char *text)
{
    struct str view = {text, text ? strlen(text) : 0};
    return view;
}

static inline struct str str_view(const char *data, size_t len)
{
    struct str view = {data, len};
    return view;
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text) { return str_equal(a, str_of(text)); }

static inline bool str_starts(struct str a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

/* For printf's "%.*s": STR_ARG(view). */
#define STR_ARG(view) (int)(view).len, (view).data ? (view).data : ""

#endif
