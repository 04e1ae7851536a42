/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log: their forms, that nothing in a text can end one or leave its quotes, and that there are not too many. */
#include "tests/support/cmocka.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *written;
static int real_stderr;

static int capture(void **state)
{
    (void)state;
    written = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    return written && dup2(fileno(written), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(written);
    log_set_format("text");
    return 0;
}

/* All that was written; to be freed. */
static char *lines(void)
{
    long bytes = lseek(fileno(written), 0, SEEK_END);
    char *text = calloc(1, (size_t)bytes + 1);
    assert_int_equal(pread(fileno(written), text, (size_t)bytes, 0), bytes);
    return text;
}

static void assert_ends(const char *format, const char *end)
{
    assert_true(log_set_format(format));
    log_warn("%s", "a\n\"b\\\x7f");
    char *text = lines();
    size_t bytes = strlen(text), wanted = strlen(end);
    assert_true(bytes > wanted);
    assert_string_equal(text + bytes - wanted, end);
    free(text);
}

static void forms(void **state)
{
    (void)state;
    assert_ends("text", "Z warning: a\\x0a\"b\\\\x7f\n");
    assert_ends("logfmt", "Z level=warning msg=\"a\\x0a\\\"b\\\\\\x7f\"\n");
    assert_ends("json", "Z\",\"level\":\"warning\",\"message\":\"a\\u000a\\\"b\\\\\\u007f\"}\n");
    assert_false(log_set_format("xml"));
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++) count++;
    return count;
}

/* The sum of the numbers in front of "lines were left out". */
static unsigned told(const char *text)
{
    unsigned sum = 0, number;
    for (const char *at = text; (at = strstr(at, "warning: ")); at++)
        if (sscanf(at, "warning: %u lines were left out", &number) == 1) sum += number;
    return sum;
}

static void not_too_many_and_none_untold(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    for (int i = 0; i < MANY; i++) log_info("many");
    char *text = lines();
    unsigned before = count_of(text, "info: many");
    assert_true(before < MANY);
    unsigned sent = MANY;
    /* The next second that has a line tells of the one before. */
    while (told(text) + count_of(text, "info: many") < sent) {
        free(text);
        log_info("many");
        sent++;
        usleep(20000);
        text = lines();
    }
    assert_int_equal(told(text) + count_of(text, "info: many"), sent);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forms, capture, release),
        cmocka_unit_test_setup_teardown(not_too_many_and_none_untold, capture, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
