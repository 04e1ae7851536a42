/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front page, in one screen: endpoints with something to repair, in the order given (what saves most in
 * all comes first), each with its first repair in plain words and the others in a line; then those with
 * nothing to repair; then what holds for all, and what may make it wrong.
 */
#include "viewer/text/cache_words.h"
#include "viewer/text/cells.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/finding_words.h"
#include "viewer/text/paper.h"
#include "viewer/text/units.h"

#include <stdio.h>

#define WHOLE_ENDPOINTS_MAX 5 /* so many are shown with their first repair; more have a line */
#define LINE_ENDPOINTS_MAX  8
#define NEXT_FINDINGS_MAX   2   /* in a line each, behind the first */
#define COMPARED_MAX        500 /* of how many a newer version is looked for */
#define INDENT              3

struct endpoints {
    const struct endpoint_summary *list;
    uint32_t count;
};

static void chunk(struct paper *paper, struct words *words)
{
    paper_flow(paper, words, 3, INDENT);
    words_clear(words);
}

static void wrap_line(struct paper *paper, struct words *words, unsigned from, unsigned hang)
{
    paper_to(paper, from);
    paper_wrap(paper, words_str(words), hang, paper->width);
    paper_end(paper);
    words_clear(words);
}

/* ---- an endpoint ---- */

/* The version of the same service that was asked for after this one's last request, the last of them. */
static const struct endpoint_summary *newer_version(const struct endpoints *all,
                                                    const struct endpoint_summary *endpoint)
{
    const struct endpoint_summary *newer = NULL;
    for (uint32_t i = 0; i < all->count && i < COMPARED_MAX; i++) {
        const struct endpoint_summary *other = &all->list[i];
        bool is_other_version = str_equal(other->service, endpoint->service) &&
                                !str_equal(other->service_version, endpoint->service_version);
        int64_t last_ns = newer ? newer->last_start_ns : endpoint->last_start_ns;
        if (is_other_version && other->service_version.len && other->last_start_ns > last_ns) newer = other;
    }
    return newer;
}

/* GET /api/dashboard/{merchant_id}   dashboard before   5 requests   1 failed */
static void identity(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    words_style(words, STYLE_STRONG);
    endpoint_words_name(words, endpoint);
    chunk(paper, words);
    endpoint_words_service(words, endpoint->service, endpoint->service_version);
    chunk(paper, words);
    endpoint_words_requests(words, endpoint);
    chunk(paper, words);
    if (endpoint_is_estimate(endpoint)) {
        words_style(words, STYLE_FAINT);
        words_printf(words, "estimated from %s recorded", units_count(endpoint->recorded).text);
        chunk(paper, words);
    }
    if (endpoint->errors == 0) return;
    words_style(words, STYLE_BAD);
    words_printf(words, "%s%s" WORDS_SPACE "failed",
                 endpoint_is_estimate(endpoint) ? "about" WORDS_SPACE : "",
                 units_count(endpoint->errors).text);
    chunk(paper, words);
}

/* (since then: joined) */
static void replaced(struct paper *paper, struct words *words, const struct endpoint_summary *newer)
{
    if (!newer) return;
    words_style(words, STYLE_FAINT);
    words_add(words, "(since then: ");
    words_name(words, newer->service_version);
    words_add(words, ")");
    chunk(paper, words);
}

static void latency(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    words_printf(words, "p50" WORDS_SPACE "%s", units_duration(endpoint->p50_ns).text);
    chunk(paper, words);
    if (endpoint_recorded(endpoint) >= PERCENTILE_SAMPLES_MIN) {
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
    bool fits = INDENT + cells_of(words_str(words)) + 2 + strlen(database) <= paper->width;
    if (*database && !fits) chunk(paper, words);
    if (*database) words_printf(words, "%s%s", fits ? ", " : "", database);
    chunk(paper, words);
}

static void cache_line(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint,
                       unsigned indent)
{
    if (!cache_words_has(endpoint->cache)) return;
    cache_words(words, endpoint->cache);
    wrap_line(paper, words, indent, indent + 2);
}

/* Who on the first line; how long and how many calls on the second. */
static void header(struct paper *paper, struct words *words, const struct endpoints *all,
                   const struct endpoint_summary *endpoint)
{
    identity(paper, words, endpoint);
    replaced(paper, words, newer_version(all, endpoint));
    paper_end(paper);
    paper_to(paper, INDENT);
    latency(paper, words, endpoint);
    call_totals(paper, words, endpoint);
    paper_end(paper);
    cache_line(paper, words, endpoint, INDENT);
}

/* ---- what to repair in it ---- */

/* Over all 5 requests that is 5.9 s. Or: It was seen in 2 of 5 requests; over all 5 that is 2.4 s. */
static void total_saving(struct words *words, const struct endpoint_summary *endpoint,
                         const struct finding *finding)
{
    int64_t total_ns = finding_saving_total_ns(finding, endpoint->count);
    bool is_in_some = finding->requests < finding->requests_seen;
    if (endpoint->count <= 1 || total_ns <= 0) return;
    if (is_in_some) {
        words_add(words, " It was seen in ");
        finding_words_requests(words, finding);
        words_add(words, ";");
    }
    words_printf(words, " %s all %s%s%s that is %s.", is_in_some ? "over" : "Over",
                 endpoint_is_estimate(endpoint) ? "about" WORDS_SPACE : "", units_count(endpoint->count).text,
                 is_in_some ? "" : " requests", units_estimate(total_ns).text);
}

/* Repair first: it asks … Repaired, a request takes about 950 ms. Over all 5 requests that is 5.9 s. */
static void first_repair(struct paper *paper, struct words *words, const struct endpoint_summary *endpoint)
{
    const struct finding *finding = &endpoint->findings[0];
    words_style(words, STYLE_TITLE);
    words_add(words, "Repair first:");
    words_style(words, STYLE_PLAIN);
    words_add(words, " ");
    finding_words_plain(words, finding);
    words_add(words, " ");
    finding_words_effect(words, finding);
    total_saving(words, endpoint, finding);
    wrap_line(paper, words, INDENT, INDENT);
    words_style(words, STYLE_GOOD);
    words_add(words, "→ ");
    words_name(words, finding->advice);
    paper_to(paper, INDENT);
    paper_wrap(paper, words_str(words), INDENT + 2, paper->width);
    words_clear(words);
    finding_words_site(words, &finding->site, false);
    chunk(paper, words);
    words_style(words, STYLE_FAINT);
    words_add(words, confidence_name(finding->confidence));
    chunk(paper, words);
    paper_end(paper);
}

/* Then N+1 query ×200: reviews by product, saves about 250 ms a request (dashboard.c:148) */
static void next_repair(struct paper *paper, struct words *words, const struct finding *finding)
{
    words_printf(words, "Then %s", finding_kind_title(finding->kind));
    if (finding_words_counts(finding))
        words_printf(words, WORDS_SPACE "×%s", units_count(finding->count).text);
    words_add(words, ": ");
    finding_words_calls(words, finding);
    if (finding->saving_ns > 0)
        words_printf(words, ", saves %s a request", units_estimate(finding->saving_ns).text);
    if (finding->requests < finding->requests_seen) {
        words_add(words, " in ");
        finding_words_requests(words, finding);
    }
    if (finding->site.file.len) {
        words_add(words, " (");
        finding_words_site(words, &finding->site, false);
        words_add(words, ")");
    }
    wrap_line(paper, words, INDENT, INDENT + 2);
}

static void more_findings(struct paper *paper, struct words *words, const struct endpoints *all,
                          const struct endpoint_summary *endpoint, uint32_t shown)
{
    if (shown >= endpoint->finding_count) return;
    words_style(words, STYLE_FAINT);
    words_printf(words, "and %u more: weir findings --endpoint '", endpoint->finding_count - shown);
    endpoint_words_name(words, endpoint);
    words_add(words, "'");
    if (newer_version(all, endpoint) && endpoint->service_version.len) {
        words_add(words, " --version ");
        words_name(words, endpoint->service_version);
    }
    wrap_line(paper, words, INDENT, INDENT + 2);
}

static void show_endpoint(struct paper *paper, const struct endpoints *all,
                          const struct endpoint_summary *endpoint)
{
    struct words words;
    words_init(&words, paper->view);
    header(paper, &words, all, endpoint);
    first_repair(paper, &words, endpoint);
    uint32_t shown = 1;
    for (; shown < endpoint->finding_count && shown <= NEXT_FINDINGS_MAX; shown++)
        next_repair(paper, &words, &endpoint->findings[shown]);
    more_findings(paper, &words, all, endpoint, shown);
    words_fini(&words);
    paper_end(paper);
}

/* ---- the parts of the page ---- */

/* Returns how many of them there are; the first have a block each. */
static uint32_t show_repairs(struct paper *paper, const struct endpoints *all)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i].finding_count == 0) continue;
        if (found == 0) {
            paper_say(paper, STYLE_STRONG, 0,
                      "What to repair, first what saves the most time in all: its saving a request, times "
                      "the requests.");
            paper_end(paper);
        }
        if (found++ < WHOLE_ENDPOINTS_MAX) show_endpoint(paper, all, &all->list[i]);
    }
    return found;
}

static void show_line(struct paper *paper, const struct endpoint_summary *endpoint)
{
    struct words words;
    words_init(&words, paper->view);
    paper_to(paper, INDENT);
    identity(paper, &words, endpoint);
    words_printf(&words, "p50" WORDS_SPACE "%s", units_duration(endpoint->p50_ns).text);
    chunk(paper, &words);
    if (endpoint->finding_count) {
        words_style(&words, STYLE_TITLE);
        endpoint_words_number(&words, endpoint->finding_count, "finding", "findings");
        chunk(paper, &words);
    }
    paper_end(paper);
    cache_line(paper, &words, endpoint, 2 * INDENT);
    words_fini(&words);
}

/* Endpoints in a line each: those with findings behind the first so many, or those without, unless another version
 * has taken their place. */
static void show_lines(struct paper *paper, const struct endpoints *all, bool with_findings, uint32_t skipped,
                       const char *title)
{
    uint32_t met = 0, shown = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        if ((all->list[i].finding_count > 0) != with_findings || met++ < skipped) continue;
        if (shown == LINE_ENDPOINTS_MAX || (!with_findings && newer_version(all, &all->list[i]))) continue;
        if (shown++ == 0) paper_say(paper, with_findings ? STYLE_STRONG : STYLE_GOOD, 0, title);
        show_line(paper, &all->list[i]);
    }
    uint32_t left_out = met > skipped + shown ? met - skipped - shown : 0;
    if (left_out) {
        char line[64];
        snprintf(line, sizeof line, "%s%u more: weir requests", shown ? "and " : "", left_out);
        if (shown == 0) paper_say(paper, with_findings ? STYLE_STRONG : STYLE_GOOD, 0, title);
        paper_say(paper, STYLE_FAINT, INDENT, line);
    }
    if (shown == 0 && left_out == 0) return;
    paper_end(paper);
}

static void totals(struct paper *paper, const struct endpoint_summary *endpoints, uint32_t count)
{
    uint64_t requests = 0, recorded = 0, findings = 0;
    int64_t last_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        requests += endpoints[i].count;
        recorded += endpoint_recorded(&endpoints[i]);
        findings += endpoints[i].finding_count;
        if (endpoints[i].last_start_ns > last_ns) last_ns = endpoints[i].last_start_ns;
    }
    struct words words;
    words_init(&words, paper->view);
    if (recorded < requests) words_add(&words, "About" WORDS_SPACE);
    endpoint_words_number(&words, requests, "request", "requests");
    if (recorded < requests)
        words_printf(&words, " (estimated from %s: the others were sampled away)",
                     units_count(recorded).text);
    words_add(&words, findings ? ", " : ", nothing to repair found");
    if (findings) endpoint_words_number(&words, findings, "finding", "findings");
    words_printf(&words, "; the last began %s. Half of an endpoint's take no longer than its p50. More: ",
                 units_ago(paper->view->now_ns, last_ns).text);
    if (findings) words_add(&words, "weir" WORDS_SPACE "findings, ");
    words_add(&words, "weir profile 'ENDPOINT', weir trace --slowest 'ENDPOINT'.");
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
        snprintf(line, sizeof line, "%s %s %s.", units_count(status->traces_pending).text,
                 status->traces_pending == 1 ? "trace is still to be analysed, for"
                                             : "traces are still to be analysed, the oldest for",
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
    struct endpoints all = {endpoints, count};
    paper_init(&paper, out, view);
    uint32_t found = show_repairs(&paper, &all);
    if (found > WHOLE_ENDPOINTS_MAX) show_lines(&paper, &all, true, WHOLE_ENDPOINTS_MAX, "More to repair:");
    show_lines(&paper, &all, false, 0, "Nothing to repair found:");
    if (count)
        totals(&paper, endpoints, count);
    else
        nothing_yet(&paper, status);
    if (status) warnings(&paper, status);
}
