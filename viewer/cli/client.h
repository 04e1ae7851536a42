/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request at a time over libcurl, for the collector and, in the demo, for the services. Answers are held
 * in memory, up to a limit. No proxy is used: a collector is reached straight. One thread; libcurl's global
 * state is set up by client_init and torn down by client_fini.
 */
#ifndef WEIR_CLI_CLIENT_H
#define WEIR_CLI_CLIENT_H

#include "base/buffer.h"

#include <stdbool.h>

struct client {
    void *curl;
    long timeout_ms;    /* of a whole answer; 0: two minutes */
    bool (*stop)(void); /* asked now and then while waiting: give up? NULL is fine */
};

struct client_reply {
    long status;     /* HTTP */
    bool is_weir;    /* a weir-collector answered, and not something else on its port */
    char server[64]; /* what the answer's Server header says; empty: nothing */
    struct buffer body;
    char error[256]; /* why nothing answered; valid when client_get or client_post is false */
};

bool client_init(struct client *client);
void client_fini(struct client *client);

void client_reply_init(struct client_reply *reply);
void client_reply_fini(struct client_reply *reply);

/* False: nothing answered. Any HTTP status is an answer. reply is emptied first. */
bool client_get(struct client *client, const char *url, struct client_reply *reply);
/* The same with a body of JSON. */
bool client_post(struct client *client, const char *url, struct str body, struct client_reply *reply);

/* Adds "?name=value" or "&name=value", the value percent-encoded. */
void client_add_query(struct buffer *url, const char *name, const char *value);

#endif
