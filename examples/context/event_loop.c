/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, an epoll loop, 200 requests under way at a time: each asks a backend (here, a timer), waits without a thread of
 * its own, and is answered when the backend has. Its spans lie in its own memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <weir/task.h>

#define CLIENTS 200

/* doc: event loop */
struct client {
    struct weir_task request, query; /* {0}: none */
    int backend;
};

static void query_sent(struct client *client)
{
    static const char sql[] = "SELECT * FROM items WHERE id = $1";
    const struct weir_call call = {.site = WEIR_SITE("query"),
                                   .type = WEIR_CALL_DB,
                                   .system = "postgresql",
                                   .text = sql,
                                   .text_bytes = sizeof sql - 1};
    weir_task_call(&client->query, &call, weir_task_context(&client->request));
}

static void request_came(struct client *client)
{
    weir_task_server(&client->request, WEIR_SITE(NULL), "GET", "/items/{id}", NULL, NULL);
    query_sent(client);
}

static void answer_came(struct client *client)
{
    weir_task_rows(&client->query, 1);
    weir_task_end(&client->query);
    { /* for as long as this thread works for this request */
        WEIR_ATTACH(weir_task_context(&client->request), NULL);
        WEIR_SPAN("render");
    }
    weir_task_response(&client->request, 200);
    weir_task_end(&client->request);
}
/* doc: end */

/* The backend answers after some milliseconds: the last who asked first. */
static int backend_ask(int loop, int number)
{
    const struct itimerspec when = {.it_value.tv_nsec = (1 + (CLIENTS - number) / 20) * 1000000L};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)number};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer < 0 || timerfd_settime(timer, 0, &when, NULL) != 0 ||
        epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event) != 0)
        abort();
    return timer;
}

static int run(struct client *clients)
{
    int loop = epoll_create1(EPOLL_CLOEXEC), answered = 0;
    if (loop < 0) return 0;
    for (int i = 0; i < CLIENTS; i++) {
        request_came(&clients[i]);
        clients[i].backend = backend_ask(loop, i);
    }
    while (answered < CLIENTS) {
        struct epoll_event events[16];
        int count = epoll_wait(loop, events, 16, -1);
        for (int i = 0; i < count; i++, answered++) {
            struct client *client = &clients[events[i].data.u32];
            close(client->backend);
            answer_came(client);
        }
    }
    close(loop);
    return answered;
}

int main(void)
{
    struct client *clients = calloc(CLIENTS, sizeof *clients);
    if (!clients) return 1;
    weir_init(NULL);
    printf("%d\n", run(clients));
    weir_shutdown(2000);
    free(clients);
    return 0;
}
