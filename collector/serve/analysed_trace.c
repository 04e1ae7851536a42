/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/analysed_trace.h"

#include <stdlib.h>

static int compare_text(struct str a, struct str b)
{
    int order = memcmp(a.data ? a.data : "", b.data ? b.data : "", a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_endpoint(const void *left, const void *right)
{
    const struct finding *a = *(const struct finding *const *)left,
                         *b = *(const struct finding *const *)right;
    int order = compare_text(a->endpoint, b->endpoint);
    if (order == 0) order = compare_text(a->service, b->service);
    return order ? order : compare_text(a->service_version, b->service_version);
}

static int compare_saving(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    return (a->saving_ns < b->saving_ns) - (a->saving_ns > b->saving_ns);
}

static uint32_t requests_of_endpoint(const struct analysis *analysis, const struct finding *finding)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < analysis->request_count; i++) {
        const struct request *request = &analysis->requests[i];
        count += str_equal(request->endpoint, finding->endpoint) &&
                 str_equal(request->service, finding->service) &&
                 str_equal(request->service_version, finding->service_version);
    }
    return count;
}

void findings_sort(struct finding *findings, uint32_t count)
{
    if (count > 1) qsort(findings, count, sizeof *findings, compare_saving);
}

/* Adds one endpoint's findings, merged, at *to. */
static bool merge_endpoint(const struct finding *const *of_endpoint, size_t finding_count,
                           uint32_t requests_seen, const struct analysis_settings *settings,
                           struct arena *arena, struct analysis *to)
{
    uint32_t count = 0;
    const struct finding *merged =
        aggregate_findings(of_endpoint, finding_count, requests_seen, settings, arena, &count);
    if (arena_exhausted(arena)) return false;
    if (count) memcpy(to->findings + to->finding_count, merged, count * sizeof *merged);
    to->finding_count += count;
    return true;
}

/* Findings of single requests become findings of endpoints; there are never more of them. Of one trace: no request stands
 * for more than itself. */
static bool merge_findings(struct analysis *analysis, const struct analysis_settings *settings,
                           struct arena *arena)
{
    uint32_t total = analysis->finding_count;
    struct analysis merged = *analysis;
    const struct finding **sorted = arena_array(arena, total, sizeof *sorted);
    merged.findings = arena_array(arena, total, sizeof *merged.findings);
    merged.finding_count = 0;
    if (!sorted || !merged.findings) return false;
    for (uint32_t i = 0; i < total; i++) {
        analysis->findings[i].sampling_threshold = 0;
        sorted[i] = &analysis->findings[i];
    }
    if (total > 1) qsort(sorted, total, sizeof *sorted, compare_endpoint);
    for (uint32_t first = 0, next; first < total; first = next) {
        for (next = first + 1; next < total && compare_endpoint(&sorted[first], &sorted[next]) == 0;) next++;
        uint32_t requests = requests_of_endpoint(analysis, sorted[first]);
        if (!merge_endpoint(sorted + first, next - first, requests, settings, arena, &merged)) return false;
    }
    findings_sort(merged.findings, merged.finding_count);
    *analysis = merged;
    return true;
}

bool analysed_trace_make(struct analysed_trace *to, const struct analysis_settings *settings,
                         struct arena *arena)
{
    return trace_assemble(&to->trace, arena) && analyse_trace(&to->analysis, &to->trace, settings, arena) &&
           merge_findings(&to->analysis, settings, arena);
}
