/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


struct host_port {
    char host[ADDRESS_TEXT_BYTES];
    char port[8];
};

static bool port_is_valid(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) return false;
    return strtoul(text, NULL, 10) <= 65535;
}

/* "127.0.0.1:4318", "localhost:0", "[::1]:4318" */
static bool split(const char *address, struct host_port *to)
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address || !port_is_valid(colon + 1)) return false;
    const char *host = address;
    size_t len = (size_t)(colon - address);
    bool bracketed = host[0] == '[' && host[len - 1] == ']';
    if (bracketed) {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len)) {
        return false; /* an IPv6 address without brackets: which colon is the port's? */
    }
    if (len == 0 || len >= sizeof to->host) return false;
    memcpy(to->host, host, len);
    to->host[len] = 0;
    snprintf(to->port, sizeof to->port, "%s", colon + 1);
    return true;
}

static int listen_on(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd < 0) return -1;
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* a restart need not wait for TIME_WAIT */
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

static bool describe(int fd, char bound[ADDRESS_TEXT_BYTES])
{
    struct sockaddr_storage name;
    socklen_t name_len = sizeof name;
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&name, &name_len) != 0) return false;
    if (getnameinfo((struct sockaddr *)&name, name_len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    bool v6 = name.ss_family == AF_INET6;
    snprintf(bound, ADDRESS_TEXT_BYTES, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    return true;
}

static void explain(const char *address, int cause, char *error, size_t error_bytes)
{
    const char *remedy = "";
    if (cause == EADDRINUSE) remedy = "; another collector? --http 127.0.0.1:0 picks a free port";
    if (cause == EACCES) remedy = "; ports under 1024 need privileges";
    if (cause == EADDRNOTAVAIL) remedy = "; this machine has no such address";
    snprintf(error, error_bytes, "cannot listen on %.150s: %s%s", address, strerror(cause), remedy);
}

int address_listen(const char *address, char bound[ADDRESS_TEXT_BYTES], char *error, size_t error_bytes)
{
    struct host_port parts;
    if (!split(address, &parts)) {
        snprintf(error, error_bytes, "%.100s is no HOST:PORT to listen on (127.0.0.1:4318, [::1]:4318)",
                 address);
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(parts.host, parts.port, &hints, &found);
    if (result != 0) {
        snprintf(error, error_bytes, "cannot listen on %.150s: %s", address, gai_strerror(result));
        return -1;
    }
    int fd = listen_on(found);
    int cause = errno;
    freeaddrinfo(found);
    if (fd >= 0 && describe(fd, bound)) return fd;
    if (fd >= 0) {
        cause = errno;
        close(fd);
    }
    explain(address, cause, error, error_bytes);
    return -1;
}
