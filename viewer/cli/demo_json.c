/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *times_object(struct load_times *times)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "count", (json_int_t)times->count, "p50_ms",
                     (double)load_times_percentile(times, 50) / NS_PER_MS, "p95_ms",
                     (double)load_times_percentile(times, 95) / NS_PER_MS, "p99_ms",
                     (double)load_times_percentile(times, 99) / NS_PER_MS, "max_ms",
                     (double)load_times_percentile(times, 100) / NS_PER_MS);
}

/* {"either"} or {"miss", "hit"} */
static json_t *client_object(struct load_times times[DEMO_OUTCOMES], bool is_cached)
{
    if (!is_cached) return json_pack("{s:o}", "either", times_object(&times[DEMO_EITHER]));
    return json_pack("{s:o, s:o}", "miss", times_object(&times[DEMO_MISS]), "hit",
                     times_object(&times[DEMO_HIT]));
}

static json_t *stages_array(const struct demo_study *study, struct demo_result *results)
{
    json_t *array = json_array();
    for (size_t i = 0; i < study->stage_count; i++) {
        const struct demo_stage *stage = &study->stages[i];
        json_array_append_new(array, json_pack("{s:s, s:i, s:o, s:O, s:O}", "stage", stage->name, "sent",
                                               (int)stage->requests, "client",
                                               client_object(results[i].times, stage->is_cached), "summary",
                                               results[i].summary, "findings", results[i].findings));
    }
    return array;
}

static json_t *predictions_array(const struct demo_study *study, struct demo_result *results)
{
    json_t *array = json_array();
    for (size_t i = 0; i < study->prediction_count; i++) {
        const struct demo_prediction *prediction = &study->predictions[i];
        struct demo_foretold told = demo_foretell(study, results, prediction);
        json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "from",
                                               study->stages[prediction->from].name, "measured_at",
                                               study->stages[prediction->at].name, "findings",
                                               (json_int_t)told.findings, "before_p50_ms", told.before_ms,
                                               "saving_ms", told.saving_ms, "predicted_p50_ms",
                                               told.predicted_ms, "measured_p50_ms", told.measured_ms));
    }
    return array;
}

static json_t *full_object(const struct demo_study *study, struct demo_full_result *result)
{
    return json_pack("{s:s, s:i, s:f, s:o, s:f, s:f, s:f}", "stage",
                     study->stages[study->stage_count - 1].name, "users", DEMO_USERS, "rate_per_s",
                     result->rate_per_s, "client", client_object(result->times, true), "database_ms",
                     result->database_ms[DEMO_EITHER], "database_miss_ms", result->database_ms[DEMO_MISS],
                     "database_hit_ms", result->database_ms[DEMO_HIT]);
}

static json_t *study_object(struct demo *demo, size_t which)
{
    const struct demo_study *study = &demo_studies[which];
    struct demo_result *results = demo->results[which];
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "title", study->title, "service", study->service,
                     "endpoint", study->endpoint, "stages", stages_array(study, results), "predictions",
                     predictions_array(study, results), "load",
                     demo->full ? full_object(study, &demo->full_results[which]) : json_null());
}

bool demo_print_json(struct demo *demo)
{
    json_t *studies = json_array();
    for (size_t i = 0; i < DEMO_STUDIES; i++) json_array_append_new(studies, study_object(demo, i));
    json_t *document = json_pack("{s:s, s:o}", "data_dir", demo->data_dir, "case_studies", studies);
    bool dumped = document && json_dumpf(document, stdout, JSON_INDENT(2)) == 0;
    putchar('\n');
    json_decref(document);
    return dumped || errno == EPIPE || demo_fail(demo, NULL, "cannot write the result: %s", strerror(errno));
}
