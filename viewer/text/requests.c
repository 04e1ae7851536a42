/* SPDX-License-Identifier: Apache-2.0 */
/* A line for each endpoint of each version: how often, how long, how many calls, what a repair would save. */
#include "viewer/text/endpoint_words.h"
#include "viewer/text/table.h"
#include "viewer/text/units.h"

enum {
    ENDPOINT,
    SERVICE,
    VERSION,
    REQUESTS,
    FAILED,
    P50,
    P95,
    DB,
    HTTP,
    CACHE,
    DB_TIME,
    FINDINGS,
    SAVING,
    COLUMNS
};

#define COMPARED_MAX      500 /* so many lines tell whether versions tell any apart */
#define VERSION_RANK_SAME 7   /* of the version where it tells no two lines apart */

static const struct table_column columns[COLUMNS] = {
    [ENDPOINT] = {"endpoint", false, 22, 0},
    [SERVICE] = {"service", false, 16, 1},
    [VERSION] = {"version", false, 8, 2},
    [REQUESTS] = {"count", true, 0, 0},
    [FAILED] = {"failed", true, 0, 3},
    [P50] = {"p50", true, 0, 0},
    [P95] = {"p95", true, 0, 5},
    [DB] = {"queries", true, 0, 4},
    [HTTP] = {"HTTP", true, 0, 4},
    [CACHE] = {"cache", true, 0, 6},
    [DB_TIME] = {"in database", true, 0, 8},
    [FINDINGS] = {"found", true, 0, 0},
    [SAVING] = {"saves", true, 0, 0},
};

static void number(struct table *table, uint64_t value)
{
    words_add(&table->text, value ? units_count(value).text : "·");
    text_table_cell_end(table);
}

/* ~4,000: an estimate */
static void estimate(struct table *table, uint64_t value, bool is_estimate)
{
    if (value && is_estimate) words_add(&table->text, "~");
    number(table, value);
}

static void duration(struct table *table, int64_t ns, const char *mark, bool known)
{
    if (known)
        words_printf(&table->text, "%s%s", units_duration(ns).text, mark);
    else
        words_add(&table->text, "·");
    text_table_cell_end(table);
}

static void row(struct table *table, const struct endpoint_summary *endpoint)
{
    bool enough = endpoint_recorded(endpoint) >= PERCENTILE_SAMPLES_MIN;
    bool is_estimate = endpoint_is_estimate(endpoint);
    endpoint_words_name(&table->text, endpoint);
    text_table_cell_end(table);
    words_name(&table->text, endpoint->service);
    text_table_cell_end(table);
    words_name(&table->text, endpoint->service_version);
    text_table_cell_end(table);
    estimate(table, endpoint->count, is_estimate);
    if (endpoint->errors) words_style(&table->text, STYLE_BAD);
    estimate(table, endpoint->errors, is_estimate);
    duration(table, endpoint->p50_ns, "", true);
    duration(table, enough ? endpoint->p95_ns : endpoint->max_ns, enough ? " " : "*", true);
    number(table, endpoint->db_calls);
    number(table, endpoint->http_calls);
    number(table, endpoint->cache_calls);
    duration(table, endpoint->db_ns, "", endpoint->db_calls > 0);
    if (endpoint->finding_count) words_style(&table->text, STYLE_TITLE);
    number(table, endpoint->finding_count);
    if (endpoint->saving_ns > 0)
        words_add(&table->text, units_estimate(endpoint->saving_ns).text);
    else
        words_add(&table->text, "·");
    text_table_cell_end(table);
}

/* Columns that say nothing in any line. */
static void hide_empty(struct table *table, const struct endpoint_summary *endpoints, uint32_t count)
{
    bool version = false, failed = false, http = false, cache = false, db = false;
    for (uint32_t i = 0; i < count; i++) {
        version |= endpoints[i].service_version.len > 0;
        failed |= endpoints[i].errors > 0;
        db |= endpoints[i].db_calls > 0;
        http |= endpoints[i].http_calls > 0;
        cache |= endpoints[i].cache_calls > 0;
    }
    if (!version) text_table_hide(table, VERSION);
    if (!failed) text_table_hide(table, FAILED);
    if (!db) text_table_hide(table, DB);
    if (!db) text_table_hide(table, DB_TIME);
    if (!http) text_table_hide(table, HTTP);
    if (!cache) text_table_hide(table, CACHE);
}

/* Whether two lines differ in nothing but the version. */
static bool versions_tell_apart(const struct endpoint_summary *endpoints, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < COMPARED_MAX; i++) {
        for (uint32_t j = i + 1; j < count; j++) {
            if (str_equal(endpoints[i].service, endpoints[j].service) &&
                !str_equal(endpoints[i].service_version, endpoints[j].service_version))
                return true;
        }
    }
    return false;
}

static void explain(struct paper *paper, const struct endpoint_summary *endpoints, uint32_t count,
                    bool shows_p95)
{
    bool few = false;
    bool is_estimate = false;
    for (uint32_t i = 0; i < count; i++) {
        few |= shows_p95 && endpoint_recorded(&endpoints[i]) < PERCENTILE_SAMPLES_MIN;
        is_estimate |= endpoint_is_estimate(&endpoints[i]);
    }
    if (is_estimate)
        paper_say(
            paper, STYLE_FAINT, 0,
            "~ estimated: others were sampled away, and each that was recorded counts for those like it.");
    paper_say(
        paper, STYLE_FAINT, 0,
        few ? "* the maximum: a p95 takes 20 requests. Calls and time in the database are medians a request. "
              "“Saves” is the largest single repair."
            : "Calls and time in the database are medians a request. “Saves” is the largest single repair.");
}

void text_requests(struct buffer *out, const struct view *view, const struct endpoint_summary *endpoints,
                   uint32_t count)
{
    struct paper paper;
    paper_init(&paper, out, view);
    if (count == 0) {
        paper_say(&paper, STYLE_PLAIN, 0, "No requests yet. What is connected: weir" WORDS_SPACE "status");
        return;
    }
    struct table table;
    struct table_column ranked[COLUMNS];
    memcpy(ranked, columns, sizeof ranked);
    if (!versions_tell_apart(endpoints, count)) ranked[VERSION].rank = VERSION_RANK_SAME;
    text_table_init(&table, ranked, COLUMNS, view);
    for (uint32_t i = 0; i < count; i++) row(&table, &endpoints[i]);
    hide_empty(&table, endpoints, count);
    text_table_print(&table, &paper);
    explain(&paper, endpoints, count, table.used[P95]);
    text_table_fini(&table);
}
