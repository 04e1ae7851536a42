/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a given width. Everything a report prints passes here, so that no line is wider than the view and
 * none ends in spaces; styles become ANSI colours if the view has them, and nothing otherwise. One paper for
 * one render call.
 */
#ifndef WEIR_TEXT_PAPER_H
#define WEIR_TEXT_PAPER_H

#include "viewer/text/words.h"

struct paper {
    struct buffer *out;
    const struct view *view;
    unsigned width;
    unsigned column;  /* where the next piece goes */
    unsigned filled;  /* up to where the line has been written; less than column: spaces to come */
    enum style style; /* of what is written next */
    enum style inked; /* what the terminal was last told */
};

void paper_init(struct paper *paper, struct buffer *out, const struct view *view);

void paper_to(struct paper *paper, unsigned column); /* forward only; does nothing if already past it */
/* At most `cells` columns of text, cut with … if there is more. Text is words: escaped, with style marks. */
void paper_put(struct paper *paper, struct str text, unsigned cells);
void paper_put_words(struct paper *paper, const struct words *words); /* up to the right edge */
/* Ending at column `end`. */
void paper_put_right(struct paper *paper, struct str text, unsigned end);
/* As one piece, `gap` columns behind what stands; on a new line at column `hang` if it does not fit. */
void paper_flow(struct paper *paper, const struct words *words, unsigned gap, unsigned hang);
/* Wraps from here at spaces, further lines at column `hang`, up to column `end`; stays on the last line. */
void paper_wrap(struct paper *paper, struct str text, unsigned hang, unsigned end);
void paper_end(struct paper *paper); /* the line ends */

/* weir's own words as lines of their own, wrapped. */
void paper_say(struct paper *paper, enum style style, unsigned indent, const char *own);

#endif
