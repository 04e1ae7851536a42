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

static const struct table_column columns[COLUMNS] = {
    [ENDPOINT] = {"endpoint", false, 34, 0},
    [SERVICE] = {"service", false, 10, 7},
    [VERSION] = {"version", false, 7, 2},
    [REQUESTS] = {"requests", true, 0, 0},
    [FAILED] = {"failed", true, 0, 1},
    [P50] = {"p50", true, 0, 0},
    [P95] = {"p95", true, 0, 4},
    [DB] = {"queries", true, 0, 3},
    [HTTP] = {"HTTP", true, 0, 5},
    [CACHE] = {"cache", true, 0, 6},
    [DB_TIME] = {"in database", true, 0, 8},
    [FINDINGS] = {"findings", true, 0, 0},
    [SAVING] = {"saves", true, 0, 0},
};

static void number(struct table *table, uint64_t value)
{
    words_add(&table->text, value ? units_count(value).text : "·");
    text_table_cell_end(table);
}

static void duration(struct table *table, const char *prefix, int64_t ns, bool known)
{
    if (known)
        words_printf(&table->text, "%s%s", prefix, units_duration(ns).text);
    else
        words_add(&table->text, "·");
    text_table_cell_end(table);
}

static void row(struct table *table, const struct endpoint_summary *endpoint)
{
    bool enough = endpoint->count >= PERCENTILE_SAMPLES_MIN;
    endpoint_words_name(&table->text, endpoint);
    text_table_cell_end(table);
    words_name(&table->text, endpoint->service);
    text_table_cell_end(table);
    words_name(&table->text, endpoint->service_version);
    text_table_cell_end(table);
    number(table, endpoint->count);
    if (endpoint->errors) words_style(&table->text, STYLE_BAD);
    number(table, endpoint->errors);
    duration(table, "", endpoint->p50_ns, true);
    duration(table, enough ? "" : "max" WORDS_SPACE, enough ? endpoint->p95_ns : endpoint->max_ns, true);
    number(table, endpoint->db_calls);
    number(table, endpoint->http_calls);
    number(table, endpoint->cache_calls);
    duration(table, "", endpoint->db_ns, endpoint->db_calls > 0);
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
    text_table_init(&table, columns, COLUMNS, view);
    for (uint32_t i = 0; i < count; i++) row(&table, &endpoints[i]);
    hide_empty(&table, endpoints, count);
    text_table_print(&table, &paper);
    text_table_fini(&table);
    paper_say(&paper, STYLE_FAINT, 0,
              "Calls and time in the database are medians a request. “Saves” is the largest single repair.");
}
