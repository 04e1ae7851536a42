/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"

#include <string.h>

double demo_p50_ms(struct demo_result *result, const struct demo_stage *stage, enum demo_outcome outcome)
{
    enum demo_outcome which = stage->is_cached ? outcome : DEMO_EITHER;
    return (double)load_times_percentile(&result->times[which], 50) / NS_PER_MS;
}

/* Repairs of one request that wait for one another add up: the loops run one after another. */
struct demo_foretold demo_foretell(const struct demo_study *study, struct demo_result *results,
                                   const struct demo_prediction *prediction)
{
    struct demo_result *from = &results[prediction->from];
    struct demo_foretold told = {
        .before_ms = json_number_value(json_object_get(from->summary, "p50_ms")),
        .measured_ms =
            demo_p50_ms(&results[prediction->at], &study->stages[prediction->at], prediction->outcome)};
    size_t i;
    const json_t *finding;
    json_array_foreach(from->findings, i, finding)
    {
        const char *kind = json_string_value(json_object_get(finding, "kind"));
        if (!kind || strncmp(kind, prediction->kind, strlen(prediction->kind)) != 0) continue;
        told.saving_ms += json_number_value(json_object_get(finding, "saving_ms"));
        told.findings++;
    }
    told.predicted_ms = told.before_ms > told.saving_ms ? told.before_ms - told.saving_ms : 0;
    return told;
}
