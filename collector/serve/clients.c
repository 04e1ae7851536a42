/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/clients.h"

#include "base/clock.h"
#include "collector/counters.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WATCH_INTERVAL_NS  (100 * NS_PER_MS)
#define SMALL_ANSWER_BYTES (64u << 10)
#define GRACE_DIVISOR      4 /* of its time to read: after that an answer gives way when room is short */

struct client {
    struct clients *all;
    struct client *next, **link; /* the pointer that points here */
    int fd;
    enum client_phase phase;
    int64_t since_ns; /* monotonic */
    bool ended;       /* shut down; the library will close it */
};

struct clients {
    struct serve_limits limits;
    pthread_t watcher;
    pthread_mutex_t lock; /* for all below, and every client */
    pthread_cond_t changed;
    struct client *first;
    uint64_t open_count; /* not ended */
    size_t unread_bytes;
    bool stopping;
};

static void count(_Atomic uint64_t *counter) { atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

/* The lock is held in all of these. */

static void end_client(struct client *client, _Atomic uint64_t *counter)
{
    count(counter);
    client->ended = true;
    client->all->open_count--;
    shutdown(client->fd, SHUT_RDWR);
}

static int64_t timeout_ns(const struct clients *clients, enum client_phase phase)
{
    const uint64_t timeout_ms[] = {[CLIENT_SILENT] = clients->limits.http_request_timeout_ms,
                                   [CLIENT_READING] = clients->limits.http_answer_timeout_ms,
                                   [CLIENT_SENDING] = clients->limits.http_body_timeout_ms,
                                   [CLIENT_SERVED] = INT64_MAX / NS_PER_MS};
    return timeout_ms[phase] < INT64_MAX / NS_PER_MS ? (int64_t)timeout_ms[phase] * NS_PER_MS : INT64_MAX;
}

static void end_late(struct clients *clients, int64_t now_ns)
{
    for (struct client *client = clients->first; client; client = client->next)
        if (!client->ended && now_ns - client->since_ns >= timeout_ns(clients, client->phase))
            end_client(client, &counters.http_connections_timed_out);
}

static bool keeps_waiting_more(const struct client *a, const struct client *b)
{
    return a->phase != b->phase ? a->phase < b->phase : a->since_ns < b->since_ns;
}

/* The one that gives way; NULL: all the others wait for us. */
static struct client *slowest(struct clients *clients, const struct client *newcomer)
{
    struct client *found = NULL;
    for (struct client *client = clients->first; client; client = client->next) {
        if (client->ended || client == newcomer || client->phase == CLIENT_SERVED) continue;
        if (!found || keeps_waiting_more(client, found)) found = client;
    }
    return found;
}

static void end_unread(struct clients *clients)
{
    struct client *found = NULL;
    for (struct client *client = clients->first; client; client = client->next) {
        if (client->ended || client->phase != CLIENT_READING) continue;
        if (!found || client->since_ns < found->since_ns) found = client;
    }
    int64_t grace_ns = timeout_ns(clients, CLIENT_READING) / GRACE_DIVISOR;
    if (found && clock_monotonic_ns() - found->since_ns >= grace_ns)
        end_client(found, &counters.http_connections_timed_out);
}

/* ---- clients come and go ---- */

static struct client *add_client(struct clients *clients, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    *client = (struct client){.all = clients, .fd = fd, .since_ns = clock_monotonic_ns()};
    pthread_mutex_lock(&clients->lock);
    client->next = clients->first;
    client->link = &clients->first;
    if (client->next) client->next->link = &client->next;
    clients->first = client;
    if (++clients->open_count > clients->limits.http_connections_max) {
        struct client *victim = slowest(clients, client);
        end_client(victim ? victim : client, &counters.http_connections_evicted);
    }
    pthread_cond_signal(&clients->changed);
    pthread_mutex_unlock(&clients->lock);
    return client;
}

static void remove_client(struct client *client)
{
    struct clients *clients = client->all;
    pthread_mutex_lock(&clients->lock);
    if (!client->ended) clients->open_count--;
    *client->link = client->next;
    if (client->next) client->next->link = client->link;
    pthread_mutex_unlock(&clients->lock);
    free(client);
}

/* Without memory for its entry a client has no descriptor that could be watched: it is shut down at once. */
void clients_notify(void *context, struct MHD_Connection *connection, void **client,
                    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*client) remove_client(*client);
        *client = NULL;
        return;
    }
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    count(&counters.http_connections);
    *client = add_client(context, fd);
    if (!*client) shutdown(fd, SHUT_RDWR);
}

void client_enter(struct MHD_Connection *connection, enum client_phase phase)
{
    struct client *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!client) return;
    pthread_mutex_lock(&client->all->lock);
    client->phase = phase;
    client->since_ns = clock_monotonic_ns();
    pthread_mutex_unlock(&client->all->lock);
}

/* ---- the memory of answers ---- */

bool clients_take_room(struct clients *clients, size_t bytes)
{
    if (bytes <= SMALL_ANSWER_BYTES) return true;
    pthread_mutex_lock(&clients->lock);
    size_t max = (size_t)clients->limits.http_answer_bytes_max;
    bool fits = bytes <= max && clients->unread_bytes <= max - bytes;
    if (fits)
        clients->unread_bytes += bytes;
    else
        end_unread(clients);
    pthread_mutex_unlock(&clients->lock);
    if (!fits) count(&counters.http_answers_refused);
    return fits;
}

void clients_give_room(struct clients *clients, size_t bytes)
{
    if (bytes <= SMALL_ANSWER_BYTES) return;
    pthread_mutex_lock(&clients->lock);
    clients->unread_bytes -= bytes;
    pthread_mutex_unlock(&clients->lock);
}

/* ---- start and stop ---- */

static void *watch(void *context)
{
    struct clients *clients = context;
    pthread_mutex_lock(&clients->lock);
    while (!clients->stopping) {
        int64_t now_ns = clock_monotonic_ns(), next_ns = now_ns + WATCH_INTERVAL_NS;
        struct timespec next = {.tv_sec = next_ns / NS_PER_S, .tv_nsec = next_ns % NS_PER_S};
        end_late(clients, now_ns);
        if (clients->first)
            pthread_cond_timedwait(&clients->changed, &clients->lock, &next);
        else
            pthread_cond_wait(&clients->changed, &clients->lock);
    }
    pthread_mutex_unlock(&clients->lock);
    return NULL;
}

static void destroy(struct clients *clients)
{
    pthread_cond_destroy(&clients->changed);
    pthread_mutex_destroy(&clients->lock);
    free(clients);
}

struct clients *clients_new(const struct serve_limits *limits)
{
    struct clients *clients = calloc(1, sizeof *clients);
    if (!clients) return NULL;
    clients->limits = *limits;
    pthread_mutex_init(&clients->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&clients->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&clients->watcher, NULL, watch, clients) == 0) return clients;
    destroy(clients);
    return NULL;
}

void clients_free(struct clients *clients)
{
    if (!clients) return;
    pthread_mutex_lock(&clients->lock);
    clients->stopping = true;
    pthread_cond_signal(&clients->changed);
    pthread_mutex_unlock(&clients->lock);
    pthread_join(clients->watcher, NULL);
    destroy(clients);
}
