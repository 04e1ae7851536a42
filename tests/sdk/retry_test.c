/* SPDX-License-Identifier: Apache-2.0 */
/* A collector that never takes the batch, and answers at once each time, does not keep the exporter busy. */
#include "tests/support/cmocka.h"

#include "tests/sdk/peer.h"

#include <unistd.h>
#include <weir/weir.h>

#define FOR_EVER 1000000

/* How often a batch goes out in so many milliseconds, when each time this is the answer. */
static uint64_t sent_in(uint32_t ms, enum reply_status answer)
{
    struct peer *peer = peer_start(0);
    struct weir_config config = {
        .endpoint = peer_url(peer), .service_name = "retry-test", .export_interval_ms = 5};
    struct weir_stats before, after;
    peer_only_count(peer);
    peer_answer(peer, answer, FOR_EVER);
    weir_stats(&before);
    assert_int_equal(weir_init(&config), WEIR_OK);
    {
        WEIR_SPAN("kept");
    }
    usleep(ms * 1000);
    weir_stats(&after);
    assert_int_equal(weir_shutdown(100), WEIR_TIMEOUT);
    peer_stop(peer);
    return after.batches_sent + after.batches_resent - before.batches_sent - before.batches_resent;
}

static void a_short_retry_time_is_made_longer(void **state)
{
    (void)state;
    assert_in_range(sent_in(1000, REPLY_RETRY), 2, 21); /* the peer says 5 ms */
}

static void a_reply_of_a_newer_collector_means_a_second(void **state)
{
    (void)state;
    assert_in_range(sent_in(700, (enum reply_status)9), 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_retry_time_is_made_longer),
        cmocka_unit_test(a_reply_of_a_newer_collector_means_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
