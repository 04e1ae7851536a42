/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/span_path/peer_process.h"

#include "tests/sdk/peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void check(int fine, const char *what)
{
    if (fine) return;
    perror(what);
    exit(1);
}

static void serve(int report)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct peer *peer = peer_start(0);
    peer_only_count(peer);
    size_t len = strlen(peer_url(peer)) + 1;
    check(write(report, peer_url(peer), len) == (ssize_t)len, "peer");
    for (;;) pause();
}

void peer_process_start(char *url, size_t room)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) serve(ends[1]);
    close(ends[1]);
    ssize_t got = read(ends[0], url, room - 1); /* one short write: it comes whole */
    close(ends[0]);
    check(got > 0, "no peer");
    url[got] = 0;
}
