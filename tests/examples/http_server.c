/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/examples/http_server.h"

#include "base/buffer.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

struct http_server {
    struct MHD_Daemon *daemon; /* one thread a connection: a request may wait for others */
    char url[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned long waiting, meetings; /* for /meet: how many wait, how often all have come */
    bool released;
};

static void meet(struct http_server *server, unsigned long count)
{
    pthread_mutex_lock(&server->lock);
    unsigned long meeting = server->meetings;
    if (++server->waiting == count) {
        server->waiting = 0;
        server->meetings++;
        pthread_cond_broadcast(&server->changed);
    }
    while (server->meetings == meeting && !server->released)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

static void hold(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    while (!server->released) pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void http_server_release(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->released = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    buffer_printf(cls, "%s: %s\n", name, value);
    return MHD_YES;
}

static unsigned answer_text(struct http_server *server, struct MHD_Connection *connection, const char *path,
                            const char *method, const struct buffer *body, struct buffer *out)
{
    unsigned long number;
    if (strcmp(path, "/echo") == 0) {
        buffer_printf(out, "%s\n", method);
        MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, out);
        buffer_add_text(out, "\n");
        buffer_add(out, body->data, body->len);
        return 200;
    }
    if (sscanf(path, "/stock/%lu", &number) == 1) {
        buffer_printf(out, "{\"id\":%lu,\"stock\":7}", number);
        return 200;
    }
    if (sscanf(path, "/large/%lu", &number) == 1) {
        buffer_add_char(out, 'x', number);
        return 200;
    }
    if (sscanf(path, "/token/%lu", &number) == 1) {
        buffer_printf(out, "{\"token\":\"9f8a7b6c5d4e%08lx\"}", number * 2654435761u & 0xffffffffu);
        return 200;
    }
    buffer_add_text(out, "{}");
    if (strcmp(path, "/hold") == 0) {
        hold(server);
        return 200;
    }
    if (sscanf(path, "/meet/%lu", &number) == 1) {
        meet(server, number);
        return 200;
    }
    return sscanf(path, "/status/%lu", &number) == 1 ? (unsigned)number : 404;
}

static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection, const char *path,
                              const char *method, const struct buffer *body)
{
    struct buffer out;
    buffer_init(&out);
    unsigned status = answer_text(server, connection, path, method, body, &out);
    struct MHD_Response *response = MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_COPY);
    buffer_fini(&out);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data, size_t *bytes,
                              void **state)
{
    (void)version;
    struct buffer *body = *state;
    if (!body) {
        body = calloc(1, sizeof(*body));
        if (!body) return MHD_NO;
        buffer_init(body);
        *state = body;
        return MHD_YES;
    }
    if (*bytes == 0) return answer(cls, connection, path, method, body);
    buffer_add(body, data, *bytes);
    *bytes = 0;
    return MHD_YES;
}

static void done(void *cls, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    if (*state) buffer_fini(*state);
    free(*state);
    *state = NULL;
}

struct http_server *http_server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server) abort();
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL,
                         handle, server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                         MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    if (!server->daemon) abort();
    unsigned port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", port);
    return server;
}

void http_server_stop(struct http_server *server)
{
    http_server_release(server);
    MHD_stop_daemon(server->daemon);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *http_server_url(const struct http_server *server) { return server->url; }
