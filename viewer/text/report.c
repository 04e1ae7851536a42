/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front page: one block for each endpoint, in the order given (the most time first), with what is to be
 * repaired, the largest saving first; then what holds for all, and what may make it wrong.
 */
#include "viewer/text/cells.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/finding_words.h"
#include "viewer/text/paper.h"
#include "viewer/text/units.h"

#include <stdio.h>

#define WHOLE_ENDPOINTS_MAX 4  /* so many are shown with all their findings */
#define SHORT_ENDPOINTS_MAX 10 /* of more, so many are shown, … */
#define SHORT_FINDINGS_MAX  3  /* … each with so many findings */
#define FINDING_INDENT      5
#define WIDE_COLUMNS        100

static void chunk(struct paper *paper, struct words *words)
{
    paper_flow(paper, words, 3, FINDING_INDENT);
    words_clear(words);
}

/* Who: GET /api/dashboard/{merchant_id}   dashboard before   5 requests */
static void identity(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    words_style(words, STYLE_STRONG);
    endpoint_words_name(words, endpoint);
    chunk(paper, words);
    endpoint_words_service(words, endpoint->service, endpoint->service_version);
    chunk(paper, words);
    endpoint_words_number(words, endpoint->count, "request", "requests");
    chunk(paper, words);
    if (endpoint->errors == 0) return;
    words_style(words, STYLE_BAD);
    words_printf(words, "%s" WORDS_SPACE "failed", units_count(endpoint->errors).text);
    chunk(paper, words);
}

static void latency(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    words_printf(words, "p50" WORDS_SPACE "%s", units_duration(endpoint->p50_ns).text);
    chunk(paper, words);
    if (endpoint->count >= PERCENTILE_SAMPLES_MIN) {
        words_printf(words, "p95" WORDS_SPACE "%s", units_duration(endpoint->p95_ns).text);
        chunk(paper, words);
    }
    words_printf(words, "max" WORDS_SPACE "%s", units_duration(endpoint->max_ns).text);
    chunk(paper, words);
}

static void call_totals(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    endpoint_words_calls(words, endpoint->db_calls, endpoint->http_calls, endpoint->cache_calls);
    if (endpoint->calls_max) words_add(words, " a" WORDS_SPACE "request");
    if (endpoint->calls_min != endpoint->calls_max)
        words_printf(words, " (%s to %s)", units_count(endpoint->calls_min).text,
                     units_count(endpoint->calls_max).text);
    char database[64] = "";
    if (endpoint->db_calls)
        snprintf(database, sizeof database, "%s in" WORDS_SPACE "the" WORDS_SPACE "database",
                 units_duration(endpoint->db_ns).text);
    bool fits = FINDING_INDENT + cells_of(words_str(words)) + 2 + strlen(database) <= paper->width;
    if (*database && !fits) chunk(paper, words);
    if (*database) words_printf(words, "%s%s", fits ? ", " : "", database);
    chunk(paper, words);
}

/* How: p50 2.13 s   max 2.41 s   3,604 queries a request, 2.01 s in the database */
static void figures(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    latency(paper, words, endpoint);
    call_totals(paper, words, endpoint);
    if (endpoint->finding_count) return;
    words_style(words, STYLE_GOOD);
    words_add(words, "nothing to repair found");
    chunk(paper, words);
}

/* How wide the header would be on one line. */
static unsigned header_cells(const struct paper *paper, struct words *words,
                             const struct endpoint_summary *endpoint)
{
    struct view endless = {.width = UINT32_MAX / 2, .ascii = paper->view->ascii};
    struct paper scratch;
    struct buffer line;
    buffer_init(&line);
    paper_init(&scratch, &line, &endless);
    identity(&scratch, words, endpoint);
    figures(&scratch, words, endpoint);
    buffer_fini(&line);
    return scratch.column;
}

/* On one line if it fits, else who on the first and how on the second. */
static void header(struct paper *paper, const struct endpoint_summary *endpoint)
{
    struct words words;
    words_init(&words, paper->view);
    bool one_line = header_cells(paper, &words, endpoint) <= paper->width;
    identity(paper, &words, endpoint);
    if (!one_line) {
        paper_end(paper);
        paper_to(paper, FINDING_INDENT);
    }
    figures(paper, &words, endpoint);
    paper_end(paper);
    words_fini(&words);
}

/* The columns that the findings of one endpoint share. */
struct columns {
    unsigned title, count, text;
};

static struct columns columns_of(const struct finding *findings, uint32_t count)
{
    struct columns columns = {0, 0, 0};
    for (uint32_t i = 0; i < count; i++) {
        unsigned title = (unsigned)strlen(finding_kind_title(findings[i].kind));
        unsigned digits = finding_words_counts(&findings[i])
                              ? (unsigned)strlen(units_count(findings[i].count).text) + 1
                              : 0;
        if (title > columns.title) columns.title = title;
        if (digits > columns.count) columns.count = digits;
    }
    columns.text = FINDING_INDENT + columns.title + 3 + (columns.count ? columns.count + 3 : 0);
    return columns;
}

/*  1  N+1 query   ×3,000   orders by customer: one query for each row of “customers by merchant”
 * dashboard.c:212 */
static void first_line(struct paper *paper, struct words *words, const struct finding *finding,
                       uint32_t number, const struct columns *columns)
{
    words_printf(words, "%u", number);
    paper_put_right(paper, words_str(words), FINDING_INDENT - 2);
    words_clear(words);
    paper_to(paper, FINDING_INDENT);
    words_style(words, STYLE_TITLE);
    words_add(words, finding_kind_title(finding->kind));
    paper_put_words(paper, words);
    words_clear(words);
    if (finding_words_counts(finding)) {
        words_style(words, STYLE_TITLE);
        words_printf(words, "×%s", units_count(finding->count).text);
        paper_put_right(paper, words_str(words), columns->text - 3);
        words_clear(words);
    }
    struct words site;
    words_init(&site, paper->view);
    finding_words_site(&site, &finding->site, false);
    unsigned site_cells = cells_of(words_str(&site));
    paper_to(paper, columns->text);
    finding_words_what(words, finding);
    paper_wrap(paper, words_str(words), columns->text, paper->width);
    words_clear(words);
    if (site_cells) {
        if (paper->column + 3 + site_cells > paper->width) paper_end(paper);
        paper_put_right(paper, words_str(&site), paper->width);
    }
    paper_end(paper);
    words_fini(&site);
}

static void show_finding(struct paper *paper, const struct finding *finding, uint32_t number,
                         const struct columns *columns)
{
    struct words words;
    words_init(&words, paper->view);
    first_line(paper, &words, finding, number, columns);
    finding_words_gain(&words, finding);
    paper_to(paper, FINDING_INDENT);
    paper_wrap(paper, words_str(&words), FINDING_INDENT, paper->width);
    words_clear(&words);
    finding_words_seen(&words, finding);
    paper_flow(paper, &words, 6, FINDING_INDENT);
    paper_end(paper);
    words_clear(&words);
    if (finding->advice.len) {
        words_style(&words, STYLE_GOOD);
        words_add(&words, "→ ");
        words_name(&words, finding->advice);
        paper_to(paper, FINDING_INDENT);
        paper_wrap(paper, words_str(&words), FINDING_INDENT + 2, paper->width);
        paper_end(paper);
    }
    words_fini(&words);
}

static void show_endpoint(struct paper *paper, const struct endpoint_summary *endpoint, uint32_t findings_max)
{
    header(paper, endpoint);
    uint32_t shown = endpoint->finding_count < findings_max ? endpoint->finding_count : findings_max;
    struct columns columns = columns_of(endpoint->findings, shown);
    for (uint32_t i = 0; i < shown; i++) show_finding(paper, &endpoint->findings[i], i + 1, &columns);
    if (shown == endpoint->finding_count) return;
    struct words words;
    words_init(&words, paper->view);
    words_style(&words, STYLE_FAINT);
    words_printf(&words, "and %u more: weir findings --endpoint '", endpoint->finding_count - shown);
    endpoint_words_name(&words, endpoint);
    words_add(&words, "'");
    paper_to(paper, FINDING_INDENT);
    paper_wrap(paper, words_str(&words), FINDING_INDENT, paper->width);
    paper_end(paper);
    words_fini(&words);
}

static void totals(struct paper *paper, const struct endpoint_summary *endpoints, uint32_t count)
{
    uint64_t requests = 0, findings = 0;
    int64_t last_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        requests += endpoints[i].count;
        findings += endpoints[i].finding_count;
        if (endpoints[i].last_start_ns > last_ns) last_ns = endpoints[i].last_start_ns;
    }
    struct words words;
    words_init(&words, paper->view);
    endpoint_words_number(&words, requests, "request", "requests");
    words_add(&words, findings ? ", " : ", nothing to repair found");
    if (findings) endpoint_words_number(&words, findings, "finding", "findings");
    words_printf(&words, "; the last request began %s.", units_ago(paper->view->now_ns, last_ns).text);
    words_add(&words, findings ? " In full: weir findings. One request: weir trace --slowest 'ENDPOINT'."
                               : " One request: weir trace --slowest 'ENDPOINT'.");
    paper_wrap(paper, words_str(&words), 0, paper->width);
    paper_end(paper);
    words_fini(&words);
}

/* What may make the figures above wrong. */
static void warnings(struct paper *paper, const struct status_view *status)
{
    uint64_t dropped = 0;
    uint32_t services = 0;
    for (uint32_t i = 0; i < status->producer_count; i++) {
        dropped += status->producers[i].dropped_total;
        services += status->producers[i].dropped_total > 0;
    }
    char line[256];
    if (dropped) {
        snprintf(line, sizeof line,
                 "Warning: %s spans never arrived (dropped in %s of %s processes): counts above may be too "
                 "low. Why: "
                 "weir" WORDS_SPACE "status",
                 units_count(dropped).text, units_count(services).text,
                 units_count(status->producer_count).text);
        paper_say(paper, STYLE_BAD, 0, line);
    }
    if (status->traces_pending) {
        snprintf(line, sizeof line, "%s %s still to be analysed, the oldest for %s.",
                 units_count(status->traces_pending).text,
                 status->traces_pending == 1 ? "trace is" : "traces are",
                 units_age(paper->view->now_ns, status->oldest_pending_ns).text);
        paper_say(paper, STYLE_FAINT, 0, line);
    }
}

static void nothing_yet(struct paper *paper, const struct status_view *status)
{
    paper_say(paper, STYLE_STRONG, 0, "No requests yet.");
    struct words words;
    words_init(&words, paper->view);
    if (status && status->spans) {
        words_printf(
            &words,
            "%s spans are stored, but none of them belongs to a finished request. A request is a server "
            "span, or a span without a parent; it is counted about a second after its last span came.",
            units_count(status->spans).text);
    } else {
        words_add(&words, "Services send spans to the address in WEIR_ENDPOINT. Start yours with");
        paper_wrap(paper, words_str(&words), 0, paper->width);
        paper_end(paper);
        words_clear(&words);
        words_add(&words, "    WEIR_ENDPOINT=");
        words_name(&words, status && status->listen.len ? status->listen : str_of("tcp://127.0.0.1:5140"));
        words_add(&words, " OTEL_SERVICE_NAME=shop ./shop");
        paper_put_words(paper, &words);
        paper_end(paper);
        words_clear(&words);
        words_add(&words,
                  "and send it a request. If nothing appears within two seconds, weir" WORDS_SPACE
                  "status says what is connected and what was refused. To see weir at work without a service "
                  "of yours: weir" WORDS_SPACE "demo");
    }
    paper_wrap(paper, words_str(&words), 0, paper->width);
    paper_end(paper);
    words_fini(&words);
}

void text_report(struct buffer *out, const struct view *view, const struct endpoint_summary *endpoints,
                 uint32_t count, const struct status_view *status)
{
    struct paper paper;
    paper_init(&paper, out, view);
    bool whole = count <= WHOLE_ENDPOINTS_MAX;
    uint32_t shown = whole || count < SHORT_ENDPOINTS_MAX ? count : SHORT_ENDPOINTS_MAX;
    for (uint32_t i = 0; i < shown; i++) {
        show_endpoint(&paper, &endpoints[i], whole ? UINT32_MAX : SHORT_FINDINGS_MAX);
        paper_end(&paper);
    }
    if (shown < count) {
        char line[96];
        snprintf(line, sizeof line, "%u more, each with less time a request: weir requests", count - shown);
        paper_say(&paper, STYLE_FAINT, 0, line);
    }
    if (count)
        totals(&paper, endpoints, count);
    else
        nothing_yet(&paper, status);
    if (status) warnings(&paper, status);
}
