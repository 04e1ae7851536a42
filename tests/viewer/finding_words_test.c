/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding claims must not go beyond its evidence. */
#include "tests/support/cmocka.h"

#include "tests/viewer/samples.h"
#include "viewer/text/finding_words.h"

static void check(void (*say)(struct words *, const struct finding *), const struct finding *finding,
                  const char *part, bool expected)
{
    struct view view = sample_view(100, true, false);
    struct words words;
    words_init(&words, &view);
    say(&words, finding);
    struct str said = words_str(&words);
    bool found = memmem(said.data, said.len, part, strlen(part)) != NULL;
    if (found != expected) print_message("said: %.*s\n", STR_ARG(said));
    assert_int_equal(found, expected);
    words_fini(&words);
}

static struct finding could_run_at_once(enum evidence_fact fact)
{
    return (struct finding){
        .kind = FINDING_sequential_independent,
        .confidence = CONFIDENCE_LIKELY,
        .operation_count = 2,
        .operations = {{.label = STR("may she")}, {.label = STR("her orders")}},
        .evidence_count = 2,
        .evidence = {{EVIDENCE_no_value_passed, 5, 5}, {fact, 5, 5}},
    };
}

#define NEEDS "needs the other"

static void that_no_value_passed_is_not_that_none_is_needed(void **state)
{
    (void)state;
    struct finding finding = could_run_at_once(EVIDENCE_no_value_passed);
    check(finding_words_what, &finding, NEEDS, false);
    check(finding_words_what, &finding, "no value of the one", true);
    check(finding_words_confidence, &finding, "only the code tells", true);
    finding = could_run_at_once(EVIDENCE_inputs_from_source);
    check(finding_words_what, &finding, NEEDS, true);
    finding = could_run_at_once(EVIDENCE_sent_before_read);
    check(finding_words_what, &finding, NEEDS, true);
}

static void a_loop_without_a_source_says_so(void **state)
{
    (void)state;
    struct finding finding = {.kind = FINDING_n_plus_one_query, .confidence = CONFIDENCE_PROVEN};
    check(finding_words_confidence, &finding, "where their values come from was not seen", true);
    finding.has_source = true;
    check(finding_words_confidence, &finding, "where their values come from was not seen", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(that_no_value_passed_is_not_that_none_is_needed),
        cmocka_unit_test(a_loop_without_a_source_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
