/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/pages.h"

#include "collector/serve/analysed_trace.h"
#include "collector/serve/metrics.h"
#include "collector/serve/profile.h"
#include "collector/serve/status.h"

#include <stdlib.h>

#define NO_REQUEST_MATCHES "no request matches; the endpoints there are: weir requests, or /requests"

/* ---- what a page needs of the store, and what it says when that fails ---- */

static struct request_filter filter_of(const struct page_request *request)
{
    const struct query *p = &request->parameters;
    return (struct request_filter){.service = p->service,
                                   .service_version = p->version,
                                   .endpoint = p->endpoint,
                                   .since_ns = p->since_ns,
                                   .until_ns = p->until_ns};
}

static struct view view_of(const struct page_request *request)
{
    const struct query *p = &request->parameters;
    return (struct view){
        .width = p->width, .colour = p->colour, .ascii = p->ascii, .now_ns = request->now_ns};
}

/* True: go on. Else the answer says what happened. */
static bool store_answered(const struct page_request *request, enum store_result result,
                           struct answer *answer)
{
    if (arena_exhausted(request->arena)) {
        answer_error(answer, 500, "the answer needs more memory than one answer may have");
        return false;
    }
    if (result == STORE_OK) return true;
    if (result == STORE_AWAY) {
        answer_error(answer, 503, "the database does not answer; try again: %s", store_error(request->store));
    } else {
        answer_error(answer, 500, "the database refused: %s", store_error(request->store));
    }
    return false;
}

static bool read_status_view(const struct page_request *request, struct answer *answer,
                             struct status_view *view)
{
    return store_answered(request, status_gather(request, view), answer);
}

struct endpoints {
    struct endpoint_summary *at;
    uint32_t count;
};

/* Nothing found is an error only where something was asked for by name. */
static bool read_endpoints_asked(const struct page_request *request, struct answer *answer,
                                 struct endpoints *found)
{
    struct request_filter filter = filter_of(request);
    enum store_result result = read_endpoints(request->store, &filter, &request->options->settings,
                                              request->arena, &found->at, &found->count);
    if (!store_answered(request, result, answer)) return false;
    unsigned names = PARAMETER_BIT(endpoint) | PARAMETER_BIT(service) | PARAMETER_BIT(version);
    if (found->count == 0 && (request->parameters.given & names)) {
        answer_error(answer, 404, NO_REQUEST_MATCHES);
        return false;
    }
    return true;
}

static bool asks_for_a_time(const struct page_request *request)
{
    return request->parameters.given & (PARAMETER_BIT(since) | PARAMETER_BIT(until));
}

/* No request to speak of: a page for people says so, rather than that nothing is wrong with them. */
static bool said_nobody_came(const struct page_request *request, struct answer *answer,
                             const struct endpoints *found)
{
    if (found->count || answer->json) return false;
    buffer_add_text(&answer->body, asks_for_a_time(request)
                                       ? "No request began in this time. All there are: weir requests\n"
                                       : "No requests yet. What is connected: weir status\n");
    return true;
}

/* ---- /report, /requests ---- */

/* What saves the most in all first, then what takes longest; else as they came. */
static int most_saved_first(const void *left, const void *right)
{
    const struct endpoint_summary *a = left, *b = right;
    if (a->saving_total_ns != b->saving_total_ns) return a->saving_total_ns > b->saving_total_ns ? -1 : 1;
    if (a->p50_ns != b->p50_ns) return a->p50_ns > b->p50_ns ? -1 : 1;
    return (a->last_start_ns < b->last_start_ns) - (a->last_start_ns > b->last_start_ns);
}

static void make_report(const struct page_request *request, struct answer *answer)
{
    struct endpoints found;
    struct status_view status;
    if (!read_endpoints_asked(request, answer, &found) || !read_status_view(request, answer, &status)) return;
    if (asks_for_a_time(request) && said_nobody_came(request, answer, &found)) return;
    if (found.count > 1) qsort(found.at, found.count, sizeof *found.at, most_saved_first);
    struct view view = view_of(request);
    if (answer->json) {
        json_report(&answer->body, found.at, found.count, &status);
    } else {
        text_report(&answer->body, &view, found.at, found.count, &status);
    }
}

static void make_requests(const struct page_request *request, struct answer *answer)
{
    struct endpoints found;
    if (!read_endpoints_asked(request, answer, &found) || said_nobody_came(request, answer, &found)) return;
    struct view view = view_of(request);
    if (answer->json) {
        json_requests(&answer->body, found.at, found.count);
    } else {
        text_requests(&answer->body, &view, found.at, found.count);
    }
}

/* ---- one trace, analysed at once ---- */

static bool read_stored(const struct page_request *request, const unsigned char trace_id[16],
                        struct answer *answer, struct trace *to)
{
    bool found = false;
    enum store_result result = read_trace(request->store, trace_id, request->arena, to, &found);
    if (!store_answered(request, result, answer)) return false;
    if (!found)
        answer_error(answer, 404,
                     "no trace has this id: it was not recorded or was dropped (weir status counts them), is "
                     "no longer kept, or another collector has it");
    return found;
}

static bool read_analysed(const struct page_request *request, const unsigned char trace_id[16],
                          struct answer *answer, struct analysed_trace *to)
{
    if (!read_stored(request, trace_id, answer, &to->trace)) return false;
    bool done = analysed_trace_make(to, &request->options->settings, request->arena);
    if (!done) answer_error(answer, 500, "the trace needs more memory than one answer may have");
    return done;
}

/* ---- /findings ---- */

static void render_findings(const struct page_request *request, struct answer *answer,
                            const struct finding *findings, uint32_t count)
{
    struct view view = view_of(request);
    if (answer->json) {
        json_findings(&answer->body, findings, count);
    } else {
        text_findings(&answer->body, &view, findings, count);
    }
}

/* False: a filter is given beside a trace, and the answer says so. */
static bool names_a_trace_alone(const struct page_request *request, struct answer *answer)
{
    if (!(request->parameters.given & PARAMETERS_FILTER)) return true;
    answer_error(answer, 400,
                 "trace names one trace: endpoint, service, version, since and until do not go with it");
    return false;
}

static void make_findings_of_trace(const struct page_request *request, struct answer *answer)
{
    if (!names_a_trace_alone(request, answer)) return;
    struct analysed_trace analysed = {0};
    if (!read_analysed(request, request->parameters.trace_id, answer, &analysed)) return;
    render_findings(request, answer, analysed.analysis.findings, analysed.analysis.finding_count);
}

struct ranked {
    int64_t total_ns; /* saved over all requests of its endpoint */
    const struct finding *finding;
};

static int largest_total_first(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->total_ns != b->total_ns) return a->total_ns > b->total_ns ? -1 : 1;
    return (a->finding->saving_ns < b->finding->saving_ns) - (a->finding->saving_ns > b->finding->saving_ns);
}

/* Those of all endpoints in one list, in the order of the report: first what saves the most in all. NULL: no memory. */
static const struct finding *rank_findings(const struct endpoints *found, struct arena *arena,
                                           uint32_t *count)
{
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < found->count; i++) total += found->at[i].finding_count;
    struct ranked *ranked = arena_array(arena, total, sizeof *ranked);
    struct finding *all = arena_array(arena, total, sizeof *all);
    if (!ranked || !all) return NULL;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct endpoint_summary *endpoint = &found->at[i];
        for (uint32_t j = 0; j < endpoint->finding_count; j++) {
            const struct finding *finding = &endpoint->findings[j];
            ranked[at++] = (struct ranked){finding_saving_total_ns(finding, endpoint->count), finding};
        }
    }
    if (total > 1) qsort(ranked, total, sizeof *ranked, largest_total_first);
    for (size_t i = 0; i < total; i++) all[i] = *ranked[i].finding;
    *count = (uint32_t)total;
    return all;
}

static void make_findings(const struct page_request *request, struct answer *answer)
{
    if (request->parameters.given & PARAMETER_BIT(trace)) {
        make_findings_of_trace(request, answer);
        return;
    }
    struct endpoints found;
    if (!read_endpoints_asked(request, answer, &found) || said_nobody_came(request, answer, &found)) return;
    uint32_t count = 0;
    const struct finding *all = rank_findings(&found, request->arena, &count);
    if (all)
        render_findings(request, answer, all, count);
    else
        answer_error(answer, 500, "the findings need more memory than one answer may have");
}

/* ---- /trace ---- */

static const struct span *find_focus(const struct analysis *analysis, uint64_t span_id)
{
    for (uint32_t i = 0; span_id && i < analysis->request_count; i++) {
        if (analysis->requests[i].span->id == span_id) return analysis->requests[i].span;
    }
    return NULL;
}

static void mark_critical(const struct trace *trace, const struct span *focus, bool *critical)
{
    if (focus) {
        mark_critical_path(trace, focus, critical);
        return;
    }
    for (size_t i = 0; i < trace->root_count; i++) mark_critical_path(trace, trace->roots[i], critical);
}

/* focus_id 0: the whole trace */
static void render_trace(const struct page_request *request, struct answer *answer,
                         const unsigned char trace_id[16], uint64_t focus_id)
{
    struct analysed_trace analysed = {0};
    if (!read_analysed(request, trace_id, answer, &analysed)) return;
    bool *critical = arena_array(request->arena, analysed.trace.span_count, sizeof *critical);
    if (!critical) {
        answer_error(answer, 500, "the trace needs more memory than one answer may have");
        return;
    }
    const struct span *focus = find_focus(&analysed.analysis, focus_id);
    mark_critical(&analysed.trace, focus, critical);
    struct trace_view shown = {&analysed.trace, &analysed.analysis, critical, focus};
    struct view view = view_of(request);
    if (answer->json) {
        json_trace(&answer->body, &shown);
    } else {
        text_trace(&answer->body, &view, &shown);
    }
}

static void make_trace(const struct page_request *request, struct answer *answer)
{
    unsigned char trace_id[16];
    if (!trace_id_read(request->rest, trace_id)) {
        answer_error(answer, 400, "a trace id has 32 hexadecimal digits, not all of them 0");
        return;
    }
    render_trace(request, answer, trace_id, 0);
}

static void make_slowest(const struct page_request *request, struct answer *answer)
{
    if (!(request->parameters.given & PARAMETER_BIT(slowest))) {
        answer_error(answer, 400, "which trace? /trace/ID, or /trace?slowest=ENDPOINT");
        return;
    }
    struct request_filter filter = filter_of(request);
    unsigned char trace_id[16];
    uint64_t span_id = 0;
    bool found = false;
    enum store_result result = read_slowest(request->store, &filter, trace_id, &span_id, &found);
    if (!store_answered(request, result, answer)) return;
    if (!found) {
        answer_error(answer, 404, NO_REQUEST_MATCHES);
        return;
    }
    render_trace(request, answer, trace_id, span_id);
}

/* ---- /profile ---- */

static bool read_profile_of_trace(const struct page_request *request, struct answer *answer,
                                  struct profiles *profiles)
{
    struct trace trace;
    if (!names_a_trace_alone(request, answer)) return false;
    if (!read_stored(request, request->parameters.trace_id, answer, &trace)) return false;
    bool done = profile_trace(request->arena, &trace, profiles);
    if (!done) answer_error(answer, 500, "the trace needs more memory than one answer may have");
    if (done && profiles->count == 0)
        answer_error(answer, 404, "no request of this trace has arrived yet: only parts of one");
    return done && profiles->count > 0;
}

static bool read_profile_of_endpoint(const struct page_request *request, struct answer *answer,
                                     struct profiles *profiles)
{
    struct request_filter filter = filter_of(request);
    if (!store_answered(request, profile_newest(request, &filter, profiles), answer)) return false;
    if (profiles->count == 0) answer_error(answer, 404, NO_REQUEST_MATCHES);
    return profiles->count > 0;
}

static void make_profile(const struct page_request *request, struct answer *answer)
{
    struct profiles profiles;
    unsigned given = request->parameters.given;
    if (!(given & (PARAMETER_BIT(trace) | PARAMETER_BIT(endpoint)))) {
        answer_error(answer, 400, "which profile? /profile?endpoint=ENDPOINT, or /profile?trace=ID");
        return;
    }
    bool found = given & PARAMETER_BIT(trace) ? read_profile_of_trace(request, answer, &profiles)
                                              : read_profile_of_endpoint(request, answer, &profiles);
    if (!found) return;
    struct view view = view_of(request);
    if (answer->json) {
        json_profiles(&answer->body, profiles.at, profiles.count, profiles.left_out);
    } else {
        text_profiles(&answer->body, &view, profiles.at, profiles.count, profiles.left_out);
    }
}

/* ---- /status, /healthz, /readyz ---- */

static void make_status(const struct page_request *request, struct answer *answer)
{
    struct status_view status;
    if (!read_status_view(request, answer, &status)) return;
    struct view view = view_of(request);
    if (answer->json) {
        json_status(&answer->body, &status);
    } else {
        text_status(&answer->body, &view, &status);
    }
}

static void say(struct answer *answer, const char *word)
{
    buffer_printf(&answer->body, answer->json ? "{\"status\":\"%s\"}\n" : "%s\n", word);
}

static void make_health(const struct page_request *request, struct answer *answer)
{
    (void)request;
    say(answer, "ok");
}

static void make_ready(const struct page_request *request, struct answer *answer)
{
    if (store_answered(request, store_ping(request->store), answer)) say(answer, "ready");
}

static void make_metrics(const struct page_request *request, struct answer *answer)
{
    answer->type = METRICS_TYPE;
    metrics_render(&answer->body, request->now_ns, request->started_ns);
}

/* ---- the table ---- */

static const struct page pages[] = {
    {"/report", "what is slow, what to repair first, what that would save",
     PARAMETERS_RENDER | PARAMETERS_FILTER, make_report},
    {"/requests", "endpoints with their percentiles and calls", PARAMETERS_RENDER | PARAMETERS_FILTER,
     make_requests},
    {"/findings", "what to repair, largest saving first",
     PARAMETERS_RENDER | PARAMETERS_FILTER | PARAMETER_BIT(trace), make_findings},
    {"/trace/", "the waterfall of the trace with this ID", PARAMETERS_RENDER, make_trace},
    {"/trace", "the waterfall of the slowest request of ?slowest=ENDPOINT",
     PARAMETERS_RENDER | (PARAMETERS_FILTER & ~PARAMETER_BIT(endpoint)) | PARAMETER_BIT(slowest),
     make_slowest},
    {"/profile", "where the time of ?endpoint=ENDPOINT or ?trace=ID goes, by operation",
     PARAMETERS_RENDER | PARAMETERS_FILTER | PARAMETER_BIT(trace), make_profile},
    {"/status", "what the collector counts, who sends, what they dropped", PARAMETERS_RENDER, make_status},
    {"/metrics", "the same for Prometheus", 0, make_metrics},
    {"/healthz", "the process lives", PARAMETER_BIT(format), make_health},
    {"/readyz", "the database answers", PARAMETER_BIT(format), make_ready},
    {"/", "the report", PARAMETERS_RENDER | PARAMETERS_FILTER, make_report},
};

#define PAGE_COUNT (sizeof pages / sizeof *pages)

const struct page *page_find(struct str path, struct str *rest)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        size_t len = strlen(pages[i].path);
        bool takes_rest = len > 1 && pages[i].path[len - 1] == '/';
        if (takes_rest ? !str_starts(path, pages[i].path) : !str_is(path, pages[i].path)) continue;
        *rest = str_view(path.data + len, path.len - len);
        return &pages[i];
    }
    return NULL;
}

void page_list(struct answer *answer)
{
    answer_error(answer, 404, "no such page");
    if (answer->json) return;
    buffer_add_text(&answer->body, "there are:\n");
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        bool takes_id = str_is(str_of(pages[i].path), "/trace/");
        buffer_printf(&answer->body, "  %s%-*s %s\n", pages[i].path,
                      takes_id ? 4 : (int)(11 - strlen(pages[i].path)), takes_id ? "ID" : "", pages[i].what);
    }
}
