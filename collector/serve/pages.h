/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages, from one table: path, parameters, what makes it. A page asks the store, has the analysis work
 * where asked to at once, and renders with viewer/. Knows nothing of the HTTP library. Runs on a worker
 * thread, which lends it a store connection for the time of one answer.
 */
#ifndef WEIR_SERVE_PAGES_H
#define WEIR_SERVE_PAGES_H

#include "collector/serve/answer.h"
#include "collector/serve/query.h"
#include "collector/serve/serve.h"
#include "collector/store/reader.h"
#include "viewer/view.h"

struct page_request {
    const struct serve_options *options;
    const char *http;   /* where we serve */
    int64_t started_ns; /* unix */
    int64_t now_ns;     /* unix */
    struct store *store;
    struct arena *arena;
    struct query parameters;
    struct str rest; /* of the path behind the page's own: the id of /trace/{id} */
};

typedef void (*page_fn)(const struct page_request *request, struct answer *answer);

struct page {
    const char *path; /* one that ends in / takes what follows as `rest` */
    const char *what; /* for the list of pages */
    unsigned parameters;
    page_fn make;
};

/* NULL: there is none. */
const struct page *page_find(struct str path, struct str *rest);

/* Fills 404: which pages there are. */
void page_list(struct answer *answer);

#endif
