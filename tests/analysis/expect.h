/* SPDX-License-Identifier: Apache-2.0 */
/* What tests ask of findings. */
#ifndef WEIR_TESTS_EXPECT_H
#define WEIR_TESTS_EXPECT_H

#include "tests/analysis/trace_builder.h"
#include "tests/support/cmocka.h"

static inline const struct finding *find_finding(const struct finding *findings, uint32_t count,
                                                 enum finding_kind kind, const char *operation)
{
    for (uint32_t i = 0; i < count; i++) {
        if (findings[i].kind == kind && str_is(findings[i].operations[0].text, operation))
            return &findings[i];
    }
    return NULL;
}

/* seen of a fact, or -1 where it is not among the evidence. */
static inline int64_t evidence_seen(const struct finding *finding, enum evidence_fact fact)
{
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        if (finding->evidence[i].fact == fact) return (int64_t)finding->evidence[i].seen;
    }
    return -1;
}

/* Says what was found, for whoever reads a failed test. */
static inline void print_findings(const struct finding *findings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        print_message("found: %s, %s, saving %lld us:", finding_kind_name(findings[i].kind),
                      confidence_name(findings[i].confidence), (long long)findings[i].saving_ns / 1000);
        for (uint32_t k = 0; k < findings[i].operation_count; k++) {
            const struct finding_operation *operation = &findings[i].operations[k];
            print_message("%s %u x %.*s %.*s", k ? " and" : "", operation->count, STR_ARG(operation->system),
                          STR_ARG(operation->text));
        }
        print_message("; source: %.*s\n", STR_ARG(findings[i].source.text));
    }
}

/* The one finding of the trace. */
static inline const struct finding *expect_one(struct build *build, enum finding_kind kind)
{
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    if (count != 1) print_findings(findings, count);
    assert_int_equal(count, 1);
    assert_string_equal(finding_kind_name(findings[0].kind), finding_kind_name(kind));
    return &findings[0];
}

static inline void expect_none(struct build *build)
{
    uint32_t count;
    const struct finding *findings = build_findings(build, &count);
    print_findings(findings, count);
    assert_int_equal(count, 0);
}

/* A test begins with a request of its own and ends by freeing it. */
static inline int begin_request(void **state)
{
    static struct build build;
    build_init(&build);
    open_server(&build, NULL, "GET /x");
    *state = &build;
    return 0;
}

static inline int end_request(void **state)
{
    build_fini(*state);
    return 0;
}

/* The request that begin_request opened. */
static inline struct span *request_of(struct build *build) { return build->spans[0]; }
static inline void close_request(struct build *build) { span_close(build, build->spans[0]); }

#define REQUEST_TEST(f) cmocka_unit_test_setup_teardown(f, begin_request, end_request)

#endif
