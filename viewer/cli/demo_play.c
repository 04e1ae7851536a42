/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_DEADLINE_MS    120000 /* making the dashboard's orders is part of it */
#define STOP_DEADLINE_MS     10000  /* the service sends its last spans in this time */
#define ANALYSED_DEADLINE_MS 60000
#define POLL_MS              100
#define ARGUMENTS_MAX        12

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

bool demo_play_start(struct demo *demo)
{
    return start_collector(demo) && start_backend(demo, "inventory", &demo->inventory, demo->inventory_url) &&
           start_backend(demo, "pricing", &demo->pricing, demo->pricing_url);
}

static bool start_stage(struct demo *demo, const struct demo_study *study, const char *stage)
{
    const char *const dashboard[] = {"--stage", stage, "--db",    demo->database,
                                     "--port",  "0",   "--setup", NULL};
    const char *const products[] = {"--stage",     stage,
                                    "--db",        demo->database,
                                    "--inventory", demo->inventory_url,
                                    "--pricing",   demo->pricing_url,
                                    "--port",      "0",
                                    NULL};
    demo_progress(demo, "%s, stage %s: starting", study->title, stage);
    return start_service(demo, study->service, study->page_count ? products : dashboard, &demo->service,
                         demo->service_url);
}

bool demo_play_stop(struct demo *demo)
{
    process_stop(&demo->service, STOP_DEADLINE_MS);
    process_stop(&demo->inventory, STOP_DEADLINE_MS);
    process_stop(&demo->pricing, STOP_DEADLINE_MS);
    return local_collector_stop(&demo->collector) ||
           demo_fail(demo, "collector", "the collector did not stop cleanly");
}

/* ---- requests ---- */

static bool send_one(struct demo *demo, const struct demo_study *study, const char *stage, unsigned number)
{
    char url[512];
    int len = snprintf(url, sizeof url, "%s%s", demo->service_url, study->path);
    if (study->page_count) {
        snprintf(url + len, sizeof url - (size_t)len, "?page=%u", number % study->page_count + 1);
    }
    if (!client_get(&demo->client, url, &demo->reply)) {
        return demo_fail(demo, study->service, "%s, stage %s: %s does not answer: %s", study->title, stage,
                         url, demo->reply.error);
    }
    if (demo->reply.status == 200) return true;
    return demo_fail(demo, study->service, "%s, stage %s: %s answered %ld", study->title, stage, url,
                     demo->reply.status);
}

static bool send_requests(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage)
{
    for (unsigned i = 0; i < stage->requests; i++) {
        demo_progress(demo, "%s, stage %s: request %u of %u", study->title, stage->name, i + 1,
                      stage->requests);
        if (!send_one(demo, study, stage->name, i)) return false;
    }
    return true;
}

/* ---- what the collector says ---- */

bool demo_ask(struct demo *demo, const char *path)
{
    char url[2048];
    snprintf(url, sizeof url, "%s%s", demo->collector.http, path);
    if (client_get(&demo->client, url, &demo->reply)) return true;
    return demo_fail(demo, "collector", "the collector does not answer %s: %s", path, demo->reply.error);
}

void demo_add_stage(struct buffer *path, const struct demo_study *study, const char *stage,
                    const char *endpoint_parameter)
{
    client_add_query(path, "service", study->service);
    client_add_query(path, "version", stage);
    client_add_query(path, endpoint_parameter, study->endpoint);
}

/* *answer: a new reference; NULL where the collector knows nothing of it yet (404). */
static bool ask_json(struct demo *demo, const char *path, json_t **answer)
{
    *answer = NULL;
    if (!demo_ask(demo, path)) return false;
    const struct buffer *body = &demo->reply.body;
    if (demo->reply.status == 404) return true;
    if (demo->reply.status == 200) *answer = json_loadb(body->data, body->len, 0, NULL);
    if (*answer) return true;
    return demo_fail(demo, "collector", "the collector answers %s with HTTP %ld: %.*s", path,
                     demo->reply.status, (int)strcspn(body->data ? body->data : "", "\n"),
                     body->data ? body->data : "");
}

static bool ask_stage(struct demo *demo, const char *page, const struct demo_study *study, const char *stage,
                      json_t **answer)
{
    struct buffer path;
    buffer_init(&path);
    buffer_add_text(&path, page);
    demo_add_stage(&path, study, stage, "endpoint");
    client_add_query(&path, "format", "json");
    bool asked = path.failed ? demo_fail(demo, NULL, "out of memory") : ask_json(demo, path.data, answer);
    buffer_fini(&path);
    return asked;
}

static bool nothing_pending(struct demo *demo, bool *nothing)
{
    json_t *status;
    if (!ask_json(demo, "/status?format=json", &status)) return false;
    json_t *pending = json_object_get(status, "traces_pending");
    *nothing = json_is_integer(pending) && json_integer_value(pending) == 0;
    json_decref(status);
    return true;
}

/* *summary: the stage's object, or NULL while there is none; a new reference */
static bool ask_summary(struct demo *demo, const struct demo_study *study, const char *stage,
                        json_t **summary)
{
    json_t *answer;
    if (!ask_stage(demo, "/requests", study, stage, &answer)) return false;
    *summary = json_incref(json_array_get(json_object_get(answer, "requests"), 0));
    json_decref(answer);
    return true;
}

/* Until every request that was sent has been analysed and no span is on its way into a trace. */
static bool wait_analysed(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                          json_t **summary)
{
    int64_t until_ns = clock_monotonic_ns() + ANALYSED_DEADLINE_MS * NS_PER_MS;
    for (;;) {
        bool nothing = false;
        if (!nothing_pending(demo, &nothing) || !ask_summary(demo, study, stage->name, summary)) return false;
        json_int_t count = json_integer_value(json_object_get(*summary, "count"));
        if (nothing && count == stage->requests) return true;
        json_decref(*summary);
        *summary = NULL;
        if (interrupted() || clock_monotonic_ns() > until_ns) {
            return demo_fail(demo, "collector", "%s, stage %s: of %u requests %lld were analysed after %d s",
                             study->title, stage->name, stage->requests, (long long)count,
                             ANALYSED_DEADLINE_MS / 1000);
        }
        poll(NULL, 0, POLL_MS);
    }
}

static bool collect_result(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                           struct demo_result *result)
{
    json_t *answer;
    demo_progress(demo, "%s, stage %s: waiting for the analysis", study->title, stage->name);
    if (!wait_analysed(demo, study, stage, &result->summary)) return false;
    if (!ask_stage(demo, "/findings", study, stage->name, &answer)) return false;
    result->findings = json_incref(json_object_get(answer, "findings"));
    json_decref(answer);
    if (json_is_array(result->findings)) return true;
    return demo_fail(demo, "collector", "%s, stage %s: no findings to be had: HTTP %ld", study->title,
                     stage->name, demo->reply.status);
}

bool demo_play(struct demo *demo, const struct demo_study *study)
{
    struct demo_result *results = demo->results[study - demo_studies];
    for (size_t i = 0; i < DEMO_STAGES; i++) {
        const struct demo_stage *stage = &study->stages[i];
        if (!start_stage(demo, study, stage->name) || !send_requests(demo, study, stage)) return false;
        demo_progress(demo, "%s, stage %s: the service sends its last spans", study->title, stage->name);
        if (!process_stop(&demo->service, STOP_DEADLINE_MS)) {
            return demo_fail(demo, study->service, "%s, stage %s: the service did not stop cleanly",
                             study->title, stage->name);
        }
        if (!collect_result(demo, study, stage, &results[i])) return false;
    }
    return true;
}
