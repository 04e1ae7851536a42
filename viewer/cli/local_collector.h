/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector of our own on a data directory, on free loopback ports, for as long as we live: what --data-dir
 * and the demo use. The program is weir-collector beside our own. Main thread only.
 */
#ifndef WEIR_CLI_LOCAL_COLLECTOR_H
#define WEIR_CLI_LOCAL_COLLECTOR_H

#include "viewer/cli/process.h"

struct local_collector {
    struct process process;
    char http[128];      /* http://127.0.0.1:PORT */
    char listen[256];    /* tcp://127.0.0.1:PORT, for WEIR_ENDPOINT */
    char postgres[1024]; /* libpq's connection string */
};

/* Whether a collector has kept data there. */
bool local_collector_has_data(const char *data_dir);

/* Returns when it serves. log_path: where its messages go; NULL: nowhere, but error repeats the last one. */
bool local_collector_start(struct local_collector *collector, const char *data_dir, const char *log_path,
                           char error[PROCESS_ERROR_BYTES]);

bool local_collector_stop(struct local_collector *collector);

#endif
