/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter against a plain nng REP socket that stores, refuses, postpones, goes away, or is none at all. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "proto/sp.h"
#include "tests/sdk/peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/weir.h>

static void begin(const char *url)
{
    struct weir_config config = {.endpoint = url, .export_interval_ms = 5};
    assert_int_equal(weir_init(&config), WEIR_OK);
}

static void spans(int count)
{
    for (int i = 0; i < count; i++) {
        WEIR_SPAN("one of many");
    }
}

static struct weir_stats stats_now(void)
{
    struct weir_stats stats;
    weir_stats(&stats);
    assert_int_equal(stats.created, stats.acknowledged + stats.dropped + stats.in_flight);
    return stats;
}

static void all_spans_are_stored_once(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    struct weir_stats before = stats_now();
    begin(peer_url(peer));
    spans(5000);
    assert_true(peer_wait_spans(peer, 5000));
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    struct weir_stats after = stats_now();
    assert_int_equal(after.acknowledged - before.acknowledged, 5000);
    assert_int_equal(after.in_flight, 0);
    uint64_t total = 0;
    for (uint32_t i = 0; i < peer_batch_count(peer); i++) {
        const struct batch *batch = &peer_batch(peer, i)->batch;
        uint64_t delivered = batch->acknowledged - before.acknowledged;
        assert_int_equal(batch->sequence - peer_batch(peer, 0)->batch.sequence, i);
        assert_int_equal(batch->producer, peer_batch(peer, 0)->batch.producer);
        assert_int_equal(delivered, total); /* of when the batch was made */
        assert_true(batch->created - before.created >= total + batch->span_count);
        total += batch->span_count;
    }
    assert_int_equal(total, 5000);
    peer_stop(peer);
}

static void batches_are_as_small_as_wished(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    struct weir_config config = {.endpoint = peer_url(peer), .export_interval_ms = 5, .batch_span_limit = 7};
    assert_int_equal(weir_init(&config), WEIR_OK);
    spans(100);
    assert_true(peer_wait_spans(peer, 100));
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    assert_true(peer_batch_count(peer) >= 15);
    for (uint32_t i = 0; i < peer_batch_count(peer); i++)
        assert_true(peer_batch(peer, i)->batch.span_count <= 7);
    peer_stop(peer);
}

/* The peer dies with the batch unanswered; the next one gets the same bytes under the same number. */
static void a_lost_batch_is_sent_again(void **state)
{
    (void)state;
    struct peer *first = peer_start(0);
    uint16_t port = peer_port(first);
    peer_answer(first, REPLY_UNKNOWN, 1);
    begin(peer_url(first));
    spans(100);
    assert_true(peer_wait_batches(first, 1));
    size_t bytes = peer_batch(first, 0)->byte_count;
    unsigned char *sent = malloc(bytes);
    memcpy(sent, peer_batch(first, 0)->bytes, bytes);
    peer_stop(first);

    struct peer *second = peer_start(port);
    assert_true(peer_wait_batches(second, 1));
    assert_int_equal(peer_batch(second, 0)->byte_count, bytes);
    assert_memory_equal(peer_batch(second, 0)->bytes, sent, bytes);
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    assert_true(stats_now().batches_resent > 0);
    free(sent);
    peer_stop(second);
}

static void a_peer_that_comes_back_gets_the_rest(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    uint16_t port = peer_port(peer);
    begin(peer_url(peer));
    spans(10);
    assert_true(peer_wait_spans(peer, 10));
    peer_stop(peer);
    spans(20);
    peer = peer_start(port);
    spans(30);
    assert_true(peer_wait_spans(peer, 50));
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    peer_stop(peer);
}

static void retry_means_the_same_again(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    peer_answer(peer, REPLY_RETRY, 3);
    begin(peer_url(peer));
    spans(10);
    assert_true(peer_wait_batches(peer, 4));
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(peer_batch(peer, i)->byte_count, peer_batch(peer, 0)->byte_count);
        assert_memory_equal(peer_batch(peer, i)->bytes, peer_batch(peer, 0)->bytes,
                            peer_batch(peer, 0)->byte_count);
    }
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    peer_stop(peer);
}

/* Over a Unix socket, where frames have a byte more, also after the peer came back. */
static void ipc_carries_the_same(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-ipc-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    struct peer *peer = peer_start_ipc(path);
    begin(peer_url(peer));
    spans(3000);
    assert_true(peer_wait_spans(peer, 3000));
    peer_stop(peer);
    spans(10);
    peer = peer_start_ipc(path);
    assert_true(peer_wait_spans(peer, 10));
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    peer_stop(peer);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

/* Whichever of two is used first: when it goes, the other gets the unanswered batch, the same bytes. */
static void another_endpoint_takes_over(void **state)
{
    (void)state;
    struct peer *peers[2] = {peer_start(0), peer_start(0)};
    char urls[160];
    snprintf(urls, sizeof urls, "%s,%s", peer_url(peers[0]), peer_url(peers[1]));
    peer_answer(peers[0], REPLY_UNKNOWN, 1);
    peer_answer(peers[1], REPLY_UNKNOWN, 1);
    begin(urls);
    spans(100);
    int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
    while (!peer_batch_count(peers[0]) && !peer_batch_count(peers[1]) && clock_monotonic_ns() < deadline)
        sched_yield();
    int first = peer_batch_count(peers[0]) ? 0 : 1;
    assert_true(peer_wait_batches(peers[first], 1));
    size_t bytes = peer_batch(peers[first], 0)->byte_count;
    unsigned char *sent = malloc(bytes);
    memcpy(sent, peer_batch(peers[first], 0)->bytes, bytes);
    peer_answer(peers[!first], REPLY_STORED, 1);
    peer_stop(peers[first]);
    assert_true(peer_wait_batches(peers[!first], 1));
    assert_int_equal(peer_batch(peers[!first], 0)->byte_count, bytes);
    assert_memory_equal(peer_batch(peers[!first], 0)->bytes, sent, bytes);
    spans(50);
    assert_true(peer_wait_spans(peers[!first], 150)); /* and it stays there */
    assert_int_equal(weir_shutdown(5000), WEIR_OK);
    free(sent);
    peer_stop(peers[!first]);
}

/* Last of those that expect WEIR_OK: what was dropped once is told at every later shutdown. */
static void refused_is_counted_and_not_sent_again(void **state)
{
    (void)state;
    struct peer *peer = peer_start(0);
    uint64_t refused_before = stats_now().dropped_refused;
    peer_answer(peer, REPLY_REFUSED, 1);
    begin(peer_url(peer));
    spans(10);
    assert_true(peer_wait_batches(peer, 1));
    uint64_t refused = peer_batch(peer, 0)->batch.span_count;
    assert_int_equal(weir_shutdown(5000), WEIR_DROPPED);
    assert_int_equal(stats_now().dropped_refused - refused_before, refused);
    assert_int_equal(peer_stored_spans(peer), 10 - refused);
    peer_stop(peer);
}

/* ---- peers that are none ---- */

struct impostor {
    int listener;
    uint16_t port;
    const unsigned char *says; /* after the connection is made */
    size_t bytes;
    bool greets;
    _Atomic uint32_t connections;
    _Atomic bool stop;
    pthread_t thread;
};

static void *play(void *argument)
{
    struct impostor *impostor = argument;
    while (!impostor->stop) {
        struct pollfd wait = {impostor->listener, POLLIN, 0};
        if (poll(&wait, 1, 50) <= 0) continue;
        int fd = accept(impostor->listener, NULL, NULL);
        unsigned char greeting[SP_GREETING_BYTES], ignored[4096];
        sp_greeting(greeting, SP_PROTOCOL_REP0);
        if (impostor->greets) send(fd, greeting, sizeof greeting, MSG_NOSIGNAL);
        if (impostor->greets) recv(fd, ignored, sizeof ignored, 0);
        send(fd, impostor->says, impostor->bytes, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        struct pollfd drain = {fd, POLLIN, 0};
        while (!impostor->stop && poll(&drain, 1, 50) >= 0)
            if (drain.revents && recv(fd, ignored, sizeof ignored, 0) <= 0) break;
        close(fd);
        impostor->connections++;
    }
    return NULL;
}

static void impostor_start(struct impostor *impostor)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    impostor->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(impostor->listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(impostor->listener, 8), 0);
    assert_int_equal(getsockname(impostor->listener, (struct sockaddr *)&address, &bytes), 0);
    impostor->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&impostor->thread, NULL, play, impostor), 0);
}

static void hostile_peers_cost_nothing_but_spans(void **state)
{
    (void)state;
    static const char long_reply[8192] = "\0\0\0\0\0\0\x1f\xf8\x80";
    const struct {
        const char *bytes;
        size_t count;
        bool greets;
    } table[] = {
        {"", 0, false},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, false},
        {"\0SP\0\0\x30\0\0", 8, false}, /* another req0 */
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, true},
        {"\0\0\0\0\0\0\0\0", 8, true},
        {long_reply, sizeof long_reply, true},
        {"\0\0\0\0\0\0\0\x03\x80\0\0", 11, true},
        {"\0\0\0\0\0\0\0\x08\0\0\0\x01\0\0\0\x02", 16, true},
        {"\0\0\0\0\0\0\0\x06\x80\0\0\x01\xff\xff", 14, true},
        {"\0\0\0\0\0\0\0\x64\x80\0\0\x01", 12, true}, /* cut short */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct impostor impostor = {.says = (const unsigned char *)table[i].bytes,
                                    .bytes = table[i].count,
                                    .greets = table[i].greets};
        char url[64];
        impostor_start(&impostor);
        snprintf(url, sizeof url, "tcp://127.0.0.1:%u", impostor.port);
        begin(url);
        spans(5);
        int64_t deadline = clock_monotonic_ns() + 10 * NS_PER_S;
        while (impostor.connections < 2 && clock_monotonic_ns() < deadline) sched_yield();
        assert_true(impostor.connections >= 2); /* it tried, gave up on it, and tried again */
        uint64_t before = stats_now().dropped_shutdown;
        assert_int_equal(weir_shutdown(1), WEIR_TIMEOUT);
        assert_int_equal(stats_now().dropped_shutdown - before, 5);
        impostor.stop = true;
        pthread_join(impostor.thread, NULL);
        close(impostor.listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_spans_are_stored_once),
        cmocka_unit_test(batches_are_as_small_as_wished),
        cmocka_unit_test(a_lost_batch_is_sent_again),
        cmocka_unit_test(a_peer_that_comes_back_gets_the_rest),
        cmocka_unit_test(retry_means_the_same_again),
        cmocka_unit_test(ipc_carries_the_same),
        cmocka_unit_test(another_endpoint_takes_over),
        cmocka_unit_test(refused_is_counted_and_not_sent_again),
        cmocka_unit_test(hostile_peers_cost_nothing_but_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
