/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of an endpoint goes: a line an operation, the most time of its own first; then which part of
 * the service makes how many calls; then, of a cached endpoint, hits and misses apart.
 */
#include "viewer/text/cache_words.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/table.h"
#include "viewer/text/units.h"

enum { OPERATION, CALLS, TOTAL, SELF, MEAN, MEDIAN, P95, MAX, ROWS, SHARE, CUMULATIVE, ALL_CALLS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [OPERATION] = {"operation", false, 26, 0},
    [CALLS] = {"calls", true, 0, 0},
    [TOTAL] = {"total", true, 0, 2},
    [SELF] = {"self", true, 0, 0},
    [MEAN] = {"per call", true, 0, 0},
    [MEDIAN] = {"median", true, 0, 4},
    [P95] = {"p95", true, 0, 3},
    [MAX] = {"max", true, 0, 5},
    [ROWS] = {"rows", true, 0, 1},
    [SHARE] = {"share", true, 0, 0},
    [CUMULATIVE] = {"cumul.", true, 0, 1},
    [ALL_CALLS] = {"calls in all", true, 0, 6},
};

enum { COMPONENT, QUERIES, HTTP, CACHE, TIME, TIME_SHARE, COMPONENT_COLUMNS };

static const struct table_column component_columns[COMPONENT_COLUMNS] = {
    [COMPONENT] = {"calls made in", false, 26, 0},
    [QUERIES] = {"queries", true, 0, 0},
    [HTTP] = {"HTTP", true, 0, 1},
    [CACHE] = {"cache", true, 0, 2},
    [TIME] = {"time", true, 0, 0},
    [TIME_SHARE] = {"share", true, 0, 0},
};

#define ITSELF "(the request itself)"

static double share_of(int64_t ns, const struct profile *profile)
{
    return profile->total_ns > 0 ? (double)ns / (double)profile->total_ns : 0;
}

static void end_with(struct table *table, struct unit_text text)
{
    words_add(&table->text, text.text);
    text_table_cell_end(table);
}

static void end_unknown(struct table *table)
{
    words_add(&table->text, "·");
    text_table_cell_end(table);
}

/* Of one request, on average. */
static void count_each(struct table *table, uint64_t count, const struct profile *profile)
{
    if (count == 0 || profile->requests == 0)
        end_unknown(table);
    else
        end_with(table, units_mean((double)count / (double)profile->requests));
}

static void time_each(struct table *table, int64_t ns, const struct profile *profile)
{
    end_with(table, units_duration(profile->requests ? ns / (int64_t)profile->requests : 0));
}

static void name(struct table *table, struct str label, bool is_request)
{
    if (is_request)
        words_add(&table->text, ITSELF);
    else
        words_name(&table->text, label);
    text_table_cell_end(table);
}

static void operation_row(struct table *table, const struct profile *profile,
                          const struct profile_operation *operation, double cumulative)
{
    bool enough = operation->calls >= PERCENTILE_SAMPLES_MIN;
    name(table, operation->label, operation->is_request);
    count_each(table, operation->calls, profile);
    time_each(table, operation->total_ns, profile);
    time_each(table, operation->self_ns, profile);
    end_with(table, units_duration(operation->calls ? operation->total_ns / (int64_t)operation->calls : 0));
    end_with(table, units_duration(operation->median_ns));
    if (enough)
        end_with(table, units_duration(operation->p95_ns));
    else
        end_unknown(table);
    end_with(table, units_duration(operation->max_ns));
    count_each(table, operation->rows > 0 ? (uint64_t)operation->rows : 0, profile);
    end_with(table, units_share(share_of(operation->self_ns, profile)));
    end_with(table, units_share(cumulative));
    end_with(table, units_count(operation->calls));
}

/* Sums the selfs, which is more than the requests took where calls ran at once. */
static double show_operations(struct paper *paper, const struct profile *profile)
{
    struct table table;
    double cumulative = 0;
    bool any_p95 = false, any_rows = false;
    text_table_init(&table, columns, COLUMNS, paper->view);
    for (uint32_t i = 0; i < profile->operation_count; i++) {
        const struct profile_operation *operation = &profile->operations[i];
        cumulative += share_of(operation->self_ns, profile);
        any_p95 |= operation->calls >= PERCENTILE_SAMPLES_MIN;
        any_rows |= operation->rows > 0;
        operation_row(&table, profile, operation, cumulative);
    }
    if (!any_p95) text_table_hide(&table, P95);
    if (!any_rows) text_table_hide(&table, ROWS);
    if (profile->requests < 2) text_table_hide(&table, ALL_CALLS);
    text_table_print(&table, paper);
    text_table_fini(&table);
    return cumulative;
}

static void show_components(struct paper *paper, const struct profile *profile)
{
    if (profile->component_count == 0) return;
    struct table table;
    text_table_init(&table, component_columns, COMPONENT_COLUMNS, paper->view);
    for (uint32_t i = 0; i < profile->component_count; i++) {
        const struct profile_component *component = &profile->components[i];
        name(&table, component->label, component->is_request);
        count_each(&table, component->db_calls, profile);
        count_each(&table, component->http_calls, profile);
        count_each(&table, component->cache_calls, profile);
        time_each(&table, component->call_ns, profile);
        end_with(&table, units_share(share_of(component->call_ns, profile)));
    }
    if (profile->db_calls == 0) text_table_hide(&table, QUERIES);
    if (profile->http_calls == 0) text_table_hide(&table, HTTP);
    if (profile->cache_calls == 0) text_table_hide(&table, CACHE);
    paper_end(paper);
    text_table_print(&table, paper);
    text_table_fini(&table);
}

static void chunk(struct paper *paper, struct words *words)
{
    paper_flow(paper, words, 3, 3);
    words_clear(words);
}

/* GET /x   shop 1.0   the newest 200 of 1,250 requests   p50 2.13 s   p95 2.41 s   max 2.5 s */
static void header(struct paper *paper, struct words *words, const struct profile *profile)
{
    struct endpoint_summary named = {.service = profile->service,
                                     .endpoint = profile->endpoint,
                                     .name_is_shared = profile->name_is_shared};
    words_style(words, STYLE_STRONG);
    endpoint_words_name(words, &named);
    chunk(paper, words);
    endpoint_words_service(words, profile->service, profile->service_version);
    chunk(paper, words);
    if (profile->requests < profile->requests_seen)
        words_printf(words, "over the newest %s of" WORDS_SPACE, units_count(profile->requests).text);
    endpoint_words_number(words, profile->requests_seen, "request", "requests");
    if (profile->requests_estimated > profile->requests_seen)
        words_printf(words, " recorded of about" WORDS_SPACE "%s",
                     units_count(profile->requests_estimated).text);
    chunk(paper, words);
    words_printf(words, "p50" WORDS_SPACE "%s", units_duration(profile->p50_ns).text);
    chunk(paper, words);
    if (profile->requests >= PERCENTILE_SAMPLES_MIN) {
        words_printf(words, "p95" WORDS_SPACE "%s", units_duration(profile->p95_ns).text);
        chunk(paper, words);
    }
    words_printf(words, "max" WORDS_SPACE "%s", units_duration(profile->max_ns).text);
    chunk(paper, words);
    paper_end(paper);
}

static void show_profile(struct paper *paper, const struct profile *profile)
{
    struct words words;
    words_init(&words, paper->view);
    header(paper, &words, profile);
    double cumulative = show_operations(paper, profile);
    show_components(paper, profile);
    if (cache_words_has(profile->cache)) {
        paper_end(paper);
        cache_words(&words, profile->cache);
        paper_wrap(paper, words_str(&words), 0, paper->width);
        paper_end(paper);
    }
    words_fini(&words);
    if (cumulative > 1.005)
        paper_say(
            paper, STYLE_FAINT, 0,
            "Shares add up to more than 100 %: some of this ran at the same time, and each counts whole.");
}

static void explain(struct paper *paper, uint32_t left_out)
{
    if (left_out) {
        struct words words;
        words_init(&words, paper->view);
        words_printf(&words,
                     "%s more of this name, last asked for longer ago: choose with --service, --version.",
                     units_count(left_out).text);
        paper_wrap(paper, words_str(&words), 0, paper->width);
        paper_end(paper);
        words_fini(&words);
    }
    paper_say(paper, STYLE_FAINT, 0,
              "Calls, total, self, rows and time are those of one request on average. Self is total without "
              "what ran beneath it; “share” is its part of the request, “cumul.” that of all lines down to "
              "here.");
}

void text_profiles(struct buffer *out, const struct view *view, const struct profile *profiles,
                   uint32_t count, uint32_t left_out)
{
    struct paper paper;
    paper_init(&paper, out, view);
    if (count == 0) {
        paper_say(&paper, STYLE_PLAIN, 0, "No requests yet. What is connected: weir" WORDS_SPACE "status");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        show_profile(&paper, &profiles[i]);
        paper_end(&paper);
    }
    explain(&paper, left_out);
}
