/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the example services share: a libmicrohttpd server on 127.0.0.1 that hands each request to the route
 * that fits, inside a weir server span, and answers with the JSON that the route made; the `ready:` line; a
 * clean stop on SIGTERM or SIGINT. service_run is called once, by main; routes run in a few worker threads,
 * one request at a time each, or in a thread for each connection.
 */
#ifndef WEIR_EXAMPLES_COMMON_SERVICE_H
#define WEIR_EXAMPLES_COMMON_SERVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SERVICE_WORKERS        24
#define SERVICE_CONNECTIONS    512        /* at a time, of a service with a thread for each */
#define SERVICE_BODY_MAX_BYTES (1u << 20) /* a longer request body gets 413 */

struct MHD_Connection;

struct service_request {
    struct MHD_Connection *connection;
    const char *argument; /* what stands in the path behind the route's prefix: "1" of "/stock/1" */
    const char *body;     /* 0-terminated */
    size_t body_bytes;
    const void *context; /* the service's own settings */
};

/* The body of an answer; both NULL: one that names the status. */
struct service_answer {
    json_t *json; /* a new reference */
    char *text;   /* JSON as text, malloc'ed and 0-terminated; goes before json */
};

/* The status and the body. */
typedef unsigned (*service_handler)(const struct service_request *request, struct service_answer *answer);

struct service_route {
    const char *method;
    const char *prefix; /* of the path */
    bool has_argument;  /* something must follow the prefix; otherwise nothing may */
    const char *route;  /* as reports show it */
    service_handler handle;
};

struct service {
    const char *name;                   /* service.name */
    const char *version;                /* service.version; NULL: none */
    unsigned port;                      /* 0: a free one */
    const struct service_route *routes; /* ends with a method NULL */
    bool thread_per_connection;         /* for a service that may call itself */
    const void *context;
};

/* Serves until a signal comes; returns the exit status of the program. */
int service_run(const struct service *service);

/* JSON as the service sends it; the caller frees it. NULL when out of memory. */
char *service_text(const json_t *json);

/* A query parameter of the request, or NULL. */
const char *service_parameter(const struct service_request *request, const char *name);

/* A number 0..max in decimal, and nothing else. */
bool service_number(const char *text, unsigned long max, unsigned long *number);

#endif
