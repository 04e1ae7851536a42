/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector was told to do. One table of options (config.c) gives the command line, the environment
 * (WEIR_COLLECTOR_NAME), the lines of a configuration file (name = value) and --help; of one option the
 * command line wins over the environment, that over the file, that over the default. Read once by the main
 * thread before any other starts.
 */
#ifndef WEIR_COLLECTOR_CONFIG_H
#define WEIR_COLLECTOR_CONFIG_H

#include "collector/analysis/analysis.h"
#include "collector/ingest/ingest.h"
#include "collector/otlp/receiver.h"
#include "collector/serve/limits.h"
#include "collector/store/forget.h"

#include <stdbool.h>
#include <stdio.h>

#define CONFIG_LISTEN_MAX  16
#define CONFIG_ERROR_BYTES 512

struct config {
    char *listen[CONFIG_LISTEN_MAX]; /* all text is owned */
    uint64_t listen_count;
    char *http, *postgres, *data_dir, *config; /* one of postgres and data_dir is set, the other NULL */
    char *log_format;                          /* text, logfmt or json */
    char *spool_dir;                           /* NULL: there is no place for one */
    bool spool_dir_is_default;
    char *tls_cert, *tls_key; /* NULL: none */
    uint64_t quiet_ms, quiet_without_root_ms, http_threads;
    struct ingest_options ingest; /* its limits; dsn and urls are the caller's to fill */
    struct serve_limits serve;
    struct receiver_limits receiver;
    struct analysis_settings analysis;
    struct forget_settings forget;
    struct store_limits limits;
};

enum config_result { CONFIG_RUN, CONFIG_HELP, CONFIG_MAN, CONFIG_VERSION, CONFIG_WRONG };

/* CONFIG_WRONG: error says in one line what is wrong. Whatever the result, config_fini frees. */
enum config_result config_read(struct config *config, int argument_count, char **arguments,
                               char error[CONFIG_ERROR_BYTES]);
void config_fini(struct config *config);
void config_help(FILE *out);
void config_man(FILE *out, const char *version); /* weir-collector(8), as troff */

#endif
