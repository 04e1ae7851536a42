/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a peer answers to a request: a reply or the end of the connection, and nothing else. */
#include "sdk/export/sp_client.h"

#include "base/clock.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static _Atomic int64_t give_up_ns = INT64_MAX;
    struct sp_client client;
    struct arena arena;
    struct reply reply;
    int ends[2];
    if (bytes > 16384 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 0;
    if (bytes && send(ends[1], data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) abort();
    shutdown(ends[1], SHUT_WR); /* nothing more comes: the client never has to wait */

    arena_init(&arena, 1 << 16);
    sp_client_init(&client, &give_up_ns);
    sp_client_take(&client, ends[0], SP_TCP);
    client.request_id = 0; /* the request's will be 1 */
    const char *why = sp_client_request(&client, "x", 1, &arena, &reply);
    if ((why == NULL) != sp_client_is_connected(&client)) abort();
    sp_client_close(&client);
    close(ends[1]);
    arena_fini(&arena);
    return 0;
}
