/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/products/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libcurl.h>

#define URL_MAX_BYTES 512

struct client {
    CURL *handles[CLIENT_SLOTS];
    CURLM *multi;
    struct curl_slist *headers;
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* the thread's struct client */

static void close_client(void *value)
{
    struct client *client = value;
    for (size_t i = 0; i < CLIENT_SLOTS; i++) curl_easy_cleanup(client->handles[i]);
    curl_multi_cleanup(client->multi);
    curl_slist_free_all(client->headers);
    free(client);
}

static void make_key(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_key_create(&key, close_client);
}

static struct client *thread_client(void)
{
    pthread_once(&key_once, make_key);
    struct client *client = pthread_getspecific(key);
    if (client) return client;
    client = calloc(1, sizeof(*client));
    if (!client) return NULL;
    for (size_t i = 0; i < CLIENT_SLOTS; i++) client->handles[i] = curl_easy_init();
    client->multi = curl_multi_init();
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    pthread_setspecific(key, client);
    return client;
}

static size_t gather(char *data, size_t size, size_t count, void *to)
{
    struct client_answer *answer = to;
    size_t bytes = size * count;
    char *grown = realloc(answer->data, answer->bytes + bytes + 1);
    if (!grown) return 0;
    memcpy(grown + answer->bytes, data, bytes);
    answer->data = grown;
    answer->bytes += bytes;
    return bytes;
}

CURL *client_request(enum client_slot slot, struct client_answer *answer, const char *base, const char *path,
                     const char *body)
{
    struct client *client = thread_client();
    if (!client || !client->handles[slot]) return NULL;
    char url[URL_MAX_BYTES];
    snprintf(url, sizeof(url), "%s%s", base, path);

    CURL *handle = client->handles[slot];
    curl_easy_reset(handle); /* settings, not the open connections */
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, CLIENT_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (!body) return handle;
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, client->headers);
    return handle;
}

CURLM *client_multi(void)
{
    struct client *client = thread_client();
    return client ? client->multi : NULL;
}

json_t *client_json(CURL *handle, CURLcode result, struct client_answer *answer)
{
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    json_t *json = NULL;
    if (result == CURLE_OK && status == 200) json = json_loadb(answer->data, answer->bytes, 0, NULL);
    if (!json) fprintf(stderr, "products: a service answered %ld (%s)\n", status, curl_easy_strerror(result));
    free(answer->data);
    answer->data = NULL;
    answer->bytes = 0;
    return json;
}
