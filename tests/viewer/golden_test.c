/* SPDX-License-Identifier: Apache-2.0 */
/* What people see, to the letter: each report in the widths and character sets that its layout depends on. */
#include "tests/support/cmocka.h"

#include "tests/viewer/golden.h"
#include "tests/viewer/samples.h"

#include <stdio.h>

enum look { UTF8, ASCII, COLOUR };

typedef void (*render_fn)(struct buffer *out, const struct view *view);

static void report(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    text_report(out, view, endpoints, count, sample_status());
}

/* Three times the same endpoints: more than are shown whole, and more than are shown. */
static void report_of_many(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    struct endpoint_summary many[3 * 4];
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < 3 * count; i++) many[i] = endpoints[i % count];
    struct finding of_some = endpoints[1].findings[0]; /* requests, not of all */
    of_some.requests = 2;
    many[1].findings = (const struct finding[]){of_some, endpoints[1].findings[1], endpoints[1].findings[2],
                                                endpoints[1].findings[1]};
    many[1].finding_count = 4;
    text_report(out, view, many, 3 * count, NULL);
}

/* Versions that another has taken the place of: marked where there is something to repair, else left out. */
static void report_of_versions(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    struct endpoint_summary versions[] = {endpoints[1], endpoints[0], endpoints[0], endpoints[0],
                                          endpoints[3]};
    for (unsigned i = 2; i < 4; i++) {
        versions[i].service_version = i == 2 ? str_of("bulk") : str_of("\x1b[2Jcached");
        versions[i].last_start_ns += i;
        versions[i].finding_count = 0;
        versions[i].saving_total_ns = 0;
    }
    text_report(out, view, versions, sizeof versions / sizeof *versions, NULL);
}

/* One in four recorded: counts are estimates, and say so. Of the third, so few that there is no p95. */
static struct endpoint_summary *sampled(uint32_t *count)
{
    static struct endpoint_summary endpoints[4];
    static struct finding findings[3];
    memcpy(endpoints, sample_endpoints(count), sizeof endpoints);
    assert_int_equal(*count, 4);
    memcpy(findings, endpoints[1].findings, sizeof findings);
    for (unsigned i = 0; i < 3; i++) {
        findings[i].recorded = findings[i].requests;
        findings[i].requests *= 4;
        findings[i].requests_seen *= 4;
        endpoints[i].recorded = endpoints[i].count;
        endpoints[i].count *= 4;
        endpoints[i].errors = i;
    }
    endpoints[1].findings = findings;
    return endpoints;
}

static void report_of_sampled(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sampled(&count);
    text_report(out, view, endpoints, count, NULL);
    text_requests(out, view, endpoints, count);
    text_findings(out, view, endpoints[1].findings, 1);
}

/* Deeper than there are columns to indent it. */
static void deep(struct buffer *out, const struct view *view)
{
    struct scene scene;
    scene_init(&scene, 40);
    const struct resource *shop = scene_resource(&scene, "shop", "");
    const struct operation *step = scene_operation(&scene, OPERATION_SPAN, "", "step");
    size_t parent = NO_PARENT;
    for (unsigned i = 0; i < 40; i++) parent = scene_add(&scene, parent, step, shop, i * 100, 8000 - i * 200);
    scene_finish(&scene);
    text_trace(out, view, &(struct trace_view){.trace = &scene.trace});
    scene_fini(&scene);
}

static void report_of_nothing(struct buffer *out, const struct view *view)
{
    text_report(out, view, NULL, 0, sample_status_empty());
}

static void profiles(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct profile *shown = sample_profiles(&count);
    text_profiles(out, view, shown, count, 3);
}

static void profile_of_nothing(struct buffer *out, const struct view *view)
{
    text_profiles(out, view, NULL, 0, 0);
}

static void requests(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    text_requests(out, view, endpoints, count);
}

static void findings(struct buffer *out, const struct view *view)
{
    uint32_t count;
    const struct endpoint_summary *endpoints = sample_endpoints(&count);
    text_findings(out, view, endpoints[0].findings, endpoints[0].finding_count);
    text_findings(out, view, endpoints[1].findings, endpoints[1].finding_count);
    text_findings(out, view, NULL, 0);
}

static void status(struct buffer *out, const struct view *view) { text_status(out, view, sample_status()); }
static void status_of_nothing(struct buffer *out, const struct view *view)
{
    text_status(out, view, sample_status_empty());
}

static void trace(struct buffer *out, const struct view *view,
                  void (*sample)(struct scene *, struct trace_view *))
{
    struct scene scene;
    struct trace_view shown;
    sample(&scene, &shown);
    text_trace(out, view, &shown);
    scene_fini(&scene);
}

static void dashboard(struct buffer *out, const struct view *view) { trace(out, view, sample_dashboard); }
static void products(struct buffer *out, const struct view *view) { trace(out, view, sample_products); }
static void events(struct buffer *out, const struct view *view) { trace(out, view, sample_events); }
static void troubled(struct buffer *out, const struct view *view) { trace(out, view, sample_troubled); }

static const struct {
    const char *name;
    render_fn render;
    unsigned width;
    enum look look;
} cases[] = {
    {"report-60.txt", report, 60, UTF8},
    {"report-80.txt", report, 80, UTF8},
    {"report-100.txt", report, 100, UTF8},
    {"report-140.txt", report, 140, UTF8},
    {"report-100-ascii.txt", report, 100, ASCII},
    {"report-100-colour.txt", report, 100, COLOUR},
    {"report-of-many-100.txt", report_of_many, 100, UTF8},
    {"report-of-versions-100.txt", report_of_versions, 100, UTF8},
    {"report-of-sampled-100.txt", report_of_sampled, 100, UTF8},
    {"trace-deep-80.txt", deep, 80, UTF8},
    {"report-of-nothing-80.txt", report_of_nothing, 80, UTF8},
    {"profile-60-ascii.txt", profiles, 60, ASCII},
    {"profile-100.txt", profiles, 100, UTF8},
    {"profile-140.txt", profiles, 140, UTF8},
    {"profile-of-nothing-80.txt", profile_of_nothing, 80, UTF8},
    {"requests-100.txt", requests, 100, UTF8},
    {"requests-60.txt", requests, 60, UTF8},
    {"requests-120.txt", requests, 120, UTF8},
    {"requests-140.txt", requests, 140, UTF8},
    {"findings-80.txt", findings, 80, UTF8},
    {"findings-120.txt", findings, 120, UTF8},
    {"findings-80-ascii.txt", findings, 80, ASCII},
    {"status-100.txt", status, 100, UTF8},
    {"status-60.txt", status, 60, UTF8},
    {"status-of-nothing-80.txt", status_of_nothing, 80, UTF8},
    {"trace-dashboard-60.txt", dashboard, 60, UTF8},
    {"trace-dashboard-80-ascii.txt", dashboard, 80, ASCII},
    {"trace-dashboard-100.txt", dashboard, 100, UTF8},
    {"trace-dashboard-140.txt", dashboard, 140, UTF8},
    {"trace-products-100.txt", products, 100, UTF8},
    {"trace-products-100-colour.txt", products, 100, COLOUR},
    {"trace-troubled-100.txt", troubled, 100, UTF8},
    {"trace-troubled-80-ascii.txt", troubled, 80, ASCII},
    {"trace-events-100.txt", events, 100, UTF8},
    {"trace-events-60-ascii.txt", events, 60, ASCII},
};

static void every_report_is_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out;
        buffer_init(&out);
        struct view view = sample_view(cases[i].width, cases[i].look == ASCII, cases[i].look == COLOUR);
        cases[i].render(&out, &view);
        golden_check(cases[i].name, &out);
        buffer_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_report_is_as_expected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
