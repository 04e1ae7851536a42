/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This thread's curl handles, and what their answers are gathered in. Requests are not wrapped: who calls
 * curl_easy_perform, or adds a handle to the multi handle, is the line that a report names.
 */
#ifndef WEIR_EXAMPLES_PRODUCTS_CLIENT_H
#define WEIR_EXAMPLES_PRODUCTS_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <stddef.h>

#define CLIENT_TIMEOUT_MS 10000L

/* A handle for each service: one that is performed keeps the other's connection and settings alone. */
enum client_slot { CLIENT_STOCK, CLIENT_PRICES, CLIENT_SLOTS };

struct client_answer {
    char *data;
    size_t bytes;
};

/* The thread's handle for that service, set up for a GET of base + path (or a POST of body, which must live until it is
 * performed), with its answer going to *answer. The handle stays open for the thread's next request. NULL
 * when out of memory. */
CURL *client_request(enum client_slot slot, struct client_answer *answer, const char *base, const char *path,
                     const char *body);

/* The thread's multi handle, with no handle in it; NULL when out of memory. */
CURLM *client_multi(void);

/* The answer as JSON if the request went well and was answered 200, else NULL, said on stderr. Empties
 * *answer. */
json_t *client_json(CURL *handle, CURLcode result, struct client_answer *answer);

#endif
