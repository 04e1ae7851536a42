/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A public header, read for its manual pages: its opening essay, and in order what it declares with the comment that stands
 * above. It knows the way our headers are written, not C: a declaration begins its line (WEIR_API, WEIR_INLINE, static
 * inline, struct, enum, typedef, #define WEIR_…), a title is a comment of its own, with four dashes on both sides. Names
 * that end with an underscore are nobody's business.
 *
 * Used by the generator while weir is built; all text lies in the arena it is given.
 */
#ifndef WEIR_SDK_MANUAL_HEADER_H
#define WEIR_SDK_MANUAL_HEADER_H

#include "base/arena.h"

#define HEADER_ITEMS_MAX 256

enum header_item_kind {
    HEADER_FUNCTION,
    HEADER_MACRO,    /* with arguments */
    HEADER_CONSTANT, /* a macro that is a number */
    HEADER_TYPE,     /* typedef */
    HEADER_STRUCT,
    HEADER_ENUM,
    HEADER_TABLE /* WEIR_THINGS(X): rows for the enum behind it */
};

struct header_item {
    enum header_item_kind kind;
    bool joined;        /* follows the item before it without a blank line or comment of its own */
    struct str title;   /* of the section that begins here, or empty */
    struct str comment; /* above it, without its marks; empty if there is none */
    struct str name;    /* weir_init, WEIR_SPAN, weir_config */
    struct str code;    /* one line, as a program's author wants to see it */
    struct str body;    /* between the braces; of a table: its rows */
};

struct header {
    struct str path; /* as it is included: weir/weir.h */
    struct str essay;
    struct header_item items[HEADER_ITEMS_MAX];
    size_t item_count;
};

/* False: there is no such file, or it has more than HEADER_ITEMS_MAX items. */
bool header_read(struct header *header, struct arena *arena, const char *folder, const char *path);

/* A piece of a struct's or enum's body: what is declared, in one line, and the comment above it or behind it. Advances *body;
 * false at its end. */
struct header_member {
    struct str code, comment;
};
bool header_next_member(struct arena *arena, struct str *body, char separator, struct header_member *member);

/* A row of a table: its first and last argument, the latter without its quotes. */
struct header_row {
    struct str name, text;
};
bool header_next_row(struct arena *arena, struct str *rows, struct header_row *row);

#endif
