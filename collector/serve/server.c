/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP library's side: sockets and threads, what is refused before a page is looked for, and sending
 * answers. Worker threads are the library's; each borrows one of as many store connections while it makes an
 * answer.
 */
#include "collector/serve/address.h"
#include "collector/serve/clients.h"
#include "collector/serve/pages.h"
#include "collector/serve/upload.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/counters.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_DEFAULT         2
#define THREADS_MAX             64
#define CONNECTIONS_SLACK       64          /* shut down by us, not closed by a worker yet */
#define CONNECTION_MEMORY_BYTES (32u << 10) /* request line and headers; more: 431 */
#define BODY_MAX_BYTES          (64u << 10) /* a GET's body means nothing; a small one is read past */
#define STOP_DEADLINE_MS        3000
#define RETRY_AFTER_S           "1"

struct serve {
    struct MHD_Daemon *daemon;
    struct clients *clients;
    int listen_fd; /* ours until the daemon is stopped */
    char address[ADDRESS_TEXT_BYTES];
    struct serve_options options; /* its texts are copies, in `texts` */
    struct arena texts;
    int64_t started_ns;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t idle;
    unsigned answering; /* requests begun and not yet completed */
    struct http_request *requests;
    bool stopping; /* no post is begun any more */
    unsigned free_count;
    struct store *free_stores[THREADS_MAX]; /* not lent at the moment */
};

/* From its headers to its completion; the library holds it for us. In the list under serve's lock. */
struct http_request {
    struct http_request *next, **link; /* the pointer that points here */
    struct upload *upload;             /* NULL: it is not a post of spans */
};

/* ---- store connections ---- */

/* Never empty: as many connections as worker threads, and a worker has one at a time. */
static struct store *lend_store(struct serve *serve)
{
    pthread_mutex_lock(&serve->lock);
    struct store *store = serve->free_stores[--serve->free_count];
    pthread_mutex_unlock(&serve->lock);
    return store;
}

static void return_store(struct serve *serve, struct store *store)
{
    pthread_mutex_lock(&serve->lock);
    serve->free_stores[serve->free_count++] = store;
    pthread_mutex_unlock(&serve->lock);
}

/* ---- one request ---- */

/* What the headers say of a body. libmicrohttpd takes the first of several Content-Length headers: two that
 * differ are how requests are smuggled past a proxy, so they are refused (RFC 9112, section 6.3). */
struct body_headers {
    unsigned long long length;
    bool has_length, has_conflict, has_encoding, is_chunked;
};

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    struct body_headers *headers = context;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        if (headers->has_encoding) headers->has_conflict = true;
        headers->has_encoding = true;
        headers->is_chunked = value && strcasecmp(value, "chunked") == 0;
    }
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) != 0) return MHD_YES;
    bool is_number = value && *value && strspn(value, "0123456789") == strlen(value) && strlen(value) < 19;
    unsigned long long length = is_number ? strtoull(value, NULL, 10) : 0;
    if (!is_number || (headers->has_length && headers->length != length)) headers->has_conflict = true;
    headers->has_length = true;
    headers->length = length;
    return MHD_YES;
}

static bool is_get(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* True: refused, the answer says why. The connection is closed then, as its body is not read. */
static bool refuse_early(struct MHD_Connection *connection, const char *method, bool is_upload,
                         struct answer *answer)
{
    struct body_headers headers = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, note_header, &headers);
    if (headers.has_conflict || (headers.has_length && headers.has_encoding)) {
        answer_error(answer, MHD_HTTP_BAD_REQUEST, "the request gives its length twice, and not the same");
    } else if (headers.has_encoding && !headers.is_chunked) {
        answer_error(answer, MHD_HTTP_NOT_IMPLEMENTED, "of transfer encodings only chunked is known");
    } else if (is_upload) {
        if (strcmp(method, MHD_HTTP_METHOD_POST) == 0) return false;
        answer->allow = "POST";
        answer_error(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "spans are sent here with POST");
    } else if (!is_get(method)) {
        answer_error(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "this is read with GET or HEAD");
    } else if (headers.has_encoding || headers.length > BODY_MAX_BYTES) {
        answer_error(answer, MHD_HTTP_CONTENT_TOO_LARGE, "a GET needs no body");
    } else {
        return false;
    }
    return true;
}

static bool wants_json(struct MHD_Connection *connection)
{
    const char *format = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "format");
    if (format && strcmp(format, "json") == 0) return true;
    if (format && strcmp(format, "text") == 0) return false;
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    return accept && strstr(accept, "application/json") != NULL;
}

struct reading {
    struct query *parameters;
    unsigned allowed;
    int64_t now_ns;
    bool failed;
    char error[QUERY_ERROR_BYTES];
};

static enum MHD_Result read_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct reading *reading = context;
    struct str text = {value ? value : "", value ? value_len : 0};
    reading->failed = !query_read(reading->parameters, reading->allowed, str_view(name, name_len), text,
                                  reading->now_ns, reading->error);
    return reading->failed ? MHD_NO : MHD_YES;
}

static bool read_arguments(struct MHD_Connection *connection, const struct page *page,
                           struct page_request *request, struct answer *answer)
{
    struct reading reading = {
        .parameters = &request->parameters, .allowed = page->parameters, .now_ns = request->now_ns};
    query_init(&request->parameters);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, read_argument, &reading);
    if (reading.failed) answer_error(answer, MHD_HTTP_BAD_REQUEST, "%s", reading.error);
    return !reading.failed;
}

static void make_answer(struct serve *serve, struct MHD_Connection *connection, const char *url,
                        struct answer *answer)
{
    struct page_request request = {
        .options = &serve->options,
        .http = serve->address,
        .started_ns = serve->started_ns,
        .now_ns = clock_unix_ns(),
    };
    const struct page *page = page_find(str_of(url), &request.rest);
    if (!page) {
        page_list(answer);
        return;
    }
    if (!read_arguments(connection, page, &request, answer)) return;
    struct arena arena;
    arena_init(&arena, (size_t)serve->options.limits.http_work_bytes_max);
    request.arena = &arena;
    request.store = lend_store(serve);
    int64_t begun_ns = clock_monotonic_ns();
    page->make(&request, answer);
    latency_note(&latencies.http, clock_monotonic_ns() - begun_ns);
    return_store(serve, request.store);
    arena_fini(&arena);
}

static void add_headers(struct MHD_Response *response, const struct answer *answer, bool closes)
{
    const char *type = answer->json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8";
    if (answer->type) type = answer->type;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept");
    MHD_add_response_header(response, MHD_HTTP_HEADER_SERVER, "weir-collector/" WEIR_VERSION);
    if (answer->retry) MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    if (closes) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow ? answer->allow : "GET, HEAD");
    }
}

/* A body until its client has read it, or gone. */
struct unread {
    struct clients *clients;
    size_t bytes; /* of the clients' room */
    char *data;   /* owned */
};

static void free_unread(void *context)
{
    struct unread *unread = context;
    clients_give_room(unread->clients, unread->bytes);
    free(unread->data);
    free(unread);
}

/* Takes the body's memory over; the answer becomes an error where there is no room for it. */
static struct MHD_Response *make_response(struct serve *serve, struct answer *answer)
{
    if (answer->body.failed)
        answer_error(answer, MHD_HTTP_INTERNAL_SERVER_ERROR,
                     "the answer takes more memory than http-work-bytes-max");
    if (!clients_take_room(serve->clients, answer->body.len)) {
        buffer_fini(&answer->body);
        answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "others have not read their answers yet, come again");
    }
    buffer_shrink(&answer->body);
    struct unread *unread = calloc(1, sizeof *unread);
    if (!unread) {
        clients_give_room(serve->clients, answer->body.len);
        return NULL;
    }
    *unread = (struct unread){serve->clients, answer->body.len, answer->body.data};
    buffer_init(&answer->body);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        unread->bytes, unread->data, free_unread, unread);
    if (!response) free_unread(unread);
    return response;
}

static enum MHD_Result send_answer(struct serve *serve, struct MHD_Connection *connection,
                                   struct answer *answer, bool closes)
{
    struct MHD_Response *response = make_response(serve, answer);
    if (!response) return MHD_NO;
    client_enter(connection, CLIENT_READING);
    add_headers(response, answer, closes);
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct http_request *begin_request(struct serve *serve)
{
    struct http_request *request = calloc(1, sizeof *request);
    atomic_fetch_add_explicit(&counters.http_requests, 1, memory_order_relaxed);
    if (!request) return NULL;
    pthread_mutex_lock(&serve->lock);
    serve->answering++;
    request->next = serve->requests;
    request->link = &serve->requests;
    if (request->next) request->next->link = &request->next;
    serve->requests = request;
    pthread_mutex_unlock(&serve->lock);
    return request;
}

static void end_request(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode how)
{
    (void)how;
    struct serve *serve = context;
    struct http_request *request = *state;
    if (!request) return;
    client_enter(connection, CLIENT_SILENT);
    *state = NULL;
    pthread_mutex_lock(&serve->lock);
    *request->link = request->next;
    if (request->next) request->next->link = request->link;
    if (--serve->answering == 0) pthread_cond_broadcast(&serve->idle);
    pthread_mutex_unlock(&serve->lock);
    upload_free(request->upload);
    free(request);
}

static bool is_upload(const struct serve *serve, const char *url)
{
    return serve->options.receiver && upload_is_for(url);
}

/* The headers are there. */
static enum MHD_Result begin(struct serve *serve, struct MHD_Connection *connection,
                             struct http_request *request, const char *url, const char *method,
                             struct answer *answer)
{
    bool is_post = is_upload(serve, url), answered;
    client_enter(connection, CLIENT_SENDING);
    if (refuse_early(connection, method, is_post, answer))
        return send_answer(serve, connection, answer, true);
    if (!is_post) return MHD_YES;
    struct upload *upload = upload_begin(serve->options.receiver, connection, url, &answered);
    pthread_mutex_lock(&serve->lock);
    request->upload = upload;
    bool goes_on = upload && !serve->stopping;
    pthread_mutex_unlock(&serve->lock);
    return goes_on ? MHD_YES : MHD_NO;
}

/* The library calls this once with the headers, then for each piece of a body, then once more at its end; of a request
 * that was suspended, once more when it goes on. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *http_version, const char *data,
                              size_t *data_bytes, void **state)
{
    (void)http_version;
    struct serve *serve = context;
    struct http_request *request = *state;
    if (request && request->upload) return upload_continue(request->upload, data, data_bytes);
    if (request && *data_bytes) {
        *data_bytes = 0;
        return MHD_YES;
    }
    enum MHD_Result result = MHD_NO;
    struct answer answer;
    answer_init(&answer);
    answer.json = wants_json(connection);
    answer.body.max_bytes = (size_t)serve->options.limits.http_work_bytes_max;
    if (!request) {
        *state = request = begin_request(serve);
        if (request) result = begin(serve, connection, request, url, method, &answer);
    } else {
        client_enter(connection, CLIENT_SERVED);
        make_answer(serve, connection, url, &answer);
        result = send_answer(serve, connection, &answer, false);
    }
    answer_fini(&answer);
    return result;
}

/* ---- start and stop ---- */

__attribute__((format(printf, 2, 0))) static void log_library(void *context, const char *format,
                                                              va_list arguments)
{
    (void)context;
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    size_t len = strlen(line);
    if (len && line[len - 1] == '\n') line[len - 1] = 0;
    log_debug("http: %s", line);
}

static const char *copy_text(struct serve *serve, const char *text)
{
    return arena_str(&serve->texts, str_of(text ? text : "")).data;
}

static bool copy_options(struct serve *serve, const struct serve_options *options)
{
    serve->options = *options;
    serve->options.dsn = copy_text(serve, options->dsn);
    serve->options.address = copy_text(serve, options->address);
    serve->options.listen = copy_text(serve, options->listen);
    serve->options.postgres = copy_text(serve, options->postgres);
    if (serve->options.threads == 0) serve->options.threads = THREADS_DEFAULT;
    if (serve->options.threads > THREADS_MAX) serve->options.threads = THREADS_MAX;
    return !arena_exhausted(&serve->texts);
}

static bool open_stores(struct serve *serve)
{
    while (serve->free_count < serve->options.threads) {
        struct store *store = store_new(serve->options.dsn);
        if (!store) return false;
        serve->free_stores[serve->free_count++] = store;
    }
    return true;
}

/* How many connections there are is the clients' matter. The library's own limit is out of the way: it divides it among the
 * workers, and at it stops accepting. */
static struct MHD_Daemon *start_daemon(struct serve *serve)
{
    uint64_t connections_max =
        serve->options.threads * (serve->options.limits.http_connections_max + CONNECTIONS_SLACK);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, serve->listen_fd, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, serve->options.threads, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections_max, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)clients_notify, serve->clients},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)end_request, serve},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                     MHD_ALLOW_SUSPEND_RESUME;
    /* The logger first: what goes wrong with the other options is told through it. */
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, serve, MHD_OPTION_EXTERNAL_LOGGER, log_library,
                            NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void init_idle(pthread_cond_t *idle)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(idle, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct serve *serve_new(const struct serve_options *options)
{
    struct serve *serve = calloc(1, sizeof *serve);
    if (!serve) return NULL;
    serve->listen_fd = -1;
    serve->started_ns = clock_unix_ns();
    pthread_mutex_init(&serve->lock, NULL);
    init_idle(&serve->idle);
    arena_init(&serve->texts, 1u << 20);
    serve->clients = clients_new(&options->limits);
    if (serve->clients && copy_options(serve, options) && open_stores(serve)) return serve;
    serve_stop(serve);
    return NULL;
}

struct serve *serve_start(const struct serve_options *options, char error[SERVE_ERROR_BYTES])
{
    struct serve *serve = serve_new(options);
    if (!serve) {
        snprintf(error, SERVE_ERROR_BYTES, "out of memory");
        return NULL;
    }
    serve->listen_fd = address_listen(serve->options.address, serve->address, error, SERVE_ERROR_BYTES);
    if (serve->listen_fd >= 0) serve->daemon = start_daemon(serve);
    if (serve->daemon) return serve;
    if (serve->listen_fd >= 0) snprintf(error, SERVE_ERROR_BYTES, "the HTTP threads could not be started");
    serve_stop(serve);
    return NULL;
}

const char *serve_address(const struct serve *serve) { return serve->address; }

/* Answers under way are finished, but not waited for beyond the deadline: a client may never read. */
static void wait_idle(struct serve *serve)
{
    int64_t until_ns = clock_monotonic_ns() + STOP_DEADLINE_MS * NS_PER_MS;
    struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    pthread_mutex_lock(&serve->lock);
    while (serve->answering) {
        if (pthread_cond_timedwait(&serve->idle, &serve->lock, &until) != 0) break;
    }
    pthread_mutex_unlock(&serve->lock);
}

/* The library may not be stopped while a connection is suspended. */
static void abandon_uploads(struct serve *serve)
{
    pthread_mutex_lock(&serve->lock);
    serve->stopping = true;
    for (struct http_request *request = serve->requests; request; request = request->next)
        if (request->upload) upload_abandon(request->upload);
    pthread_mutex_unlock(&serve->lock);
}

static void stop_daemon(struct serve *serve)
{
    MHD_quiesce_daemon(serve->daemon); /* the listening socket is ours again */
    wait_idle(serve);
    abandon_uploads(serve);
    MHD_stop_daemon(serve->daemon);
}

void serve_stop(struct serve *serve)
{
    if (!serve) return;
    if (serve->daemon) stop_daemon(serve);
    if (serve->listen_fd >= 0) close(serve->listen_fd);
    clients_free(serve->clients);
    for (unsigned i = 0; i < serve->free_count; i++) store_free(serve->free_stores[i]);
    pthread_cond_destroy(&serve->idle);
    pthread_mutex_destroy(&serve->lock);
    arena_fini(&serve->texts);
    free(serve);
}
