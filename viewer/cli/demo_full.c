/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir demo --full: the last stage under 100 users at once. A user asks, waits for the answer, reads it for a
 * second or two, and asks again.
 */
#include "viewer/cli/demo.h"

#include "base/clock.h"
#include "viewer/cli/units.h"

#include <stdio.h>
#include <string.h>

static const struct demo_stage *last_stage(const struct demo_study *study)
{
    return &study->stages[study->stage_count - 1];
}

static double hit_rate(const struct demo_study *study)
{
    return 1 - (double)study->full.ids / study->full.round_requests;
}

/* ---- playing ---- */

static bool send_rounds(struct demo *demo, const struct demo_study *study, struct demo_full_result *result)
{
    int64_t elapsed_ns = 0, think_ns = (int64_t)(study->full.think_s * NS_PER_S);
    unsigned requests = study->full.round_requests;
    for (unsigned i = 0; i < study->full.rounds; i++) {
        struct load_settings settings = {
            .concurrency = DEMO_USERS,
            .ramp_up_ns = think_ns, /* so that they do not come all at once, again and again */
            .reconnects = true,     /* a worker of the service serves its connections one after another */
            .think_ns = think_ns,
            .mix = {.requests = requests, .hit_rate = hit_rate(study), .seed = i + 1}};
        if (!local_redis_flush(&demo->redis)) return demo_fail(demo, "redis", "Redis does not answer");
        if (!demo_play_load(demo, study, last_stage(study), study->full.targets, &settings, result->times,
                            &elapsed_ns))
            return false;
    }
    double sent = requests * study->full.rounds;
    result->rate_per_s = elapsed_ns > 0 ? sent * NS_PER_S / (double)elapsed_ns : 0;
    return true;
}

static double database_total_ms(const json_t *profile)
{
    double total_ms = 0;
    size_t i;
    const json_t *operation;
    json_array_foreach(json_object_get(profile, "operations"), i, operation)
    {
        const char *type = json_string_value(json_object_get(operation, "type"));
        if (type && strcmp(type, "db") == 0)
            total_ms += json_number_value(json_object_get(operation, "total_ms"));
    }
    return total_ms;
}

static const json_t *outcome_of(const json_t *from, const char *outcome)
{
    return json_object_get(json_object_get(from, "cache"), outcome);
}

static long long queries(const json_t *from, const char *outcome)
{
    const json_t *calls = json_object_get(outcome_of(from, outcome), "calls");
    return json_integer_value(json_object_get(calls, "db"));
}

/* A profile is of the newest requests only. Either hits ask the database what misses ask, or they do not ask
 * it at all. */
static void take_database_time(struct demo_full_result *result, const json_t *profile)
{
    bool hit_asks = queries(profile, "hit") > 0;
    double hits = (double)result->times[DEMO_HIT].count, misses = (double)result->times[DEMO_MISS].count;
    double asking = json_number_value(hit_asks ? json_object_get(profile, "requests")
                                               : json_object_get(outcome_of(profile, "miss"), "count"));
    double each_ms = asking > 0 ? database_total_ms(profile) / asking : 0;
    result->database_ms[DEMO_MISS] = each_ms;
    result->database_ms[DEMO_HIT] = hit_asks ? each_ms : 0;
    result->database_ms[DEMO_EITHER] = hit_asks ? each_ms : each_ms * misses / (hits + misses);
}

static bool read_profile(struct demo *demo, const struct demo_study *study, int64_t since_ns,
                         struct demo_full_result *result)
{
    json_t *answer;
    if (!demo_ask_stage(demo, "/profile", study, last_stage(study)->name, since_ns, &answer)) return false;
    const json_t *profile = json_array_get(json_object_get(answer, "profiles"), 0);
    bool is_read = json_is_object(profile);
    if (is_read) take_database_time(result, profile);
    json_decref(answer);
    return is_read || demo_fail(demo, "collector", "%s: no profile to be had of the load", study->title);
}

bool demo_full(struct demo *demo, const struct demo_study *study)
{
    struct demo_full_result *result = &demo->full_results[study - demo_studies];
    const struct demo_stage *stage = last_stage(study);
    json_t *summary = NULL;
    size_t requests = stage->requests + (size_t)study->full.round_requests * study->full.rounds;
    if (!demo_play_start_stage(demo, study, stage)) return false;
    int64_t since_ns = clock_unix_ns();
    bool played = send_rounds(demo, study, result) && demo_play_stop_stage(demo, study, stage) &&
                  demo_ask_analysed(demo, study, stage, requests, &summary) &&
                  read_profile(demo, study, since_ns, result);
    json_decref(summary);
    return played;
}

/* ---- printing ---- */

static void print_row(const char *what, struct load_times *times, long long query_count, double database_ms,
                      double rate_per_s)
{
    char count[UNITS_TEXT_BYTES], database[UNITS_TEXT_BYTES];
    units_count(count, query_count);
    units_time(database, database_ms);
    printf("  %-15s", what);
    demo_print_times(times);
    printf(" %9s %12s %14.1f\n", count, database_ms > 0 ? database : "0", rate_per_s * database_ms / 1000);
}

void demo_full_print(struct demo *demo, const struct demo_study *study)
{
    size_t which = (size_t)(study - demo_studies);
    struct demo_result *first = &demo->results[which][0];
    struct demo_result *last = &demo->results[which][study->stage_count - 1];
    struct demo_full_result *full = &demo->full_results[which];
    char heading[160];
    snprintf(heading, sizeof heading, "%s: stage %s under %d users at once", study->title,
             last_stage(study)->name, DEMO_USERS);
    demo_print_heading(demo, heading);
    printf("  %-15s" DEMO_TIMES_HEAD " %9s %12s %14s\n", "", "queries", "time in DB", "busy in DB (1)");
    print_row("before (2)", &first->times[DEMO_EITHER],
              json_integer_value(json_object_get(json_object_get(first->summary, "calls"), "db")),
              json_number_value(json_object_get(first->summary, "db_time_ms")), full->rate_per_s);
    print_row("cache miss", &full->times[DEMO_MISS], queries(last->summary, "miss"),
              full->database_ms[DEMO_MISS], full->rate_per_s);
    print_row("cache hit", &full->times[DEMO_HIT], queries(last->summary, "hit"), full->database_ms[DEMO_HIT],
              full->rate_per_s);
    printf("  Each user asks again %g s after an answer: %.0f requests a second, %.0f %% of them hits, with "
           "%.1f\n"
           "  database connections at work.\n",
           study->full.think_s, full->rate_per_s, hit_rate(study) * 100,
           full->rate_per_s * full->database_ms[DEMO_EITHER] / 1000);
    printf("  (1) connections at work if all %.0f a second were such: rate times time in the database\n"
           "  (2) one user, one request after another, as above\n",
           full->rate_per_s);
    if (study->full.beside) printf("  %s.\n", study->full.beside);
}
