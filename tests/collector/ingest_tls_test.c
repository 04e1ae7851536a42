/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS kind of ingest's sockets: nng REQ sockets that trust its certificate, streams that die in every state
 * while others are served, handshakes that fail or never end. The certificate is made by openssl(1) at the start.
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
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_NS (20 * NS_PER_S)
#define DEATHS      60

static struct ingest *ingest;
static char folder[64], cert_path[96], key_path[96];

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

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

static int make_certificate(void **state)
{
    (void)state;
    char command[512];
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
             "/CN=localhost"
             " -out %s -keyout %s 2>/dev/null",
             cert_path, key_path);
    return system(command);
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return rmdir(folder);
}

static struct ingest *start_with(const char *cert, const char *key, char error[INGEST_ERROR_BYTES])
{
    static const char *const urls[] = {"tls+tcp://127.0.0.1:0"};
    struct ingest_options options;
    ingest_options_default(&options);
    options.greeting_timeout_ms = 3000;
    options.urls = urls;
    options.url_count = 1;
    options.tls_cert = cert;
    options.tls_key = key;
    *error = 0;
    return ingest_start(&options, error);
}

static int start(void **state)
{
    (void)state;
    char error[INGEST_ERROR_BYTES];
    ingest = start_with(cert_path, key_path, error);
    if (!ingest) print_error("%s\n", error);
    test_store_answers(STORE_OK);
    return ingest ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    ingest_stop(ingest);
    ingest = NULL;
    return 0;
}

static nng_tls_config *trusting(void)
{
    nng_tls_config *config;
    assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    assert_int_equal(nng_tls_config_ca_file(config, cert_path), 0);
    assert_int_equal(nng_tls_config_server_name(config, "localhost"), 0);
    return config;
}

/* ---- those who behave ---- */

static void expect_served(void)
{
    nng_socket socket;
    nng_dialer dialer;
    nng_tls_config *config = trusting();
    struct buffer batch;
    void *answer = NULL;
    size_t bytes = 0;
    buffer_init(&batch);
    peer_batch(&batch, BATCH_VERSION, 1, 1);
    assert_int_equal(nng_req0_open(&socket), 0);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, PEER_DEADLINE_MS);
    assert_int_equal(nng_dialer_create(&dialer, socket, ingest_url(ingest, 0)), 0);
    assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    assert_int_equal(nng_dialer_start(dialer, 0), 0);
    assert_int_equal(nng_send(socket, batch.data, batch.len, 0), 0);
    assert_int_equal(nng_recv(socket, &answer, &bytes, NNG_FLAG_ALLOC), 0);
    assert_true(bytes >= 2);
    assert_memory_equal(answer, "\x08\x01", 2); /* status: STORED */
    nng_free(answer, bytes);
    nng_close(socket);
    nng_tls_config_free(config);
    buffer_fini(&batch);
}

static void test_nng_req_sockets_are_served_over_tls(void **state)
{
    (void)state;
    expect_served();
    expect_served();
}

static void test_what_is_missing_is_said(void **state)
{
    (void)state;
    char error[INGEST_ERROR_BYTES];
    assert_null(start_with(NULL, key_path, error));
    assert_non_null(strstr(error, "--tls-cert and --tls-key"));
    assert_null(start_with("/does/not/exist", key_path, error));
    assert_non_null(strstr(error, "cannot read /does/not/exist: No such file"));
    assert_null(start_with(key_path, key_path, error));
    assert_non_null(strstr(error, "cannot use"));
    assert_null(start_with("/dev/zero", key_path, error));
    assert_non_null(strstr(error, "too long"));
}

/* ---- those who do not ---- */

static void wait_result(nng_aio *aio)
{
    nng_aio_wait(aio);
    assert_int_equal(nng_aio_result(aio), 0);
}

static void transfer(nng_stream *stream, nng_aio *aio, void (*operation)(nng_stream *, nng_aio *), void *data,
                     size_t bytes)
{
    for (size_t at = 0; at < bytes; at += nng_aio_count(aio)) {
        nng_iov piece = {.iov_buf = (char *)data + at, .iov_len = bytes - at};
        nng_aio_set_iov(aio, 1, &piece);
        operation(stream, aio);
        wait_result(aio);
    }
}

/* Requests and part of one, after which it goes, in the state that the kind names. */
static void misbehave(nng_stream *stream, nng_aio *aio, size_t kind)
{
    unsigned char greeting[SP_GREETING_BYTES], data[4096];
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    if (kind % 6 == 0) return; /* perhaps before the handshake has ended */
    transfer(stream, aio, nng_stream_send, greeting, sizeof greeting);
    if (kind % 6 == 1) return; /* with the greeting unread */
    transfer(stream, aio, nng_stream_recv, greeting, sizeof greeting);
    if (kind % 6 == 2) return;
    struct buffer batch;
    buffer_init(&batch);
    peer_batch(&batch, BATCH_VERSION, 2, kind);
    size_t prefix_bytes = sp_prefix(data, SP_TCP, 4 + batch.len);
    memcpy(data + prefix_bytes, "\x80\0\0\1", 4);
    memcpy(data + prefix_bytes + 4, batch.data, batch.len);
    size_t bytes = prefix_bytes + 4 + batch.len;
    for (size_t i = 0; i < 5; i++) transfer(stream, aio, nng_stream_send, data, bytes);
    if (kind % 6 == 3) transfer(stream, aio, nng_stream_send, data, 3);                /* inside a prefix */
    if (kind % 6 == 4) transfer(stream, aio, nng_stream_send, data, prefix_bytes + 4); /* inside a frame */
    buffer_fini(&batch);
}

static void die(nng_stream_dialer *dialer, size_t kind)
{
    nng_aio *aio;
    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, PEER_DEADLINE_MS);
    nng_stream_dialer_dial(dialer, aio);
    wait_result(aio);
    nng_stream *stream = nng_aio_get_output(aio, 0);
    misbehave(stream, aio, kind);
    nng_stream_close(stream);
    nng_aio_free(aio);
    nng_stream_free(stream);
}

static void test_deaths_over_tls_leave_nothing(void **state)
{
    (void)state;
    nng_stream_dialer *dialer;
    nng_tls_config *config = trusting();
    expect_served();
    assert_int_equal(nng_stream_dialer_alloc(&dialer, ingest_url(ingest, 0)), 0);
    assert_int_equal(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    EXPECT_EVENTUALLY(counters.connections_accepted == counters.connections_closed);
    size_t at_first = descriptors();
    for (size_t i = 0; i < DEATHS; i++) die(dialer, i);
    expect_served();
    EXPECT_EVENTUALLY(counters.connections_accepted == counters.connections_closed);
    nng_stream_dialer_close(dialer);
    nng_stream_dialer_free(dialer);
    nng_tls_config_free(config);
    EXPECT_EVENTUALLY(descriptors() <= at_first);
}

static void test_handshakes_that_fail_are_counted(void **state)
{
    (void)state;
    uint64_t before = counters.connections_refused_tls;
    static const char said[][24] = {"GET / HTTP/1.1\r\n\r\n......", "\x15\x03\x03\x00\x02\x02\x28 an alert"};
    for (size_t i = 0; i < 2; i++) {
        struct peer peer = peer_connect(ingest_url(ingest, 0));
        peer_send(&peer, said[i], sizeof said[i]);
        peer_expect_closed(&peer);
        peer_close(&peer);
    }
    EXPECT_EVENTUALLY(counters.connections_refused_tls == before + 2);
    expect_served();
}

static void test_a_handshake_that_never_ends_is_timed_out(void **state)
{
    (void)state;
    uint64_t before = counters.connections_timed_out;
    struct peer silent = peer_connect(ingest_url(ingest, 0)), half = peer_connect(ingest_url(ingest, 0));
    peer_send(&half, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    expect_served();
    peer_expect_closed(&silent);
    peer_expect_closed(&half);
    EXPECT_EVENTUALLY(counters.connections_timed_out == before + 2);
    peer_close(&silent);
    peer_close(&half);
    expect_served();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nng_req_sockets_are_served_over_tls),
        TEST(test_what_is_missing_is_said),
        TEST(test_deaths_over_tls_leave_nothing),
        TEST(test_handshakes_that_fail_are_counted),
        TEST(test_a_handshake_that_never_ends_is_timed_out),
    };
    return cmocka_run_group_tests_name("ingest_tls", tests, make_certificate, remove_certificate);
}
