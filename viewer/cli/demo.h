/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo's parts: demo.c goes through the steps and cleans up, demo_studies.c says what is played,
 * demo_data.c keeps the demo's directory, demo_play.c runs the services and sends the requests, demo_ask.c
 * asks the collector, demo_full.c does so under load, demo_print.c and demo_json.c write what came of it. One
 * struct, one thread. A step that fails says which it was, why, and which log has more, in demo->error.
 */
#ifndef WEIR_CLI_DEMO_H
#define WEIR_CLI_DEMO_H

#include "viewer/cli/client.h"
#include "viewer/cli/load_run.h"
#include "viewer/cli/local_collector.h"
#include "viewer/cli/local_redis.h"
#include "viewer/cli/terminal.h"

#include <jansson.h>
#include <limits.h>

#define DEMO_STUDIES     2
#define DEMO_STAGES_MAX  5
#define DEMO_PREDICTIONS 2
#define DEMO_REQUESTS    50   /* what a stage is measured with where time allows */
#define DEMO_HIT_RATE    0.85 /* of the case study */
#define DEMO_USERS       100
#define DEMO_ERROR_BYTES 2048
#define DEMO_URL_BYTES   128

/* A stage with a cache is two, which do different things; any other answers all requests alike. */
enum demo_outcome { DEMO_EITHER, DEMO_MISS, DEMO_HIT, DEMO_OUTCOMES };

struct demo_stage {
    const char *name;
    unsigned requests;
    bool is_cached;
    const char *no_gain[DEMO_OUTCOMES]; /* why, if it should be no faster than the stage before */
    bool cannot_gain[DEMO_OUTCOMES];    /* whatever is measured: it does what the stage before did */
};

/* What the findings of one stage foretell, set against a later stage that has the repair. */
struct demo_prediction {
    unsigned from, at; /* stages */
    enum demo_outcome outcome;
    const char *kind;     /* of the findings: how it begins */
    const char *without;  /* what the repair takes away */
    const char *repaired; /* what the stage `at` has in its place */
    const char *beside;   /* why the two differ, known from the services' source; NULL: nothing to say */
};

/* The last stage under load, in rounds that begin with an empty cache. A round asks each id for the first
 * time once; the rest of its requests repeat them. */
struct demo_full {
    const char *targets;
    unsigned ids, round_requests, rounds;
    double think_s;
    const char *beside; /* what to know when it is set beside the other stages; NULL: nothing */
};

/* A case study: a service, its endpoint, and the stages of its repair, the first of them unrepaired. */
struct demo_study {
    const char *title, *service, *endpoint;
    const char *targets;        /* what is asked for, as the load driver takes it */
    const char *cached_targets; /* of stages with a cache: one thing in many spellings, each for one miss */
    bool needs_backends;        /* inventory and pricing */
    const struct demo_stage *stages;
    size_t stage_count;
    struct demo_prediction predictions[DEMO_PREDICTIONS];
    size_t prediction_count;
    struct demo_full full;
};

extern const struct demo_study demo_studies[DEMO_STUDIES];

/* What came of one stage. */
struct demo_result {
    struct load_times times[DEMO_OUTCOMES]; /* as the client saw them; misses and hits only with a cache */
    json_t *summary;                        /* its object of /requests */
    json_t *findings;                       /* the array of /findings */
};

/* What came of the last stage under load. */
struct demo_full_result {
    struct load_times times[DEMO_OUTCOMES];
    double rate_per_s;
    double database_ms[DEMO_OUTCOMES]; /* of a request, in the mean; of either: of all */
};

struct demo {
    struct terminal terminal;
    bool json, full, shows_progress;
    char data_dir[PATH_MAX], folder[PATH_MAX]; /* folder: of the programs */
    int lock_fd;                               /* of the data directory's mark */
    struct local_collector collector;
    struct local_redis redis;
    char database[1200]; /* for the services: the collector's own Postgres, another database */
    struct process inventory, pricing, service;
    char inventory_url[DEMO_URL_BYTES], pricing_url[DEMO_URL_BYTES], service_url[DEMO_URL_BYTES];
    struct client client;
    struct client_reply reply;
    struct demo_result results[DEMO_STUDIES][DEMO_STAGES_MAX];
    struct demo_full_result full_results[DEMO_STUDIES]; /* with --full */
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

bool demo_play_start(struct demo *demo); /* the collector, Redis, inventory and pricing */
bool demo_play(struct demo *demo,
               const struct demo_study *study); /* all its stages, analysed to the last request */
bool demo_play_stop(struct demo *demo);

/* A stage's service, its cache empty; then until it has sent its last spans. */
bool demo_play_start_stage(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage);
bool demo_play_stop_stage(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage);

/* Sends requests to the stage's service and adds what they took to times: DEMO_HIT and DEMO_MISS for repeats
 * and fresh ids if the settings have a hit rate, else DEMO_EITHER. False when any failed. */
bool demo_play_load(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                    const char *targets, const struct load_settings *settings,
                    struct load_times times[DEMO_OUTCOMES], int64_t *elapsed_ns);

/* ---- demo_ask.c ---- */

/* Asks the collector; a path with its query. The answer is in demo->reply until the next. */
bool demo_ask(struct demo *demo, const char *path);

/* "/requests?service=…": the part of a question that names one stage */
void demo_add_stage(struct buffer *path, const struct demo_study *study, const char *stage,
                    const char *endpoint_parameter);

/* A page of one stage as JSON. since_ns: only requests begun since, unix; 0: all. *answer: a new reference;
 * NULL where the collector knows nothing of it yet (404). */
bool demo_ask_stage(struct demo *demo, const char *page, const struct demo_study *study, const char *stage,
                    int64_t since_ns, json_t **answer);

/* Waits until so many requests of a stage are analysed and no span is on its way into a trace; *summary: its
 * object of /requests, a new reference. */
bool demo_ask_analysed(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                       size_t requests, json_t **summary);

/* ---- demo_full.c ---- */

bool demo_full(struct demo *demo, const struct demo_study *study);
void demo_full_print(struct demo *demo, const struct demo_study *study);

/* ---- demo_print.c ---- */

bool demo_print(struct demo *demo);

/* A bold line with an empty one before it, and a table's first columns: time's percentiles. */
void demo_print_heading(const struct demo *demo, const char *text);
#define DEMO_TIMES_HEAD "       P50       P95       P99 "
void demo_print_times(struct load_times *times);

/* ---- demo_figures.c: what follows from the results ---- */

/* The median time of a stage as the client saw it; the outcome counts only where the stage has a cache. */
double demo_p50_ms(struct demo_result *result, const struct demo_stage *stage, enum demo_outcome outcome);

struct demo_foretold {
    double before_ms, saving_ms, predicted_ms, measured_ms;
    long long findings;
};
struct demo_foretold demo_foretell(const struct demo_study *study, struct demo_result *results,
                                   const struct demo_prediction *prediction);

/* ---- demo_json.c ---- */

bool demo_print_json(struct demo *demo);

#endif
