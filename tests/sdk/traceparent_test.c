/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/traceparent.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

static const struct {
    const char *text;
    bool valid, sampled;
} table[] = {
    {"00-" TRACE "-" SPAN "-01", true, true},
    {"00-" TRACE "-" SPAN "-00", true, false},
    {"00-" TRACE "-" SPAN "-03", true, true}, /* level 2: random trace id */
    {"00-" TRACE "-" SPAN "-02", true, false},
    {"00-" TRACE "-" SPAN "-ff", true, true},
    {"00-" TRACE "-" SPAN "-fe", true, false},
    {"01-" TRACE "-" SPAN "-01", true, true},
    {"cc-" TRACE "-" SPAN "-01", true, true},
    {"fe-" TRACE "-" SPAN "-00", true, false},
    {"cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", true, true},
    {"01-" TRACE "-" SPAN "-01-", true, true},
    {"cc-" TRACE "-" SPAN "-01.what-the-future-will-be-like", false, false},
    {"cc-" TRACE "-" SPAN "-011", false, false},
    {"00-" TRACE "-" SPAN "-01-", false, false},
    {"00-" TRACE "-" SPAN "-01-more", false, false},
    {"00-" TRACE "-" SPAN "-010", false, false},
    {"00-" TRACE "-" SPAN "-01 ", false, false},
    {" 00-" TRACE "-" SPAN "-01", false, false},
    {"ff-" TRACE "-" SPAN "-01", false, false},
    {"FF-" TRACE "-" SPAN "-01", false, false},
    {"0-" TRACE "-" SPAN "-01", false, false},
    {".0-" TRACE "-" SPAN "-01", false, false},
    {"0x-" TRACE "-" SPAN "-01", false, false},
    {"00-00000000000000000000000000000000-" SPAN "-01", false, false},
    {"00-" TRACE "-0000000000000000-01", false, false},
    {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false, false},
    {"00-" TRACE "-B7AD6B7169203331-01", false, false},
    {"00-" TRACE "-" SPAN "-0A", false, false},
    {"00-" TRACE "-" SPAN "-.0", false, false},
    {"00-" TRACE "-" SPAN "-0g", false, false},
    {"00-0af7651916cd43dd8448eb211c80319-" SPAN "-01", false, false},
    {"00-0af7651916cd43dd8448eb211c80319cc-" SPAN "-01", false, false},
    {"00-0af7651916cd43dd8448eb211c8031.c-" SPAN "-01", false, false},
    {"00-" TRACE "-b7ad6b716920333-01", false, false},
    {"00-" TRACE "-b7ad6b71692033312-01", false, false},
    {"00_" TRACE "-" SPAN "-01", false, false},
    {"00-" TRACE "_" SPAN "-01", false, false},
    {"00-" TRACE "-" SPAN "_01", false, false},
    {"00-" TRACE "-" SPAN "-1", false, false},
    {"00-" TRACE "-" SPAN "-", false, false},
    {"00-" TRACE "-" SPAN, false, false},
    {"00-" TRACE, false, false},
    {"00-", false, false},
    {"", false, false},
    {"-", false, false},
    {"00-" TRACE "-" SPAN "-01,00-" TRACE "-" SPAN "-01", false, false}, /* two headers joined */
};

static void follows_the_standard(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct trace_context context = {{1, 2}, 3, true, true};
        bool valid = traceparent_parse(table[i].text, &context);
        if (valid != table[i].valid)
            fail_msg("\"%s\" taken for %s", table[i].text, valid ? "valid" : "invalid");
        if (!valid) {
            assert_int_equal(context.span_id, 3); /* untouched */
            continue;
        }
        assert_int_equal(context.trace_id[0], 0x0af7651916cd43dd);
        assert_int_equal(context.trace_id[1], 0x8448eb211c80319c);
        assert_int_equal(context.span_id, 0xb7ad6b7169203331);
        assert_int_equal(context.sampled, table[i].sampled);
    }
    assert_false(traceparent_parse(NULL, &(struct trace_context){0}));
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    struct trace_context context;
    char text[WEIR_TRACEPARENT_BYTES];
    assert_true(traceparent_parse("cc-" TRACE "-" SPAN "-fd-more", &context));
    traceparent_format(&context, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-01"); /* flags that are not known are not passed on */
    context.sampled = false;
    traceparent_format(&context, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-00");
    assert_true(traceparent_parse("00-" TRACE "-" SPAN "-03", &context));
    traceparent_format(&context, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-03");
    context.sampled = false;
    traceparent_format(&context, text);
    assert_string_equal(text, "00-" TRACE "-" SPAN "-02");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_standard),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
