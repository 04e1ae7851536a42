/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include "base/clock.h"
#include "viewer/cli/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES       160
#define PERCENTILES_FROM 20   /* with fewer times a P95 is the maximum by another name */
#define GAIN_FROM        0.85 /* a stage that takes more of the one before gains nothing */

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

/* ---- text ---- */

void demo_print_heading(const struct demo *demo, const char *text)
{
    printf(demo->terminal.colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* The 99th percentile where there are enough times to have one, else the maximum, marked. */
void demo_print_times(struct load_times *times)
{
    static const unsigned percents[] = {50, 95, 99};
    bool is_few = times->count < PERCENTILES_FROM;
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        char text[UNITS_TEXT_BYTES] = "-";
        bool is_maximum = is_few && percents[i] == 99;
        unsigned percent = is_maximum ? 100 : percents[i];
        if (times->count && !(is_few && percent == 95))
            units_time(text, (double)load_times_percentile(times, percent) / NS_PER_MS);
        printf(" %9s%s", text, is_maximum ? "*" : percents[i] == 99 ? " " : "");
    }
}

static const char *const outcome_keys[DEMO_OUTCOMES] = {[DEMO_MISS] = "miss", [DEMO_HIT] = "hit"};

static void write_name(char to[TEXT_BYTES], const struct demo_stage *stage, enum demo_outcome outcome)
{
    const char *key = outcome_keys[outcome];
    snprintf(to, TEXT_BYTES, "%s%s%s", stage->name, key ? ", " : "", key ? key : "");
}

static void print_calls(const json_t *calls)
{
    static const struct {
        const char *type;
        int width;
    } columns[] = {{"db", 8}, {"http", 5}, {"cache", 6}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char count[UNITS_TEXT_BYTES];
        units_count(count, json_integer_value(json_object_get(calls, columns[i].type)));
        printf(" %*s", columns[i].width, count);
    }
}

/* The calls of a request of this outcome. */
static void print_row(const struct demo_stage *stage, struct demo_result *result, enum demo_outcome outcome,
                      const char *findings)
{
    char name[TEXT_BYTES];
    const json_t *from = result->summary;
    if (outcome != DEMO_EITHER)
        from = json_object_get(json_object_get(result->summary, "cache"), outcome_keys[outcome]);
    write_name(name, stage, outcome);
    printf("  %-14s %5zu", name, result->times[outcome].count);
    demo_print_times(&result->times[outcome]);
    print_calls(json_object_get(from, "calls"));
    printf("%s%s\n", *findings ? "  " : "", findings);
}

/* Findings are the stage's, on its first line: what can be repaired shows when the cache misses. */
static void print_stage(const struct demo_stage *stage, struct demo_result *result)
{
    char findings[TEXT_BYTES];
    write_findings(findings, result->findings);
    if (!stage->is_cached) {
        print_row(stage, result, DEMO_EITHER, findings);
        return;
    }
    print_row(stage, result, DEMO_MISS, findings);
    print_row(stage, result, DEMO_HIT, "");
}

static void print_hit_rate(const struct demo_stage *stage, struct demo_result *result)
{
    char mean[UNITS_TEXT_BYTES];
    double hits = (double)result->times[DEMO_HIT].count, misses = (double)result->times[DEMO_MISS].count;
    if (hits + misses == 0) return;
    double sum_ns = hits * load_times_mean_ns(&result->times[DEMO_HIT]) +
                    misses * load_times_mean_ns(&result->times[DEMO_MISS]);
    units_time(mean, sum_ns / (hits + misses) / NS_PER_MS);
    printf("  Stage %s: %.0f %% of the requests hit, so that one takes %s in the mean.\n", stage->name,
           100 * hits / (hits + misses), mean);
}

static void print_few(const struct demo_study *study)
{
    const char *mark = "  Fewer than 50 were sent where one takes long: ";
    for (size_t i = 0; i < study->stage_count; i++) {
        if (study->stages[i].requests >= DEMO_REQUESTS) continue;
        printf("%s%s", mark, study->stages[i].name);
        mark = ", ";
    }
    puts(".");
}

static void print_table(const struct demo *demo, const struct demo_study *study, struct demo_result *results)
{
    char heading[TEXT_BYTES];
    snprintf(heading, sizeof heading, "%s: %s", study->title, study->endpoint);
    demo_print_heading(demo, heading);
    printf("  %-14s %5s" DEMO_TIMES_HEAD "  queries  HTTP  cache  findings\n", "stage", "sent");
    for (size_t i = 0; i < study->stage_count; i++) print_stage(&study->stages[i], &results[i]);
    puts("  * the maximum: fewer than 20 were sent. Queries, HTTP and cache: calls in one request.");
    print_few(study);
    for (size_t i = 0; i < study->stage_count; i++) {
        if (study->stages[i].is_cached) print_hit_rate(&study->stages[i], &results[i]);
    }
}

/* ---- what each repair gained ---- */

static void print_gain(const char *arrow, const struct demo_stage *stages, struct demo_result *results,
                       size_t at, enum demo_outcome outcome)
{
    char before[UNITS_TEXT_BYTES], after[UNITS_TEXT_BYTES], name[TEXT_BYTES];
    double before_ms = demo_p50_ms(&results[at - 1], &stages[at - 1], outcome);
    double after_ms = demo_p50_ms(&results[at], &stages[at], outcome);
    units_time(before, before_ms);
    units_time(after, after_ms);
    write_name(name, &stages[at], outcome);
    printf("    %-14s %9s %s %-9s ", name, before, arrow, after);
    if (stages[at].cannot_gain[outcome]) {
        printf("nothing to gain: %s\n", stages[at].no_gain[outcome]);
    } else if (after_ms < GAIN_FROM * before_ms) {
        printf("%.*f times as fast\n", before_ms < 10 * after_ms, before_ms / after_ms);
    } else {
        printf("gains nothing: %s\n", stages[at].no_gain[outcome]);
    }
}

static void print_gains(const struct demo *demo, const struct demo_study *study, struct demo_result *results)
{
    const char *arrow = demo->terminal.ascii ? "->" : "→";
    printf("  %s\n", study->title);
    for (size_t i = 1; i < study->stage_count; i++) {
        if (study->stages[i].is_cached) {
            print_gain(arrow, study->stages, results, i, DEMO_MISS);
            print_gain(arrow, study->stages, results, i, DEMO_HIT);
        } else {
            print_gain(arrow, study->stages, results, i, DEMO_EITHER);
        }
    }
}

/* ---- what was foretold ---- */

static void print_prediction(const struct demo_study *study, struct demo_result *results,
                             const struct demo_prediction *prediction)
{
    struct demo_foretold told = demo_foretell(study, results, prediction);
    char before[UNITS_TEXT_BYTES], saving[UNITS_TEXT_BYTES], predicted[UNITS_TEXT_BYTES],
        measured[UNITS_TEXT_BYTES];
    units_time(before, told.before_ms);
    units_time(saving, told.saving_ms);
    units_time(predicted, told.predicted_ms);
    units_time(measured, told.measured_ms);
    printf("  %s\n", study->title);
    printf("    %-9s %9s   measured\n", study->stages[prediction->from].name, before);
    printf("    %-9s %9s   predicted without %s, which would save %s\n", "", predicted, prediction->without,
           saving);
    printf("    %-9s %9s   measured with %s\n", study->stages[prediction->at].name, measured,
           prediction->repaired);
    if (prediction->beside) printf("    %-9s %9s   (%s)\n", "", "", prediction->beside);
}

static void print_predictions(const struct demo_study *study, struct demo_result *results)
{
    for (size_t i = 0; i < study->prediction_count; i++)
        print_prediction(study, results, &study->predictions[i]);
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
    demo_print_heading(demo, heading);
    if (!print_page(demo, study, "/findings", "endpoint")) return false;
    snprintf(heading, sizeof heading, "%s, stage %s: its slowest request", study->title,
             study->stages[0].name);
    demo_print_heading(demo, heading);
    return print_page(demo, study, "/trace", "slowest");
}

static void print_further(const struct demo *demo)
{
    demo_print_heading(demo, "To look further");
    printf("  the data is in %s\n", demo->data_dir);
    printf("  weir report --data-dir %s\n", demo->data_dir);
    printf("  weir findings --endpoint '%s' --data-dir %s\n", demo_studies[1].endpoint, demo->data_dir);
    printf("  weir trace --slowest '%s' --service-version %s --data-dir %s\n", demo_studies[1].endpoint,
           demo_studies[1].stages[1].name, demo->data_dir);
}

static bool print_text(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_STUDIES; i++) print_table(demo, &demo_studies[i], demo->results[i]);
    demo_print_heading(demo, "What each repair gained over the stage before it (P50)");
    for (size_t i = 0; i < DEMO_STUDIES; i++) print_gains(demo, &demo_studies[i], demo->results[i]);
    for (size_t i = 0; i < DEMO_STUDIES; i++) {
        if (!print_first_stage(demo, &demo_studies[i])) return false;
    }
    demo_print_heading(demo, "Predicted from one stage, and measured after the repair (P50)");
    for (size_t i = 0; i < DEMO_STUDIES; i++) print_predictions(&demo_studies[i], demo->results[i]);
    for (size_t i = 0; i < DEMO_STUDIES && demo->full; i++) demo_full_print(demo, &demo_studies[i]);
    print_further(demo);
    return true;
}

/* ---- all ---- */

bool demo_print(struct demo *demo)
{
    bool printed = demo->json ? demo_print_json(demo) : print_text(demo);
    if (!printed) return false;
    if (fflush(stdout) == 0 || errno == EPIPE) return true; /* whoever read has seen enough */
    return demo_fail(demo, NULL, "cannot write: %s", strerror(errno));
}
