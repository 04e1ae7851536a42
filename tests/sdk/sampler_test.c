/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds against the specification's table; decisions against values computed by hand; estimates with fixed seeds. */
#include "tests/support/cmocka.h"

#include "base/id.h"
#include "model/span.h"
#include "sdk/core/sampler.h"

#include <math.h>

static uint64_t refused_count;
static uint64_t refused(void) { return refused_count; }

static struct sampler sampler;

static void start(enum weir_sampler kind, double ratio) { sampler_start(&sampler, kind, ratio, 0, refused); }

static void thresholds_of_ratios(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        uint64_t threshold;
    } cases[] = {
        /* "TraceState: Probability Sampling", the table's column of four digits */
        {1, 0},
        {1.0 / 2, 0x80000000000000},
        {1.0 / 3, 0xaaab0000000000},
        {1.0 / 4, 0xc0000000000000},
        {1.0 / 5, 0xcccd0000000000},
        {1.0 / 8, 0xe0000000000000},
        {1.0 / 10, 0xe6660000000000},
        {1.0 / 16, 0xf0000000000000},
        {1.0 / 100, 0xfd70a000000000},
        {1.0 / 1000, 0xffbe7700000000},
        {1.0 / 10000, 0xfff97240000000},
        {1.0 / 100000, 0xffff583a000000},
        {1.0 / 1000000, 0xffffef39000000},
        /* the ends */
        {0x1p-56, 0xffffffffffffff},
        {0x1p-60, 0xffffffffffffff},
        {0, RANDOMNESS_ALL},
        {-1, RANDOMNESS_ALL},
        {NAN, RANDOMNESS_ALL},
        {2, 0},
        {0.999999, 0}, /* less than four digits can say */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (threshold_of_ratio(cases[i].ratio) != cases[i].threshold)
            fail_msg("%.17g: 0x%llx", cases[i].ratio, (unsigned long long)threshold_of_ratio(cases[i].ratio));
}

static struct sampling ask(uint64_t trace_id_end) { return sampler_ask_root(&sampler, trace_id_end); }

static void roots(void **state)
{
    (void)state;
    start(WEIR_SAMPLER_ALWAYS_ON, 0.1); /* the ratio is another sampler's */
    assert_true(ask(0).sampled && ask(0).threshold == THRESHOLD_UNKNOWN);
    start(WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 0.1);
    assert_true(ask(0).sampled && ask(0).threshold == THRESHOLD_UNKNOWN);
    start(WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO, 1);
    assert_true(ask(0).sampled && ask(0).threshold == 0);
    start(WEIR_SAMPLER_ALWAYS_OFF, 1);
    assert_false(ask(UINT64_MAX).sampled);
    assert_true(ask(UINT64_MAX).threshold == THRESHOLD_UNKNOWN);
    assert_int_equal(ask(UINT64_MAX).away, SAMPLED_AWAY_by_sampler);
    start(WEIR_SAMPLER_PARENTBASED_ALWAYS_OFF, 1);
    assert_false(ask(UINT64_MAX).sampled);
    for (int based = 0; based < 2; based++) {
        start(based ? WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO : WEIR_SAMPLER_TRACEIDRATIO, 0.25);
        /* kept from 0xc0000000000000 on, of the last 56 bits; the byte before them says nothing */
        assert_true(ask(0x00c0000000000000).sampled);
        assert_true(ask(0x00c0000000000000).threshold == 0xc0000000000000);
        assert_true(ask(0x12ffffffffffffff).sampled);
        assert_false(ask(0xffbfffffffffffff).sampled);
        assert_int_equal(ask(0xffbfffffffffffff).away, SAMPLED_AWAY_by_sampler);
        assert_true(ask(0).threshold == THRESHOLD_UNKNOWN);
    }
}

#define LOW  0x1100000000000001 /* R = 1 */
#define HALF 0x1180000000000000
#define HIGH 0x11ffffffffffffff

/* What comes in from outside: traceparent's flag and the ot member's value. */
static void children(void **state)
{
    (void)state;
    static const struct {
        enum weir_sampler kind;
        double ratio;
        bool parent;
        const char *ot;
        uint64_t trace_id_end;
        bool sampled;
        uint64_t threshold;
    } cases[] = {
#define BASED WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO
#define ALONE WEIR_SAMPLER_TRACEIDRATIO
#define NONE  THRESHOLD_UNKNOWN
        /* Parent-based: as the caller did, and its threshold stands where it agrees with its flag. */
        {BASED, 0.5, true, "", LOW, true, NONE},
        {BASED, 0.5, false, "", HIGH, false, NONE},
        {BASED, 0.5, true, "th:8", HALF, true, 0x80000000000000},
        {BASED, 0.5, true, "th:80000000000001", HALF, true, NONE}, /* sampled, though R < T */
        {BASED, 0.5, true, "th:c", HIGH, true, 0xc0000000000000},
        {BASED, 0.5, true, "th:0", LOW, true, 0},
        {BASED, 0.5, false, "th:c", HALF, false, 0xc0000000000000},
        {BASED, 0.5, false, "th:8", HALF, false, NONE}, /* not sampled, though R >= T */
        {BASED, 0.5, false, "th:0", LOW, false, NONE},
        {BASED, 0.5, true, "th:x", HIGH, true, NONE},
        /* rv instead of the trace id, wherever it stands */
        {BASED, 0.5, true, "th:8;rv:80000000000000", LOW, true, 0x80000000000000},
        {BASED, 0.5, true, "rv:7fffffffffffff;th:8", HIGH, true, NONE},
        {BASED, 0.5, true, "rv:short;th:8", HIGH, true, 0x80000000000000},
        /* The root's sampler of a parent-based one has no say. */
        {WEIR_SAMPLER_PARENTBASED_ALWAYS_OFF, 1, true, "th:0", LOW, true, 0},
        {WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 1, false, "", HIGH, false, NONE},
        /* The others decide anew, with a threshold of their own. */
        {ALONE, 0.5, false, "", HIGH, true, 0x80000000000000},
        {ALONE, 0.5, true, "", LOW, false, NONE},
        {ALONE, 0.5, true, "th:0", HALF, true, 0x80000000000000},
        {ALONE, 0.25, true, "th:8", HALF, false, NONE},
        {ALONE, 0.5, false, "rv:80000000000000", LOW, true, 0x80000000000000},
        {ALONE, 0.5, true, "rv:7fffffffffffff", HIGH, false, NONE},
        {WEIR_SAMPLER_ALWAYS_ON, 1, false, "th:8", LOW, true, NONE},
        {WEIR_SAMPLER_ALWAYS_OFF, 1, true, "th:0", HIGH, false, NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(cases[i].kind, cases[i].ratio);
        struct sampling_parent parent = {cases[i].parent, ot_state_read(str_of(cases[i].ot))};
        struct sampling got = sampler_ask_child(&sampler, &parent, cases[i].trace_id_end);
        if (got.sampled != cases[i].sampled || got.threshold != cases[i].threshold)
            fail_msg("case %zu (%s): %d, 0x%llx", i, cases[i].ot, got.sampled,
                     (unsigned long long)got.threshold);
        bool based = cases[i].kind >= WEIR_SAMPLER_PARENTBASED_ALWAYS_ON;
        if (!got.sampled)
            assert_int_equal(got.away, based ? SAMPLED_AWAY_by_caller : SAMPLED_AWAY_by_sampler);
    }
}

/* Whatever is kept with a lower probability is kept with a higher one: what makes traces whole. */
static void decisions_are_consistent(void **state)
{
    (void)state;
    struct id_generator ids = {{1, 2, 3, 4}};
    for (int i = 0; i < 10000; i++) {
        uint64_t id = id_next(&ids);
        bool kept = false;
        for (double ratio = 0.001; ratio <= 1; ratio *= 1.5) {
            start(WEIR_SAMPLER_TRACEIDRATIO, ratio);
            bool now = ask(id).sampled;
            assert_true(now || !kept);
            kept = now;
        }
    }
}

/* The sum of the weights estimates how many there were: within 4 standard errors, sqrt(n (1 - p) / p). */
static void weights_add_up(void **state)
{
    (void)state;
    static const double ratios[] = {0.5, 1.0 / 3, 0.1, 0.01, 0.003};
    const int n = 400000;
    struct id_generator ids = {{11, 12, 13, 14}};
    for (size_t r = 0; r < sizeof ratios / sizeof ratios[0]; r++) {
        double sum = 0;
        int kept = 0;
        start(WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO, ratios[r]);
        for (int i = 0; i < n; i++) {
            struct sampling sampling = ask(id_next(&ids));
            if (sampling.sampled) sum += sampling_weight(sampling.threshold);
            kept += sampling.sampled;
        }
        double error = sqrt(n * (1 - ratios[r]) / ratios[r]);
        assert_true(fabs(sum - n) < 4 * error);
        assert_true(fabs(kept - n * ratios[r]) < 4 * sqrt(n * ratios[r] * (1 - ratios[r])) + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_of_ratios),
        cmocka_unit_test(roots),
        cmocka_unit_test(children),
        cmocka_unit_test(decisions_are_consistent),
        cmocka_unit_test(weights_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
