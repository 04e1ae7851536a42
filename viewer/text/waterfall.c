/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trace for a person: whose request, how long, how many calls; then rows of a tree, each with its time
 * and a bar; then what is to be repaired in it.
 *
 *     ◆ ├ ×3,000 orders by customer        1.21 s              ▓▓▓▓▓▓▓▓▓▓▓▓
 *       │   each 212 µs to 2.10 ms, median 398 µs
 */
#include "viewer/text/waterfall.h"
#include "viewer/text/cells.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/finding_words.h"
#include "viewer/text/units.h"

#include <inttypes.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define LABEL_CELLS_MIN 20
#define NOTE_NS_MIN     1000 /* clocks are read one after another */

/* --- the left side: what a row is called --- */

static struct str service_of(const struct span *span)
{
    return span->resource ? span->resource->service_name : str_view("", 0);
}

static void span_name(struct waterfall *waterfall, const struct span *span)
{
    struct words *words = &waterfall->label;
    const struct span *parent = span->parent;
    bool moved = parent && !str_equal(service_of(span), service_of(parent));
    if (moved) {
        words_name(words, service_of(span));
        words_add(words, ": ");
    }
    struct str label =
        span->operation ? operation_label(span->operation, &waterfall->arena) : str_view("", 0);
    if (label.len)
        words_name(words, label);
    else
        words_add(words, "(span without a name)");
}

static int64_t row_sum(const struct row *row)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        if (row->members[i]->rows < 0) return -1;
        if (__builtin_add_overflow(sum, row->members[i]->rows, &sum)) return -1;
    }
    return sum;
}

static void gap_name(struct waterfall *waterfall, const struct row *row)
{
    struct words *words = &waterfall->label;
    const struct span *parent = row->parent->members[0], *child = parent->first_child;
    words_style(words, STYLE_FAINT);
    if (parent->kind == SPAN_KIND_CLIENT && child && !str_equal(service_of(child), service_of(parent))) {
        words_add(words, "(no span) on the way to ");
        words_name(words, service_of(child));
        words_add(words, " and back");
        return;
    }
    words_add(words, "(no span)");
    if (row->count > 1) words_printf(words, " %s pauses", units_count(row->count).text);
}

/* Straight lines for the ancestors that have more rows to come; deep trees are drawn at the deepest column
 * that fits. */
void waterfall_branch(struct waterfall *waterfall, const struct row *row, bool detail)
{
    struct words *words = &waterfall->label;
    unsigned depth_max = waterfall->label_cells ? waterfall->label_cells / 4 : 16;
    const char *parts[256];
    unsigned count = 0;
    if (depth_max > 255) depth_max = 255;
    words_style(words, STYLE_FAINT);
    if (row->depth > depth_max) {
        words_printf(words, "…%u ", row->depth);
        if (detail) words_add(words, "  ");
        words_style(words, STYLE_PLAIN);
        return;
    }
    if (detail && row->has_children)
        parts[count++] = "│" WORDS_SPACE;
    else if (detail)
        parts[count++] = WORDS_SPACE WORDS_SPACE;
    if (row->depth > 0) {
        if (detail)
            parts[count++] = row->is_last ? WORDS_SPACE WORDS_SPACE : "│" WORDS_SPACE;
        else
            parts[count++] = row->is_last ? "└" WORDS_SPACE : "├" WORDS_SPACE;
    }
    for (const struct row *up = row->parent; up && up->depth > 0; up = up->parent)
        parts[count++] = up->is_last ? WORDS_SPACE WORDS_SPACE : "│" WORDS_SPACE;
    while (count > 0) words_add(words, parts[--count]);
    words_style(words, STYLE_PLAIN);
}

static void compose_label(struct waterfall *waterfall, const struct row *row)
{
    struct words *words = &waterfall->label;
    words_clear(words);
    waterfall_branch(waterfall, row, false);
    if (row->kind == ROW_GAP) {
        gap_name(waterfall, row);
        return;
    }
    if (row->depth == 0) words_style(words, STYLE_STRONG);
    if (row->count > 1) {
        words_style(words, STYLE_TITLE);
        words_printf(words, "×%s ", units_count(row->count).text);
        words_style(words, STYLE_PLAIN);
    }
    span_name(waterfall, row->members[0]);
    int64_t rows = row_sum(row);
    if (rows < 0 || !row->members[0]->operation || row->members[0]->operation->type != OPERATION_DB) return;
    words_style(words, STYLE_FAINT);
    words_printf(words, "  %s %s", units_count((uint64_t)rows).text, rows == 1 ? "row" : "rows");
}

/* --- the line below: what else is to be known of a row --- */

static int by_duration(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void spread(struct waterfall *waterfall, const struct row *row)
{
    int64_t *durations = arena_array(&waterfall->arena, row->count, sizeof *durations);
    if (!durations) return;
    for (uint32_t i = 0; i < row->count; i++) durations[i] = row->members[i]->duration_ns;
    qsort(durations, row->count, sizeof *durations, by_duration);
    if (durations[0] == durations[row->count - 1]) {
        words_printf(&waterfall->label, "each %s", units_duration(durations[0]).text);
        return;
    }
    words_printf(&waterfall->label, "each %s to %s, median %s", units_duration(durations[0]).text,
                 units_duration(durations[row->count - 1]).text,
                 units_duration(durations[(row->count - 1) / 2]).text);
}

static void separate(struct words *words, size_t begin)
{
    if (words->bytes.len > begin) words_add(words, "; ");
}

static struct str error_type(const struct span *span)
{
    for (uint32_t i = 0; i < span->attribute_count; i++)
        if (str_is(span->attributes[i].key, "error.type")) return span->attributes[i].text;
    return str_view("", 0);
}

/* failed: 40001, deadlock detected */
static void errors(struct words *words, const struct row *row, size_t begin)
{
    uint32_t failed = 0;
    const struct span *first = NULL;
    for (uint32_t i = 0; i < row->count; i++) {
        if (row->members[i]->status != SPAN_STATUS_ERROR) continue;
        if (!first) first = row->members[i];
        failed++;
    }
    if (!first) return;
    separate(words, begin);
    words_style(words, STYLE_BAD);
    if (row->count > 1)
        words_printf(words, "%s failed", units_count(failed).text);
    else
        words_add(words, "failed");
    struct str type = error_type(first), message = first->status_message;
    if (str_equal(type, message)) message.len = 0;
    if (type.len || message.len) words_add(words, failed > 1 ? ", first: " : ": ");
    words_name(words, type);
    if (type.len && message.len) words_add(words, ", ");
    words_name(words, message);
    words_style(words, STYLE_FAINT);
}

/* A span of another process outside of the call that caused it: the clocks differ. One of the same process:
 * it ran on. */
static void outside(struct words *words, const struct row *row, size_t begin)
{
    int64_t early_ns = 0, late_ns = 0;
    bool foreign = false;
    for (uint32_t i = 0; i < row->count; i++) {
        const struct span *span = row->members[i], *parent = span->parent;
        if (!parent) continue;
        int64_t early = since_ns(span->start_ns, parent->start_ns);
        int64_t late = since_ns(span_end_ns(parent), span_end_ns(span));
        if (early > early_ns) early_ns = early;
        if (late > late_ns) late_ns = late;
        if (early > 0 || late > 0) foreign |= !str_equal(service_of(span), service_of(parent));
    }
    if (early_ns < NOTE_NS_MIN && late_ns < NOTE_NS_MIN) return;
    separate(words, begin);
    const char *up_to = row->count > 1 ? "up to " : "",
               *parent = row->count > 1 ? "their parents" : "its parent";
    if (early_ns > 0)
        words_printf(words, "began %s%s before %s", up_to, units_duration(early_ns).text, parent);
    if (early_ns > 0 && late_ns > 0) words_add(words, " and ");
    if (late_ns > 0) words_printf(words, "ended %s%s after %s", up_to, units_duration(late_ns).text, parent);
    if (foreign) words_add(words, ": clocks differ, drawn inside");
}

static void missing_parent(struct words *words, const struct row *row, size_t begin)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < row->count; i++)
        missing += !row->members[i]->parent && row->members[i]->parent_id != 0;
    if (missing == 0) return;
    separate(words, begin);
    if (row->count > 1)
        words_printf(words, "the parents of %s have not arrived", units_count(missing).text);
    else if (row->members[0]->remote_parent)
        words_printf(words, "called by span %016" PRIx64 " of another process, which has not arrived",
                     row->members[0]->parent_id);
    else
        words_printf(words, "its parent, span %016" PRIx64 ", has not arrived", row->members[0]->parent_id);
}

static void detail_line(struct waterfall *waterfall, const struct row *row)
{
    struct words *words = &waterfall->label;
    struct paper *paper = &waterfall->paper;
    words_clear(words);
    waterfall_branch(waterfall, row, true);
    unsigned hang = WATERFALL_MARK_CELLS + cells_of(words_str(words));
    words_style(words, STYLE_FAINT);
    size_t begin = words->bytes.len;
    if (row->count > 1) spread(waterfall, row);
    errors(words, row, begin);
    outside(words, row, begin);
    missing_parent(words, row, begin);
    if (words->bytes.len == begin) return;
    paper_to(paper, WATERFALL_MARK_CELLS);
    paper_wrap(paper, words_str(words), hang, paper->width);
    paper_end(paper);
}

/* --- a row --- */

static bool is_critical(const struct waterfall *waterfall, const struct row *row)
{
    const struct trace_view *view = waterfall->view;
    if (!view->critical) return false;
    if (row->kind == ROW_GAP) row = row->parent;
    for (uint32_t i = 0; i < row->count; i++)
        if (view->critical[row->members[i] - view->trace->spans]) return true;
    return false;
}

static enum style bar_style(const struct row *row, bool critical)
{
    if (row->kind == ROW_GAP) return STYLE_FAINT;
    if (critical) return STYLE_CRITICAL;
    const struct operation *operation = row->members[0]->operation;
    return operation && operation_is_call(operation->type) ? STYLE_CALL : STYLE_SPAN;
}

static void row_line(struct waterfall *waterfall, const struct row *row)
{
    struct paper *paper = &waterfall->paper;
    bool critical = is_critical(waterfall, row);
    if (critical) {
        words_clear(&waterfall->bar);
        words_style(&waterfall->bar, STYLE_CRITICAL);
        words_add(&waterfall->bar, "◆");
        paper_put_words(paper, &waterfall->bar);
        waterfall->critical_seen = true;
    }
    compose_label(waterfall, row);
    paper_to(paper, WATERFALL_MARK_CELLS);
    paper_put(paper, words_str(&waterfall->label), waterfall->label_cells);
    words_clear(&waterfall->bar);
    words_add(&waterfall->bar, units_duration(row->total_ns).text);
    paper_put_right(paper, words_str(&waterfall->bar), waterfall_time_end(waterfall));
    words_clear(&waterfall->bar);
    words_style(&waterfall->bar, bar_style(row, critical));
    bar_row(&waterfall->bar, row, waterfall->rows.axis, waterfall->bar_cells);
    paper_to(paper, waterfall_bar_begin(waterfall));
    paper_put_words(paper, &waterfall->bar);
    paper_end(paper);
    if (row->kind != ROW_SPANS) return;
    detail_line(waterfall, row);
    waterfall_details(waterfall, row);
}

/* Labels get what they need, up to two thirds of what is there; bars the rest. */
static void lay_out(struct waterfall *waterfall)
{
    unsigned room = waterfall->paper.width - WATERFALL_MARK_CELLS - WATERFALL_TIME_CELLS - WATERFALL_BAR_GAP;
    unsigned label_max = room - room * 38 / 100, longest = LABEL_CELLS_MIN;
    waterfall->label_cells = label_max;
    for (const struct row *row = waterfall->rows.first; row && longest < label_max; row = row->next) {
        compose_label(waterfall, row);
        unsigned cells = cells_of(words_str(&waterfall->label));
        unsigned event_cells = waterfall_event_cells(waterfall, row);
        if (event_cells > cells) cells = event_cells;
        if (cells > longest) longest = cells;
    }
    waterfall->label_cells = longest < label_max ? longest : label_max;
    waterfall->bar_cells = room - waterfall->label_cells;
    if (waterfall->bar_cells > BAR_CELLS_MAX) waterfall->bar_cells = BAR_CELLS_MAX;
}

/* --- above and below the rows --- */

static const struct request *request_of(const struct trace_view *view, const struct span *span)
{
    if (!view->analysis) return NULL;
    for (uint32_t i = 0; i < view->analysis->request_count; i++)
        if (view->analysis->requests[i].span == span) return &view->analysis->requests[i];
    return NULL;
}

/* Whose figures stand on top: the focus, else the first root that is a request and no orphan. */
static const struct span *shown_request(const struct trace_view *view)
{
    if (view->focus) return view->focus;
    for (size_t i = 0; i < view->trace->root_count; i++)
        if (request_of(view, view->trace->roots[i])) return view->trace->roots[i];
    return view->trace->roots[0];
}

static void chunk(struct waterfall *waterfall)
{
    paper_flow(&waterfall->paper, &waterfall->label, 3, 0);
    words_clear(&waterfall->label);
}

/* A parent in this process is missing; one in another may lie in a service that sends no spans. */
static bool has_lost_parent(const struct trace *trace)
{
    for (size_t i = 0; i < trace->root_count; i++)
        if (trace->roots[i]->parent_id && !trace->roots[i]->parent && !trace->roots[i]->remote_parent)
            return true;
    return false;
}

static void header(struct waterfall *waterfall)
{
    const struct trace *trace = waterfall->view->trace;
    const struct span *span = shown_request(waterfall->view);
    const struct request *request = request_of(waterfall->view, span);
    struct words *words = &waterfall->label;
    words_clear(words);
    words_style(words, STYLE_STRONG);
    if (request)
        words_name(words, request->endpoint);
    else
        span_name(waterfall, span);
    chunk(waterfall);
    endpoint_words_service(words, service_of(span),
                           span->resource ? span->resource->service_version : str_view("", 0));
    chunk(waterfall);
    words_style(words, STYLE_STRONG);
    words_add(words, units_duration(span->duration_ns).text);
    chunk(waterfall);
    if (request) {
        endpoint_words_calls(words, request->db_calls, request->http_calls, request->cache_calls);
        if (request->db_calls)
            words_printf(words, ", %s in" WORDS_SPACE "the" WORDS_SPACE "database",
                         units_duration(request->db_ns).text);
        chunk(waterfall);
        if (request->error) {
            words_style(words, STYLE_BAD);
            words_add(words, "failed");
            chunk(waterfall);
        }
    }
    paper_end(&waterfall->paper);
    words_add(words, "trace ");
    finding_words_trace_id(words, trace->id);
    chunk(waterfall);
    words_printf(words, "%s (%s)", units_time(span->start_ns).text,
                 units_ago(waterfall->paper.view->now_ns, span->start_ns).text);
    chunk(waterfall);
    endpoint_words_number(words, trace->span_count, "span", "spans");
    chunk(waterfall);
    if (span->sampling_threshold) {
        words_printf(words, "sampled: stands for %s like it", units_mean(span_weight(span)).text);
        chunk(waterfall);
    }
    paper_end(&waterfall->paper);
    if (has_lost_parent(trace))
        paper_say(&waterfall->paper, STYLE_BAD, 0,
                  "Incomplete: some spans name a parent that has not arrived. It is unfinished, or late, or "
                  "dropped.");
    paper_end(&waterfall->paper);
}

static void finding_lines(struct waterfall *waterfall)
{
    const struct analysis *analysis = waterfall->view->analysis;
    if (!analysis || analysis->finding_count == 0) return;
    struct paper *paper = &waterfall->paper;
    struct words *words = &waterfall->label;
    paper_end(paper);
    for (uint32_t i = 0; i < analysis->finding_count; i++) {
        const struct finding *finding = &analysis->findings[i];
        words_clear(words);
        words_style(words, STYLE_TITLE);
        words_add(words, finding_kind_title(finding->kind));
        if (finding_words_counts(finding)) words_printf(words, " ×%s", units_count(finding->count).text);
        words_style(words, STYLE_PLAIN);
        words_add(words, "   ");
        finding_words_what(words, finding);
        if (finding->saving_ns > 0)
            words_printf(words, "; repaired, about %s less", units_estimate(finding->saving_ns).text);
        paper_wrap(paper, words_str(words), 5, paper->width);
        paper_end(paper);
    }
    words_clear(words);
    words_add(words, "In full: weir findings --trace" WORDS_SPACE);
    finding_words_trace_id(words, waterfall->view->trace->id);
    paper_wrap(paper, words_str(words), 0, paper->width);
    paper_end(paper);
}

static void below(struct waterfall *waterfall)
{
    struct words *words = &waterfall->label;
    words_clear(words);
    if (waterfall->rows.hidden_spans) {
        words_printf(words,
                     "and %s spans more, in rows below these. All of them: weir trace --json" WORDS_SPACE,
                     units_count(waterfall->rows.hidden_spans).text);
        finding_words_trace_id(words, waterfall->view->trace->id);
        paper_wrap(&waterfall->paper, words_str(words), 0, waterfall->paper.width);
        paper_end(&waterfall->paper);
    }
    if (waterfall->critical_seen)
        paper_say(&waterfall->paper, STYLE_FAINT, 0,
                  "◆ on the critical path: less time there makes the request shorter");
    finding_lines(waterfall);
}

static void draw(struct waterfall *waterfall)
{
    header(waterfall);
    lay_out(waterfall);
    words_clear(&waterfall->bar);
    bar_ruler(&waterfall->bar, waterfall->rows.axis, waterfall->bar_cells);
    paper_to(&waterfall->paper, waterfall_bar_begin(waterfall));
    paper_put_words(&waterfall->paper, &waterfall->bar);
    paper_end(&waterfall->paper);
    for (const struct row *row = waterfall->rows.first; row; row = row->next) row_line(waterfall, row);
    below(waterfall);
}

void text_trace(struct buffer *out, const struct view *view, const struct trace_view *trace)
{
    struct waterfall waterfall = {.view = trace};
    paper_init(&waterfall.paper, out, view);
    if (trace->trace->span_count == 0 || (!trace->focus && trace->trace->root_count == 0)) {
        paper_say(&waterfall.paper, STYLE_PLAIN, 0, "This trace has no spans.");
        return;
    }
    arena_init(&waterfall.arena, ARENA_BYTES_MAX);
    words_init(&waterfall.label, view);
    words_init(&waterfall.bar, view);
    if (rows_build(&waterfall.rows, trace->trace, trace->focus, &waterfall.arena))
        draw(&waterfall);
    else
        out->failed = true;
    words_fini(&waterfall.label);
    words_fini(&waterfall.bar);
    arena_fini(&waterfall.arena);
}
