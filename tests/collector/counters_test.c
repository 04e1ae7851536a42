/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector remembers beside its counters: the last minute's spans, the last refusal. */
#include "tests/support/cmocka.h"

#include "collector/counters.h"

#include <string.h>

static void a_minute_has_sixty_seconds(void **state)
{
    (void)state;
    assert_int_equal(counters_stored_last_minute(1000), 0);
    counters_note_stored(1000, 5);
    counters_note_stored(1000, 2);
    counters_note_stored(1030, 10);
    assert_int_equal(counters_stored_last_minute(1030), 17);
    assert_int_equal(counters_stored_last_minute(1059), 17);
    assert_int_equal(counters_stored_last_minute(1060), 10);
    counters_note_stored(1060, 1); /* in the place of second 1000 */
    assert_int_equal(counters_stored_last_minute(1060), 11);
    assert_int_equal(counters_stored_last_minute(1090), 1);
    assert_int_equal(counters_stored_last_minute(5000), 0);
}

static void the_last_refusal_is_kept(void **state)
{
    (void)state;
    char longer[2 * sizeof((struct refusal *)NULL)->reason];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(counters_last_refusal().at_ns, 0);
    counters_note_refusal(7, "first");
    counters_note_refusal(8, longer);
    struct refusal last = counters_last_refusal();
    assert_int_equal(last.at_ns, 8);
    assert_int_equal(strlen(last.reason), sizeof last.reason - 1);
    counters_note_refusal(9, "short");
    assert_string_equal(counters_last_refusal().reason, "short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_has_sixty_seconds),
        cmocka_unit_test(the_last_refusal_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
