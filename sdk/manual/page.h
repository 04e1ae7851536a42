/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages of section 3 from a header's items: what one looks up, how it is written, what it does. Pure: an open file is
 * written to, and its failures are its own.
 */
#ifndef WEIR_SDK_MANUAL_PAGE_H
#define WEIR_SDK_MANUAL_PAGE_H

#include "sdk/manual/header.h"

#include <stdio.h>

struct page {
    const struct header *header;
    size_t first, end;  /* its items */
    struct str name;    /* of the page: weir_init */
    struct str what;    /* in half a sentence */
    struct str essay;   /* empty: it says nothing before its items */
    const char *module; /* pkg-config's: weir-pq */
};

void page_write(FILE *out, struct arena *arena, const struct page *page, const char *version);

/* An essay's paragraphs; what is indented in it stays as it stands. */
void page_prose(FILE *out, struct arena *arena, struct str text);

#endif
