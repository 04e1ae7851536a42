/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP side (libmicrohttpd): asks the store, analyses where asked to at once, renders with viewer/.
 * Threads of its own, each with a store connection. Text by default, JSON with ?format=json or Accept:
 * application/json.
 */
#ifndef WEIR_COLLECTOR_SERVE_H
#define WEIR_COLLECTOR_SERVE_H

#include "collector/analysis/analysis.h"
#include "collector/serve/limits.h"

#include <stddef.h>

struct receiver;

struct serve_options {
    const char *dsn;
    const char *address;  /* "127.0.0.1:4318"; port 0: a free one */
    const char *listen;   /* where ingest listens, for the status page */
    const char *postgres; /* how a person reaches the database: the dsn without password */
    const char
        *data_dir; /* where the private database lies, for how much room there is; NULL: it is not private */
    struct analysis_settings settings;
    struct serve_limits limits;
    struct receiver *receiver; /* takes posts of spans; borrowed; NULL: none are taken */
    unsigned threads;          /* default 2 */
};

struct serve;

#define SERVE_ERROR_BYTES 512

struct serve *serve_start(const struct serve_options *options, char error[SERVE_ERROR_BYTES]);
const char *serve_address(const struct serve *serve); /* "127.0.0.1:4318", port filled in */
void serve_stop(struct serve *serve);                 /* finishes answers under way, bounded; NULL is fine */

#endif
