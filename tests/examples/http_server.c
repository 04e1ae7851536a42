/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/examples/http_server.h"

#include "base/buffer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

struct http_server {
    struct MHD_Daemon *daemon;
    char url[64];
};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    buffer_printf(cls, "%s: %s\n", name, value);
    return MHD_YES;
}

static unsigned answer_text(struct MHD_Connection *connection, const char *path, const char *method,
                            const struct buffer *body, struct buffer *out)
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
    buffer_add_text(out, "{}");
    return sscanf(path, "/status/%lu", &number) == 1 ? (unsigned)number : 404;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *path, const char *method,
                              const struct buffer *body)
{
    struct buffer out;
    buffer_init(&out);
    unsigned status = answer_text(connection, path, method, body, &out);
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
    (void)cls;
    (void)version;
    struct buffer *body = *state;
    if (!body) {
        body = calloc(1, sizeof(*body));
        if (!body) return MHD_NO;
        buffer_init(body);
        *state = body;
        return MHD_YES;
    }
    if (*bytes == 0) return answer(connection, path, method, body);
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
    server->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, NULL,
                                      MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                                      MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    if (!server->daemon) abort();
    unsigned port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", port);
    return server;
}

void http_server_stop(struct http_server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server);
}

const char *http_server_url(const struct http_server *server) { return server->url; }
