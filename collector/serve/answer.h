/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes back for one HTTP request: status, body, and whether the body is JSON. A page fills it, the
 * server sends it. An error is one line of text, or {"error": "…"}; whatever it repeats of the request is
 * escaped to printable ASCII. Belongs to one worker thread.
 */
#ifndef WEIR_SERVE_ANSWER_H
#define WEIR_SERVE_ANSWER_H

#include "base/buffer.h"

#include <stdbool.h>

struct answer {
    unsigned status; /* HTTP */
    bool json;
    bool retry;        /* adds Retry-After */
    const char *type;  /* NULL: plain text, or JSON */
    const char *allow; /* of a 405: which methods there are; NULL: those that read */
    struct buffer body;
};

void answer_init(struct answer *answer);
void answer_fini(struct answer *answer);

/* Replaces whatever the body had. */
void answer_error(struct answer *answer, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
