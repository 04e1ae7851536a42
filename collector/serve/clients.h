/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected to the HTTP side, what each of them keeps us waiting for and since when, and how much of
 * our memory lies in answers that they have not read. libmicrohttpd's own timeout starts anew with every byte;
 * a deadline here is for the whole of a request's header, its body, its answer. When there is one connection
 * too many, the one that has kept us waiting longest is closed, never the newcomer: who is slow, or says
 * nothing, keeps nobody out, however many they are.
 *
 * A connection is ended by shutting its socket down; its worker thread sees that and closes it. A client is
 * in the list between the library's two notifications, so its descriptor is its own for as long. Any thread
 * may call any function; one thread of its own watches the deadlines.
 */
#ifndef WEIR_SERVE_CLIENTS_H
#define WEIR_SERVE_CLIENTS_H

#include "collector/serve/limits.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

/* What we wait for; in the order in which they give way to newcomers. */
enum client_phase {
    CLIENT_SILENT,  /* a request's header */
    CLIENT_READING, /* it reads its answer */
    CLIENT_SENDING, /* a request's body */
    CLIENT_SERVED   /* it waits for us */
};

struct clients;

struct clients *clients_new(const struct serve_limits *limits); /* NULL: no memory or thread */
void clients_free(struct clients *clients);                     /* when the daemon is stopped; NULL is fine */

/* MHD_OPTION_NOTIFY_CONNECTION's callback; the context is a struct clients. */
void clients_notify(void *clients, struct MHD_Connection *connection, void **client,
                    enum MHD_ConnectionNotificationCode what);

/* The deadline of the phase begins now. */
void client_enter(struct MHD_Connection *connection, enum client_phase phase);

/* Room for an answer of so many bytes until they are given back. Small answers always have it: there are no more of them
 * than connections. False: too much lies unread; what has lain longest is then made to end. */
bool clients_take_room(struct clients *clients, size_t bytes);
void clients_give_room(struct clients *clients, size_t bytes);

#endif
