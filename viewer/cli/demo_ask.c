/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANALYSED_DEADLINE_MS 60000
#define POLL_MS              100

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

/* 2026-01-31T12:00:00Z; to the second before, so that nothing is missed */
static void add_since(struct buffer *path, int64_t since_ns)
{
    char text[32];
    struct tm parts;
    time_t seconds = since_ns / NS_PER_S;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    client_add_query(path, "since", text);
}

bool demo_ask_stage(struct demo *demo, const char *page, const struct demo_study *study, const char *stage,
                    int64_t since_ns, json_t **answer)
{
    struct buffer path;
    buffer_init(&path);
    buffer_add_text(&path, page);
    demo_add_stage(&path, study, stage, "endpoint");
    if (since_ns) add_since(&path, since_ns);
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
    if (!demo_ask_stage(demo, "/requests", study, stage, 0, &answer)) return false;
    *summary = json_incref(json_array_get(json_object_get(answer, "requests"), 0));
    json_decref(answer);
    return true;
}

bool demo_ask_analysed(struct demo *demo, const struct demo_study *study, const struct demo_stage *stage,
                       size_t requests, json_t **summary)
{
    int64_t until_ns = clock_monotonic_ns() + ANALYSED_DEADLINE_MS * NS_PER_MS;
    demo_progress(demo, "%s, stage %s: waiting for the analysis", study->title, stage->name);
    for (;;) {
        bool nothing = false;
        if (!nothing_pending(demo, &nothing) || !ask_summary(demo, study, stage->name, summary)) return false;
        json_int_t count = json_integer_value(json_object_get(*summary, "count"));
        if (nothing && count == (json_int_t)requests) return true;
        json_decref(*summary);
        *summary = NULL;
        if (interrupted() || clock_monotonic_ns() > until_ns) {
            return demo_fail(demo, "collector", "%s, stage %s: of %zu requests %lld were analysed after %d s",
                             study->title, stage->name, requests, (long long)count,
                             ANALYSED_DEADLINE_MS / 1000);
        }
        poll(NULL, 0, POLL_MS);
    }
}
