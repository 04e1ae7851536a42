/* SPDX-License-Identifier: Apache-2.0 */
/* What each answer of an OTLP server means. */
#include "tests/support/cmocka.h"

#include "sdk/otlp/http/verdict.h"

static struct weir_delivery judge(long status, uint32_t retry_after_ms, struct str body)
{
    struct weir_delivery delivery = {.outcome = WEIR_BATCH_ABANDONED};
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    verdict(&(struct answer){status, retry_after_ms, body}, &arena, &delivery);
    arena_fini(&arena);
    return delivery;
}

static void every_status(void **state)
{
    (void)state;
    for (long status = 100; status < 600; status++) {
        bool stored = status / 100 == 2;
        bool later = status == 429 || status == 502 || status == 503 || status == 504;
        struct weir_delivery delivery = judge(status, 0, str_of(""));
        assert_int_equal(delivery.outcome, stored  ? WEIR_BATCH_STORED
                                           : later ? WEIR_BATCH_FAILED
                                                   : WEIR_BATCH_REFUSED);
        assert_int_equal(delivery.lost, 0);
        delivery = judge(status, 7000, str_of(""));
        assert_int_equal(delivery.outcome, stored  ? WEIR_BATCH_STORED
                                           : later ? WEIR_BATCH_RETRY
                                                   : WEIR_BATCH_REFUSED);
        if (later) assert_int_equal(delivery.retry_after_ms, 7000);
    }
}

static void partial_successes(void **state)
{
    (void)state;
    struct weir_delivery delivery = judge(200, 0, str_view("\x0a\x07\x08\x83\x01\x12\x02no", 9));
    assert_int_equal(delivery.outcome, WEIR_BATCH_STORED);
    assert_int_equal(delivery.lost, 131);
    assert_string_equal(delivery.reason, "partial success 200: no");
    delivery = judge(200, 0, str_view("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13)); /* -1 */
    assert_int_equal(delivery.outcome, WEIR_BATCH_STORED);
    assert_int_equal(delivery.lost, 0);
    delivery = judge(200, 0, str_of("<html>"));
    assert_int_equal(delivery.outcome, WEIR_BATCH_STORED);
    assert_string_equal(delivery.reason, "");
}

/* Into a log that may be a terminal. */
static void foreign_words(void **state)
{
    (void)state;
    struct weir_delivery delivery = judge(400, 0, str_view("\x12\x08no\x1b[31m\n", 10));
    assert_string_equal(delivery.reason, "HTTP 400: no?[31m?");
    char body[1026] = "\x12\xfe\x07";
    memset(body + 3, 'x', 1022);
    delivery = judge(400, 0, str_view(body, 1025));
    assert_in_range(strlen(delivery.reason), 100, sizeof delivery.reason - 1);
    assert_string_equal(judge(404, 0, str_of("<html>")).reason, "HTTP 404");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status),
        cmocka_unit_test(partial_successes),
        cmocka_unit_test(foreign_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
