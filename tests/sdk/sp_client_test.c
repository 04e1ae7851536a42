/* SPDX-License-Identifier: Apache-2.0 */
/* The client where it shares the process' descriptors, and somebody closes its socket and gets the number again. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "sdk/export/descriptors.h"
#include "sdk/export/sp_client.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic int64_t give_up_ns = INT64_MAX;

/* A client over one end of a pair of sockets; returns the other end. */
static int connected(struct sp_client *client)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    sp_client_init(client, &give_up_ns);
    sp_client_take(client, ends[0], SP_TCP);
    return ends[1];
}

static const char *request(struct sp_client *client)
{
    struct arena arena;
    struct reply reply;
    arena_init(&arena, 1 << 16);
    const char *why = sp_client_request(client, "secret", 6, &arena, &reply);
    arena_fini(&arena);
    return why;
}

static void assert_nothing_there(int fd)
{
    char byte;
    assert_int_equal(read(fd, &byte, 1), -1);
}

static void another_socket_at_our_number(void **state)
{
    (void)state;
    struct sp_client client;
    int peer = connected(&client), number = client.fd, theirs[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, theirs), 0);
    assert_int_equal(write(theirs[1], "for the host", 12), 12);
    assert_int_equal(dup2(theirs[0], number), number); /* the host's, under the number that was ours */

    assert_non_null(request(&client));
    assert_false(sp_client_is_connected(&client));
    assert_nothing_there(theirs[1]);
    char text[12];
    assert_int_equal(read(number, text, sizeof text), 12); /* neither read nor closed by us */
    close(number);
    close(theirs[0]);
    close(theirs[1]);
    close(peer);
}

static void a_number_that_is_free(void **state)
{
    (void)state;
    struct sp_client client;
    int peer = connected(&client);
    close(client.fd);
    assert_non_null(request(&client));
    assert_false(sp_client_is_connected(&client));
    close(peer);
}

/* A peer that says nothing is given up after the client's own time, which is less than the usual one here. */
static void a_reply_is_not_waited_for_longer_than_set(void **state)
{
    (void)state;
    struct sp_client client;
    int peer = connected(&client);
    int64_t before = clock_monotonic_ns();
    client.reply_ns = 50 * NS_PER_MS;
    assert_non_null(request(&client));
    assert_true(clock_monotonic_ns() - before < SP_CLIENT_REPLY_NS / 2);
    assert_false(sp_client_is_connected(&client));
    close(peer);
}

/* For ever means: until the process gives up. */
static void a_reply_waited_for_for_ever(void **state)
{
    (void)state;
    struct sp_client client;
    int peer = connected(&client);
    client.reply_ns = 0;
    give_up_ns = clock_monotonic_ns() + 50 * NS_PER_MS;
    assert_non_null(request(&client));
    assert_true(clock_monotonic_ns() >= give_up_ns);
    give_up_ns = INT64_MAX;
    close(peer);
}

/* ---- a table of one's own ---- */

struct separated {
    int of_process; /* in */
    bool is_separate, has_it, stderr_is_same;
    int first; /* the first number that is given out */
    bool keep_stderr;
};

static void *separate(void *argument)
{
    struct separated *seen = argument;
    struct stat before, after;
    fstat(STDERR_FILENO, &before);
    seen->is_separate = descriptors_separate(seen->keep_stderr);
    seen->has_it = fcntl(seen->of_process, F_GETFD) >= 0;
    seen->stderr_is_same = fstat(STDERR_FILENO, &after) == 0 && before.st_ino == after.st_ino;
    seen->first = dup(STDERR_FILENO);
    return NULL;
}

static void check_table(bool keep_stderr)
{
    int ends[2];
    struct separated seen = {.keep_stderr = keep_stderr};
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    seen.of_process = ends[1];
    assert_int_equal(pthread_create(&thread, NULL, separate, &seen), 0);
    pthread_join(thread, NULL);
    assert_true(seen.is_separate);
    assert_false(seen.has_it);
    assert_int_equal(seen.first, 3); /* never 0, 1 or 2 */
    assert_int_equal(seen.stderr_is_same, keep_stderr);
    assert_true(fcntl(ends[1], F_GETFD) >= 0); /* here it stays */
    close(ends[1]);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0); /* and nobody else holds it open */
    close(ends[0]);
}

static void a_table_of_its_own(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip();
#endif
    check_table(false);
    check_table(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_socket_at_our_number),
        cmocka_unit_test(a_number_that_is_free),
        cmocka_unit_test(a_reply_is_not_waited_for_longer_than_set),
        cmocka_unit_test(a_reply_waited_for_for_ever),
        cmocka_unit_test(a_table_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
