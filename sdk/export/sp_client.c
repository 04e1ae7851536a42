/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/sp_client.h"

#include "base/clock.h"
#include "base/id.h"
#include "sdk/export/wait.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOREIGN_REPLIES_MAX 16 /* to requests of ours that nobody waits for any more */

void sp_client_init(struct sp_client *client, const _Atomic int64_t *give_up_ns)
{
    *client = (struct sp_client){.fd = -1, .give_up_ns = give_up_ns, .reply_ns = SP_CLIENT_REPLY_NS};
    id_random_bytes(&client->request_id, sizeof client->request_id);
}

void sp_client_take(struct sp_client *client, int fd, enum sp_transport transport)
{
    struct stat identity = {0};
    fstat(fd, &identity);
    client->fd = fd;
    client->device = identity.st_dev;
    client->inode = identity.st_ino;
    client->transport = transport;
}

/* The socket; -1 when its number means something else by now. */
static int socket_of(const struct sp_client *client)
{
    struct stat now;
    bool is_ours = client->fd >= 0 && fstat(client->fd, &now) == 0 && now.st_dev == client->device &&
                   now.st_ino == client->inode;
    return is_ours ? client->fd : -1;
}

void sp_client_close(struct sp_client *client)
{
    int fd = socket_of(client);
    client->fd = -1;
    if (fd >= 0) close(fd);
}

/* ---- waiting ---- */

static bool wait_for(struct sp_client *client, short events, int64_t deadline_ns)
{
    return wait_ready(client->give_up_ns, client->fd, events, deadline_ns);
}

/* ---- bytes ---- */

static bool would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

static bool send_all(struct sp_client *client, const void *data, size_t bytes, int flags, int64_t deadline_ns)
{
    const unsigned char *at = data;
    while (bytes) {
        ssize_t sent = send(socket_of(client), at, bytes, MSG_NOSIGNAL | flags);
        if (sent > 0) {
            at += sent;
            bytes -= (size_t)sent;
        } else if (sent == 0 || !would_block() || !wait_for(client, POLLOUT, deadline_ns)) {
            return false;
        }
    }
    return true;
}

static bool receive_all(struct sp_client *client, void *data, size_t bytes, int64_t deadline_ns)
{
    unsigned char *at = data;
    while (bytes) {
        ssize_t got = recv(socket_of(client), at, bytes, 0);
        if (got > 0) {
            at += got;
            bytes -= (size_t)got;
        } else if (got == 0 || !would_block() || !wait_for(client, POLLIN, deadline_ns)) {
            return false;
        }
    }
    return true;
}

/* ---- connecting ---- */

static const char *dial(struct sp_client *client, const struct sockaddr *address, socklen_t address_bytes,
                        int64_t deadline_ns)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return "no socket";
    sp_client_take(client, fd, address->sa_family == AF_UNIX ? SP_IPC : SP_TCP);
    int one = 1, error = 0;
    socklen_t error_bytes = sizeof error;
    if (client->transport == SP_TCP) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, address, address_bytes) == 0) return NULL;
    if (errno == EAGAIN) return "the collector's backlog is full"; /* ipc has no EINPROGRESS */
    if (errno != EINPROGRESS) return "connection refused";
    if (!wait_for(client, POLLOUT, deadline_ns)) return "no connection in time";
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
    return error ? "connection refused" : NULL;
}

static const char *greet(struct sp_client *client, int64_t deadline_ns)
{
    unsigned char greeting[SP_GREETING_BYTES];
    uint16_t protocol;
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    if (!send_all(client, greeting, sizeof greeting, 0, deadline_ns)) return "greeting not sent";
    if (!receive_all(client, greeting, sizeof greeting, deadline_ns)) return "no greeting in time";
    if (!sp_greeting_parse(greeting, &protocol) || protocol != SP_PROTOCOL_REP0)
        return "the peer is no collector";
    return NULL;
}

const char *sp_client_connect(struct sp_client *client, const struct sockaddr *address,
                              socklen_t address_bytes)
{
    int64_t deadline = clock_monotonic_ns() + SP_CLIENT_CONNECT_NS;
    const char *why = dial(client, address, address_bytes, deadline);
    if (!why) why = greet(client, deadline);
    if (why) sp_client_close(client);
    return why;
}

/* ---- requests ---- */

static bool send_request(struct sp_client *client, const void *body, size_t bytes, int64_t deadline_ns)
{
    unsigned char head[SP_FRAME_PREFIX_BYTES + 4];
    size_t len = sp_prefix(head, client->transport, bytes + 4);
    sp_request_id(head + len, ++client->request_id);
    return send_all(client, head, len + 4, MSG_MORE, deadline_ns) &&
           send_all(client, body, bytes, 0, deadline_ns);
}

/* One frame; its body's place and length. */
static const char *receive_frame(struct sp_client *client, unsigned char frame[SP_CLIENT_REPLY_MAX],
                                 size_t *bytes, int64_t deadline_ns)
{
    unsigned char prefix[SP_FRAME_PREFIX_BYTES];
    uint64_t announced;
    if (!receive_all(client, prefix, sp_prefix_bytes(client->transport), deadline_ns))
        return "no reply in time";
    if (!sp_prefix_parse(prefix, client->transport, &announced) || announced > SP_CLIENT_REPLY_MAX)
        return "reply too long";
    *bytes = (size_t)announced;
    return receive_all(client, frame, *bytes, deadline_ns) ? NULL : "reply cut short";
}

/* Replies to earlier requests on this connection are passed over. */
static const char *receive_reply(struct sp_client *client, struct arena *arena, struct reply *reply,
                                 int64_t deadline_ns)
{
    unsigned char frame[SP_CLIENT_REPLY_MAX];
    for (int i = 0; i < FOREIGN_REPLIES_MAX; i++) {
        size_t bytes;
        const char *why = receive_frame(client, frame, &bytes, deadline_ns);
        if (why) return why;
        size_t header = sp_header_bytes(frame, bytes);
        if (header != 4) return "reply without a request id";
        if (sp_request_id_parse(frame) != (client->request_id | SP_REQUEST_ID_BIT)) continue;
        return reply_unpack(reply, arena, frame + header, bytes - header) ? NULL : "reply cannot be read";
    }
    return "replies to nothing that was asked";
}

const char *sp_client_request(struct sp_client *client, const void *body, size_t bytes, struct arena *arena,
                              struct reply *reply)
{
    int64_t deadline = client->reply_ns ? clock_monotonic_ns() + client->reply_ns : INT64_MAX;
    const char *why = "request not sent";
    if (send_request(client, body, bytes, deadline)) why = receive_reply(client, arena, reply, deadline);
    if (why) sp_client_close(client);
    return why;
}
