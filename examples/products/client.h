/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This thread's curl handle, and what its answers are gathered in. Requests are not wrapped: who calls
 * curl_easy_perform is the line that a report names.
 */
#ifndef WEIR_EXAMPLES_PRODUCTS_CLIENT_H
#define WEIR_EXAMPLES_PRODUCTS_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>
#include <stddef.h>

#define CLIENT_TIMEOUT_MS 10000L

struct client_answer {
    char *data;
    size_t bytes;
};

/* The thread's handle, set up for a GET of base + path (or a POST of body, which must live until it is
 * performed), with its answer going to *answer. The handle stays open for the thread's next request. NULL
 * when out of memory. */
CURL *client_request(struct client_answer *answer, const char *base, const char *path, const char *body);

/* The answer as JSON if the request went well and was answered 200, else NULL, said on stderr. Empties
 * *answer. */
json_t *client_json(CURL *handle, CURLcode result, struct client_answer *answer);

#endif
