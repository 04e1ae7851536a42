/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 5000L
#define TOTAL_TIMEOUT_MS   120000L
#define ANSWER_MAX_BYTES   (1u << 30)

bool client_init(struct client *client)
{
    *client = (struct client){0};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return false;
    client->curl = curl_easy_init();
    return client->curl != NULL;
}

void client_fini(struct client *client)
{
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
}

void client_reply_init(struct client_reply *reply)
{
    *reply = (struct client_reply){0};
    buffer_init(&reply->body);
}

void client_reply_fini(struct client_reply *reply) { buffer_fini(&reply->body); }

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct client_reply *reply = context;
    if (reply->body.len + size * count > ANSWER_MAX_BYTES) return 0;
    buffer_add(&reply->body, data, size * count);
    return reply->body.failed ? 0 : size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    static const char name[] = "Server: ", ours[] = "weir-collector";
    struct client_reply *reply = context;
    size_t bytes = size * count, skip = sizeof name - 1;
    if (bytes < skip || strncasecmp(data, name, skip) != 0) return bytes;
    snprintf(reply->server, sizeof reply->server, "%.*s", (int)(bytes - skip), data + skip);
    reply->server[strcspn(reply->server, "\r\n")] = 0;
    reply->is_weir = strncasecmp(reply->server, ours, sizeof ours - 1) == 0;
    return bytes;
}

static int ask_stop(void *context, curl_off_t total_down, curl_off_t down, curl_off_t total_up, curl_off_t up)
{
    (void)total_down, (void)down, (void)total_up, (void)up;
    const struct client *client = context;
    return client->stop && client->stop();
}

static void set_options(struct client *client, const char *url, struct client_reply *reply,
                        char error[CURL_ERROR_SIZE])
{
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, client->timeout_ms ? client->timeout_ms : TOTAL_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
}

/* What set_options has set up. */
static bool perform(struct client *client, struct client_reply *reply, const char *detail)
{
    CURLcode result = curl_easy_perform(client->curl);
    if (result == CURLE_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply->status);
        return true;
    }
    snprintf(reply->error, sizeof reply->error, "%s", *detail ? detail : curl_easy_strerror(result));
    return false;
}

static void empty(struct client_reply *reply)
{
    buffer_clear(&reply->body);
    reply->status = 0;
    reply->is_weir = false;
    reply->server[0] = 0;
}

bool client_get(struct client *client, const char *url, struct client_reply *reply)
{
    char detail[CURL_ERROR_SIZE] = "";
    empty(reply);
    set_options(client, url, reply, detail);
    return perform(client, reply, detail);
}

bool client_post(struct client *client, const char *url, struct str body, struct client_reply *reply)
{
    char detail[CURL_ERROR_SIZE] = "";
    empty(reply);
    set_options(client, url, reply, detail);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *more = headers ? curl_slist_append(headers, "Expect:") : NULL; /* no 100-continue */
    bool answered = false;
    if (more) {
        curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.data);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        answered = perform(client, reply, detail);
    } else {
        snprintf(reply->error, sizeof reply->error, "out of memory");
    }
    curl_slist_free_all(headers);
    return answered;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void client_add_query(struct buffer *url, const char *name, const char *value)
{
    bool first = !url->data || !memchr(url->data, '?', url->len);
    buffer_printf(url, "%c%s=", first ? '?' : '&', name);
    for (const unsigned char *at = (const unsigned char *)value; *at; at++) {
        buffer_printf(url, is_unreserved(*at) ? "%c" : "%%%02X", *at);
    }
}
