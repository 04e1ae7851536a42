/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir status`: is anything lost, is the collector behind, who sends, where is everything. What went wrong
 * comes with its own words; counters that stand at 0 are not shown.
 */
#include "viewer/text/endpoint_words.h"
#include "viewer/text/table.h"
#include "viewer/text/units.h"

#include <inttypes.h>
#include <stdio.h>

#define VALUE_COLUMN 12

static void field(struct paper *paper, const char *name, struct words *value)
{
    struct words words;
    words_init(&words, paper->view);
    words_style(&words, STYLE_FAINT);
    words_add(&words, name);
    paper_put_words(paper, &words);
    paper_to(paper, VALUE_COLUMN);
    paper_wrap(paper, words_str(value), VALUE_COLUMN, paper->width);
    paper_end(paper);
    words_fini(&words);
    words_clear(value);
}

static void place(struct paper *paper, const char *name, struct str where, struct words *value)
{
    if (where.len == 0) return;
    words_name(value, where);
    field(paper, name, value);
}

static struct unit_text rate(uint64_t a_minute)
{
    struct unit_text out;
    if (a_minute >= 600) return units_count((a_minute + 30) / 60);
    snprintf(out.text, sizeof out.text, "%.2g", (double)a_minute / 60);
    return out;
}

static void spool(struct paper *paper, const struct status_view *status, struct words *value)
{
    if (!status->spool_on || status->spool_batches == 0) return;
    words_printf(value, "%s %s in %s on disk, acknowledged and not in the database yet, the oldest for %s",
                 units_count(status->spool_batches).text, status->spool_batches == 1 ? "batch" : "batches",
                 units_bytes(status->spool_bytes).text,
                 units_age(paper->view->now_ns, status->spool_oldest_ns).text);
    field(paper, "spooled", value);
}

/* What is known of the database's content. */
static void database(struct paper *paper, const struct status_view *status, struct words *value)
{
    if (status->database_away) {
        words_style(value, STYLE_BAD);
        words_add(value, "away");
        words_style(value, STYLE_PLAIN);
        words_add(value,
                  status->spool_on ? ": what comes is kept in the spool" : ": what comes is sent back");
        field(paper, "Postgres", value);
        return;
    }
    words_printf(value, "%s spans in %s on disk", units_count(status->spans).text,
                 units_bytes(status->database_bytes).text);
    if (status->disk_free_bytes) words_printf(value, ", %s free", units_bytes(status->disk_free_bytes).text);
    field(paper, "stored", value);
    endpoint_words_number(value, status->requests, "request", "requests");
    field(paper, "analysed", value);
    if (status->traces_pending)
        words_printf(value, "%s %s, the oldest for %s", units_count(status->traces_pending).text,
                     status->traces_pending == 1 ? "trace" : "traces",
                     units_age(paper->view->now_ns, status->oldest_pending_ns).text);
    else
        words_add(value, "nothing");
    field(paper, "to analyse", value);
}

static void collector(struct paper *paper, const struct status_view *status, struct words *value)
{
    int64_t now_ns = paper->view->now_ns;
    words_style(value, STYLE_STRONG);
    words_add(value, "weir-collector ");
    words_name(value, status->version);
    words_style(value, STYLE_PLAIN);
    words_printf(value, ", running for %s, since %s", units_age(now_ns, status->started_ns).text,
                 units_time(status->started_ns).text);
    paper_wrap(paper, words_str(value), VALUE_COLUMN, paper->width);
    paper_end(paper);
    words_clear(value);
    place(paper, "spans to", status->listen, value);
    place(paper, "reports on", status->http, value);
    place(paper, "database", status->postgres, value);
    paper_end(paper);

    words_printf(value, "%s spans in the last minute, %s a second",
                 units_count(status->spans_last_minute).text, rate(status->spans_last_minute).text);
    field(paper, "arriving", value);
    database(paper, status, value);
    spool(paper, status, value);
}

static void refusal(struct paper *paper, const struct status_view *status, struct words *words)
{
    if (status->last_refusal_ns == 0) return;
    words_printf(words, "the last batch that was refused, %s: ",
                 units_ago(paper->view->now_ns, status->last_refusal_ns).text);
    words_name(words, status->last_refusal);
    paper_to(paper, VALUE_COLUMN + 2);
    paper_wrap(paper, words_str(words), VALUE_COLUMN + 2, paper->width);
    paper_end(paper);
    words_clear(words);
}

static void counters(struct paper *paper, const struct status_view *status, struct words *value)
{
    bool any = false;
    for (uint32_t i = 0; i < status->counter_count; i++) {
        const struct status_counter *counter = &status->counters[i];
        if (counter->value == 0) continue;
        if (!any) {
            paper_end(paper);
            paper_say(paper, STYLE_STRONG, 0, "Counted since the collector started");
        }
        any = true;
        words_add(value, units_count(counter->value).text);
        paper_put_right(paper, words_str(value), VALUE_COLUMN);
        words_clear(value);
        words_name(value, str_of(counter->words && *counter->words ? counter->words : counter->name));
        paper_to(paper, VALUE_COLUMN + 2);
        paper_wrap(paper, words_str(value), VALUE_COLUMN + 2, paper->width);
        paper_end(paper);
        words_clear(value);
    }
}

enum { SERVICE, VERSION, INSTANCE, SEEN, CREATED, ACKNOWLEDGED, STORED, DROPPED, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [SERVICE] = {"service", false, 12, 0},  [VERSION] = {"version", false, 7, 2},
    [INSTANCE] = {"instance", false, 8, 3}, [SEEN] = {"last seen", true, 0, 1},
    [CREATED] = {"created", true, 0, 0},    [ACKNOWLEDGED] = {"acknowledged", true, 0, 4},
    [STORED] = {"stored", true, 0, 0},      [DROPPED] = {"dropped", true, 0, 0},
};

static void count_cell(struct table *table, uint64_t value, enum style style)
{
    words_style(&table->text, style);
    words_add(&table->text, units_count(value).text);
    text_table_cell_end(table);
}

/* Who sends by OTLP or Zipkin cannot say what became of its spans. */
static bool counts_nothing(const struct status_producer *producer)
{
    return producer->created == 0 && producer->stored > 0;
}

static void told_cell(struct table *table, const struct status_producer *producer, uint64_t value,
                      enum style style)
{
    if (!counts_nothing(producer)) {
        count_cell(table, value, style);
        return;
    }
    words_add(&table->text, "·");
    text_table_cell_end(table);
}

static void name_cell(struct table *table, struct str name)
{
    words_name(&table->text, name);
    text_table_cell_end(table);
}

static void producers(struct paper *paper, const struct status_view *status)
{
    struct table table;
    text_table_init(&table, columns, COLUMNS, paper->view);
    for (uint32_t i = 0; i < status->producer_count; i++) {
        const struct status_producer *producer = &status->producers[i];
        name_cell(&table, producer->service_name);
        name_cell(&table, producer->service_version);
        name_cell(&table, producer->instance_id);
        words_add(&table.text, units_ago(paper->view->now_ns, producer->last_seen_ns).text);
        text_table_cell_end(&table);
        told_cell(&table, producer, producer->created, STYLE_PLAIN);
        told_cell(&table, producer, producer->acknowledged, STYLE_PLAIN);
        count_cell(&table, producer->stored, STYLE_PLAIN);
        told_cell(&table, producer, producer->dropped_total,
                  producer->dropped_total ? STYLE_BAD : STYLE_PLAIN);
    }
    text_table_print(&table, paper);
    text_table_fini(&table);
}

static void name_producer(struct words *words, const struct status_producer *producer)
{
    endpoint_words_service(words, producer->service_name, producer->service_version);
    if (producer->instance_id.len == 0) return;
    words_add(words, " (");
    words_name(words, producer->instance_id);
    words_add(words, ")");
}

/* Times across services are as the services say; where those are off, so are the bars of a waterfall. */
static void clock_off(struct paper *paper, const struct status_producer *producer, struct words *words)
{
    enum status_clock clock = status_clock(producer);
    if (clock != STATUS_CLOCK_AHEAD && clock != STATUS_CLOCK_LATE) return;
    words_style(words, STYLE_BAD);
    name_producer(words, producer);
    if (clock == STATUS_CLOCK_AHEAD)
        words_printf(words, ": its clock is %s ahead of the collector's",
                     units_duration(producer->clock_ahead_ns).text);
    else
        words_printf(words, ": its spans were %s old when they came; its clock is behind, or they had waited",
                     units_duration(-producer->clock_ahead_ns).text);
    paper_wrap(paper, words_str(words), 2, paper->width);
    paper_end(paper);
    words_clear(words);
}

/* dashboard before (host-7-4711) dropped 1,204: 1,200 ring full (…), 4 not delivered before the shutdown
 * deadline */
static void losses(struct paper *paper, const struct status_producer *producer, struct words *words)
{
    if (producer->dropped_total == 0) return;
    bool any = false;
    words_style(words, STYLE_BAD);
    name_producer(words, producer);
    words_printf(words, " dropped %s:", units_count(producer->dropped_total).text);
    for (uint32_t i = 0; i < producer->dropped_count; i++) {
        const struct status_counter *reason = &producer->dropped[i];
        if (reason->value == 0) continue;
        words_printf(words, "%s%s" WORDS_SPACE, any ? ", " : " ", units_count(reason->value).text);
        words_name(words, str_of(reason->words ? reason->words : reason->name));
        any = true;
    }
    if (!any) words_add(words, " why is not known");
    paper_wrap(paper, words_str(words), 2, paper->width);
    paper_end(paper);
    words_clear(words);
}

/* shop 2.1 (host-7-4711) did not record 1,200 requests: 1,100 by the sampler, 100 by their caller */
static void sampled_away(struct paper *paper, const struct status_producer *producer, struct words *words)
{
    if (producer->sampled_away_total == 0) return;
    bool any = false;
    words_style(words, STYLE_FAINT);
    name_producer(words, producer);
    words_add(words, " sampled away ");
    endpoint_words_number(words, producer->sampled_away_total, "request", "requests");
    for (uint32_t i = 0; i < producer->sampled_away_count; i++) {
        const struct status_counter *by = &producer->sampled_away[i];
        if (by->value == 0) continue;
        words_printf(words, "%s%s" WORDS_SPACE, any ? ", " : ": ", units_count(by->value).text);
        words_name(words, str_of(by->words));
        any = true;
    }
    words_add(words, "; reports estimate the whole from those recorded");
    paper_wrap(paper, words_str(words), 2, paper->width);
    paper_end(paper);
    words_clear(words);
}

void text_status(struct buffer *out, const struct view *view, const struct status_view *status)
{
    struct paper paper;
    struct words words;
    paper_init(&paper, out, view);
    words_init(&words, view);
    collector(&paper, status, &words);
    counters(&paper, status, &words);
    refusal(&paper, status, &words);
    paper_end(&paper);
    if (status->producer_count) {
        producers(&paper, status);
        for (uint32_t i = 0; i < status->producer_count; i++) {
            losses(&paper, &status->producers[i], &words);
            sampled_away(&paper, &status->producers[i], &words);
            clock_off(&paper, &status->producers[i], &words);
        }
        bool any_silent = false;
        for (uint32_t i = 0; i < status->producer_count; i++)
            any_silent |= counts_nothing(&status->producers[i]);
        if (any_silent)
            paper_say(&paper, STYLE_FAINT, 0,
                      "· is not told: it came by OTLP or Zipkin, which have no place for it.");
        paper_say(&paper, STYLE_FAINT, 0,
                  "Created = acknowledged + dropped + still on the way, as each service said in its last "
                  "batch, which could not count itself; stored is what is in the database.");
    } else {
        paper_say(&paper, STYLE_PLAIN, 0,
                  "No service has sent anything yet. A service needs WEIR_ENDPOINT set to the address after "
                  "“spans to”.");
    }
    words_fini(&words);
}
