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

static void report_of_nothing(struct buffer *out, const struct view *view)
{
    text_report(out, view, NULL, 0, sample_status_empty());
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
static void troubled(struct buffer *out, const struct view *view) { trace(out, view, sample_troubled); }

static const struct {
    const char *name;
    render_fn render;
    unsigned width;
    enum look look;
} cases[] = {
    {"report-80.txt", report, 80, UTF8},
    {"report-100.txt", report, 100, UTF8},
    {"report-140.txt", report, 140, UTF8},
    {"report-100-ascii.txt", report, 100, ASCII},
    {"report-100-colour.txt", report, 100, COLOUR},
    {"report-of-nothing-80.txt", report_of_nothing, 80, UTF8},
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
