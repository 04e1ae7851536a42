/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/common/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/microhttpd.h>

#define SHUTDOWN_TIMEOUT_MS 2000

/* One request while it comes in; made when its first line is there, freed when it is answered. */
struct arriving {
    char *target; /* "/stock/1?full=1", as sent */
    char *body;
    size_t body_bytes;
    bool begun; /* the headers have been handed to us */
    bool too_long;
};

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Takes what the answer holds. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, unsigned status,
                                   struct service_answer answer)
{
    if (!answer.text) {
        if (!answer.json) answer.json = json_pack("{s:i}", "status", (int)status);
        answer.text = service_text(answer.json);
    }
    json_decref(answer.json);
    return answer.text ? send_text(connection, status, answer.text) : MHD_NO;
}

static enum MHD_Result send_status(struct MHD_Connection *connection, unsigned status)
{
    return send_answer(connection, status, (struct service_answer){0});
}

static bool route_fits(const struct service_route *route, const char *method, const char *path)
{
    size_t prefix_bytes = strlen(route->prefix);
    return strcmp(route->method, method) == 0 && strncmp(path, route->prefix, prefix_bytes) == 0 &&
           (path[prefix_bytes] != 0) == route->has_argument;
}

static enum MHD_Result answer_route(const struct service *service, const struct service_route *route,
                                    struct MHD_Connection *connection, const char *path,
                                    const struct arriving *arriving)
{
    struct weir_headers headers = weir_mhd_headers(connection);
    WEIR_SERVER_SPAN(span, route->method, route->route, &headers);
    weir_server_target(span, arriving->target);

    struct service_request request = {
        .connection = connection,
        .argument = path + strlen(route->prefix),
        .body = arriving->body ? arriving->body : "",
        .body_bytes = arriving->body_bytes,
        .context = service->context,
    };
    struct service_answer answer = {0};
    unsigned status = route->handle(&request, &answer);
    weir_server_response(span, (int)status);
    return send_answer(connection, status, answer);
}

static void keep_body(struct arriving *arriving, const char *data, size_t bytes)
{
    if (arriving->too_long || bytes > SERVICE_BODY_MAX_BYTES - arriving->body_bytes) {
        arriving->too_long = true;
        return;
    }
    char *body = realloc(arriving->body, arriving->body_bytes + bytes + 1);
    if (!body) {
        arriving->too_long = true;
        return;
    }
    memcpy(body + arriving->body_bytes, data, bytes);
    arriving->body = body;
    arriving->body_bytes += bytes;
    body[arriving->body_bytes] = 0;
}

/* libmicrohttpd calls this when the headers are there, for each part of the body, and once more when all is
 * there: only then the request is answered. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body, size_t *body_bytes,
                              void **state)
{
    (void)version;
    const struct service *service = cls;
    struct arriving *arriving = *state;
    if (!arriving || !arriving->target) return MHD_NO;
    if (!arriving->begun) {
        arriving->begun = true;
        return MHD_YES;
    }
    if (*body_bytes > 0) {
        keep_body(arriving, body, *body_bytes);
        *body_bytes = 0;
        return MHD_YES;
    }
    if (arriving->too_long) return send_status(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    for (const struct service_route *route = service->routes; route->method; route++)
        if (route_fits(route, method, path)) return answer_route(service, route, connection, path, arriving);
    return send_status(connection, MHD_HTTP_NOT_FOUND);
}

static void *arrive(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)cls;
    (void)connection;
    struct arriving *arriving = calloc(1, sizeof(*arriving));
    if (arriving) arriving->target = strdup(target);
    return arriving;
}

static void done(void *cls, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    struct arriving *arriving = *state;
    if (!arriving) return;
    free(arriving->target);
    free(arriving->body);
    free(arriving);
    *state = NULL;
}

static struct MHD_Daemon *start(const struct service *service)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)service->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct MHD_OptionItem workers[] = {{MHD_OPTION_THREAD_POOL_SIZE, SERVICE_WORKERS, NULL},
                                             {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem connections[] = {{MHD_OPTION_CONNECTION_LIMIT, SERVICE_CONNECTIONS, NULL},
                                                 {MHD_OPTION_END, 0, NULL}};
    bool own = service->thread_per_connection;
    unsigned flags = own ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL : MHD_USE_EPOLL;
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | flags, (uint16_t)service->port, NULL, NULL,
                            handle, (void *)(uintptr_t)service, MHD_OPTION_SOCK_ADDR,
                            (struct sockaddr *)&address, MHD_OPTION_ARRAY, own ? connections : workers,
                            MHD_OPTION_URI_LOG_CALLBACK, arrive, NULL, MHD_OPTION_NOTIFY_COMPLETED, done,
                            NULL, MHD_OPTION_END);
}

static bool start_tracing(const struct service *service)
{
    struct weir_config config = {.service_name = service->name, .service_version = service->version};
    enum weir_status status = weir_init(&config);
    if (status == WEIR_OK || status == WEIR_DISABLED) return true;
    fprintf(stderr, "%s: %s\n", service->name, weir_status_text(status));
    return false;
}

static int serve(const struct service *service, const sigset_t *stop_signals)
{
    struct MHD_Daemon *daemon = start(service);
    if (!daemon) {
        fprintf(stderr, "%s: cannot listen on 127.0.0.1:%u: %s\n", service->name, service->port,
                strerror(errno));
        return EXIT_FAILURE;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("ready: http://127.0.0.1:%u\n", info ? info->port : service->port);
    fflush(stdout);

    int signal_number;
    sigwait(stop_signals, &signal_number);
    MHD_stop_daemon(daemon);
    return EXIT_SUCCESS;
}

int service_run(const struct service *service)
{
    /* blocked before any thread starts, so that all inherit it and sigwait alone gets them */
    sigset_t stop_signals;
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (!start_tracing(service)) return EXIT_FAILURE;
    int status = serve(service, &stop_signals);
    weir_shutdown(
        SHUTDOWN_TIMEOUT_MS); /* what a collector out of reach did not take is counted, and no failure */
    return status;
}

char *service_text(const json_t *json) { return json ? json_dumps(json, JSON_COMPACT) : NULL; }

const char *service_parameter(const struct service_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool service_number(const char *text, unsigned long max, unsigned long *number)
{
    if (!text || !*text || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text)) return false;
    *number = strtoul(text, NULL, 10);
    return *number <= max;
}
