/* SPDX-License-Identifier: Apache-2.0 */
/* The macros in all the places where C and C++ allow a block: each way out of it ends the span, and none is left open. */
#include "tests/support/cmocka.h"

#include "inline_span.h"

#include <stdio.h>
#include <weir/version.h>

static uint64_t created(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    return stats.created;
}

static void ends_what_it_begins(int (*use)(void))
{
    const uint64_t before = created();
    const int count = use();
    assert_int_equal(created() - before, count);
    assert_int_equal(weir_span_current().generation, 0);
}

static void in_c(void **state) { (void)state, ends_what_it_begins(spans_in_c); }
static void nested_functions(void **state) { (void)state, ends_what_it_begins(spans_in_nested_functions); }
static void in_cxx(void **state) { (void)state, ends_what_it_begins(spans_in_cxx); }
static void under_exceptions(void **state) { (void)state, ends_what_it_begins(spans_under_exceptions); }

static void version_is_that_of_the_headers(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", WEIR_VERSION_NUMBER / 10000, WEIR_VERSION_NUMBER / 100 % 100,
             WEIR_VERSION_NUMBER % 100);
    assert_string_equal(weir_version(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_c),
        cmocka_unit_test(nested_functions),
        cmocka_unit_test(in_cxx),
        cmocka_unit_test(under_exceptions),
        cmocka_unit_test(version_is_that_of_the_headers),
    };
    if (weir_init(&(struct weir_config){.endpoint = "ipc:///nobody/listens"}) != WEIR_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || weir_shutdown(0) != WEIR_TIMEOUT; /* there is nobody to send them to */
}
