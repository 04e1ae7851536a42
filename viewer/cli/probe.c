/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/probe.h"

#include "base/clock.h"
#include "proto/sp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- addresses ---- */

static bool copy(char *to, size_t to_bytes, const char *from, size_t len)
{
    if (len == 0 || len >= to_bytes) return false;
    memcpy(to, from, len);
    to[len] = 0;
    return true;
}

bool address_read(struct address *address, const char *url)
{
    *address = (struct address){.is_ipc = strncmp(url, "ipc://", 6) == 0};
    if (!address->is_ipc && strncmp(url, "tcp://", 6) != 0) return false;
    const char *at = url + 6, *colon = strrchr(at, ':');
    size_t len = strlen(at);
    if (address->is_ipc) {
        return len < sizeof((struct sockaddr_un *)NULL)->sun_path &&
               copy(address->host, sizeof address->host, at, len);
    }
    if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1)) return false;
    size_t host_len = (size_t)(colon - at);
    bool bracketed = host_len > 2 && at[0] == '[' && at[host_len - 1] == ']';
    return copy(address->port, sizeof address->port, colon + 1, strlen(colon + 1)) &&
           copy(address->host, sizeof address->host, at + bracketed, host_len - 2 * (size_t)bracketed);
}

bool address_is_any(const struct address *address)
{
    return !address->is_ipc && (strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0);
}

bool address_is_local(const struct address *address)
{
    return address->is_ipc || strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0 ||
           strcmp(address->host, "localhost") == 0;
}

bool address_matches(const struct address *to, const struct address *listen)
{
    if (to->is_ipc != listen->is_ipc || strcmp(to->port, listen->port) != 0) return false;
    if (strcmp(to->host, listen->host) == 0 || address_is_any(listen)) return true;
    return !to->is_ipc && address_is_local(to) && address_is_local(listen);
}

/* ---- the probe ---- */

static bool fail(char error[PROBE_ERROR_BYTES], const char *what, const char *why)
{
    snprintf(error, PROBE_ERROR_BYTES, "%s%s%s", what, *why ? ": " : "", why);
    return false;
}

static bool wait_for(int fd, short events, int64_t until_ns)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int64_t left_ms = (until_ns - clock_monotonic_ns()) / NS_PER_MS;
    return poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0) == 1;
}

static bool finish_connect(int fd, int64_t until_ns, char error[PROBE_ERROR_BYTES])
{
    int cause = 0;
    socklen_t bytes = sizeof cause;
    if (!wait_for(fd, POLLOUT, until_ns)) return fail(error, "nobody answers", "");
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &bytes) != 0) cause = errno;
    return cause == 0 || fail(error, "cannot connect", strerror(cause));
}

static bool greet(int fd, int64_t until_ns, char error[PROBE_ERROR_BYTES])
{
    unsigned char greeting[SP_GREETING_BYTES];
    size_t got = 0;
    uint16_t protocol;
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    if (send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) != (ssize_t)sizeof greeting)
        return fail(error, "cannot send", strerror(errno));
    while (got < sizeof greeting) {
        if (!wait_for(fd, POLLIN, until_ns))
            return fail(error, "something accepts connections, but never greets as a collector does", "");
        ssize_t bytes = recv(fd, greeting + got, sizeof greeting - got, 0);
        if (bytes <= 0) return fail(error, "the connection was closed; no collector is behind it", "");
        got += (size_t)bytes;
    }
    if (!sp_greeting_parse(greeting, &protocol) || protocol != SP_PROTOCOL_REP0)
        return fail(error, "something else than a collector answers", "");
    return true;
}

static bool try_address(const struct sockaddr *to, socklen_t to_bytes, char error[PROBE_ERROR_BYTES])
{
    int64_t until_ns = clock_monotonic_ns() + PROBE_DEADLINE_MS * NS_PER_MS;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(error, "no socket", strerror(errno));
    bool connected = connect(fd, to, to_bytes) == 0;
    if (!connected && errno == EINPROGRESS)
        connected = finish_connect(fd, until_ns, error);
    else if (!connected)
        fail(error, "cannot connect", strerror(errno));
    bool good = connected && greet(fd, until_ns, error);
    close(fd);
    return good;
}

static bool probe_ipc(const char *path, char error[PROBE_ERROR_BYTES])
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!copy(to.sun_path, sizeof to.sun_path, path, strlen(path)))
        return fail(error, "its path is too long", "");
    return try_address((const struct sockaddr *)&to, sizeof to, error);
}

bool probe(const struct address *address, char error[PROBE_ERROR_BYTES])
{
    if (address->is_ipc) return probe_ipc(address->host, error);
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(address->host, address->port, &wanted, &found);
    if (result != 0) return fail(error, "its host is not known", gai_strerror(result));
    bool good = false;
    for (struct addrinfo *at = found; at && !good; at = at->ai_next)
        good = try_address(at->ai_addr, at->ai_addrlen, error);
    freeaddrinfo(found);
    return good;
}
