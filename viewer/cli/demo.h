/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo's parts: demo.c goes through the steps and cleans up, demo_data.c keeps its directory, demo_play.c
 * runs the services and sends the requests, demo_print.c writes what came of it. One struct, one thread. A
 * step that fails says which it was, why, and which log has more, in demo->error.
 */
#ifndef WEIR_CLI_DEMO_H
#define WEIR_CLI_DEMO_H

#include "viewer/cli/client.h"
#include "viewer/cli/local_collector.h"
#include "viewer/cli/terminal.h"

#include <jansson.h>
#include <limits.h>

#define DEMO_STUDIES     2
#define DEMO_STAGES      2
#define DEMO_ERROR_BYTES 2048
#define DEMO_URL_BYTES   128

struct demo_stage {
    const char *name;
    unsigned requests;
};

/* A case study: a service, its endpoint, and the stages of its repair, the first of them unrepaired. */
struct demo_study {
    const char *title, *service, *endpoint;
    const char *path;    /* what is asked for */
    unsigned page_count; /* 0: always the same; else ?page=1 to that, in turn */
    struct demo_stage stages[DEMO_STAGES];
    const char *repaired; /* what the second stage has in place of the N+1 findings of the first */
    const char *beside;   /* why measured and predicted differ, known from the services' source */
};

extern const struct demo_study demo_studies[DEMO_STUDIES];

/* What the collector found of one stage. */
struct demo_result {
    json_t *summary;  /* its object of /requests */
    json_t *findings; /* the array of /findings */
};

struct demo {
    struct terminal terminal;
    bool json, shows_progress;
    char data_dir[PATH_MAX], folder[PATH_MAX]; /* folder: of the programs */
    int lock_fd;                               /* of the data directory's mark */
    struct local_collector collector;
    char database[1200]; /* for the services: the collector's own Postgres, another database */
    struct process inventory, pricing, service;
    char inventory_url[DEMO_URL_BYTES], pricing_url[DEMO_URL_BYTES], service_url[DEMO_URL_BYTES];
    struct client client;
    struct client_reply reply;
    struct demo_result results[DEMO_STUDIES][DEMO_STAGES];
    char error[DEMO_ERROR_BYTES];
};

/* Sets the error and returns false. log: the name of a log in the data directory, or NULL. */
bool demo_fail(struct demo *demo, const char *log, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line that is overwritten by the next, if standard error is a terminal; NULL clears it. */
void demo_progress(const struct demo *demo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* DATA/log/NAME.log */
void demo_log_path(const struct demo *demo, const char *name, char to[PATH_MAX]);

/* ---- demo_data.c ---- */

/* data_dir NULL: $XDG_STATE_HOME/weir-demo, ~/.local/state/weir-demo, as root /var/lib/weir-demo. Makes it,
 * or empties it if an earlier demo made it and nothing runs on it; refuses any other directory that is not
 * empty. */
bool demo_data_open(struct demo *demo, const char *data_dir);
void demo_data_close(struct demo *demo);

/* ---- demo_play.c ---- */

bool demo_play_start(struct demo *demo); /* the collector, inventory and pricing */
bool demo_play(struct demo *demo,
               const struct demo_study *study); /* all its stages, analysed to the last request */
bool demo_play_stop(struct demo *demo);

/* Asks the collector; a path with its query. The answer is in demo->reply until the next. */
bool demo_ask(struct demo *demo, const char *path);
/* "/requests?service=…": the part of a question that names one stage */
void demo_add_stage(struct buffer *path, const struct demo_study *study, const char *stage,
                    const char *endpoint_parameter);

/* ---- demo_print.c ---- */

bool demo_print(struct demo *demo);

#endif
