/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_DEADLINE_MS 120000 /* making the dashboard's orders is part of it */
#define STOP_DEADLINE_MS  10000  /* the service sends its last spans in this time */
#define REQUEST_TIMEOUT_S 60
#define ARGUMENTS_MAX     16

/* ---- processes ---- */

/* arguments: what follows the program's name, NULL at the end. The ready line is the address. */
static bool start_service(struct demo *demo, const char *name, const char *const *arguments,
                          struct process *process, char url[DEMO_URL_BYTES])
{
    /* The user's own tracing settings and databases are not meant for the demo's services. */
    static const char *const hide[] = {"OTEL_", "WEIR_", "PG", NULL};
    char program[PATH_MAX + 64], endpoint[300], log[PATH_MAX], line[READY_LINE_BYTES],
        cause[PROCESS_ERROR_BYTES];
    const char *argv[ARGUMENTS_MAX] = {program};
    const char *const environment[] = {endpoint, NULL};
    for (size_t i = 0; arguments[i] && i + 2 < ARGUMENTS_MAX; i++) argv[i + 1] = arguments[i];
    snprintf(program, sizeof program, "%s/%s", demo->folder, name);
    snprintf(endpoint, sizeof endpoint, "WEIR_ENDPOINT=%s", demo->collector.listen);
    demo_log_path(demo, name, log);
    int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_fd < 0) return demo_fail(demo, NULL, "cannot write %.900s: %s", log, strerror(errno));
    struct process_command command = {
        .argv = argv, .environment = environment, .hide = hide, .error_fd = log_fd};
    bool ready = process_start(process, &command, cause) &&
                 process_wait_ready(process, READY_DEADLINE_MS, line, cause);
    close(log_fd);
    if (!ready) return demo_fail(demo, name, "the service %s does not start: %.300s", name, cause);
    snprintf(url, DEMO_URL_BYTES, "%.*s", DEMO_URL_BYTES - 1, line);
    return true;
}

static bool start_collector(struct demo *demo)
{
    char log[PATH_MAX], cause[PROCESS_ERROR_BYTES];
    demo_progress(demo, "starting a collector with its own Postgres in %.200s", demo->data_dir);
    demo_log_path(demo, "collector", log);
    if (!local_collector_start(&demo->collector, demo->data_dir, log, cause)) {
        return demo_fail(demo, "collector", "the collector does not start: %s", cause);
    }
    /* Of two dbname in a connection string the last counts. */
    snprintf(demo->database, sizeof demo->database, "%s dbname=postgres", demo->collector.postgres);
    return true;
}

/* http://127.0.0.1:PORT → http://NAME.localhost:PORT, the same address (RFC 6761; libcurl asks nobody), so that the report
 * names the service that is called. */
static bool start_backend(struct demo *demo, const char *name, struct process *process,
                          char url[DEMO_URL_BYTES])
{
    static const char *const any_port[] = {"--port", "0", NULL};
    char address[DEMO_URL_BYTES];
    if (!start_service(demo, name, any_port, process, address)) return false;
    const char *port = strrchr(address, ':');
    snprintf(url, DEMO_URL_BYTES, "http://%s.localhost%.8s", name, port ? port : "");
    return true;
}

static bool start_redis(struct demo *demo)
{
    char folder[PATH_MAX], log[PATH_MAX], cause[PROCESS_ERROR_BYTES];
    if (snprintf(folder, sizeof folder, "%s/redis", demo->data_dir) >= PATH_MAX)
        return demo_fail(demo, NULL, "the data directory's name is too long");
    demo_log_path(demo, "redis", log);
    if (local_redis_start(&demo->redis, folder, log, cause)) return true;
    return demo_fail(demo, "redis", "redis-server does not start: %s", cause);
}

bool demo_play_start(struct demo *demo)
{
    return start_collector(demo) && start_redis(demo) &&
           start_backend(demo, "inventory", &demo->inventory, demo->inventory_url) &&
           start_backend(demo, "pricing", &demo->pricing, demo->pricing_url);
}

bool demo_play_start_stage(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage)
{
    const char *const dashboard[] = {"--stage",          stage->name, "--db", demo->database, "--redis",
                                     demo->redis.socket, "--port",    "0",    "--setup",      NULL};
    const char *const products[] = {"--stage",   stage->name,        "--db",        demo->database,
                                    "--redis",   demo->redis.socket, "--inventory", demo->inventory_url,
                                    "--pricing", demo->pricing_url,  "--port",      "0",
                                    NULL};
    demo_progress(demo, "%s, stage %s: starting", study->title, stage->name);
    return start_service(demo, study->service, study->needs_backends ? products : dashboard, &demo->service,
                         demo->service_url);
}

bool demo_play_stop_stage(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage)
{
    demo_progress(demo, "%s, stage %s: the service sends its last spans", study->title, stage->name);
    if (process_stop(&demo->service, STOP_DEADLINE_MS)) return true;
    return demo_fail(demo, study->service, "%s, stage %s: the service did not stop cleanly", study->title,
                     stage->name);
}

bool demo_play_stop(struct demo *demo)
{
    process_stop(&demo->service, STOP_DEADLINE_MS);
    process_stop(&demo->inventory, STOP_DEADLINE_MS);
    process_stop(&demo->pricing, STOP_DEADLINE_MS);
    local_redis_stop(&demo->redis);
    return local_collector_stop(&demo->collector) ||
           demo_fail(demo, "collector", "the collector did not stop cleanly");
}

/* ---- requests ---- */

struct progress {
    struct demo *demo;
    const struct demo_study *study;
    const struct demo_stage *stage;
    size_t shown;
};

static void show_progress(void *context, size_t done, size_t of, size_t failed)
{
    struct progress *progress = context;
    (void)failed;
    if (done == progress->shown) return;
    progress->shown = done;
    demo_progress(progress->demo, "%s, stage %s: %zu of %zu requests", progress->study->title,
                  progress->stage->name, done, of);
}

/* As the time to live would do it, but in time for each miss. */
static bool empty_cache(void *context)
{
    const struct progress *progress = context;
    return local_redis_flush(&progress->demo->redis) ||
           demo_fail(progress->demo, "redis", "Redis does not answer");
}

static bool add_times(struct load_times times[DEMO_OUTCOMES], bool is_mixed, const struct load_result *result)
{
    return load_times_join(&times[is_mixed ? DEMO_MISS : DEMO_EITHER], &result->first) &&
           load_times_join(&times[is_mixed ? DEMO_HIT : DEMO_EITHER], &result->repeats);
}

static bool judge(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                  const struct load_result *result)
{
    if (interrupted()) return demo_fail(demo, NULL, "interrupted");
    if (!result->failed) return true;
    return demo_fail(demo, study->service, "%s, stage %s: %zu of %zu requests failed", study->title,
                     stage->name, result->failed, result->done);
}

bool demo_play_load(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                    const char *targets, const struct load_settings *settings,
                    struct load_times times[DEMO_OUTCOMES], int64_t *elapsed_ns)
{
    char url[LOAD_URL_BYTES], cause[LOAD_ERROR_BYTES];
    const char *urls[] = {url};
    struct load_targets read;
    struct load_result result = {0};
    struct progress progress = {.demo = demo, .study = study, .stage = stage};
    struct load_settings watched = *settings;
    watched.timeout_ns = REQUEST_TIMEOUT_S * NS_PER_S;
    watched.progress = show_progress;
    watched.context = &progress;
    snprintf(url, sizeof url, "%s%s", demo->service_url, targets);
    bool ran = load_targets_read(&read, urls, 1, cause) && load_run(&read, &watched, &result, cause);
    if (!ran && !demo->error[0]) demo_fail(demo, NULL, "%s, stage %s: %s", study->title, stage->name, cause);
    *elapsed_ns += result.elapsed_ns;
    ran = ran && judge(demo, study, stage, &result);
    if (ran && !add_times(times, settings->mix.hit_rate >= 0, &result))
        ran = demo_fail(demo, NULL, "out of memory");
    load_result_fini(&result);
    return ran;
}

static bool send_plain(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                       struct demo_result *result)
{
    int64_t elapsed_ns = 0;
    struct load_settings settings = {.concurrency = 1,
                                     .mix = {.requests = stage->requests, .hit_rate = LOAD_IN_TURN}};
    return demo_play_load(demo, study, stage, study->targets, &settings, result->times, &elapsed_ns);
}

static bool send_cached(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                        struct demo_result *result)
{
    int64_t elapsed_ns = 0;
    struct load_settings settings = {
        .concurrency = 1,
        .mix = {.requests = stage->requests, .hit_rate = DEMO_HIT_RATE, .seed = 1},
        .before_fresh = empty_cache};
    return demo_play_load(demo, study, stage, study->cached_targets, &settings, result->times, &elapsed_ns);
}

/* ---- a study ---- */

static bool collect_result(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                           struct demo_result *result)
{
    json_t *answer;
    if (!demo_ask_analysed(demo, study, stage, stage->requests, &result->summary)) return false;
    if (!demo_ask_stage(demo, "/findings", study, stage->name, 0, &answer)) return false;
    result->findings = json_incref(json_object_get(answer, "findings"));
    json_decref(answer);
    if (json_is_array(result->findings)) return true;
    return demo_fail(demo, "collector", "%s, stage %s: no findings to be had: HTTP %ld", study->title,
                     stage->name, demo->reply.status);
}

static bool play_stage(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                       struct demo_result *result)
{
    return demo_play_start_stage(demo, study, stage) &&
           (stage->is_cached ? send_cached(demo, study, stage, result)
                             : send_plain(demo, study, stage, result)) &&
           demo_play_stop_stage(demo, study, stage) && collect_result(demo, study, stage, result);
}

bool demo_play(struct demo *demo, const struct demo_study *study)
{
    struct demo_result *results = demo->results[study - demo_studies];
    for (size_t i = 0; i < study->stage_count; i++) {
        if (!play_stage(demo, study, &study->stages[i], &results[i])) return false;
    }
    return true;
}
