/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "proto/batch.h"
#include "sdk/core/span_limits.h"
#include "tests/sdk/peer.h"

#include <weir/task.h>

#include <stdio.h>
#include <stdlib.h>

static uint32_t cut_to(const char *text, uint32_t limit)
{
    struct settings settings = {.attribute_value_length_limit = limit};
    struct span_limits limits;
    span_limits_set(&limits, &settings);
    return span_text_bytes(&limits, text);
}

static void a_limit_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(cut_to("abc", 0), 0);
    assert_int_equal(cut_to("abc", 2), 2);
    assert_int_equal(cut_to("abc", 3), 3);
    assert_int_equal(cut_to("gr\xc3\xb6\xc3\x9f"
                            "e",
                            5),
                     7); /* five characters in seven bytes */
    assert_int_equal(cut_to("gr\xc3\xb6\xc3\x9f"
                            "e",
                            3),
                     4);
    assert_int_equal(cut_to("\xf0\x9f\x8c\x8a\xf0\x9f\x8c\x8a", 1), 4);
    assert_int_equal(cut_to("\x80\x80\x80", 1), 3); /* no UTF-8: not split, and nothing behind it is read */
    assert_int_equal(cut_to("", 5), 0);
}

static void texts_end_at_1024_bytes_without_a_limit(void **state)
{
    (void)state;
    char text[2001];
    memset(text, 'x', 2000);
    text[2000] = 0;
    assert_int_equal(cut_to(text, INT32_MAX), SPAN_TEXT_MAX);
    memcpy(text + SPAN_TEXT_MAX - 1, "\xc3\xb6", 2);
    assert_int_equal(cut_to(text, INT32_MAX), SPAN_TEXT_MAX - 1); /* not half a character */
    for (size_t i = 0; i < 2000; i += 2) memcpy(text + i, "\xc3\xb6", 2);
    assert_int_equal(cut_to(text, 600), SPAN_TEXT_MAX);
    assert_int_equal(cut_to(text, 500), 1000);
}

static void limits_stay_within_the_wire(void **state)
{
    (void)state;
    struct settings settings = {
        .attribute_count_limit = 1000, .event_count_limit = INT32_MAX, .link_count_limit = 7};
    struct span_limits limits;
    span_limits_set(&limits, &settings);
    assert_int_equal(span_limit(&limits.attributes), BATCH_ATTRIBUTES_MAX);
    assert_int_equal(span_limit(&limits.events), BATCH_EVENTS_MAX);
    assert_int_equal(span_limit(&limits.links), 7);
}

/* ---- on spans ---- */

static struct peer *peer;

static uint32_t span_named(const char *name, const struct batch **batch)
{
    uint32_t span;
    if (!peer_find(peer, name, 0, batch, &span)) fail_msg("no span \"%s\"", name);
    return span;
}

/* The values of a span's attributes, as "key=value " in order. */
static void describe(const char *name, char text[256])
{
    const struct batch *batch;
    uint32_t span = span_named(name, &batch), first = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < span; i++) first += batch->attribute_count ? batch->attribute_count[i] : 0;
    for (uint32_t i = first; i < first + batch->attribute_count[span]; i++) {
        struct str key = batch_string(batch, batch->attribute_key[i]);
        struct str value = batch->attribute_type[i] == ATTRIBUTE_STRING
                               ? batch_string(batch, (uint32_t)batch->attribute_value[i])
                               : str_of(batch->attribute_value[i] == 2 ? "2" : "?");
        size_t len = strlen(text);
        snprintf(text + len, 256 - len, "%.*s=%.*s ", STR_ARG(key), STR_ARG(value));
    }
}

static void attributes_at_their_limit(void **state)
{
    (void)state;
    char text[256];
    peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer),
                                 .export_interval_ms = 5,
                                 .attribute_count_limit = 2,
                                 .attribute_value_length_limit = 3};
    assert_int_equal(weir_init(&config), WEIR_OK);
    {
        WEIR_SPAN("limited");
        weir_string("a", "first");
        weir_string("b", "second");
        weir_int("c", 2);           /* one too many */
        weir_string("a", "thirds"); /* in place of the first */
        weir_error("timeout");      /* one too many, too, but the span failed */
    }
    {
        WEIR_SPAN("failed");
        weir_error("timeout");
    }
    struct weir_task task;
    weir_task_begin(&task, WEIR_SITE("task"), WEIR_TASK_INTERNAL, NULL);
    weir_task_string(&task, "a", "first");
    weir_task_error(&task, "timeout");
    weir_task_int(&task, "c", 2);
    weir_task_end(&task);
    assert_true(peer_wait_spans(peer, 3));
    describe("limited", text);
    assert_string_equal(text, "a=thi b=sec ");
    describe("failed", text);
    assert_string_equal(text, "error.type=tim ");
    describe("task", text);
    assert_string_equal(text, "a=fir error.type=tim ");
    struct weir_stats stats;
    weir_stats(&stats);
    assert_int_equal(stats.attributes_dropped, 3);
    weir_shutdown(2000);
    peer_stop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_counts_characters),
        cmocka_unit_test(texts_end_at_1024_bytes_without_a_limit),
        cmocka_unit_test(limits_stay_within_the_wire),
        cmocka_unit_test(attributes_at_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
