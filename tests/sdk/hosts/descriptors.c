/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that closes all descriptors that it does not know, and opens its own until the numbers are used again. With a
 * second argument, in a sandbox that forbids the exporter a descriptor table of its own.
 */
#include "tests/sdk/hosts/host.h"

#include <sys/socket.h>

#define PAIRS  40
#define ROUNDS 20

static void close_all(void)
{
    for (int fd = 3; fd < 256; fd++) close(fd);
}

static void open_pairs(int pairs[PAIRS][2])
{
    for (int i = 0; i < PAIRS; i++) CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[i]) == 0);
}

/* Neither written to, nor closed, nor read from: each byte of the host's arrives. */
static void check_pairs(int pairs[PAIRS][2])
{
    char byte;
    for (int i = 0; i < PAIRS; i++)
        for (int end = 0; end < 2; end++) {
            CHECK(read(pairs[i][end], &byte, 1) == -1 && errno == EAGAIN);
            CHECK(write(pairs[i][1 - end], "h", 1) == 1);
            CHECK(read(pairs[i][end], &byte, 1) == 1 && byte == 'h');
        }
}

/* The exporter is connected, and often at work, when its descriptors would be closed. */
static int closes_all(void)
{
    int pairs[PAIRS][2];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t before = host_stats().acknowledged;
        SPANS("before", 10);
        host_wait_acknowledged(before + (round % 2 ? 1 : 10)); /* under way, or idle */
        SPANS("between", 10);
        close_all();
        open_pairs(pairs);
        SPANS("after", 10);
        host_wait_acknowledged(before + 30);
        check_pairs(pairs);
    }
    host_report(weir_shutdown(60000));
    check_pairs(pairs);
    return 0;
}

/* And those three that everybody keeps. Nothing of ours may get their numbers. */
static int closes_standard_ones(void)
{
    for (int fd = 0; fd < 3; fd++) close(fd);
    SPANS("without stderr", 10);
    host_wait_acknowledged(10);
    for (int fd = 0; fd < 3; fd++) CHECK(fsync(fd) == -1 && errno == EBADF);
    return weir_shutdown(60000) != WEIR_OK;
}

static const struct host_mode modes[] = {{"all", closes_all}, {"standard", closes_standard_ones}};

int main(int argc, char **argv)
{
    if (argc > 2) host_forbid(SYS_close_range, SYS_close_range, EPERM);
    return host_main(argc, argv, modes, sizeof modes / sizeof *modes);
}
