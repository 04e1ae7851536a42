/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load driver may aim at: the URLs that the user wrote and nothing else. A URL is http or https with
 * a host of its own; behind the host it may hold ranges of whole numbers, {1-20}, and stands for as many ids
 * as they make together. Ids are numbered from 0, through the first URL's, then the second's; in a URL with
 * several ranges the last runs fastest. Pure; the URLs' texts are borrowed.
 */
#ifndef WEIR_CLI_LOAD_TARGETS_H
#define WEIR_CLI_LOAD_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_URLS_MAX    20
#define LOAD_RANGES_MAX  4 /* of one URL */
#define LOAD_IDS_MAX     1000000000u
#define LOAD_URL_BYTES   2048
#define LOAD_ERROR_BYTES 512

struct load_range {
    size_t begin, end; /* of "{1-20}" in the text */
    uint64_t first, last;
};

struct load_url {
    const char *text;
    size_t range_count;
    struct load_range ranges[LOAD_RANGES_MAX];
    uint64_t count; /* ids */
};

struct load_targets {
    size_t url_count;
    struct load_url urls[LOAD_URLS_MAX];
    uint64_t count; /* ids of all */
};

/* False: error says which URL is wrong and how it should be. */
bool load_targets_read(struct load_targets *targets, const char *const *urls, size_t url_count,
                       char error[LOAD_ERROR_BYTES]);

/* id below targets->count */
void load_targets_write(const struct load_targets *targets, uint64_t id, char url[LOAD_URL_BYTES]);

#endif
