/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ingest over real sockets: plain nng REQ sockets, nngcat, and raw peers that do everything wrong. After each
 * wrong the collector has counted it, still serves a well-behaved client, and gets its descriptors back.
 */
#include "collector/counters.h"
#include "collector/ingest/ingest.h"
#include "ingest_peer.h"
#include "ingest_store.h"
#include "tests/support/cmocka.h"

#include "base/clock.h"

#include <dirent.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_NS (10 * NS_PER_S)

static struct ingest *ingest;
static char tcp_url[128], ipc_url[128], folder[64];
static struct collector_counters before; /* as the test found them */

/* ---- what the tests share ---- */

static void pause_1ms(void)
{
    const struct timespec pause = {.tv_nsec = NS_PER_MS};
    nanosleep(&pause, NULL);
}

#define EXPECT_EVENTUALLY(condition)                                                                         \
    do {                                                                                                     \
        int64_t give_up_ns = clock_monotonic_ns() + DEADLINE_NS;                                             \
        while (!(condition)) {                                                                               \
            if (clock_monotonic_ns() > give_up_ns) fail_msg("never true: %s", #condition);                   \
            pause_1ms();                                                                                     \
        }                                                                                                    \
    } while (0)

#define COUNTED(name)               (counters.name - before.name)
#define EXPECT_COUNTED(name, times) EXPECT_EVENTUALLY(COUNTED(name) == (times))

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

static struct ingest_options short_tempered(void)
{
    struct ingest_options options;
    ingest_options_default(&options);
    options.greeting_timeout_ms = options.frame_timeout_ms = options.reply_timeout_ms = 300;
    return options;
}

static void start_with(struct ingest_options options)
{
    const char *urls[] = {"tcp://127.0.0.1:0", ipc_url};
    char error[INGEST_ERROR_BYTES] = "";
    options.urls = urls;
    options.url_count = 2;
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(ipc_url, sizeof ipc_url, "ipc://%s/ingest", folder);
    ingest = ingest_start(&options, error);
    assert_string_equal(error, "");
    assert_non_null(ingest);
    snprintf(tcp_url, sizeof tcp_url, "%s", ingest_url(ingest, 0));
    assert_string_equal(ingest_url(ingest, 1), ipc_url);
#define X(name, words) before.name = counters.name;
    COLLECTOR_COUNTERS(X)
#undef X
    test_store_answers(STORE_OK);
}

static int start(void **state)
{
    (void)state;
    start_with(short_tempered());
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_store_unblock();
    ingest_stop(ingest);
    ingest = NULL;
    rmdir(folder);
    return 0;
}

static void restart_with(struct ingest_options options)
{
    stop(NULL);
    start_with(options);
}

static void expect_status(const struct peer_reply reply, uint32_t id, enum reply_status status)
{
    assert_int_equal(reply.words[reply.word_count - 1], id | SP_REQUEST_ID_BIT);
    assert_int_equal(reply.status, status);
}

static enum reply_status ask_by_nng(const char *url, const struct buffer *batch)
{
    nng_socket socket;
    void *answer = NULL;
    size_t bytes = 0;
    assert_int_equal(nng_req0_open(&socket), 0);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PEER_DEADLINE_MS);
    nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, PEER_DEADLINE_MS);
    assert_int_equal(nng_dial(socket, url, NULL, 0), 0);
    assert_int_equal(nng_send(socket, batch->data, batch->len, 0), 0);
    assert_int_equal(nng_recv(socket, &answer, &bytes, NNG_FLAG_ALLOC), 0);
    struct arena arena;
    struct reply reply = {0};
    arena_init(&arena, 1 << 20);
    assert_true(reply_unpack(&reply, &arena, answer, bytes));
    arena_fini(&arena);
    nng_free(answer, bytes);
    nng_close(socket);
    return reply.status;
}

static void expect_good_client_served(void)
{
    struct buffer batch;
    buffer_init(&batch);
    peer_batch(&batch, BATCH_VERSION, 1, 1);
    assert_int_equal(ask_by_nng(tcp_url, &batch), REPLY_STORED);
    assert_int_equal(ask_by_nng(ipc_url, &batch), REPLY_STORED);
    buffer_fini(&batch);
}

static struct buffer a_batch(uint64_t sequence)
{
    struct buffer batch;
    buffer_init(&batch);
    peer_batch(&batch, BATCH_VERSION, 1, sequence);
    return batch;
}

/* Made so long by a field that nobody knows. */
static struct buffer a_long_batch(uint64_t sequence, size_t bytes)
{
    struct buffer batch = a_batch(sequence);
    size_t more = bytes - batch.len - 5; /* tag and length: two and three bytes */
    const unsigned char field[5] = {0xba, 0x3e, (unsigned char)(more | 0x80),
                                    (unsigned char)(more >> 7 | 0x80), (unsigned char)(more >> 14)};
    buffer_add(&batch, field, sizeof field);
    buffer_add_char(&batch, 'x', more);
    return batch;
}

/* ---- well-behaved peers ---- */

static void test_nng_req_sockets_are_served(void **state)
{
    (void)state;
    expect_good_client_served();
    EXPECT_COUNTED(batches_stored, 2);
    EXPECT_COUNTED(spans_stored, 2);
    EXPECT_COUNTED(connections_accepted, 2);
}

static void test_nngcat_is_served(void **state)
{
    (void)state;
    struct buffer batch = a_batch(1);
    char path[128], command[512];
    snprintf(path, sizeof path, "%s/batch", folder);
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(batch.data, 1, batch.len, file), batch.len);
    fclose(file);
    snprintf(command, sizeof command, "timeout 20 nngcat --req --connect %s --file %s --raw", tcp_url, path);
    FILE *output = popen(command, "re");
    unsigned char answer[16];
    size_t bytes = fread(answer, 1, sizeof answer, output);
    pclose(output);
    assert_true(bytes >= 2);
    assert_memory_equal(answer, "\x08\x01", 2); /* status: STORED */
    EXPECT_COUNTED(batches_stored, 1);
    unlink(path);
    buffer_fini(&batch);
}

static void test_what_the_store_says_is_answered(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1);
    test_store_answers(STORE_DUPLICATE);
    peer_send_request(&peer, 1, &batch);
    expect_status(peer_receive(&peer), 1, REPLY_STORED);
    test_store_answers(STORE_REFUSED);
    peer_send_request(&peer, 2, &batch);
    struct peer_reply refused = peer_receive(&peer);
    expect_status(refused, 2, REPLY_REFUSED);
    assert_string_equal(refused.reason, "the test says so");
    test_store_answers(STORE_AWAY);
    peer_send_request(&peer, 3, &batch);
    struct peer_reply away = peer_receive(&peer);
    expect_status(away, 3, REPLY_RETRY);
    assert_int_equal(away.retry_after_ms, 500);
    EXPECT_COUNTED(batches_duplicate, 1);
    EXPECT_COUNTED(batches_refused_store, 1);
    EXPECT_COUNTED(batches_retried, 1);
    EXPECT_COUNTED(batches_stored, 0);
    buffer_fini(&batch);
    peer_close(&peer);
}

static void test_nothing_is_acknowledged_before_the_commit(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1);
    test_store_block();
    peer_send_request(&peer, 1, &batch);
    test_store_wait_inside();
    struct pollfd answered = {.fd = peer.fd, .events = POLLIN};
    assert_int_equal(poll(&answered, 1, 50), 0);
    test_store_unblock();
    expect_status(peer_receive(&peer), 1, REPLY_STORED);
    buffer_fini(&batch);
    peer_close(&peer);
}

static void test_hop_words_come_back(void **state)
{
    (void)state;
    struct buffer batch = a_batch(1);
    const uint32_t words[] = {5, 6, 0x7fffffff, 9 | SP_REQUEST_ID_BIT};
    const char *urls[] = {tcp_url, ipc_url};
    for (size_t i = 0; i < 2; i++) {
        struct peer peer = peer_open(urls[i]);
        peer_send_frame(&peer, words, 4, batch.data, batch.len);
        struct peer_reply reply = peer_receive(&peer);
        expect_status(reply, 9, REPLY_STORED);
        assert_int_equal(reply.word_count, 4);
        assert_memory_equal(reply.words, words, sizeof words);
        peer_close(&peer);
    }
    buffer_fini(&batch);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    for (uint32_t id = 1; id <= 100; id++) {
        struct buffer batch = a_batch(id);
        peer_send_request(&peer, id, &batch);
        buffer_fini(&batch);
    }
    for (uint32_t id = 1; id <= 100; id++) expect_status(peer_receive(&peer), id, REPLY_STORED);
    EXPECT_COUNTED(batches_stored, 100);
    peer_close(&peer);
}

static void test_bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct ingest_options options;
    ingest_options_default(&options);
    restart_with(options);
    struct peer peer = peer_connect(ipc_url);
    struct buffer batch = a_batch(1), stream;
    buffer_init(&stream);
    unsigned char greeting[SP_GREETING_BYTES], prefix[SP_FRAME_PREFIX_BYTES];
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    buffer_add(&stream, greeting, sizeof greeting);
    buffer_add(&stream, prefix, sp_prefix(prefix, SP_IPC, 4 + batch.len));
    buffer_add_u32be(&stream, 3 | SP_REQUEST_ID_BIT);
    buffer_add(&stream, batch.data, batch.len);
    for (size_t i = 0; i < stream.len; i++) peer_send(&peer, stream.data + i, 1);
    char ignored[SP_GREETING_BYTES];
    assert_int_equal(recv(peer.fd, ignored, sizeof ignored, MSG_WAITALL), SP_GREETING_BYTES);
    expect_status(peer_receive(&peer), 3, REPLY_STORED);
    buffer_fini(&batch);
    buffer_fini(&stream);
    peer_close(&peer);
}

/* ---- batches that are refused, on connections that go on ---- */

static void test_an_undecodable_batch_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1), garbage;
    buffer_init(&garbage);
    buffer_add_char(&garbage, '\xff', 100);
    peer_send_request(&peer, 1, &garbage);
    struct peer_reply reply = peer_receive(&peer);
    expect_status(reply, 1, REPLY_REFUSED);
    assert_true(strlen(reply.reason) > 0);
    EXPECT_COUNTED(batches_refused_malformed, 1);
    peer_send_request(&peer, 2, &batch);
    expect_status(peer_receive(&peer), 2, REPLY_STORED);
    const uint32_t empty = 3 | SP_REQUEST_ID_BIT;
    peer_send_frame(&peer, &empty, 1, "", 0);
    expect_status(peer_receive(&peer), 3, REPLY_REFUSED);
    EXPECT_COUNTED(batches_refused_malformed, 2);
    for (size_t bytes = 1; bytes < batch.len; bytes++) { /* cut between two fields it may be whole */
        peer_send_frame(&peer, &empty, 1, batch.data, bytes);
        enum reply_status status = peer_receive(&peer).status;
        assert_true(status == REPLY_REFUSED || status == REPLY_STORED);
    }
    assert_true(COUNTED(batches_refused_malformed) > batch.len / 2);
    buffer_fini(&garbage);
    buffer_fini(&batch);
    peer_close(&peer);
}

static void test_a_newer_version_is_refused_and_counted_apart(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    struct buffer newer;
    buffer_init(&newer);
    peer_batch(&newer, BATCH_VERSION + 1, 1, 1);
    peer_send_request(&peer, 1, &newer);
    struct peer_reply reply = peer_receive(&peer);
    expect_status(reply, 1, REPLY_REFUSED);
    assert_non_null(strstr(reply.reason, "version"));
    EXPECT_COUNTED(batches_refused_version, 1);
    EXPECT_COUNTED(batches_refused_malformed, 0);
    buffer_fini(&newer);
    peer_close(&peer);
}

static void test_an_oversize_frame_is_refused_unread(void **state)
{
    (void)state;
    struct ingest_options options;
    ingest_options_default(&options);
    restart_with(options);
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1), large;
    buffer_init(&large);
    buffer_add_char(&large, 'x', BATCH_BYTES_MAX + 1000);
    peer_send_request(&peer, 1, &large);
    struct peer_reply reply = peer_receive(&peer);
    expect_status(reply, 1, REPLY_REFUSED);
    assert_non_null(strstr(reply.reason, "longer"));
    EXPECT_COUNTED(frames_refused_length, 1);
    peer_send_request(&peer, 2, &batch);
    expect_status(peer_receive(&peer), 2, REPLY_STORED);
    buffer_fini(&large);
    buffer_fini(&batch);
    peer_close(&peer);
}

static void test_a_full_queue_sends_back(void **state)
{
    (void)state;
    struct ingest_options options = short_tempered();
    options.queue_bytes_max = 65536;
    restart_with(options);
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1), large = a_long_batch(2, 50000);
    test_store_block();
    peer_send_request(&peer, 1, &batch);
    test_store_wait_inside();
    peer_send_request(&peer, 2, &large); /* waits behind it */
    peer_send_request(&peer, 3, &large);
    struct peer_reply reply = peer_receive(&peer);
    expect_status(reply, 3, REPLY_RETRY);
    assert_true(reply.retry_after_ms > 0);
    EXPECT_COUNTED(batches_retried, 1);
    test_store_unblock();
    expect_status(peer_receive(&peer), 1, REPLY_STORED);
    expect_status(peer_receive(&peer), 2, REPLY_STORED);
    peer_send_request(&peer, 4, &large); /* the memory was given back */
    expect_status(peer_receive(&peer), 4, REPLY_STORED);
    buffer_fini(&large);
    buffer_fini(&batch);
    peer_close(&peer);
}

/* ---- peers that are closed on ---- */

static void expect_recovered(size_t descriptors_at_first)
{
    expect_good_client_served();
    EXPECT_EVENTUALLY(descriptors() <= descriptors_at_first);
}

static void test_a_garbage_greeting_closes(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    const char *const greetings[] = {"GET / HTTP/1.1\r\n\r\n", "\0SP\0\0\x30\0\1", "\0SP\0\0\x20\0\0",
                                     "\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < 4; i++) {
        struct peer peer = peer_connect(i % 2 ? ipc_url : tcp_url);
        peer_send(&peer, greetings[i], SP_GREETING_BYTES);
        peer_expect_closed(&peer);
        peer_close(&peer);
    }
    EXPECT_COUNTED(connections_refused_greeting, 4);
    expect_recovered(at_first);
}

static void test_a_silent_peer_is_timed_out(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    struct peer silent = peer_connect(tcp_url), half = peer_connect(ipc_url);
    peer_send(&half, "\0SP", 3);
    peer_expect_closed(&silent);
    peer_expect_closed(&half);
    EXPECT_COUNTED(connections_timed_out, 2);
    peer_close(&silent);
    peer_close(&half);
    expect_recovered(at_first);
}

static void test_a_greeted_peer_may_be_idle(void **state)
{
    (void)state;
    struct peer idle = peer_open(tcp_url), silent = peer_connect(tcp_url);
    peer_expect_closed(&silent); /* longer than the greeting may take */
    struct buffer batch = a_batch(1);
    peer_send_request(&idle, 1, &batch);
    expect_status(peer_receive(&idle), 1, REPLY_STORED);
    buffer_fini(&batch);
    peer_close(&silent);
    peer_close(&idle);
}

static void test_a_truncated_frame_is_timed_out(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    struct peer gone = peer_open(tcp_url), prefix = peer_open(tcp_url), body = peer_open(ipc_url);
    peer_send_prefix(&gone, 1000);
    peer_send(&gone, "\x80\0\0\1abc", 7);
    peer_close(&gone); /* no time-out: it is gone */
    peer_send(&prefix, "\0\0\0", 3);
    peer_send_prefix(&body, 1000000);
    peer_send(&body, "\x80\0\0\1abc", 7);
    peer_expect_closed(&prefix);
    peer_expect_closed(&body);
    EXPECT_COUNTED(connections_timed_out, 2);
    peer_close(&prefix);
    peer_close(&body);
    expect_recovered(at_first);
}

static void test_an_absurd_length_closes_at_once(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    const uint64_t lengths[] = {8ull << 30, UINT64_MAX, (uint64_t)INT64_MAX + 1};
    for (size_t i = 0; i < 3; i++) {
        struct peer peer = peer_open(i % 2 ? ipc_url : tcp_url);
        peer_send_prefix(&peer, lengths[i]);
        peer_expect_closed(&peer);
        peer_close(&peer);
    }
    EXPECT_COUNTED(frames_refused_length, 3);
    EXPECT_COUNTED(connections_timed_out, 0);
    expect_recovered(at_first);
}

static void test_a_frame_without_a_header_closes(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    const uint32_t no_end[SP_HOPS_MAX + 2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const size_t word_counts[] = {0, 1, SP_HOPS_MAX + 2};
    for (size_t i = 0; i < 3; i++) {
        struct peer peer = peer_open(i % 2 ? ipc_url : tcp_url);
        peer_send_frame(&peer, no_end, word_counts[i], "", 0);
        peer_expect_closed(&peer);
        peer_close(&peer);
    }
    struct peer not_a_message = peer_open(ipc_url);
    peer_send(&not_a_message, "\2\0\0\0\0\0\0\0\4", 9);
    peer_expect_closed(&not_a_message);
    peer_close(&not_a_message);
    EXPECT_COUNTED(frames_refused_header, 4);
    expect_recovered(at_first);
}

static void expect_served(const struct peer *peer, uint32_t id)
{
    struct buffer batch = a_batch(id);
    peer_send_request(peer, id, &batch);
    expect_status(peer_receive(peer), id, REPLY_STORED);
    buffer_fini(&batch);
}

static void restart_with_three_connections(void)
{
    struct ingest_options options = short_tempered();
    options.connections_max = 3;
    options.greeting_timeout_ms = PEER_DEADLINE_MS;
    restart_with(options);
}

/* The oldest of those that have not sent anything goes, not who is served, nor who comes. */
static void test_silent_peers_make_room_for_others(void **state)
{
    (void)state;
    restart_with_three_connections();
    struct peer served = peer_open(tcp_url);
    expect_served(&served, 1);
    struct peer silent = peer_connect(tcp_url);
    EXPECT_COUNTED(connections_accepted, 2);
    struct peer greeted = peer_open(ipc_url), newcomer = peer_open(tcp_url);
    peer_expect_closed(&silent);
    expect_served(&newcomer, 2);
    struct peer another = peer_open(ipc_url);
    peer_expect_closed(&greeted);
    expect_served(&another, 3);
    expect_served(&served, 4);
    EXPECT_COUNTED(connections_evicted, 2);
    EXPECT_COUNTED(connections_refused_limit, 0);
    EXPECT_COUNTED(connections_timed_out, 0);
    struct peer all[] = {served, silent, greeted, newcomer, another};
    for (size_t i = 0; i < 5; i++) peer_close(&all[i]);
}

/* A peer that was served is sent away for another when it has been silent for a while. */
static void test_idle_peers_make_room_for_others(void **state)
{
    (void)state;
    restart_with_three_connections();
    struct peer peers[3];
    for (uint32_t i = 0; i < 3; i++) peers[i] = peer_open(tcp_url);
    for (uint32_t i = 0; i < 3; i++) expect_served(&peers[i], i + 1);
    struct peer newcomer;
    EXPECT_EVENTUALLY(
        (newcomer = peer_connect(tcp_url), peer_send(&newcomer, "\0SP\0\0\x30\0\0", 8),
         recv(newcomer.fd, &(char[8]){0}, 8, MSG_WAITALL) == 8 || (peer_close(&newcomer), false)));
    expect_served(&newcomer, 4);
    EXPECT_COUNTED(connections_evicted, 1);
    peer_expect_closed(&peers[0]);
    for (size_t i = 0; i < 3; i++) peer_close(&peers[i]);
    peer_close(&newcomer);
}

static void test_an_idle_peer_is_closed_after_its_time(void **state)
{
    (void)state;
    struct ingest_options options = short_tempered();
    options.idle_timeout_ms = 200;
    restart_with(options);
    size_t at_first = descriptors();
    struct peer peer = peer_open(tcp_url), served = peer_open(ipc_url);
    expect_served(&served, 1);
    peer_expect_closed(&peer);
    peer_expect_closed(&served);
    EXPECT_COUNTED(connections_idle, 2);
    EXPECT_COUNTED(connections_timed_out, 0);
    peer_close(&peer);
    peer_close(&served);
    expect_recovered(at_first);
}

static void test_while_all_have_requests_under_way_more_are_closed(void **state)
{
    (void)state;
    restart_with_three_connections();
    struct peer peers[3], fourth;
    struct buffer batch = a_batch(1);
    for (size_t i = 0; i < 3;
         i++) { /* served once, so that none gives way before its request has been read */
        peers[i] = peer_open(tcp_url);
        expect_served(&peers[i], 2);
    }
    test_store_block();
    for (size_t i = 0; i < 3; i++) peer_send_request(&peers[i], 1, &batch);
    test_store_wait_inside();
    EXPECT_EVENTUALLY((fourth = peer_connect(tcp_url),
                       poll(&(struct pollfd){.fd = fourth.fd, .events = POLLIN}, 1, 100), peer_close(&fourth),
                       COUNTED(connections_refused_limit) > 0));
    test_store_unblock();
    for (size_t i = 0; i < 3; i++) {
        expect_status(peer_receive(&peers[i]), 1, REPLY_STORED);
        peer_close(&peers[i]);
    }
    buffer_fini(&batch);
    EXPECT_EVENTUALLY((fourth = peer_connect(tcp_url), peer_send(&fourth, "\0SP\0\0\x30\0\0", 8),
                       recv(fourth.fd, &(char[8]){0}, 8, MSG_WAITALL) == 8 || (peer_close(&fourth), false)));
    peer_close(&fourth);
}

static void test_a_peer_that_never_reads_is_timed_out(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    struct peer peer = peer_open(ipc_url);
    const uint32_t words[] = {1, 2, 3, 4, 5, 6, 7, 8 | SP_REQUEST_ID_BIT};
    unsigned char frame[SP_FRAME_PREFIX_BYTES + sizeof words + 1] = {0};
    size_t bytes = sp_prefix(frame, SP_IPC, sizeof words + 1);
    memset(frame + bytes, 0, sizeof words);
    frame[bytes + sizeof words - 4] = 0x80;
    bytes += sizeof words + 1;
    int64_t deadline_ns = clock_monotonic_ns() + DEADLINE_NS;
    while (COUNTED(connections_timed_out) == 0 && clock_monotonic_ns() < deadline_ns) {
        struct pollfd writable = {.fd = peer.fd, .events = POLLOUT};
        if (poll(&writable, 1, 10) == 1 && send(peer.fd, frame, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) break;
    }
    EXPECT_COUNTED(connections_timed_out, 1);
    peer_close(&peer);
    expect_recovered(at_first);
}

/* Sends the same frame until the peer's end takes no more for a while. Returns the bytes it took, at most 64
 * MiB. */
static size_t send_until_stuck(const struct peer *peer, const struct buffer *frame)
{
    size_t sent_bytes = 0;
    struct pollfd writable = {.fd = peer->fd, .events = POLLOUT};
    while (sent_bytes < (64u << 20) && poll(&writable, 1, 1000) == 1) {
        size_t at = sent_bytes % frame->len;
        ssize_t sent = send(peer->fd, frame->data + at, frame->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(sent > 0);
        sent_bytes += (size_t)sent;
    }
    return sent_bytes;
}

/* Requests pile up behind a store that does not answer: the collector stops reading, and the peer cannot
 * send. */
static void test_reading_stops_at_the_pipeline_limit(void **state)
{
    (void)state;
    struct peer peer = peer_open(tcp_url);
    struct buffer batch = a_batch(1), body = a_long_batch(2, 65532), frame;
    unsigned char prefix[SP_FRAME_PREFIX_BYTES];
    buffer_init(&frame);
    buffer_add(&frame, prefix, sp_prefix(prefix, SP_TCP, 65536));
    buffer_add_u32be(&frame, 2 | SP_REQUEST_ID_BIT);
    buffer_add(&frame, body.data, body.len);
    test_store_block();
    peer_send_request(&peer, 1, &batch);
    test_store_wait_inside();
    size_t sent_bytes = send_until_stuck(&peer, &frame);
    assert_true(sent_bytes >= 15 * frame.len);
    assert_true(sent_bytes < (64u << 20));
    EXPECT_COUNTED(connections_timed_out, 0);
    test_store_unblock();
    expect_status(peer_receive(&peer), 1, REPLY_STORED);
    for (size_t i = 0; i < sent_bytes / frame.len; i++) expect_status(peer_receive(&peer), 2, REPLY_STORED);
    buffer_fini(&frame);
    buffer_fini(&body);
    buffer_fini(&batch);
    peer_reset(&peer);
}

/* ---- deaths ---- */

static void die_with_requests_outstanding(size_t kind)
{
    struct peer peer = peer_open(kind % 2 ? ipc_url : tcp_url);
    struct buffer batch = a_batch(kind);
    for (uint32_t id = 1; id <= kind % 24; id++) peer_send_request(&peer, id, &batch);
    if (kind % 3 == 0) peer_send_prefix(&peer, 1000);
    if (kind % 5 == 0) shutdown(peer.fd, SHUT_WR);
    if (kind % 7 < 3)
        peer_reset(&peer);
    else
        peer_close(&peer);
    buffer_fini(&batch);
}

static void test_deaths_with_requests_outstanding_leave_nothing(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    for (size_t i = 0; i < 400; i++) die_with_requests_outstanding(i);
    expect_recovered(at_first);
}

static void test_death_while_its_batch_is_being_stored(void **state)
{
    (void)state;
    expect_good_client_served();
    size_t at_first = descriptors();
    test_store_block();
    for (size_t i = 1; i <= 20; i++) die_with_requests_outstanding(i);
    test_store_wait_inside();
    test_store_unblock();
    EXPECT_EVENTUALLY(COUNTED(batches_stored) >= 3);
    expect_recovered(at_first);
}

/* ---- start and stop ---- */

static void test_stop_drops_what_waits_and_answers_what_is_stored(void **state)
{
    (void)state;
    struct peer first = peer_open(tcp_url), second = peer_open(ipc_url), idle = peer_open(tcp_url);
    struct buffer batch = a_batch(1);
    test_store_block();
    peer_send_request(&first, 1, &batch);
    test_store_wait_inside();
    peer_send_request(&second, 2, &batch);
    test_store_unblock();
    ingest_stop(ingest);
    expect_status(peer_receive(&first), 1, REPLY_STORED);
    peer_expect_closed(&first);
    peer_expect_closed(&second);
    peer_expect_closed(&idle);
    buffer_fini(&batch);
    peer_close(&first);
    peer_close(&second);
    peer_close(&idle);
    ingest = NULL;
}

static void expect_start_fails(const char *url, const char *words)
{
    struct ingest_options options = short_tempered();
    char error[INGEST_ERROR_BYTES] = "";
    options.urls = &url;
    options.url_count = 1;
    assert_null(ingest_start(&options, error));
    assert_non_null(strstr(error, url));
    if (!strstr(error, words)) fail_msg("%s", error);
}

static void test_what_cannot_be_listened_on_is_said(void **state)
{
    (void)state;
    size_t at_first = descriptors();
    expect_start_fails(tcp_url, "in use");
    expect_start_fails(ipc_url, "in use");
    expect_start_fails("ipc:///does/not/exist/socket", "");
    expect_start_fails("http://127.0.0.1:0", "only tcp");
    expect_start_fails("tcp://999.1.1.1:0", "");
    EXPECT_EVENTUALLY(descriptors() <=
                      at_first); /* a try at the ipc address was a connection to the living one */
    expect_good_client_served();
}

/* A killed collector leaves its socket file; the next one takes the address over. */
static void test_a_stale_ipc_socket_is_taken_over(void **state)
{
    (void)state;
    char path[128], url[160], error[INGEST_ERROR_BYTES] = "";
    snprintf(path, sizeof path, "%s/stale", folder);
    snprintf(url, sizeof url, "ipc://%s", path);
    struct ingest_options options = short_tempered();
    const char *urls[] = {url};
    options.urls = urls;
    options.url_count = 1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    struct ingest *second = ingest_start(&options, error);
    assert_string_equal(error, "");
    ingest_stop(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nng_req_sockets_are_served),
        TEST(test_nngcat_is_served),
        TEST(test_what_the_store_says_is_answered),
        TEST(test_nothing_is_acknowledged_before_the_commit),
        TEST(test_hop_words_come_back),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_bytes_may_come_one_by_one),
        TEST(test_an_undecodable_batch_is_refused_with_the_reason),
        TEST(test_a_newer_version_is_refused_and_counted_apart),
        TEST(test_an_oversize_frame_is_refused_unread),
        TEST(test_a_full_queue_sends_back),
        TEST(test_a_garbage_greeting_closes),
        TEST(test_a_silent_peer_is_timed_out),
        TEST(test_a_greeted_peer_may_be_idle),
        TEST(test_a_truncated_frame_is_timed_out),
        TEST(test_an_absurd_length_closes_at_once),
        TEST(test_a_frame_without_a_header_closes),
        TEST(test_silent_peers_make_room_for_others),
        TEST(test_idle_peers_make_room_for_others),
        TEST(test_an_idle_peer_is_closed_after_its_time),
        TEST(test_while_all_have_requests_under_way_more_are_closed),
        TEST(test_a_peer_that_never_reads_is_timed_out),
        TEST(test_reading_stops_at_the_pipeline_limit),
        TEST(test_deaths_with_requests_outstanding_leave_nothing),
        TEST(test_death_while_its_batch_is_being_stored),
        TEST(test_stop_drops_what_waits_and_answers_what_is_stored),
        TEST(test_what_cannot_be_listened_on_is_said),
        TEST(test_a_stale_ipc_socket_is_taken_over),
    };
    return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
