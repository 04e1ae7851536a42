/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "viewer/cli/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 160

/* ---- figures ---- */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void add_calls(char to[TEXT_BYTES], const json_t *calls, const char *type, const char *one,
                      const char *many)
{
    long long count = json_integer_value(json_object_get(calls, type));
    if (count == 0) return;
    char text[32];
    size_t len = strlen(to);
    units_count(text, count);
    snprintf(to + len, TEXT_BYTES - len, "%s%s %s", len ? " + " : "", text, count == 1 ? one : many);
}

static void write_calls(char to[TEXT_BYTES], const json_t *summary)
{
    const json_t *calls = json_object_get(summary, "calls");
    to[0] = 0;
    add_calls(to, calls, "db", "query", "queries");
    add_calls(to, calls, "http", "HTTP", "HTTP");
    add_calls(to, calls, "cache", "cache", "cache");
    if (!to[0]) snprintf(to, TEXT_BYTES, "none");
}

/* ---- findings ---- */

static const struct {
    const char *kind, *one, *many;
} kind_words[] = {
    {"n_plus_one_query", "N+1 query", "N+1 queries"},
    {"n_plus_one_http", "N+1 HTTP", "N+1 HTTP"},
    {"repeated_call", "repeated call", "repeated calls"},
    {"sequential_independent", "could run at once", "could run at once"},
};

static long long count_kind(const json_t *findings, const char *kind)
{
    long long count = 0;
    size_t i;
    const json_t *finding;
    json_array_foreach(findings, i, finding)
    {
        const char *its = json_string_value(json_object_get(finding, "kind"));
        count += its && strcmp(its, kind) == 0;
    }
    return count;
}

static void write_findings(char to[TEXT_BYTES], const json_t *findings)
{
    size_t len = 0;
    snprintf(to, TEXT_BYTES, "none");
    for (size_t i = 0; i < sizeof kind_words / sizeof *kind_words; i++) {
        long long count = count_kind(findings, kind_words[i].kind);
        if (!count || len >= TEXT_BYTES) continue;
        int wrote = snprintf(to + len, TEXT_BYTES - len, "%s%lld %s", len ? ", " : "", count,
                             count == 1 ? kind_words[i].one : kind_words[i].many);
        len += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* ---- what was foretold ---- */

struct prediction {
    double before_ms, saving_ms, predicted_ms, measured_ms;
    long long loops;
};

/* The loops of a request run one after another, so what their repairs save adds up. */
static struct prediction predict(const struct demo_result *results)
{
    struct prediction p = {.before_ms = number(results[0].summary, "p50_ms"),
                           .measured_ms = number(results[1].summary, "p50_ms")};
    size_t i;
    const json_t *finding;
    json_array_foreach(results[0].findings, i, finding)
    {
        const char *kind = json_string_value(json_object_get(finding, "kind"));
        if (!kind || strncmp(kind, "n_plus_one_", 11) != 0) continue;
        p.saving_ms += number(finding, "saving_ms");
        p.loops++;
    }
    p.predicted_ms = p.before_ms > p.saving_ms ? p.before_ms - p.saving_ms : 0;
    return p;
}

/* ---- text ---- */

static void print_heading(const struct demo *demo, const char *text)
{
    printf(demo->terminal.colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

static void print_stage(const struct demo_stage *stage, const struct demo_result *result)
{
    char p50[TEXT_BYTES], maximum[TEXT_BYTES], calls[TEXT_BYTES], findings[TEXT_BYTES];
    units_time(p50, number(result->summary, "p50_ms"));
    units_time(maximum, number(result->summary, "max_ms"));
    write_calls(calls, result->summary);
    write_findings(findings, result->findings);
    printf("  %-8s %9lld %9s %9s   %-20s  %s\n", stage->name,
           (long long)json_integer_value(json_object_get(result->summary, "count")), p50, maximum, calls,
           findings);
}

static void print_table(const struct demo *demo, const struct demo_study *study,
                        const struct demo_result *results)
{
    char heading[TEXT_BYTES];
    snprintf(heading, sizeof heading, "%s: %s", study->title, study->endpoint);
    print_heading(demo, heading);
    printf("  %-8s %9s %9s %9s   %-20s  %s\n", "stage", "requests", "P50", "maximum", "calls a request",
           "findings");
    for (size_t i = 0; i < DEMO_STAGES; i++) print_stage(&study->stages[i], &results[i]);
}

static void print_prediction(const struct demo_study *study, const struct demo_result *results)
{
    struct prediction p = predict(results);
    char before[TEXT_BYTES], saving[TEXT_BYTES], predicted[TEXT_BYTES], measured[TEXT_BYTES];
    units_time(before, p.before_ms);
    units_time(saving, p.saving_ms);
    units_time(predicted, p.predicted_ms);
    units_time(measured, p.measured_ms);
    printf("  %s\n", study->title);
    printf("    %-8s %9s   measured\n", study->stages[0].name, before);
    printf("    %-8s %9s   predicted without its %lld N+1 %s, which would save %s\n", "", predicted, p.loops,
           p.loops == 1 ? "loop" : "loops", saving);
    printf("    %-8s %9s   measured with %s\n", study->stages[1].name, measured, study->repaired);
    printf("    %-8s %9s   (%s)\n", "", "", study->beside);
}

static void add_look(struct buffer *path, const struct terminal *terminal)
{
    char width[16];
    snprintf(width, sizeof width, "%u", terminal->width);
    client_add_query(path, "width", width);
    client_add_query(path, "colour", terminal->colour ? "1" : "0");
    client_add_query(path, "ascii", terminal->ascii ? "1" : "0");
}

/* A page of the collector about a study's first stage, as it comes. */
static bool print_page(struct demo *demo, const struct demo_study *study, const char *page,
                       const char *endpoint_parameter)
{
    struct buffer path;
    buffer_init(&path);
    buffer_add_text(&path, page);
    demo_add_stage(&path, study, study->stages[0].name, endpoint_parameter);
    add_look(&path, &demo->terminal);
    bool asked = path.failed ? demo_fail(demo, NULL, "out of memory") : demo_ask(demo, path.data);
    buffer_fini(&path);
    if (!asked) return false;
    if (demo->reply.status != 200) {
        return demo_fail(demo, "collector", "the collector answers %s with HTTP %ld", page,
                         demo->reply.status);
    }
    fwrite(demo->reply.body.data, 1, demo->reply.body.len, stdout);
    return true;
}

static bool print_first_stage(struct demo *demo, const struct demo_study *study)
{
    char heading[TEXT_BYTES];
    snprintf(heading, sizeof heading, "%s, stage %s: what weir found", study->title, study->stages[0].name);
    print_heading(demo, heading);
    if (!print_page(demo, study, "/findings", "endpoint")) return false;
    snprintf(heading, sizeof heading, "%s, stage %s: its slowest request", study->title,
             study->stages[0].name);
    print_heading(demo, heading);
    return print_page(demo, study, "/trace", "slowest");
}

static void print_further(const struct demo *demo)
{
    print_heading(demo, "To look further");
    printf("  the data is in %s\n", demo->data_dir);
    printf("  weir report --data-dir %s\n", demo->data_dir);
    printf("  weir findings --endpoint '%s' --data-dir %s\n", demo_studies[1].endpoint, demo->data_dir);
    printf("  weir trace --slowest '%s' --service-version %s --data-dir %s\n", demo_studies[1].endpoint,
           demo_studies[1].stages[1].name, demo->data_dir);
}

static bool print_text(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_STUDIES; i++) print_table(demo, &demo_studies[i], demo->results[i]);
    for (size_t i = 0; i < DEMO_STUDIES; i++) {
        if (!print_first_stage(demo, &demo_studies[i])) return false;
    }
    print_heading(demo, "Predicted from the first stage, and measured after the repair (P50)");
    for (size_t i = 0; i < DEMO_STUDIES; i++) print_prediction(&demo_studies[i], demo->results[i]);
    print_further(demo);
    return true;
}

/* ---- JSON ---- */

static json_t *stage_object(const struct demo_stage *stage, const struct demo_result *result)
{
    return json_pack("{s:s, s:i, s:O, s:O}", "stage", stage->name, "sent", (int)stage->requests, "summary",
                     result->summary, "findings", result->findings);
}

static json_t *prediction_object(const struct demo_study *study, const struct demo_result *results)
{
    struct prediction p = predict(results);
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "from", study->stages[0].name, "measured_at",
                     study->stages[1].name, "before_p50_ms", p.before_ms, "saving_ms", p.saving_ms,
                     "predicted_p50_ms", p.predicted_ms, "measured_p50_ms", p.measured_ms);
}

static json_t *study_object(const struct demo_study *study, const struct demo_result *results)
{
    json_t *stages = json_array();
    for (size_t i = 0; i < DEMO_STAGES; i++)
        json_array_append_new(stages, stage_object(&study->stages[i], &results[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "title", study->title, "service", study->service,
                     "endpoint", study->endpoint, "stages", stages, "prediction",
                     prediction_object(study, results));
}

static bool print_json(struct demo *demo)
{
    json_t *studies = json_array();
    for (size_t i = 0; i < DEMO_STUDIES; i++) {
        json_array_append_new(studies, study_object(&demo_studies[i], demo->results[i]));
    }
    json_t *document = json_pack("{s:s, s:o}", "data_dir", demo->data_dir, "case_studies", studies);
    bool dumped = document && json_dumpf(document, stdout, JSON_INDENT(2)) == 0;
    putchar('\n');
    json_decref(document);
    return dumped || errno == EPIPE || demo_fail(demo, NULL, "cannot write the result: %s", strerror(errno));
}

bool demo_print(struct demo *demo)
{
    bool printed = demo->json ? print_json(demo) : print_text(demo);
    if (!printed) return false;
    if (fflush(stdout) == 0 || errno == EPIPE) return true; /* whoever read has seen enough */
    return demo_fail(demo, NULL, "cannot write: %s", strerror(errno));
}
